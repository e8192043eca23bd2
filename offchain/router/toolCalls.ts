import type { AnswerFormat, JsonSchema } from "../inference/answerFormat.ts";
import type { ChatMessage, Tool, ToolChoice } from "./requestSchemas.ts";

/** A call as OpenAI's clients read it. */
export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** How an answer becomes calls. A forced call is held by a grammar on every node; a free one is the model's own choice of words. */
export interface ToolUse {
  /** The one function whose arguments the answer is; undefined where the answer names its function too. */
  only: string | undefined;
  forced: boolean;
  names: string[];
}

/** What a choice of tools means for prompt and grammar; undefined where no tool may be called. */
export function toolUseOf(
  tools: Tool[] | null | undefined,
  choice: ToolChoice | null | undefined,
): { use: ToolUse; format: { type: "json_schema"; schema: unknown } | undefined; instructions: string } | undefined {
  if (tools == null || choice === "none") return undefined;
  const named = typeof choice === "object" && choice !== null ? choice.function.name : undefined;
  const offered = named === undefined ? tools : tools.filter((tool) => tool.function.name === named);
  const forced = named !== undefined || choice === "required";
  const only = forced && offered.length === 1 ? offered[0]!.function.name : undefined;
  const names = offered.map((tool) => tool.function.name);
  const format = forced
    ? { type: "json_schema" as const, schema: only === undefined ? anyCall(offered) : argumentsOf(offered[0]!) }
    : undefined;
  return { use: { only, forced, names }, format, instructions: forced ? "" : instructionsOf(offered) };
}

/** A function without parameters is called with an empty object. */
const argumentsOf = (tool: Tool): unknown => tool.function.parameters ?? { type: "object", properties: {}, additionalProperties: false };

const anyCall = (tools: Tool[]): JsonSchema => ({
  anyOf: tools.map((tool) => ({
    type: "object" as const,
    properties: { name: { const: tool.function.name }, arguments: argumentsOf(tool) as JsonSchema },
    required: ["name", "arguments"],
    additionalProperties: false,
  })),
});

function instructionsOf(tools: Tool[]): string {
  const described = tools.map(({ function: { name, description, parameters } }) =>
    JSON.stringify({ name, ...(description != null && { description }), ...(parameters != null && { parameters }) }),
  );
  return `You may call a function by answering nothing but {"name": ..., "arguments": {...}}. Functions:\n${described.join("\n")}`;
}

/** The conversation as models take it: calls and their results are words of the assistant and of the user. */
export function plainMessages(messages: ChatMessage[], instructions: string): { role: "system" | "user" | "assistant"; content: string }[] {
  const names = new Map(
    messages
      .flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []))
      .map((call) => [call.id, call.function.name]),
  );
  const plain = messages.map((message) => {
    const content = textOf(message.content);
    if (message.role === "tool")
      return { role: "user" as const, content: `Result of ${names.get(message.tool_call_id) ?? "the function"}: ${content}` };
    if (message.role !== "assistant") return { role: message.role === "developer" ? ("system" as const) : message.role, content };
    const calls = (message.tool_calls ?? []).map(
      ({ function: called }) => `{"name": ${JSON.stringify(called.name)}, "arguments": ${called.arguments}}`,
    );
    return { role: "assistant" as const, content: [content, ...calls].filter((text) => text !== "").join("\n") };
  });
  if (instructions === "") return plain;
  const [first] = plain;
  return first?.role === "system"
    ? [{ role: "system", content: `${first.content}\n\n${instructions}` }, ...plain.slice(1)]
    : [{ role: "system", content: instructions }, ...plain];
}

const textOf = (content: string | { text: string }[] | null | undefined): string =>
  content == null ? "" : typeof content === "string" ? content : content.map(({ text }) => text).join("");

/** The call that an answer makes; undefined where it makes none. `id`: unique within the conversation. */
export function toolCallOf(text: string, { only, forced, names }: ToolUse, id: string): ToolCall | undefined {
  const call = (name: string, args: string): ToolCall => ({ id, type: "function", function: { name, arguments: args } });
  // A forced answer that was cut short by the token limit is handed over as it is, as OpenAI does.
  if (only !== undefined) return call(only, text);
  try {
    const found = JSON.parse(text) as { name?: unknown; arguments?: unknown };
    if (typeof found.name === "string" && names.includes(found.name) && typeof found.arguments === "object" && found.arguments !== null)
      return call(found.name, JSON.stringify(found.arguments));
  } catch {
    // Words, not a call.
  }
  return forced ? call(names[0]!, text) : undefined;
}

/** The format as the engine checks it. */
export type WantedFormat = AnswerFormat | { type: "json_schema"; schema: unknown };
