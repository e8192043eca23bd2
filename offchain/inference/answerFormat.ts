import { z } from "zod";
import { EngineError } from "./engine.ts";

/** Most bytes of a JSON schema, and how deep and wide it may be: a grammar is made from it, and a grammar costs time with every token. */
const MOST_BYTES = 16 * 1024;
const MOST_DEPTH = 16;
const MOST_NODES = 256;

const scalar = z.union([z.string().max(256), z.number(), z.boolean(), z.null()]);
const typeName = z.enum(["string", "number", "integer", "boolean", "null", "object", "array"]);

/** The keywords that a grammar can enforce, and words about the schema that need none. Others are refused, because they would be ignored unseen. */
export interface JsonSchema {
  type?: z.infer<typeof typeName> | z.infer<typeof typeName>[] | undefined;
  const?: z.infer<typeof scalar> | undefined;
  enum?: z.infer<typeof scalar>[] | undefined;
  anyOf?: JsonSchema[] | undefined;
  oneOf?: JsonSchema[] | undefined;
  properties?: Record<string, JsonSchema> | undefined;
  required?: string[] | undefined;
  additionalProperties?: boolean | undefined;
  items?: JsonSchema | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  format?: "date-time" | "time" | "date" | undefined;
  $ref?: string | undefined;
  $defs?: Record<string, JsonSchema> | undefined;
  $schema?: string | undefined;
  title?: string | undefined;
  description?: string | undefined;
}

const key = z.string().min(1).max(128);
const length = z.int().min(0).max(4_096);
const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.strictObject({
    type: z.union([typeName, z.array(typeName).min(1).max(7)]).optional(),
    const: scalar.optional(),
    enum: z.array(scalar).min(1).max(128).optional(),
    anyOf: z.array(jsonSchema).min(1).max(32).optional(),
    oneOf: z.array(jsonSchema).min(1).max(32).optional(),
    properties: z.record(key, jsonSchema).optional(),
    required: z.array(key).max(128).optional(),
    additionalProperties: z.boolean().optional(),
    items: jsonSchema.optional(),
    minItems: length.optional(),
    maxItems: length.optional(),
    minLength: length.optional(),
    maxLength: length.optional(),
    format: z.enum(["date-time", "time", "date"]).optional(),
    $ref: z
      .string()
      .regex(/^#\/\$defs\/[^/]{1,128}$/, "wanted a reference like #/$defs/name")
      .optional(),
    $defs: z.record(key, jsonSchema).optional(),
    $schema: z.string().max(256).optional(),
    title: z.string().max(256).optional(),
    description: z.string().max(4_096).optional(),
  }),
);

/** What an answer must look like: any JSON, or JSON by a schema. It holds for every prompt of a task. */
export type AnswerFormat = { type: "json_object" } | { type: "json_schema"; schema: JsonSchema };

/** Checks the form of an answer format. Depth is checked first, so that no input can exhaust the stack. */
export const answerFormatSchema = z
  .unknown()
  .refine((value) => within(value, MOST_DEPTH * 2, MOST_BYTES), `wanted a schema of at most ${MOST_BYTES} bytes and ${MOST_DEPTH} levels`)
  .pipe(
    z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("json_object") }),
      z.strictObject({
        type: z.literal("json_schema"),
        schema: jsonSchema
          .refine((schema) => partsOf(schema).length <= MOST_NODES, `wanted a schema of at most ${MOST_NODES} parts`)
          .refine(refersToItself, "wanted every $ref to name one of the schema's own $defs"),
      }),
    ]),
  ) as z.ZodType<AnswerFormat>;

/** The format with only what the list names. Throws EngineError InvalidRequest. */
export function checkedFormat(value: unknown): AnswerFormat {
  const outcome = answerFormatSchema.safeParse(value);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0]!;
  throw new EngineError("InvalidRequest", `the answer's format is not valid: ${issue.path.join(".") || "format"}: ${issue.message}`);
}

function within(value: unknown, depth: number, bytes: number): boolean {
  return depthOf(value, depth) && (JSON.stringify(value) ?? "").length <= bytes;
}

function depthOf(value: unknown, left: number): boolean {
  if (value === null || typeof value !== "object") return true;
  return left > 0 && Object.values(value).every((held) => depthOf(held, left - 1));
}

/** The schema and everything in it. */
function partsOf(schema: JsonSchema): JsonSchema[] {
  const inner = [
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.$defs ?? {}),
    ...(schema.items === undefined ? [] : [schema.items]),
  ];
  return [schema, ...inner.flatMap(partsOf)];
}

/** The library takes a reference to nothing as "any value". */
function refersToItself(schema: JsonSchema): boolean {
  const known = new Set(Object.keys(schema.$defs ?? {}).map((name) => `#/$defs/${name}`));
  return partsOf(schema).every(({ $ref }) => $ref === undefined || known.has($ref));
}
