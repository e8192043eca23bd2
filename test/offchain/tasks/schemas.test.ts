import { expect } from "chai";
import { validateAs } from "./schemas.ts";

describe("tasks: what scripts may rely on", () => {
  it("a document with a field missing, added or of another type does not fit", () => {
    const failure = { error: { code: "RpcUnreachable", message: "found no chain" } };
    validateAs("failure", failure, false);
    for (const broken of [{ error: { code: "RpcUnreachable" } }, { ...failure, more: 1 }, { error: { ...failure.error, code: 7 } }]) {
      expect(() => validateAs("failure", broken, false)).to.throw("does not fit");
    }
  });
});
