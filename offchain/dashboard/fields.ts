import { cor, day, seconds, short, visible } from "./format.ts";

/** Fields of events and parameters that are COR base units. */
const AMOUNTS = new Set(
  (
    "amount stake stakeLeft taken locked released charged price minStake unopenedPenalty fraudPenalty assignmentLock dailyCap leaseRate " +
    "validatorPrice budget perPrompt bond weight priceCeiling"
  ).split(" "),
);
/** Amounts in one event and something small in another: longer numbers are amounts. */
const AMBIGUOUS = new Set(["liveness", "health", "service", "bounty"]);
const MOST_SMALL = 12;
const DURATIONS = new Set(["thaw", "jail", "epoch", "interval", "grace", "duration", "delay"]);
const MOST = 90;

/** A field's name as words. */
export const fieldName = (name: string): string => name.replace(/Bps$/, "").replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);

/** A field's value as people read it, in its unit. Strangers' text in it is cut and made visible. */
export function fieldValue(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value))
    return value.length === 0
      ? "none"
      : value
          .map((one) => fieldValue(name, one))
          .join(", ")
          .slice(0, MOST);
  if (typeof value === "object" && value !== null)
    return fieldsOf(value as Record<string, unknown>)
      .join(", ")
      .slice(0, 4 * MOST);
  const text = String(value);
  if (/^0x[0-9a-fA-F]{24,}$/.test(text)) return short(text);
  if (!/^\d{1,78}$/.test(text)) return visible(text.length > MOST ? `${text.slice(0, MOST)}…` : text);
  if (AMOUNTS.has(name) || (AMBIGUOUS.has(name) && text.length > MOST_SMALL)) return `${cor(text)} COR`;
  // Sessions keep their bounty in millionths.
  if (name === "bounty") return `${cor(BigInt(text) * 10n ** 12n)} COR`;
  if (name.endsWith("Bps")) return `${Number(text) / 100}%`;
  if (DURATIONS.has(name) || name.endsWith("Window")) return seconds(Number(text));
  if (/^(until|.*At)$/.test(name) && text.length >= 10 && text.length <= 11) return day(Number(text));
  return text.length > 24 ? `${text.slice(0, 20)}…` : text;
}

/** Fields as "name value", in their order. */
export const fieldsOf = (fields: Record<string, unknown>, without: readonly string[] = []): string[] =>
  Object.entries(fields).flatMap(([name, value]) => (without.includes(name) ? [] : [`${fieldName(name)} ${fieldValue(name, value)}`]));
