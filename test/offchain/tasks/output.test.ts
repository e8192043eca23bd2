import { expect } from "chai";
import { Amount } from "../../../tasks/amounts.ts";
import { asJson, asText, Detail } from "../../../tasks/output.ts";

const COLUMNS = 80;

describe("tasks: what people read", () => {
  it("a table that fits is one; a wider one is told record by record", () => {
    const narrow = {
      roles: [
        { role: "guardian", members: "0x1" },
        { role: "registrar", members: "0x2" },
      ],
    };
    expect(asText(narrow, COLUMNS)).to.equal("roles\n  role       members\n  guardian   0x1\n  registrar  0x2\n");
    const wide = { roles: narrow.roles.map((row) => ({ ...row, functions: "a".repeat(60) })) };
    const lines = asText(wide, COLUMNS).split("\n");
    expect(lines.slice(0, 4)).to.deep.equal(["roles", "  - role       guardian", "    members    0x1", `    functions  ${"a".repeat(60)}`]);
    expect(lines.every((line) => line.length <= COLUMNS)).to.equal(true);
    expect(asText(wide, Infinity).split("\n")[1]).to.match(/^ {2}role +members +functions$/);
  });

  it("a long text goes on below its beginning, and no word is lost", () => {
    const members = Array.from({ length: 9 }, (_, i) => `Module${i}.function${i}`);
    const text = asText({ functions: members, note: "short" }, COLUMNS);
    const lines = text.trimEnd().split("\n");
    expect(lines.every((line) => line.length <= COLUMNS)).to.equal(true);
    expect(lines[1]).to.match(/^ {11}Module/);
    expect(text.replace(/\s+/g, " ")).to.contain(members.join(", "));
    expect(asText({ hash: "f".repeat(90) }, COLUMNS)).to.equal(`hash  ${"f".repeat(90)}\n`);
  });

  it("a detail is a word for people and whole for scripts", () => {
    const report = { addresses: new Detail({ COR: "0x1" }, "see runtime show"), money: new Amount(5n * 10n ** 17n) };
    expect(asText(report, COLUMNS)).to.equal("addresses  see runtime show\nmoney      0.5 COR\n");
    expect(JSON.parse(asJson(report))).to.deep.equal({ addresses: { COR: "0x1" }, money: { cor: "0.5", base: "500000000000000000" } });
  });
});
