/** What a task asks for beyond agreement: twin of contracts/libraries/Assurance.sol. Windows in seconds, prices in COR base units. */
export interface Assurance {
  /** Validators drawn after the reveals, 0 to 4. */
  validators: number;
  /** Share of the tasks that are validated, 1/10,000. */
  sampleBps: number;
  verdictCommitWindow: number;
  verdictRevealWindow: number;
  /** 0: no appeal. Without validators, a window in which a bond draws the first panel. */
  appealWindow: number;
  /** Lowest median usefulness that is paid, 0 to 10; 0: none. */
  bar: number;
  /** Per validator and task. */
  validatorPrice: bigint;
  /** Whether a task without a majority runs once more with other nodes. */
  rerun: boolean;
  /** Price of one node for one second of a draw that is made for this task. */
  holdRate: bigint;
}

const LAYOUT = [
  ["validators", 8],
  ["sampleBps", 16],
  ["verdictCommitWindow", 16],
  ["verdictRevealWindow", 16],
  ["appealWindow", 16],
  ["bar", 8],
  ["validatorPrice", 96],
  ["rerun", 8],
  ["holdRate", 64],
] as const satisfies readonly (readonly [keyof Assurance, number])[];

/** Validators of an appeal where none sat before. */
export const FIRST_APPEAL = 3;

/** Packs an assurance. A value that does not fit its field throws. */
export function packAssurance(assurance: Assurance): bigint {
  let word = 0n;
  let shift = 0n;
  for (const [name, bits] of LAYOUT) {
    const value = BigInt(assurance[name]);
    if (value < 0n || value >= 1n << BigInt(bits)) throw new RangeError(`${name} is ${value}, wanted 0 to 2^${bits} - 1`);
    word |= value << shift;
    shift += BigInt(bits);
  }
  return word;
}

/** Inverse of `packAssurance`. */
export function unpackAssurance(word: bigint): Assurance {
  let rest = word;
  const field: Record<string, bigint> = {};
  for (const [name, bits] of LAYOUT) {
    field[name] = rest & ((1n << BigInt(bits)) - 1n);
    rest >>= BigInt(bits);
  }
  return {
    validators: Number(field["validators"]),
    sampleBps: Number(field["sampleBps"]),
    verdictCommitWindow: Number(field["verdictCommitWindow"]),
    verdictRevealWindow: Number(field["verdictRevealWindow"]),
    appealWindow: Number(field["appealWindow"]),
    bar: Number(field["bar"]),
    validatorPrice: field["validatorPrice"]!,
    rerun: field["rerun"] !== 0n,
    holdRate: field["holdRate"]!,
  };
}

/** Validators of the appeal panel. */
export const appealSize = ({ validators }: Pick<Assurance, "validators">): number => (validators === 0 ? FIRST_APPEAL : 2 * validators + 1);

/** Most that validators can cost in one attempt, base units. */
export function mostForVerdicts(assurance: Assurance): bigint {
  const seats = assurance.validators + (assurance.appealWindow === 0 ? 0 : appealSize(assurance));
  return BigInt(seats) * assurance.validatorPrice;
}

/** The part of `ISession.Terms` that asks for nothing beyond agreement: what most sessions open with. */
export const AGREEMENT_ONLY = {
  service: 0,
  level: 0,
  widen: false,
  rerun: false,
  validators: 0,
  sampleBps: 0,
  bar: 0,
  verdictCommitWindow: 0,
  verdictRevealWindow: 0,
  appealWindow: 0,
} as const;
