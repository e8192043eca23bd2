import { getAddress, isAddress, isHexString } from "ethers";
import { Refusal } from "./failure.ts";

/** Readers of options. All throw Refusal. */
const refuse = (flag: string, found: string | undefined, wanted: string) =>
  new Refusal(
    "ArgumentInvalid",
    `found ${found === undefined ? `no ${flag}` : `${flag} ${JSON.stringify(found.slice(0, 80))}`}, wanted ${wanted}; see --help`,
  );

/** The text of an option that must be given. */
export function required(text: string | undefined, flag: string, wanted: string): string {
  if (text === undefined || text === "") throw refuse(flag, text, wanted);
  return text;
}

/** A whole number, bounds included. */
export function wholeNumber(text: string | undefined, flag: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const wanted = most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a whole number from ${least} to ${most}`;
  const value = /^\d{1,16}$/.test(required(text, flag, wanted)) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw refuse(flag, text, wanted);
  return value;
}

/** Numbers with commas between them. */
export function wholeNumbers(text: string | undefined, flag: string, least: number, most: number): number[] {
  return required(text, flag, "whole numbers with commas between them")
    .split(",")
    .map((part) => wholeNumber(part.trim(), flag, least, most));
}

const LAST_SESSION = 2 ** 32 - 1;

/** A session's number. */
export const sessionNumber = (text: string | undefined): number => wholeNumber(text, "--session", 1, LAST_SESSION);

/** A node's number. */
export const nodeNumber = (text: string | undefined): number => wholeNumber(text, "--node", 1, 2 ** 24 - 1);

/** A task's id: a number, or its session's and its own number with a colon between them. */
export function taskId(text: string | undefined): bigint {
  const wanted = "a task's id like 4294967297, or session and number like 1:1";
  const given = required(text, "--task", wanted);
  const pair = /^(\d{1,10}):(\d{1,10})$/.exec(given);
  if (pair !== null) return taskOf(wholeNumber(pair[1], "--task", 1, LAST_SESSION), wholeNumber(pair[2], "--task", 1, LAST_SESSION));
  if (!/^\d{1,20}$/.test(given) || BigInt(given) >= 1n << 64n) throw refuse("--task", given, wanted);
  return BigInt(given);
}

/** The id of a session's n-th task. */
export const taskOf = (session: number, place: number): bigint => (BigInt(session) << 32n) | BigInt(place);

/** 32 bytes. */
export function bytes32(text: string, flag: string): string {
  if (!isHexString(text, 32)) throw refuse(flag, text, "0x and 64 hex digits");
  return text.toLowerCase();
}

/** An address, with its checksum. */
export function address(text: string, flag: string): string {
  if (!isAddress(text)) throw refuse(flag, text, "an address");
  return getAddress(text);
}

/** One of a set of words. */
export function oneOf<const T extends string>(text: string, flag: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw refuse(flag, text, words.join(" or "));
  return found;
}

/** Refuses where not exactly one of the named options is given. */
export function exactlyOne(options: Record<string, unknown>): void {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  if (given.length === 1) return;
  const flags = Object.keys(options).join(", ");
  const found = given.length === 0 ? "none" : given.map(([flag]) => flag).join(" and ");
  throw new Refusal("ArgumentInvalid", `found ${found} of ${flags}, wanted exactly one of them; see --help`);
}
