import type { Row } from "../indexer/schema.ts";
import { membersIn, ROUND_ENDINGS, ROUND_KINDS } from "../protocol/roundEvents.ts";

type Event = Row<"events">;

/** An answerer or validator of a round, and what it did. Transactions are hashes. */
export interface Seat {
  seat: number;
  node: number;
  committed: string | undefined;
  opened: string | undefined;
  tokens: number | undefined;
  agreed: boolean;
  canonical: boolean;
  /** Usefulness by the validators' median, 1 to 10; undefined without validators. */
  usefulness: number | undefined;
}

/** A round as its events tell it. */
export interface Round {
  id: string;
  kind: string;
  tier: number;
  openedAt: number;
  creator: number | undefined;
  preparer: number | undefined;
  answerers: Seat[];
  validators: Seat[];
  /** How it ended; undefined while it runs. */
  ending: string | undefined;
  /** Members that were late and gave their place to others. */
  replaced: number;
}

const [CREATOR, PREPARER, ANSWERERS, VALIDATORS] = [0, 1, 2, 3];
const NO_SEAT = 255;

/** Reads a round from its events, in their order. */
export function roundOf(id: string, events: Event[]): Round {
  const told = events.map((event) => ({ ...event, args: JSON.parse(event.detail ?? "{}") as Record<string, unknown> }));
  const number = (args: Record<string, unknown>, name: string) => Number(args[name] ?? 0);
  const named = (...names: string[]) => told.filter(({ name }) => names.includes(name));
  /** Who was drawn for a role last, unless these gave their place up since. */
  const drawn = (role: number) => {
    const last = named("RoleDrawn", "MembersReplaced").findLast(({ args }) => number(args, "role") === role);
    return membersIn(BigInt(last?.name === "RoleDrawn" ? text(last.args["members"]) : "0"));
  };
  const opening = named("RoundOpened")[0];
  const closing = named("RoundClosed")[0];
  const seatsOf = (role: number, commit: string, reveal: string): Seat[] =>
    drawn(role).map((node, seat) => {
      const of = (name: string) => named(name).findLast(({ args }) => number(args, "seat") === seat && number(args, "node") === node);
      const revealed = of(reveal);
      const opened = revealed?.args["opening"] as { tokens?: string } | undefined;
      const median = Number((BigInt(text(closing?.args["medians"])) >> BigInt(4 * seat)) & 0xfn);
      return {
        seat,
        node,
        committed: of(commit)?.transaction_hash,
        opened: revealed?.transaction_hash,
        tokens: opened?.tokens === undefined ? undefined : Number(opened.tokens),
        agreed: closing !== undefined && ((number(closing.args, "agreed") >> seat) & 1) === 1,
        canonical: closing !== undefined && Number(closing.args["canonical"] ?? NO_SEAT) === seat,
        usefulness: role === ANSWERERS && median > 0 ? median : undefined,
      };
    });
  return {
    id,
    kind: ROUND_KINDS[number(opening?.args ?? {}, "kind")] ?? "unknown",
    tier: number(opening?.args ?? {}, "tier"),
    openedAt: opening?.time ?? 0,
    creator: drawn(CREATOR)[0],
    preparer: drawn(PREPARER)[0],
    answerers: seatsOf(ANSWERERS, "AnswerCommitted", "AnswerRevealed"),
    validators: seatsOf(VALIDATORS, "ScoreCommitted", "ScoreRevealed"),
    ending: closing === undefined ? undefined : (ROUND_ENDINGS[number(closing.args, "ending")] ?? "unknown"),
    replaced: named("MembersReplaced").length,
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "0");
