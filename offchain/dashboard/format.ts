/** Numbers, times and strangers' text, as people read them. */

const UNIT = 10n ** 18n;

/** COR base units as COR, rounded down to `digits` decimals; tiny amounts keep their first digits. */
export function cor(amount: string | bigint, digits = 4): string {
  const value = BigInt(amount);
  const sign = value < 0n ? "−" : "";
  const absolute = value < 0n ? -value : value;
  const whole = (absolute / UNIT).toLocaleString("en-US");
  const fraction = (absolute % UNIT).toString().padStart(18, "0");
  const shown = fraction.slice(0, digits).replace(/0+$/, "");
  if (absolute !== 0n && absolute < UNIT && shown === "") {
    const first = fraction.search(/[1-9]/);
    return first < 0 ? `${sign}${whole}` : `${sign}0.${fraction.slice(0, first + 2)}`;
  }
  return `${sign}${whole}${shown === "" ? "" : `.${shown}`}`;
}

export const count = (value: number): string => value.toLocaleString("en-US");

export const plural = (value: number, one: string): string => `${count(value)} ${one}${value === 1 ? "" : "s"}`;

export const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)}%`;

export const seconds = (value: number): string => {
  if (value < 100) return `${Number(value.toFixed(1))} s`;
  if (value < 6_000) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Number((value / 3_600).toFixed(1))} h`;
  return `${Math.round(value / 86_400)} d`;
};

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const clock = (at: number): string => CLOCK.format(at * 1_000);
export const day = (at: number): string => DAY.format(at * 1_000);

export const short = (hash: string, head = 6, tail = 4): string =>
  hash.length <= head + tail + 3 ? hash : `${hash.slice(0, head + 2)}…${hash.slice(-tail)}`;

/** A task's number as people say it: session and place. */
export const taskName = (id: string): string => {
  const task = BigInt(id);
  return `${task >> 32n}·${task & 0xffffffffn}`;
};

// Control characters, and those that turn the direction of text or cannot be seen.
// eslint-disable-next-line no-control-regex -- these are what is made visible.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Strangers' text with every character that would act instead of being read made visible. */
export const visible = (text: string): string => text.replace(UNSEEN, (found) => `␛${found.codePointAt(0)!.toString(16).padStart(4, "0")}`);

const STATUS = ["none", "open", "accepted", "inconclusive", "failed", "cancelled"] as const;
export const statusName = (status: number): string => STATUS[status] ?? "unknown";
