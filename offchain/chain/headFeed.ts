import type { RawBlock } from "./blockHeader.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Rings when a server announces a new block over WebSocket (`eth_subscribe` newHeads, at the address of its HTTP interface), so that nobody has to wait
 * for the next look at the chain. A hint and nothing more: what is announced has to be doubted (`EventCursor.announce` does), and where a server has no
 * WebSocket, or falls silent, the looks at the chain find every block by themselves. Tries again for ever, with growing pauses; ends with the signal.
 * @param url http(s) address of a JSON-RPC server
 * @param onHead told the header that the server announces, of which only the number is known to be one
 */
export function watchHeads(url: string, onHead: (block: RawBlock) => void, signal: AbortSignal): void {
  let pauseMs = FIRST_PAUSE_MS;
  let retry: NodeJS.Timeout | undefined;
  let socket: WebSocket | undefined;

  const open = (): void => {
    if (signal.aborted) return;
    try {
      socket = new WebSocket(url.replace(/^http/, "ws"));
    } catch {
      // An address that no WebSocket takes, as one with a user's name in it.
      return;
    }
    let over = false;
    const again = (): void => {
      if (over || signal.aborted) return;
      over = true;
      retry = setTimeout(open, pauseMs);
      retry.unref();
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    };
    socket.onopen = () => socket!.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
    socket.onmessage = ({ data }) => {
      const block = announced(data);
      if (block === undefined) return;
      pauseMs = FIRST_PAUSE_MS;
      onHead(block);
    };
    socket.onerror = again;
    socket.onclose = again;
  };

  signal.addEventListener(
    "abort",
    () => {
      clearTimeout(retry);
      socket?.close();
    },
    { once: true },
  );
  open();
}

/** The header that a message announces; undefined for any other message. */
function announced(data: unknown): RawBlock | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const { params } = JSON.parse(data) as { params?: { result?: RawBlock } };
    const block = params?.result;
    return Number.isSafeInteger(Number(block?.["number"] ?? NaN)) ? block : undefined;
  } catch {
    return undefined;
  }
}
