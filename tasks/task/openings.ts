import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Secret } from "../../offchain/protocol/handover.ts";
import { Refusal } from "../failure.ts";

const hex = z.string().regex(/^0x([0-9a-fA-F]{2})*$/, "wanted 0x hex");
const word = z.string().regex(/^0x[0-9a-fA-F]{64}$/, "wanted 0x and 64 hex digits");
const schema = z.array(z.object({ seat: z.int().min(0).max(15), answers: hex, claim: word, salt: word })).min(1);

/** Openings from a file, by seat: what nodes hand to their carrier. Throws Refusal. */
export function openingsIn(file: string): Map<number, Secret> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Refusal(
      "OpeningsInvalid",
      `found no JSON in ${file} (${(error as Error).message}), wanted a list of openings; correct --openings`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return new Map(parsed.data.map(({ seat, ...secret }) => [seat, secret]));
  const issue = parsed.error.issues[0]!;
  throw new Refusal(
    "OpeningsInvalid",
    `found ${issue.path.join(".") || "the list"} in ${file}: ${issue.message}, wanted {seat, answers, claim, salt} of each opening; correct the file`,
  );
}
