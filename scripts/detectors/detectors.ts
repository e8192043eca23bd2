import { type AstNode, isNode, typeOf, walk } from "../mutation/ast.ts";
import type { FunctionFacts, Program } from "./facts.ts";

export interface Finding {
  detector: string;
  /** `Contract.function`, or the declaration. */
  place: string;
  file: string;
  line: number;
  problem: string;
}

type Detector = (program: Program) => Omit<Finding, "detector" | "line">[];
type Place = { node: AstNode; file: string };

/** A loop that a state-changing call runs, and whose bound is none of: a constant, a small number, the length of what was handed in. */
const unboundedLoop: Detector = (program) => {
  const seen = new Set<number>();
  const found: (Omit<Finding, "detector" | "line"> & { node: AstNode })[] = [];
  for (const entry of program.entries()) {
    for (const facts of program.reached(entry).values()) {
      if (!facts.file.startsWith("contracts/")) continue;
      walk(facts.node, (node) => {
        if (!["ForStatement", "WhileStatement", "DoWhileStatement"].includes(node.nodeType) || seen.has(node.id)) return;
        seen.add(node.id);
        const bound = boundOf(program, node);
        if (bound !== undefined) found.push({ ...placed(facts), node, problem: `loops ${bound}, reached from ${entry.name}` });
      });
    }
  }
  return found;
};

/** What a loop's bound is, in words; undefined where it is one that cannot grow. */
function boundOf(program: Program, loop: AstNode): string | undefined {
  const condition = loop["condition"] as AstNode | undefined;
  if (loop.nodeType !== "ForStatement" || !isNode(condition)) return "without a counter";
  // `i < n && found < k` ends at n.
  const parts: AstNode[] = [];
  const split = (node: AstNode): void => {
    if (node.nodeType !== "BinaryOperation" || node["operator"] !== "&&") return void parts.push(node);
    split(node["leftExpression"] as AstNode);
    split(node["rightExpression"] as AstNode);
  };
  split(condition);
  // What else the condition asks may hold for ever.
  const counters = new Set<unknown>();
  const header = loop["initializationExpression"];
  if (isNode(header)) walk(header, (node) => void (node.nodeType === "VariableDeclaration" && counters.add(node.id)));
  const bounds = parts
    .filter((part) => part.nodeType === "BinaryOperation" && counters.has((part["leftExpression"] as AstNode)["referencedDeclaration"]))
    .map((part) => part["rightExpression"] as AstNode);
  return bounds.some((bound) => isSmall(program, bound)) ? undefined : `to ${bounds.map(describe).join(" and ") || "an unknown bound"}`;
}

const describe = (node: AstNode): string => (node["name"] ?? node["memberName"] ?? node.nodeType) as string;

function isSmall(program: Program, bound: AstNode): boolean {
  const type = typeOf(bound);
  if (bound.nodeType === "Literal" || /^(int_const|uint8$)/.test(type)) return true;
  const declared = program.declaration(bound["referencedDeclaration"]);
  if (declared?.["constant"] === true) return true;
  if (bound.nodeType !== "MemberAccess" || bound["memberName"] !== "length") return false;
  return / (memory|calldata)( slice| ref)?$|^bytes (memory|calldata)/.test(typeOf(bound["expression"] as AstNode));
}

/** State written after a call to somebody whom the contract does not know from its deployment, or to the token. */
const effectsAfterCalls: Detector = (program) =>
  program.entries().flatMap((entry) => {
    const acts = program.acts(entry);
    const call = acts.findIndex(
      ({ kind, what }) => kind === "call" && (what.startsWith("<") || what.startsWith("safe") || /TOKEN/.test(what)),
    );
    const write = call < 0 ? undefined : acts.slice(call + 1).find(({ kind }) => kind === "write");
    return write === undefined ? [] : [{ ...placed(entry), problem: `writes ${write.what} after it called ${acts[call]!.what}` }];
  });

/** State changes of which no event tells. */
const silentChange: Detector = (program) =>
  program.entries().flatMap((entry) => {
    const acts = program.acts(entry);
    const write = acts.find(({ kind }) => kind === "write");
    if (write === undefined || acts.some(({ kind }) => kind === "event")) return [];
    return [{ ...placed(entry), problem: `changes ${write.what} without an event` }];
  });

/** Text of a NatSpec comment. */
const documentation = (node: AstNode): string => {
  const given = node["documentation"];
  // Without prose of its own, a function has that of the one which it implements.
  const inherited = ((node["baseFunctions"] ?? []) as number[]).length > 0 ? "inherited" : "";
  return isNode(given) ? String(given["text"]) : typeof given === "string" ? given : inherited;
};

/** Declarations that an outside reader meets, and their prose. */
const missingNatSpec: Detector = (program) =>
  program.contracts.flatMap(({ node: contract, file }) => {
    return (contract["nodes"] as AstNode[]).flatMap((node) => {
      const place = `${String(contract["name"])}.${String(node["name"])}`;
      const report = (problem: string) => [{ node, file, place, problem }];
      const text = documentation(node);
      if (node.nodeType === "FunctionDefinition" && ["external", "public"].includes(node["visibility"] as string)) {
        if (node["kind"] !== "function") return [];
        return text === "" ? report("has no NatSpec") : [];
      }
      if (node.nodeType === "ErrorDefinition" || node.nodeType === "EventDefinition") return text === "" ? report("has no NatSpec") : [];
      return [];
    });
  });

const placed = ({ node, file, name }: FunctionFacts): Place & { place: string } => ({ node, file, place: name });

export const DETECTORS: Record<string, Detector> = {
  "unbounded-loop": unboundedLoop,
  "effects-after-calls": effectsAfterCalls,
  "silent-change": silentChange,
  "missing-natspec": missingNatSpec,
};

export function detect(program: Program, lineOf: (file: string, node: AstNode) => number): Finding[] {
  return Object.entries(DETECTORS).flatMap(([detector, run]) =>
    (run(program) as (Omit<Finding, "detector" | "line"> & { node: AstNode })[]).map(({ node, file, place, problem }) => ({
      detector,
      place,
      file,
      line: lineOf(file, node),
      problem,
    })),
  );
}
