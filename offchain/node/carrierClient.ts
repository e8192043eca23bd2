/** A signed commitment as the router takes it. */
export interface CarriedCommitment {
  task: bigint;
  seat: number;
  node: number;
  commitment: string;
  r: string;
  vs: string;
}

/** An opening as the router takes it. */
export interface CarriedOpening {
  task: bigint;
  seat: number;
  node: number;
  answers: string;
  claim: string;
  salt: string;
}

/** The carrier did not take an item. `refused`: it answered and said no, so asking again is no use. */
export class CarrierError extends Error {
  readonly refused: boolean;
  readonly retryable: boolean;
  readonly code: string;
  constructor(message: string, code: string, refused: boolean) {
    super(message);
    this.name = "CarrierError";
    this.code = code;
    this.refused = refused;
    this.retryable = !refused;
  }
}

const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Hands a commitment to a carrier, for example a session's router. Resolves when it has accepted. Throws CarrierError, or the signal's reason. */
export async function handCommitment(endpoint: string, item: CarriedCommitment, signal?: AbortSignal): Promise<void> {
  // Field by field: callers hold answers and salts in the same object, and nothing of them may leave before commits have closed.
  const { task, seat, node, commitment, r, vs } = item;
  await post(`${endpoint}/carry/commitment`, { task: String(task), seat, node, commitment, r, vs }, signal);
}

/** Hands an opening to a carrier, once commits have closed. Resolves when it has accepted. Throws CarrierError, or the signal's reason. */
export async function handOpening(endpoint: string, item: CarriedOpening, signal?: AbortSignal): Promise<void> {
  const { task, seat, node, answers, claim, salt } = item;
  await post(`${endpoint}/carry/opening`, { task: String(task), seat, node, answers, claim, salt }, signal);
}

async function post(address: string, body: object, signal: AbortSignal | undefined): Promise<void> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.status >= 200 && response.status < 300) return await response.body?.cancel();
    const code = await codeIn(response);
    const later = response.status >= 500 || response.status === 429 || response.status === 408;
    throw new CarrierError(`the carrier answered with status ${response.status} (${code}), wanted 202`, code, !later);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof CarrierError) throw error;
    if (timeout.aborted) throw new CarrierError(`the carrier did not answer within ${TIMEOUT_MS} ms`, "Timeout", false);
    const { cause } = error as { cause?: { code?: string } };
    throw new CarrierError(`the carrier could not be reached (${cause?.code ?? "network"})`, "Unreachable", false);
  }
}

/** The error code in an answer {error: {code}}; strangers' text, so only plain words pass. */
async function codeIn(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) break;
  }
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown } };
    return typeof error?.code === "string" && /^\w{1,64}$/.test(error.code) ? error.code : "unknown";
  } catch {
    return "unknown";
  }
}
