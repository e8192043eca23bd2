import { TaskDefinitionType } from "hardhat/types/tasks";
import { expect } from "chai";
import { ArgumentType } from "hardhat/types/arguments";
import { tasks } from "../../../tasks/index.ts";
import { changes, DECLARED, optionsOf } from "./inProcess.ts";
import { schemaOfTask, type Schema } from "./schemas.ts";

/** Everything a schema says of values, with the place that it says it of. */
function* placesIn(schema: Schema, at = ""): Generator<[string, Schema]> {
  yield [at, schema];
  for (const [name, held] of Object.entries(schema.properties ?? {})) yield* placesIn(held, `${at}.${name}`);
  if (schema.items !== undefined) yield* placesIn(schema.items, `${at}[]`);
}

describe("tasks: every one is declared alike", () => {
  for (const [name, task] of DECLARED)
    it(`${name}: a sentence of help, and of each option; --json, and what a task that sends needs`, () => {
      expect(task.type === TaskDefinitionType.NEW_TASK && task.description).to.match(/^[A-Z].{10,}[^.]$/);
      const options = optionsOf(name);
      expect(options).to.include.keys("json", "deployment");
      for (const [option, { description, type }] of Object.entries(options)) {
        expect(description.length, `--${option}`).to.be.greaterThan(2);
        // Options are texts, refused in our own words; Hardhat's types would refuse them in its own.
        expect(type, `--${option}`).to.be.oneOf([ArgumentType.FLAG, ArgumentType.STRING, ArgumentType.STRING_WITHOUT_DEFAULT]);
      }
      const sending = ["from", "keyFile", "keyPasswordFile", "dryRun", "yes"];
      expect(sending.filter((option) => option in options)).to.deep.equal(changes(name) ? sending : []);
    });

  it("every scope has a line of help, and none is declared twice", () => {
    const scopes = new Set([...DECLARED.keys()].map((name) => name.split(" ")[0]!));
    const described = tasks.filter(({ type }) => type === TaskDefinitionType.EMPTY_TASK).map(({ id }) => id.join(" "));
    // `node` is Hardhat's own task, which starts a chain.
    expect(new Set(described)).to.deep.equal(new Set([...scopes].filter((scope) => scope !== "node")));
    expect(DECLARED.size).to.equal(tasks.length - described.length);
  });

  for (const name of [...DECLARED.keys(), "net deploy.dry-run", "dry-run", "failure"])
    it(`${name}: its schema holds every field to a type, and every list to what is in it`, () => {
      const schema = schemaOfTask(name.replace(" ", "."));
      expect(schema, `tasks/schemas/${name.replace(" ", ".")}.json`).not.to.equal(undefined);
      for (const [place, { type, items, properties, additionalProperties }] of placesIn(schema!)) {
        // A field that was only ever seen empty would refuse what it is for.
        expect(type, place).not.to.equal("null");
        if ([type].flat().includes("array")) expect(items, place).not.to.equal(undefined);
        if (properties !== undefined) expect(additionalProperties, place).to.equal(false);
      }
    });
});
