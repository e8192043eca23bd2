import { expect } from "chai";
import { chatRequest } from "../../../offchain/router/requests.ts";
import { toolCallOf } from "../../../offchain/router/toolCalls.ts";

const parameters = { type: "object", properties: { city: { enum: ["Lima", "Rome"] } }, required: ["city"], additionalProperties: false };
const tool = (name: string) => ({ type: "function", function: { name, description: "Shows a city.", parameters } });
const asked = (more: object, messages: object[] = [{ role: "user", content: "Where is Lima?" }]) =>
  chatRequest({ model: "toy", messages, tools: [tool("show"), tool("hide")], ...more });

describe("tools", () => {
  it("that are forced by name make the answer that function's arguments, by grammar", () => {
    const { format, tools, prompts } = asked({ tool_choice: { type: "function", function: { name: "hide" } } });
    expect(format).to.deep.equal({ type: "json_schema", schema: parameters });
    expect(prompts[0]).to.deep.equal([{ role: "user", content: "Where is Lima?" }]);
    const call = toolCallOf('{"city": "Lima"}', tools!, "call_1");
    expect(call).to.deep.equal({ id: "call_1", type: "function", function: { name: "hide", arguments: '{"city": "Lima"}' } });
  });

  it("that are required make the answer name one of them, by grammar", () => {
    const { format, tools } = asked({ tool_choice: "required" });
    const { anyOf } = (format as unknown as { schema: { anyOf: { properties: { name: object } }[] } }).schema;
    expect(anyOf.map(({ properties }) => properties.name)).to.deep.equal([{ const: "show" }, { const: "hide" }]);
    const call = toolCallOf('{"name": "hide", "arguments": {"city": "Rome"}}', tools!, "call_1");
    expect(call!.function).to.deep.equal({ name: "hide", arguments: '{"city":"Rome"}' });
  });

  it("that are offered are described to the model, whose words are a call only where they are one", () => {
    const { format, tools, prompts } = asked({});
    expect(format).to.equal(undefined);
    expect(prompts[0]![0]!.role).to.equal("system");
    expect(prompts[0]![0]!.content).to.include('"show"').and.include("Shows a city.");
    expect(toolCallOf('{"name": "show", "arguments": {"city": "Rome"}}', tools!, "c")!.function.name).to.equal("show");
    for (const words of ["Lima is in Peru.", '{"name": "other", "arguments": {}}', '{"name": "show"}', "{"])
      expect(toolCallOf(words, tools!, "c")).to.equal(undefined);
    expect(asked({ tool_choice: "none" })).to.include({ format: undefined, tools: undefined });
  });

  it("have been called before: the model reads calls and results in the conversation", () => {
    const call = { id: "c1", type: "function", function: { name: "show", arguments: '{"city": "Lima"}' } };
    const { prompts } = asked({ tool_choice: "none" }, [
      { role: "user", content: "Show me Lima." },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "It is shown." },
    ]);
    expect(prompts[0]).to.deep.equal([
      { role: "user", content: "Show me Lima." },
      { role: "assistant", content: '{"name": "show", "arguments": {"city": "Lima"}}' },
      { role: "user", content: "Result of show: It is shown." },
    ]);
  });
});
