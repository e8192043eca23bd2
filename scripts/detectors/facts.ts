import { type AstNode, childrenOf, isNode, typeOf, walk } from "../mutation/ast.ts";

/** What a function does, in the order of its text; what its internal calls do stands where they are called. */
export type Act = { kind: "write" | "call" | "event"; what: string; node: AstNode };

export interface FunctionFacts {
  node: AstNode;
  contract: AstNode;
  file: string;
  name: string;
}

/** All declarations of the contracts, by the compiler's number. */
export class Program {
  readonly functions: FunctionFacts[] = [];
  readonly contracts: { node: AstNode; file: string }[] = [];
  readonly #declared = new Map<number, AstNode>();
  readonly #facts = new Map<number, FunctionFacts>();

  constructor(sources: Record<string, { ast: AstNode }>) {
    for (const [file, { ast }] of Object.entries(sources)) {
      const isOurs = file.startsWith("contracts/");
      walk(ast, (node, parents) => {
        if (node.nodeType === "VariableDeclaration" || node.nodeType.endsWith("Definition")) this.#declared.set(node.id, node);
        if (node.nodeType === "ContractDefinition" && isOurs) this.contracts.push({ node, file });
        if (node.nodeType !== "FunctionDefinition" && node.nodeType !== "ModifierDefinition") return;
        const contract = parents.find(({ nodeType }) => nodeType === "ContractDefinition");
        if (contract === undefined) return;
        const facts = { node, contract, file, name: `${String(contract["name"])}.${(node["name"] as string) || String(node["kind"])}` };
        this.#facts.set(node.id, facts);
        if (isOurs && node.nodeType === "FunctionDefinition") this.functions.push(facts);
      });
    }
  }

  declaration(id: unknown): AstNode | undefined {
    return this.#declared.get(id as number);
  }

  /** Functions that anybody may call and that may change state. */
  entries(): FunctionFacts[] {
    return this.functions.filter(({ node, contract }) => {
      const open = node["visibility"] === "external" || node["visibility"] === "public";
      const changes = node["stateMutability"] !== "view" && node["stateMutability"] !== "pure";
      return open && changes && node["kind"] === "function" && contract["contractKind"] === "contract" && isNode(node["body"]);
    });
  }

  /** The functions and modifiers that a function runs inside its own contract, itself first. */
  reached(entry: FunctionFacts, found = new Map<number, FunctionFacts>()): Map<number, FunctionFacts> {
    if (found.has(entry.node.id)) return found;
    found.set(entry.node.id, entry);
    walk(entry.node, (node) => {
      const target = this.#facts.get(calledInside(node) ?? -1);
      if (target !== undefined) this.reached(target, found);
    });
    return found;
  }

  acts(entry: FunctionFacts, stack: readonly number[] = []): Act[] {
    // What the packages do inside is theirs to get right.
    if (stack.includes(entry.node.id) || !entry.file.startsWith("contracts/")) return [];
    const below = [...stack, entry.node.id];
    const found: Act[] = [];
    const visit = (node: AstNode): void => {
      // What a call is given is computed before the call.
      for (const child of childrenOf(node)) visit(child);
      const inner = this.#facts.get(calledInside(node) ?? -1);
      if (inner !== undefined) found.push(...this.acts(inner, below));
      const own = this.#actOf(node);
      if (own !== undefined) found.push({ ...own, node });
    };
    visit(entry.node);
    return found;
  }

  #actOf(node: AstNode): Omit<Act, "node"> | undefined {
    if (node.nodeType === "EmitStatement") return { kind: "event", what: "event" };
    if (node.nodeType === "Assignment") return this.#writeTo(node["leftHandSide"] as AstNode);
    if (node.nodeType === "UnaryOperation" && ["++", "--", "delete"].includes(node["operator"] as string)) {
      return this.#writeTo(node["subExpression"] as AstNode);
    }
    if (node.nodeType !== "FunctionCall") return undefined;
    const called = node["expression"] as AstNode;
    const name = called["memberName"] as string | undefined;
    if (called.nodeType !== "MemberAccess" || name === undefined) return undefined;
    const type = typeOf(called);
    if (name === "push" || name === "pop") return this.#writeTo(called["expression"] as AstNode);
    if (/^safe(Transfer|TransferFrom|IncreaseAllowance)$|^forceApprove$/.test(name)) return { kind: "call", what: name };
    const foreign = type.includes(" external") && !/ (view|pure) /.test(`${type} `);
    return foreign ? { kind: "call", what: `${this.#receiver(called["expression"] as AstNode)}.${name}` } : undefined;
  }

  /** How the contract knows whom it calls: by an immutable name, or else its type. */
  #receiver(expression: AstNode): string {
    const declared = this.declaration(expression["referencedDeclaration"]);
    return declared?.["mutability"] === "immutable" ? (declared["name"] as string) : `<${typeOf(expression)}>`;
  }

  #writeTo(target: AstNode): Omit<Act, "node"> | undefined {
    if (target.nodeType === "TupleExpression") {
      return (target["components"] as (AstNode | null)[])
        .filter(isNode)
        .map((part) => this.#writeTo(part))
        .find((act) => act !== undefined);
    }
    let at: AstNode = target;
    let below = false;
    while (at.nodeType === "IndexAccess" || at.nodeType === "MemberAccess") {
      at = (at["baseExpression"] ?? at["expression"]) as AstNode;
      below = true;
    }
    const declared = this.declaration(at["referencedDeclaration"]);
    if (declared?.nodeType !== "VariableDeclaration") return undefined;
    const isState = declared["stateVariable"] === true && declared["mutability"] === "mutable";
    const isPointer = below && declared["storageLocation"] === "storage" && declared["stateVariable"] !== true;
    return isState || isPointer ? { kind: "write", what: declared["name"] as string } : undefined;
  }
}

/** The function or modifier that a node runs inside the contract. */
function calledInside(node: AstNode): number | undefined {
  if (node.nodeType === "ModifierInvocation") return (node["modifierName"] as AstNode)["referencedDeclaration"] as number;
  if (node.nodeType !== "FunctionCall" || node["kind"] !== "functionCall") return undefined;
  const called = node["expression"] as AstNode;
  return typeOf(called).includes(" external") ? undefined : (called["referencedDeclaration"] as number | undefined);
}
