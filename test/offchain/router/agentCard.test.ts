import { AgentCard as Card, type AgentCard } from "@a2a-js/sdk";
import { expect } from "chai";
import { agentCard } from "../../../offchain/router/agents.ts";

describe("the A2A agent card", () => {
  it("is what the A2A SDK reads, field by field", () => {
    const card = agentCard("http://127.0.0.1:8080", "toy");
    const read: AgentCard = Card.fromJSON(JSON.parse(JSON.stringify(card)));
    expect(read.skills.map(({ id }) => id)).to.deep.equal(["complete", "validate", "task_status"]);
    // Whatever the SDK does not know would be missing here.
    expect(Object.keys(Card.toJSON(read) as object)).to.include.members(
      Object.keys(card).filter((key) => !["signatures", "securityRequirements"].includes(key)),
    );
    expect(read.name).to.equal("Corroborate router");
    expect(read.supportedInterfaces.map(({ url }) => url)).to.deep.equal(["http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/v1"]);
    expect(read.securitySchemes["apiKey"]!.scheme).to.have.property("$case", "httpAuthSecurityScheme");
  });
});
