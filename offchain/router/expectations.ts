import { z } from "zod";

/** What a client expects of a text, as far as a program can check it. No patterns: a stranger's pattern can take for ever. */
export const expectSchema = z.strictObject({
  equals: z.string().max(65_536).optional(),
  contains: z.array(z.string().min(1).max(1_024)).max(32).optional(),
  excludes: z.array(z.string().min(1).max(1_024)).max(32).optional(),
  max_chars: z.int().min(1).max(1_000_000).optional(),
  json: z.literal(true).optional().meta({ description: "The text must be JSON." }),
  keys: z.array(z.string().min(1).max(128)).max(64).optional().meta({ description: "The text must be a JSON object with these keys." }),
});
export type Expectations = z.output<typeof expectSchema>;

/** One expectation, and whether the text meets it. */
export interface ExpectationCheck {
  name: string;
  ok: boolean;
  detail: string;
}

/** Checks a text. An expectation that is not given is met. Pure. */
export function checkExpectations(text: string, expect: Expectations | undefined): ExpectationCheck[] {
  if (expect === undefined) return [];
  const { equals, contains = [], excludes = [], max_chars, json, keys } = expect;
  const checks: ExpectationCheck[] = [];
  const add = (name: string, ok: boolean, detail: string) => checks.push({ name, ok, detail });
  if (equals !== undefined) add("equals", text === equals, `wanted ${JSON.stringify(equals.slice(0, 80))}`);
  for (const part of contains) add("contains", text.includes(part), `wanted ${JSON.stringify(part)} in the text`);
  for (const part of excludes) add("excludes", !text.includes(part), `wanted no ${JSON.stringify(part)} in the text`);
  if (max_chars !== undefined) add("max_chars", text.length <= max_chars, `found ${text.length} characters, wanted at most ${max_chars}`);
  if (json || keys !== undefined) {
    const value = parsed(text);
    add("json", value !== undefined, value === undefined ? "found text that is not JSON" : "the text is JSON");
    const held = typeof value === "object" && value !== null ? Object.keys(value) : [];
    for (const key of keys ?? []) add("keys", held.includes(key), `wanted the key ${JSON.stringify(key)}`);
  }
  return checks;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
