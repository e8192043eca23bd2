import { existsSync } from "node:fs";
import { expect } from "chai";
import { tasks } from "../../../tasks/index.ts";
import { SCHEMAS, validateAs } from "./schemas.ts";

describe("tasks: what scripts may rely on", () => {
  it("every task that prints JSON has a committed schema of it", () => {
    const names = tasks.filter(({ id }) => id.length === 2).map(({ id }) => id.join("."));
    expect(names.filter((name) => !existsSync(new URL(`${name}.json`, SCHEMAS)))).to.deep.equal([]);
  });

  it("a document with a field missing, added or of another type does not fit", () => {
    const failure = { error: { code: "RpcUnreachable", message: "found no chain" } };
    validateAs("failure", failure);
    for (const broken of [{ error: { code: "RpcUnreachable" } }, { ...failure, more: 1 }, { error: { ...failure.error, code: 7 } }]) {
      expect(() => validateAs("failure", broken)).to.throw("does not fit");
    }
  });
});
