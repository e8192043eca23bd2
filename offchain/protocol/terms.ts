import { Comparison, type TaskTerms } from "./types.ts";

/** Bounties are multiples of this many base units: twin of `TaskRulesLib.BOUNTY_UNIT`. */
export const BOUNTY_UNIT = 10n ** 12n;

/** `ISessionQueue.TaskTerms` as the contracts take it. */
export interface EncodedTerms {
  model: string;
  manifest: string;
  rules: bigint;
  assurance: bigint;
  router: string;
  promptTokens: string;
}

/** The numbers among the terms, as one word: twin of contracts/libraries/TaskRules.sol. */
export type Rules = Omit<TaskTerms, "model" | "manifest" | "router" | "promptTokens" | "assurance">;

const LAYOUT = [
  ["price", 96],
  ["maxTokens", 24],
  ["commitWindow", 16],
  ["revealWindow", 16],
  ["protocolFeeBps", 16],
  ["routerFeeBps", 16],
  ["threshold", 16],
  ["redundancy", 8],
  ["quorum", 8],
  ["exact", 1],
  ["service", 3],
  ["standby", 1],
  ["assured", 1],
  ["spare", 2],
  ["leased", 1],
  ["level", 2],
  ["widen", 1],
  ["rest", 4],
  ["bounty", 24],
] as const;

/** Packs rules. A value that does not fit its field throws. */
export function packRules(rules: Rules): bigint {
  if (rules.bounty % BOUNTY_UNIT !== 0n) throw new RangeError(`bounty is ${rules.bounty}, wanted a multiple of ${BOUNTY_UNIT}`);
  const { comparison, ...rest } = rules;
  const fields: Record<string, bigint | number | boolean> = {
    ...rest,
    exact: comparison === Comparison.Exact,
    spare: 0,
    rest: 0,
    bounty: rules.bounty / BOUNTY_UNIT,
  };
  let word = 0n;
  let shift = 0n;
  for (const [name, bits] of LAYOUT) {
    const value = BigInt(fields[name]!);
    if (value < 0n || value >= 1n << BigInt(bits)) throw new RangeError(`${name} is ${value}, wanted 0 to 2^${bits} - 1`);
    word |= value << shift;
    shift += BigInt(bits);
  }
  return word;
}

/** Inverse of `packRules`. */
export function unpackRules(word: bigint): Rules {
  const fields: Record<string, bigint> = {};
  let rest = word;
  for (const [name, bits] of LAYOUT) {
    fields[name] = rest & ((1n << BigInt(bits)) - 1n);
    rest >>= BigInt(bits);
  }
  return {
    price: fields["price"]!,
    maxTokens: Number(fields["maxTokens"]),
    commitWindow: Number(fields["commitWindow"]),
    revealWindow: Number(fields["revealWindow"]),
    protocolFeeBps: Number(fields["protocolFeeBps"]),
    routerFeeBps: Number(fields["routerFeeBps"]),
    threshold: Number(fields["threshold"]),
    redundancy: Number(fields["redundancy"]),
    quorum: Number(fields["quorum"]),
    comparison: fields["exact"] === 0n ? Comparison.Semantic : Comparison.Exact,
    leased: fields["leased"] !== 0n,
    service: Number(fields["service"]),
    standby: fields["standby"] !== 0n,
    assured: fields["assured"] !== 0n,
    level: Number(fields["level"]),
    widen: fields["widen"] !== 0n,
    bounty: fields["bounty"]! * BOUNTY_UNIT,
  };
}

/** What the contracts take. */
export function encodeTerms(terms: TaskTerms): EncodedTerms {
  const { model, manifest, router, promptTokens, assurance, ...rules } = terms;
  return { model, manifest, rules: packRules(rules), assurance, router, promptTokens };
}

/** Inverse of `encodeTerms`; also reads an ethers result with these names. */
export function decodeTerms({ model, manifest, rules, assurance, router, promptTokens }: EncodedTerms): TaskTerms {
  return { model, manifest, router, promptTokens, assurance: BigInt(assurance), ...unpackRules(BigInt(rules)) };
}
