// eslint-disable-next-line @typescript-eslint/no-restricted-imports -- a browser has its own edge to the chain, and it is this folder.
import { BrowserProvider, Contract, JsonRpcProvider, type JsonRpcSigner, Network, Signature } from "ethers";
import type { Deployment } from "../../chain/deployment.ts";
import type { Endpoint } from "../../chain/endpoint.ts";
import type { NetworkInfo } from "../data.ts";
import type { Provider } from "../wallet.tsx";
import { interfaces } from "./abis.ts";

/** Between looks for a receipt; ethers' own four seconds are long for people who watch. */
const POLL_MS = 500;

/** The chain as this browser reaches it: through the wallet where one is connected, else at the address that the server names. */
export function chainOf(network: NetworkInfo, wallet: Provider | undefined): { endpoint: Endpoint; deployment: Deployment } {
  const chainId = BigInt(network.chainId);
  const provider =
    wallet === undefined
      ? new JsonRpcProvider(network.rpc, Network.from(chainId), { staticNetwork: true, batchMaxCount: 1 })
      : new BrowserProvider(wallet, chainId);
  const endpoint = {
    provider: provider as JsonRpcProvider,
    chainId,
    url: wallet === undefined ? network.rpc : "the wallet",
    close: () => provider.destroy(),
  };
  const addresses = network.addresses as Deployment["addresses"];
  return { endpoint, deployment: { network: network.network, chainId, blockNumber: network.fromBlock, addresses } };
}

/** The wallet's account as a signer. */
export async function signerOf(network: NetworkInfo, wallet: Provider): Promise<JsonRpcSigner> {
  const provider = new BrowserProvider(wallet, BigInt(network.chainId));
  provider.pollingInterval = POLL_MS;
  return await provider.getSigner();
}

export const contractOf = (network: NetworkInfo, name: string, signer: JsonRpcSigner): Contract =>
  new Contract(network.addresses[name]!, interfaces[name]!, signer);

export interface SessionTerms {
  model: string;
  redundancy: number;
  quorum: number;
  exact: boolean;
  maxTokens: number;
  commitWindow: number;
  priceCeiling: bigint;
}

const NOTHING_BEYOND = {
  service: 1,
  level: 0,
  widen: false,
  rerun: false,
  validators: 0,
  sampleBps: 0,
  bar: 0,
  verdictCommitWindow: 0,
  verdictRevealWindow: 0,
  appealWindow: 0,
};

/** Opens a session and names its router, where there is one. Returns the session's number. */
export async function openSession(network: NetworkInfo, signer: JsonRpcSigner, asked: SessionTerms): Promise<number> {
  const sessions = contractOf(network, "Session", signer);
  const { exact, commitWindow, ...rest } = asked;
  const sizes = { leaseNodes: Math.min(10, asked.redundancy + 1), mode: 0, queueWindow: 60, maxPrompts: 16, maxPromptTokens: 384 };
  const terms = { ...NOTHING_BEYOND, ...rest, ...sizes, comparison: exact ? 0 : 1, commitWindow, revealWindow: commitWindow };
  const receipt = await (await sessions.getFunction("open").send(terms)).wait();
  const opened = receipt!.logs.map((log) => interfaces["Session"]!.parseLog(log)).find((event) => event?.name === "SessionOpened");
  const session = Number(opened!.args["session"]);
  const { router } = network.host;
  if (router !== undefined && router.toLowerCase() !== (await signer.getAddress()).toLowerCase())
    await (await sessions.getFunction("setRouter").send(session, router, true, location.origin)).wait();
  return session;
}

/** Funds a session by one transaction: the wallet signs an ERC-2612 permit, which costs nothing. */
export async function fundSession(network: NetworkInfo, signer: JsonRpcSigner, session: number, amount: bigint): Promise<string> {
  const owner = await signer.getAddress();
  const token = contractOf(network, "COR", signer);
  const spender = network.addresses["SessionPayment"]!;
  const [held, nonce, name] = (await Promise.all([
    token.getFunction("balanceOf").staticCall(owner),
    token.getFunction("nonces").staticCall(owner),
    token.getFunction("name").staticCall(),
  ])) as [bigint, bigint, string];
  if (held < amount) throw new Error(`the wallet holds ${held} base units of COR, wanted ${amount}`);
  const deadline = Math.floor(Date.now() / 1_000) + 3_600;
  const block = await signer.provider.getBlock("latest");
  const until = Math.max(deadline, (block?.timestamp ?? 0) + 3_600);
  const domain = { name, version: "1", chainId: network.chainId, verifyingContract: network.addresses["COR"]! };
  const fields = ["owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256"];
  const types = { Permit: fields.map((field) => ({ name: field.split(":")[0]!, type: field.split(":")[1]! })) };
  const signed = await signer.signTypedData(domain, types, { owner, spender, value: amount, nonce, deadline: until });
  const { v, r, s } = Signature.from(signed);
  const payment = contractOf(network, "SessionPayment", signer);
  const sent = await payment.getFunction("depositWithPermit").send(session, amount, until, v, r, s);
  await sent.wait();
  return sent.hash;
}
