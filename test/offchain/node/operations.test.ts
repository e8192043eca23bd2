import { expect } from "chai";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SETTINGS } from "../../../offchain/node/config.ts";
import { Metrics } from "../../../offchain/node/metrics.ts";
import { LOG_FIELDS } from "../../../offchain/runtime/log.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const metricsIn = (text: string) => new Set([...text.matchAll(/corroborate_\w+/g)].map(([name]) => name.replace(/_bucket$/, "")));

describe("files for running a node", () => {
  it("alerts and dashboard ask for metrics that exist", async () => {
    const known = new Set([...(await new Metrics().text(() => true)).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    expect(known.size).to.be.greaterThan(25);
    const dashboard = read("deploy/grafana-node.json");
    expect((JSON.parse(dashboard) as { panels: unknown[] }).panels.length).to.be.greaterThan(20);
    for (const name of [...metricsIn(read("deploy/alerts.yml")), ...metricsIn(dashboard.replaceAll("corroborate-node", ""))])
      expect(known.has(name), name).to.equal(true);
  });

  it("every alert has a runbook, and every runbook an alert", () => {
    const named = [...read("deploy/alerts.yml").matchAll(/runbook: (docs\/runbooks\/[\w-]+\.md)/g)].map(([, file]) => file!);
    for (const file of named) expect(existsSync(path.join(ROOT, file)), file).to.equal(true);
    expect(new Set(named)).to.deep.equal(new Set(readdirSync(path.join(ROOT, "docs/runbooks")).map((file) => `docs/runbooks/${file}`)));
  });

  it("the unit and the container file start what there is, with settings that there are", () => {
    const variables = new Set(Object.values(SETTINGS).map(({ env }) => env));
    for (const file of ["deploy/corroborate-node.service", "deploy/Containerfile"]) {
      const text = read(file);
      expect(text).to.include("offchain/node/cli.ts");
      for (const [name] of text.matchAll(/CORROBORATE_\w+/g)) expect(variables.has(name), name).to.equal(true);
    }
    const [, seconds] = /TimeoutStopSec=(\d+)/.exec(read("deploy/corroborate-node.service"))!;
    expect(Number(seconds)).to.be.greaterThan(30);
  });

  it("has at most a dozen settings", () => {
    expect(Object.keys(SETTINGS).length).to.be.at.most(12);
  });

  it("K7: programs log only fields that the list names", () => {
    const calls = /\blog(?:\.(?:debug|info|warn|error)|\[[^\]]+\])\(\s*\{([^{}]*)\}/g;
    for (const file of globSync("offchain/{node,router,runtime}/**/*.ts", { cwd: ROOT })) {
      for (const [, fields] of read(file).matchAll(calls)) {
        for (const field of fields!.split(",").map((part) => part.split(":")[0]!.trim()))
          if (/^\w+$/.test(field)) expect(LOG_FIELDS.has(field), `${field} in ${file}`).to.equal(true);
      }
    }
  });
});
