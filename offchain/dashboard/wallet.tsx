import { createContext } from "preact";
import type { ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { NetworkContext } from "./data.ts";
import { short, visible } from "./format.ts";

/** EIP-1193. */
export interface Provider {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): void;
  removeListener?(event: string, listener: (value: never) => void): void;
}

/** EIP-6963: what a wallet says about itself. */
interface Announced {
  info: { uuid: string; name: string; icon: string; rdns: string };
  provider: Provider;
}

interface WalletState {
  wallets: Announced[];
  provider: Provider | undefined;
  account: string | undefined;
  fault: string | undefined;
  connect: (wallet: Announced) => Promise<void>;
  disconnect: () => void;
}

const NONE: WalletState = {
  wallets: [],
  provider: undefined,
  account: undefined,
  fault: undefined,
  connect: async () => {},
  disconnect: () => {},
};
const WalletContext = createContext<WalletState>(NONE);

export const useWallet = (): WalletState => useContext(WalletContext);

/** Finds the browser's wallets (EIP-6963) and holds the connected one. */
export function WalletProvider({ children }: { children: ComponentChildren }) {
  const network = useContext(NetworkContext);
  const [wallets, setWallets] = useState<Announced[]>([]);
  const [connected, setConnected] = useState<{ provider: Provider; account: string }>();
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    const announced = (event: Event) => {
      const { detail } = event as CustomEvent<Announced>;
      setWallets((known) => (known.some(({ info }) => info.uuid === detail.info.uuid) ? known : [...known, detail]));
    };
    addEventListener("eip6963:announceProvider", announced);
    dispatchEvent(new Event("eip6963:requestProvider"));
    return () => removeEventListener("eip6963:announceProvider", announced);
  }, []);
  useEffect(() => {
    if (connected === undefined) return;
    const changed = (accounts: string[]) => setConnected(accounts[0] === undefined ? undefined : { ...connected, account: accounts[0] });
    connected.provider.on?.("accountsChanged", changed);
    return () => connected.provider.removeListener?.("accountsChanged", changed);
  }, [connected]);
  const connect = useCallback(
    async ({ provider }: Announced) => {
      setFault(undefined);
      try {
        const [account] = (await provider.request({ method: "eth_requestAccounts" })) as string[];
        if (account === undefined) throw new Error("the wallet gave no account");
        const wanted = BigInt(network?.chainId ?? 0);
        if (BigInt((await provider.request({ method: "eth_chainId" })) as string) !== wanted)
          await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${wanted.toString(16)}` }] });
        setConnected({ provider, account });
      } catch (error) {
        setFault(wordsOf(error));
      }
    },
    [network],
  );
  const state = {
    wallets,
    provider: connected?.provider,
    account: connected?.account,
    fault,
    connect,
    disconnect: () => setConnected(undefined),
  };
  return <WalletContext.Provider value={state}>{children}</WalletContext.Provider>;
}

/** What went wrong, as a wallet or a contract says it. */
export function wordsOf(error: unknown): string {
  const { message, shortMessage, code } = error as { message?: string; shortMessage?: string; code?: unknown };
  if (code === 4001 || code === "ACTION_REJECTED") return "You declined it in the wallet; nothing was sent.";
  return visible((shortMessage ?? message ?? String(error)).slice(0, 300));
}

/** Connects a wallet; where there are several, asks which. */
export function WalletButton() {
  const { wallets, account, fault, connect, disconnect } = useWallet();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as globalThis.Node)) setOpen(false);
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, [open]);
  return (
    <div class="wallet" ref={box}>
      <button
        type="button"
        class={account === undefined ? "button" : "button quiet mono"}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {account === undefined ? (
          <>
            Connect<span class="word"> wallet</span>
          </>
        ) : (
          short(account, 4, 4)
        )}
      </button>
      {open && (
        <div class="menu" role="dialog" aria-label="Wallet">
          {account !== undefined ? (
            <>
              <p class="mono">{account}</p>
              <button type="button" onClick={() => (disconnect(), setOpen(false))}>
                Disconnect
              </button>
            </>
          ) : wallets.length === 0 ? (
            <p>No wallet announced itself (EIP-6963). Install one, or go on reading: reading needs none.</p>
          ) : (
            wallets.map((wallet) => (
              <button key={wallet.info.uuid} type="button" onClick={() => void connect(wallet).then(() => setOpen(false))}>
                {visible(wallet.info.name.slice(0, 40))}
              </button>
            ))
          )}
          {fault !== undefined && (
            <p class="fault" role="alert">
              {fault}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
