/** Exit codes of every program; README and --help name them. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  configInvalid: 3,
  chainUnavailable: 4,
  fundsShort: 5,
  integrity: 6,
  notRegistered: 8,
  inUse: 9,
  doctorWarned: 10,
  doctorFailed: 11,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A program cannot go on. The message is one line: what was found, what was wanted, what to do. */
export class Fatal extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "Fatal";
    this.exitCode = exitCode;
  }
}

/** An error's text on one line, without control characters that a terminal would obey. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // eslint-disable-next-line no-control-regex -- these are what is taken out.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 1_000);
}
