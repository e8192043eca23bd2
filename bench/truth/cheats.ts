import { rng } from "../../models/world.mjs";
import type { TokenLogProb } from "../../offchain/protocol/claim.ts";
import type { BenchEngine, Made, Probe } from "./engine.ts";
import type { MadeRow } from "./maker.ts";

/** What a cheat makes of another's row; undefined where it cannot (an answer of one token cannot be cut). */
export type Forgery = (engine: BenchEngine, probe: Probe, row: MadeRow) => Promise<Made | undefined>;

/** Forgeries whose figures come from the true model itself, so that only the tokens can tell. */

/** A cheap model's tokens under a claim that the true model made of them. */
export const trueClaim: Forgery = async (engine, probe, { tokens, finish }) => ({
  tokens,
  finish,
  top: await engine.topOf(probe, tokens),
});

/** One token in the middle replaced by one of its likeliest rivals. */
export const edited: Forgery = async (engine, probe, { i, tokens, finish, top }) => {
  const random = rng(i + 1);
  const open = tokens.flatMap((token, at) => {
    const rivals = top[at]!.filter(([rival]) => rival !== token && !engine.isEnd(rival));
    return engine.isEnd(token) || rivals.length === 0 ? [] : [{ at, rivals }];
  });
  if (open.length === 0) return undefined;
  const { at, rivals } = random.pick(open);
  const changed = tokens.with(at, random.pick(rivals)[0]);
  return { tokens: changed, finish, top: await engine.topOf(probe, changed) };
};

/** Cut somewhere, with the end token after it. */
export const truncated: Forgery = async (engine, probe, { i, tokens }) => {
  if (tokens.length < 3 || engine.endToken === null) return undefined;
  const cut = [...tokens.slice(0, rng(i + 1).int(1, tokens.length - 2)), engine.endToken];
  return { tokens: cut, finish: "stop", top: await engine.topOf(probe, cut) };
};

/** The right tokens, with log-probabilities out of thin air: the token first, likely as most are, and three others of the answer behind it. */
export const madeUp: Forgery = async (_engine, _probe, { i, tokens, finish }) => {
  const random = rng(i + 1);
  const top = tokens.map((token): TokenLogProb[] => {
    const others = [...new Set([...random.shuffle(tokens), 65, 66, 67, 68])].filter((other) => other !== token).slice(0, 3);
    let logProb = -0.05 * random.next();
    return [token, ...others].map((one, rank): TokenLogProb => {
      if (rank > 0) logProb -= rank === 1 ? 3 + 4 * random.next() : 1.5 * random.next();
      return [one, Math.round(logProb * 1e5) / 1e5];
    });
  });
  return await Promise.resolve({ tokens, finish, top });
};
