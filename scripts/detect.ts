// Looks through contracts/ for what reviewers look for first: loops without a bound, state written after foreign calls, changes
// without an event, declarations without prose. Works on the compiler's own syntax tree; `npm run check` runs it.
//
//   node scripts/detect.ts [--json]
//
// What is meant to be as it is stands in scripts/detectors/allowed.json with its reason.
import { readFileSync } from "node:fs";
import path from "node:path";
import { detect } from "./detectors/detectors.ts";
import { Program } from "./detectors/facts.ts";
import { spanOf } from "./mutation/ast.ts";
import { analyse, sourcesOf } from "./mutation/build.ts";

/** `place` is `Contract.function`, `*.function` where the reason holds wherever the function stands, or `Contract.*`. */
interface Allowed {
  detector: string;
  place: string;
  reason: string;
}

const ALLOWED = JSON.parse(readFileSync(path.join(import.meta.dirname, "detectors", "allowed.json"), "utf8")) as Allowed[];
const texts = sourcesOf();
const { sources } = analyse(texts);
const lineOf = (file: string, node: { src: string }): number =>
  Buffer.from(texts[file] ?? "")
    .subarray(0, spanOf(node as never)[0])
    .toString()
    .split("\n").length;
const findings = detect(new Program(sources), lineOf);
const same = (allowed: Allowed, finding: { detector: string; place: string }): boolean =>
  allowed.detector === finding.detector &&
  [finding.place, finding.place.replace(/^\w+/, "*"), finding.place.replace(/\w+$/, "*")].includes(allowed.place);
const open = findings.filter((finding) => !ALLOWED.some((allowed) => same(allowed, finding)));
const stale = ALLOWED.filter((allowed) => !findings.some((finding) => same(allowed, finding)));

if (process.argv.includes("--json"))
  console.log(JSON.stringify({ ok: open.length + stale.length === 0, findings: open, stale, allowed: ALLOWED }, null, 2));
else {
  for (const { detector, place, file, line, problem } of open) console.log(`${file}:${line} ${detector}: ${place} ${problem}`);
  for (const { detector, place } of stale)
    console.log(`scripts/detectors/allowed.json allows ${detector} in ${place}, where nothing is found any more: remove it`);
}
if (open.length + stale.length > 0) process.exitCode = 1;
