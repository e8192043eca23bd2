import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { PLACEHOLDER, TRACE } from "./operators.ts";

const WORD = TRACE.toString(16).padStart(64, "0");
const word = (mutant: number): string => mutant.toString(16).padStart(64, "0");
/** A number that no mutant has: with it the code is other code, and does the same. */
export const NOBODY = 0xc0ffee_c0ffee;
/** Code shorter than this, in hex digits, is no contract's. */
const SHORT = 2_000;

/** Code as the build made it: `at` are the places, in hex digits, of the number of the active mutant. */
interface Made {
  head: string;
  length: number;
  at: number[];
}

/** Where the build's code holds the number of the active mutant, to put another there. Contracts are deployed as for tracing. */
export class Codes {
  readonly #creations: Made[] = [];
  readonly #deployed = new Map<number, Made[]>();
  readonly #found = new Map<string, Made | undefined>();
  readonly #mentioned = new Map<Made, Map<number, boolean>>();

  /** @param folder the artifacts of the build */
  constructor(folder: string) {
    for (const file of globSync("**/*.json", { cwd: folder })) {
      const text = readFileSync(path.join(folder, file), "utf8");
      if (!text.includes(PLACEHOLDER)) continue;
      const { bytecode, deployedBytecode } = JSON.parse(text) as { bytecode?: string; deployedBytecode?: string };
      if (bytecode === undefined || deployedBytecode === undefined) continue;
      this.#creations.push(made(bytecode));
      const { length } = deployedBytecode;
      this.#deployed.set(length, [...(this.#deployed.get(length) ?? []), made(deployedBytecode)]);
    }
    this.#creations.sort((a, b) => b.length - a.length);
  }

  holdsMutants(code: string): boolean {
    return this.#madeOf(code) !== undefined;
  }

  /** A contract's code with a mutant switched on; undefined where it has no such mutant, and stays as it is. */
  inContract(code: string, mutant: number): string | undefined {
    const found = this.#madeOf(code);
    if (found === undefined || (mutant !== NOBODY && !this.#mentions(found, code, mutant))) return undefined;
    return replaced(code, found.at, word(mutant));
  }

  /** A request's parameters with the mutant switched on in whatever they create. */
  mutated(params: unknown, mutant: number): unknown {
    if (!Array.isArray(params)) return params;
    return params.map((value: unknown) => {
      if (value === null || typeof value !== "object") {
        if (typeof value === "string" && value.length > SHORT && value.includes(WORD))
          throw new Error("mutation: a signed transaction creates a contract: its code cannot be changed any more");
        return value;
      }
      const call = value as Record<string, unknown>;
      return Object.fromEntries(
        Object.entries(call).map(([key, text]) => [key, typeof text === "string" ? this.#creation(text, mutant) : text]),
      );
    });
  }

  #creation(data: string, mutant: number): string {
    if (data.length < SHORT || !data.includes(WORD)) return data;
    const found = this.#creations.find((one) => data.startsWith(one.head) && fits(data, one));
    if (found === undefined) throw new Error("mutation: something is created that is not in the build");
    return replaced(data, found.at, word(mutant));
  }

  #madeOf(code: string): Made | undefined {
    if (code.length < SHORT || !code.includes(WORD)) return undefined;
    if (!this.#found.has(code)) {
      const found = this.#deployed.get(code.length)?.find((one) => fits(code, one));
      if (found === undefined) throw new Error("mutation: a contract stands on the chain that is not in the build");
      this.#found.set(code, found);
    }
    return this.#found.get(code);
  }

  /** Whether code may hold the mutant: its number is pushed somewhere. */
  #mentions(kind: Made, code: string, mutant: number): boolean {
    const known = this.#mentioned.get(kind) ?? new Map<number, boolean>();
    this.#mentioned.set(kind, known);
    const digits = mutant.toString(16);
    const number = digits.length % 2 === 0 ? digits : `0${digits}`;
    const found = known.get(mutant) ?? code.includes(`${(0x5f + number.length / 2).toString(16)}${number}`);
    known.set(mutant, found);
    return found;
  }
}

const fits = (code: string, { length, at }: Made): boolean => code.length >= length && at.every((place) => code.startsWith(WORD, place));

function made(code: string): Made {
  const at: number[] = [];
  for (let place = code.indexOf(PLACEHOLDER); place >= 0; place = code.indexOf(PLACEHOLDER, place + 64)) at.push(place);
  return { head: code.slice(0, Math.min(200, at[0] ?? 200)), length: code.length, at };
}

function replaced(code: string, at: readonly number[], text: string): string {
  let result = "";
  let last = 0;
  for (const place of at) {
    result += code.slice(last, place) + text;
    last = place + text.length;
  }
  return result + code.slice(last);
}
