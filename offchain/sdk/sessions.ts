import { Contract, Signature, type Signer } from "ethers";
import { interfaces, type ModuleName } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { revertIn } from "../chain/errors.ts";
import { createViews } from "../chain/views.ts";
import { AGREEMENT_ONLY } from "../protocol/assurance.ts";
import { Comparison } from "../protocol/types.ts";
import { SdkError } from "./result.ts";

/** A wallet and the chain it acts on. A wallet in a browser is ethers' JsonRpcSigner of its BrowserProvider. */
export interface WalletOn {
  endpoint: Endpoint;
  deployment: Deployment;
  wallet: Signer;
}

/** Terms of a session. What is not given is a session that three nodes answer and two must agree, without validators. */
export interface SessionTerms {
  /** sha256 of the model, 0x hex; ModelRegistry knows its price. */
  model: string;
  redundancy?: number;
  quorum?: number;
  /** Nodes of a lease; committees are drawn from them. Default: the redundancy and one more. */
  leaseNodes?: number;
  /** "exact" compares digests only, for categorical answers. Default "semantic". */
  comparison?: "semantic" | "exact";
  /** Most COR base units for 1,000 tokens of one node's answer. Default: whatever the model costs now. */
  priceCeiling?: bigint;
  queueWindow?: number;
  commitWindow?: number;
  revealWindow?: number;
  maxPrompts?: number;
  maxPromptTokens?: number;
  maxTokens?: number;
}

/** What a wallet does about its sessions besides asking. Every call resolves when it is mined. Throws ChainRevert with the contracts' own error, or what ethers throws. */
export interface Sessions {
  /** Opens a session; resolves with its number. */
  open(terms: SessionTerms): Promise<number>;
  /** Deposits COR base units from the wallet, in one transaction: the approval is a signed permit. */
  fund(session: number, amount: bigint): Promise<void>;
  /** COR base units that are free, and that are locked for running tasks. */
  balance(session: number): Promise<{ available: bigint; locked: bigint }>;
  /** Names a router that may submit for the session, or takes that back. */
  setRouter(session: number, router: string, allowed: boolean, endpoint?: string): Promise<void>;
  /** Gives free money back to an address, the wallet's own by default. */
  refund(session: number, amount: bigint, to?: string): Promise<void>;
  /** Ends the session for new tasks. */
  close(session: number): Promise<void>;
}

const PERMIT_SECONDS = 3_600;
const PERMIT = {
  Permit: [
    { name: "owner", type: "address" },
    { name: "spender", type: "address" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
};

/** Opens, funds and ends sessions by a wallet. */
export function walletSessions(on: WalletOn): Sessions {
  const { endpoint, deployment, wallet } = on;
  const views = createViews(endpoint, deployment);
  return {
    open: async (terms) => {
      const { model, redundancy = 3, quorum = Math.floor(redundancy / 2) + 1, leaseNodes = redundancy + 1, comparison } = terms;
      const registered = await views.model(model);
      if (registered === undefined) throw new SdkError("ModelUnknown", `found no model ${model} in ModelRegistry, wanted a registered one`);
      const receipt = await send(on, "Session", "open", [
        {
          model,
          redundancy,
          quorum,
          leaseNodes,
          mode: 0,
          comparison: comparison === "exact" ? Comparison.Exact : Comparison.Semantic,
          ...AGREEMENT_ONLY,
          queueWindow: terms.queueWindow ?? 60,
          commitWindow: terms.commitWindow ?? 60,
          revealWindow: terms.revealWindow ?? 60,
          maxPrompts: terms.maxPrompts ?? 64,
          maxPromptTokens: terms.maxPromptTokens ?? Math.floor(registered.contextTokens * 0.75),
          maxTokens: terms.maxTokens ?? Math.floor(registered.contextTokens / 4),
          priceCeiling: terms.priceCeiling ?? registered.price,
        },
      ]);
      const opened = receipt.logs.map((log) => interfaces.Session.parseLog(log)).find((event) => event?.name === "SessionOpened");
      return Number(opened!.args["session"]);
    },
    fund: async (session, amount) => {
      const { COR, SessionPayment } = deployment.addresses;
      const owner = await wallet.getAddress();
      const cor = new Contract(COR, interfaces.COR, endpoint.provider);
      const [head, name, nonce] = await Promise.all([
        endpoint.provider.getBlock("latest"),
        cor.getFunction("name").staticCall() as Promise<string>,
        cor.getFunction("nonces").staticCall(owner) as Promise<bigint>,
      ]);
      const deadline = head!.timestamp + PERMIT_SECONDS;
      const domain = { name, version: "1", chainId: deployment.chainId, verifyingContract: COR };
      const permit = { owner, spender: SessionPayment, value: amount, nonce, deadline };
      const { v, r, s } = Signature.from(await wallet.signTypedData(domain, PERMIT, permit));
      await send(on, "SessionPayment", "depositWithPermit", [session, amount, deadline, v, r, s]);
    },
    balance: async (session) => await views.sessionBalance(session),
    setRouter: async (session, router, allowed, address = "") => {
      await send(on, "Session", "setRouter", [session, router, allowed, address]);
    },
    refund: async (session, amount, to) => {
      await send(on, "Session", "refund", [session, to ?? (await wallet.getAddress()), amount]);
    },
    close: async (session) => {
      await send(on, "Session", "close", [session]);
    },
  };
}

/** Sends one call and waits until it is mined. */
export async function send(
  { wallet, endpoint, deployment }: WalletOn,
  module: ModuleName,
  method: string,
  args: unknown[],
  signal?: AbortSignal,
) {
  signal?.throwIfAborted();
  const signer = wallet.provider === null ? wallet.connect(endpoint.provider) : wallet;
  const contract = new Contract(deployment.addresses[module], interfaces[module], signer);
  try {
    const sent = await contract.getFunction(method).send(...args);
    return (await sent.wait())!;
  } catch (error) {
    throw revertIn(error, method) ?? error;
  }
}
