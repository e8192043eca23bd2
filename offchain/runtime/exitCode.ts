import { EXIT, type ExitCode } from "./exit.ts";

const CODES: Record<string, ExitCode> = {
  RpcUnreachable: EXIT.chainUnavailable,
  WrongChainId: EXIT.chainUnavailable,
  ReorgTooDeep: EXIT.chainUnavailable,
  ContractMissing: EXIT.chainUnavailable,
  StoreOfOtherChain: EXIT.chainUnavailable,
  DeploymentInvalid: EXIT.configInvalid,
  RegistryInvalid: EXIT.configInvalid,
  ModelUnknown: EXIT.configInvalid,
  FundsShort: EXIT.fundsShort,
  ModelHashMismatch: EXIT.integrity,
  ModelMissing: EXIT.integrity,
  StoreCorrupt: EXIT.integrity,
  JournalConflict: EXIT.integrity,
};

/** The exit code for an error of one of the edges, told by its stable `code`. */
export function exitCodeOf(error: unknown): ExitCode {
  const { code } = error as { code?: unknown };
  return (typeof code === "string" ? CODES[code] : undefined) ?? EXIT.unexpected;
}
