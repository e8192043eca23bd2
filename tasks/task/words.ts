import { Phase, Status } from "../../offchain/protocol/types.ts";

const wordFor = (names: Record<string, number>, value: number) =>
  Object.entries(names)
    .find(([, number]) => number === value)?.[0]
    .toLowerCase() ?? String(value);

/** A phase in lower case. */
export const phaseWord = (phase: Phase): string => wordFor(Phase, phase);
/** A status in lower case. */
export const statusWord = (status: Status): string => wordFor(Status, status);

/** "4294967297" is task 1 of session 1. */
export const placeOf = (task: bigint) => ({ session: Number(task >> 32n), number: Number(task & 0xffffffffn) });
