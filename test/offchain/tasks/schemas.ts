import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

/** Schemas of what tasks print with --json, one file a task: part of the interface that scripts rely on. */
export const SCHEMAS = new URL("../../../tasks/schemas/", import.meta.url);
/** With this set, what is printed widens the schemas instead of being held to them; look at the difference before committing it. */
const UPDATE = process.env.UPDATE_SCHEMAS !== undefined;

/** Schemas written by hand, of what has arguments of calls, events and errors in it: these have names of their own. */
const BY_HAND = new Set(["failure", "dry-run", "net.watch"]);

export interface Schema {
  $schema?: string;
  title?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  items?: Schema;
}

const ajv = new Ajv2020({ allErrors: true, strict: false });

/** A committed schema; undefined where there is none. */
export function schemaOfTask(name: string): Schema | undefined {
  const file = new URL(`${name}.json`, SCHEMAS);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Schema) : undefined;
}

/** Tasks of many steps, whose dry run is a plan of their own. */
const PLANS = /^(net deploy|upgrade deploy|governance enact)\b/;

/** `node register --operator-key 1` is of the schema `node.register`. */
const nameOf = (line: string, output: unknown): string => {
  if ((output as { dryRun?: unknown }).dryRun === true && !PLANS.test(line)) return "dry-run";
  const [scope, verb] = line.split(" ");
  return `${scope}.${verb}${(output as { dryRun?: unknown }).dryRun === true ? ".dry-run" : ""}`;
};

/** Holds a document to its committed schema. Throws with every difference. */
export function validate(line: string, output: unknown): void {
  validateAs(nameOf(line, output), output);
}

export function validateAs(name: string, output: unknown, update = UPDATE): void {
  const known = schemaOfTask(name);
  if (update && !BY_HAND.has(name)) {
    const widened = { $schema: "https://json-schema.org/draft/2020-12/schema", title: name, ...merged(known, schemaOf(output)) };
    mkdirSync(SCHEMAS, { recursive: true });
    writeFileSync(new URL(`${name}.json`, SCHEMAS), `${JSON.stringify(widened, null, 2)}\n`);
    return;
  }
  if (known === undefined) throw new Error(`found no schema tasks/schemas/${name}.json; run the test with UPDATE_SCHEMAS=1 and look at it`);
  const check = ajv.compile(known);
  if (check(output)) return;
  throw new Error(`${name} does not fit its schema: ${ajv.errorsText(check.errors, { separator: "; " })}`);
}

const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
};

/** The narrowest schema of one document. */
function schemaOf(value: unknown): Schema {
  const type = typeOf(value);
  if (type === "array") {
    const items = (value as unknown[]).map(schemaOf).reduce<Schema | undefined>((all, one) => merged(all, one), undefined);
    return { type, ...(items !== undefined && { items }) };
  }
  if (type !== "object") return { type };
  const entries = Object.entries(value as Record<string, unknown>);
  return {
    type,
    properties: Object.fromEntries(entries.map(([name, held]) => [name, schemaOf(held)])),
    required: entries.map(([name]) => name),
    additionalProperties: false,
  };
}

/** The narrowest schema that both fit. */
function merged(a: Schema | undefined, b: Schema): Schema {
  if (a === undefined) return b;
  const types = [...new Set([a.type ?? [], b.type ?? []].flat())].sort();
  const type = types.length === 1 ? types[0]! : types;
  const properties =
    a.properties === undefined || b.properties === undefined
      ? (a.properties ?? b.properties)
      : Object.fromEntries(
          [...new Set([...Object.keys(a.properties), ...Object.keys(b.properties)])].map((name) => {
            const [one, other] = [a.properties![name], b.properties![name]];
            return [name, other === undefined ? one! : merged(one, other)];
          }),
        );
  const required =
    a.required === undefined || b.required === undefined
      ? (a.required ?? b.required)
      : a.required.filter((name) => b.required!.includes(name));
  const items = a.items === undefined || b.items === undefined ? (a.items ?? b.items) : merged(a.items, b.items);
  return {
    type,
    ...(properties !== undefined && { properties, required: required ?? [], additionalProperties: false }),
    ...(items !== undefined && { items }),
  };
}
