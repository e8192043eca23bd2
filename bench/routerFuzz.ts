// Hostile requests to the router's whole server: npm run fuzz:router [-- runs]. Writes bench/router-fuzz.json; ends with 1 where a rule was broken.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fuzzRouter } from "../test/offchain/router/fuzz.ts";

const runs = Number(process.argv[2] ?? 10_000);
const seed = 1;
const started = performance.now();
const { slowestMs, ...result } = await fuzzRouter(runs, seed);
const told = { seed, ...result, slowestMs: Math.round(slowestMs), seconds: Math.round((performance.now() - started) / 1_000) };
writeFileSync(path.join(import.meta.dirname, "router-fuzz.json"), `${JSON.stringify(told, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit(result.wrong.length === 0 ? 0 : 1);
