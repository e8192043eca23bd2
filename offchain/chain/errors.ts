import type { Result } from "ethers";
import { errorsInterface } from "./abis.ts";

/** A fault of the chain edge. `retryable`: the same call may succeed later without anybody changing anything. */
export class ChainError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, retryable = false) {
    super(message);
    this.name = code;
    this.code = code;
    this.retryable = retryable;
  }
}

/** Nobody answers at the RPC address, or only with errors of the server. */
export class RpcUnreachable extends ChainError {
  readonly url: string;
  constructor(url: string, cause: string) {
    super(
      "RpcUnreachable",
      `found no chain at ${url} (${cause}), wanted an Ethereum JSON-RPC endpoint; start it or give another --rpc`,
      true,
    );
    this.url = url;
  }
}

/** The endpoint speaks for another chain. */
export class WrongChainId extends ChainError {
  readonly found: bigint;
  readonly wanted: bigint;
  constructor(url: string, found: bigint, wanted: bigint) {
    super("WrongChainId", `found chain ${found} at ${url}, wanted chain ${wanted}; give the right --rpc or --chain-id`);
    this.found = found;
    this.wanted = wanted;
  }
}

/** The chain differs from what was seen by more blocks than are remembered: it was replaced, or it reorganised beyond belief. */
export class ReorgTooDeep extends ChainError {
  constructor(oldest: number) {
    super(
      "ReorgTooDeep",
      `found another chain than before, even at block ${oldest}; wanted one that shares it; check --rpc, or use a new --data`,
    );
  }
}

/** A call or transaction that the contracts refuse; `revert` names the custom error. */
export class ChainRevert extends ChainError {
  /** Name of the custom error, "Error" or "Panic" for Solidity's own, "Unknown" where nothing could be decoded. */
  readonly revert: string;
  /** The error's arguments, named as in the contract. */
  readonly args: Record<string, unknown>;
  constructor(revert: string, args: Record<string, unknown>, what: string) {
    super("ChainRevert", `the contracts refused ${what}: ${revert}(${printed(args)})`);
    this.revert = revert;
    this.args = args;
  }
}

/** Too little of the chain's currency for gas. */
export class FundsShort extends ChainError {
  constructor(address: string) {
    super("FundsShort", `found too little balance for gas at ${address}; wanted enough for this transaction; send it some`, true);
  }
}

/** Codes with which ethers says that a server's answer was an error or made no sense. */
const SERVER_FAULTS = new Set(["UNKNOWN_ERROR", "SERVER_ERROR", "TIMEOUT", "NETWORK_ERROR", "BAD_DATA", "CALL_EXCEPTION"]);

/** Whether reading again later may help: what says so itself, and what a faulty or lagging server causes. */
export function mayPass(error: unknown): boolean {
  const { retryable, code } = error as { retryable?: unknown; code?: unknown };
  return typeof retryable === "boolean" ? retryable : typeof code === "string" && SERVER_FAULTS.has(code);
}

/** Decodes revert data (0x hex) into a ChainRevert; `what` names the call for the message. */
export function decodeRevert(data: string, what: string): ChainRevert {
  const parsed = data.length >= 10 ? errorsInterface.parseError(data) : null;
  if (parsed === null) return new ChainRevert("Unknown", data === "0x" ? {} : { data }, what);
  return new ChainRevert(
    parsed.name,
    named(
      parsed.args,
      parsed.fragment.inputs.map(({ name }) => name),
    ),
    what,
  );
}

/** The ChainRevert in an error of ethers or of an RPC server; undefined where the error is of another kind. */
export function revertIn(error: unknown, what: string): ChainRevert | undefined {
  const data = revertDataIn(error, 0);
  if (data !== undefined) return decodeRevert(data, what);
  const { code } = error as { code?: unknown };
  return code === "CALL_EXCEPTION" ? decodeRevert("0x", what) : undefined;
}

/** Servers nest revert data differently; it is the first hex string under a key called data. */
function revertDataIn(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value !== "object" || depth > 5) return undefined;
  const { data } = value as { data?: unknown };
  if (typeof data === "string" && /^0x([0-9a-f]{2})+$/i.test(data) && !("to" in value)) return data;
  for (const key of ["error", "info", "data", "cause"]) {
    const found = revertDataIn((value as Record<string, unknown>)[key], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function named(args: Result, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name, i) => [name || String(i), args[i] as unknown]));
}

/** Most characters of an argument in a message; `args` has it whole. */
const MOST_SHOWN = 138;

function printed(args: Record<string, unknown>): string {
  return Object.entries(args)
    .map(([name, value]) => `${name} ${String(value).slice(0, MOST_SHOWN)}`)
    .join(", ");
}
