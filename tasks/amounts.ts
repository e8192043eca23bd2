import { formatEther, parseEther } from "ethers";
import { Refusal } from "./failure.ts";

/** COR, printed with a decimal point for people and in both forms as JSON. */
export class Amount {
  readonly base: bigint;
  constructor(base: bigint) {
    this.base = base;
  }
  toString(): string {
    return `${formatEther(this.base)} COR`;
  }
  toJSON(): { cor: string; base: string } {
    return { cor: formatEther(this.base), base: this.base.toString() };
  }
}

/** A point in time: ISO for people, seconds as JSON. */
export class Instant {
  readonly seconds: number;
  constructor(seconds: number) {
    this.seconds = seconds;
  }
  toString(): string {
    return new Date(this.seconds * 1_000).toISOString().replace(".000Z", "Z");
  }
  toJSON(): number {
    return this.seconds;
  }
}

export const amount = (base: bigint): Amount => new Amount(base);

/** A time as stored; 0 stands for none. */
export const instant = (seconds: number): Instant | null => (seconds === 0 ? null : new Instant(seconds));

/** COR base units from a number with up to 18 decimals. Throws Refusal. */
export function parseCor(text: string, flag: string): bigint {
  if (!/^\d{1,30}(\.\d{1,18})?$/.test(text))
    throw new Refusal("AmountInvalid", `found ${flag} ${JSON.stringify(text)}, wanted COR like 12.5 with at most 18 decimals; correct it`);
  return parseEther(text);
}
