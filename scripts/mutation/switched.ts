import { createHash } from "node:crypto";
import { type AstNode, childrenOf, isNode, isRational, spanOf, typeOf } from "./ast.ts";
import {
  ARITHMETIC,
  ASSIGNMENT,
  BITWISE,
  BODIES,
  FOREIGN_TWINS,
  LOGICAL,
  MOST_ARGUMENTS,
  NEGATED,
  RELATIONAL,
  SWITCH,
  VERBATIM,
  YUL_SWITCH,
} from "./operators.ts";

/** One change of one place in a source. */
export interface Mutant {
  /** Selects it in the build: 1, 2, ... */
  id: number;
  /** The same in every run, as long as the function around it stays. */
  key: string;
  file: string;
  contract: string;
  function: string;
  line: number;
  operator: string;
  before: string;
  after: string;
  /** What a source with this mutant alone has instead of the bytes from `start` to `end`. */
  edit: { start: number; end: number; text: string };
}

/** Writes one source with all its mutants in it, each behind a switch, so that one build holds them all. */
export class SwitchedSource {
  readonly mutants: Mutant[] = [];
  readonly text: string;
  readonly #seen = new Map<string, number>();
  readonly #twins = new Set<string>();
  #contract = "";
  #function = "";
  readonly #source: string;
  readonly #file: string;
  readonly #constants: Set<number>;
  readonly #refused: ReadonlySet<string>;
  #next: number;

  /**
   * @param source the bytes of the source as latin1, so that the compiler's offsets index it
   * @param constants ids of the declarations of numeric constants
   * @param refused keys of mutants that do not compile
   */
  constructor(file: string, source: string, ast: AstNode, constants: Set<number>, refused: ReadonlySet<string>, firstId: number) {
    this.#file = file;
    this.#source = source;
    this.#constants = constants;
    this.#refused = refused;
    this.#next = firstId;
    this.text = this.#render(ast, []) + SWITCH;
  }

  #original(node: AstNode): string {
    return this.#source.slice(...spanOf(node));
  }

  /** Registers a mutant; gives its number, or 0 where it is refused. */
  #add(operator: string, node: AstNode, after: string, before = this.#original(node), span = spanOf(node)): number {
    const place = [this.#file, this.#contract, this.#function, operator, before, after].join("|");
    const nth = (this.#seen.get(place) ?? 0) + 1;
    this.#seen.set(place, nth);
    const key = createHash("sha256").update(`${place}|${nth}`).digest("hex").slice(0, 12);
    if (this.#refused.has(key)) return 0;
    const line = this.#source.slice(0, span[0]).split("\n").length;
    const id = this.#next++;
    const edit = { start: span[0], end: span[1], text: after };
    this.mutants.push({
      id,
      key,
      file: this.#file,
      contract: this.#contract,
      function: this.#function,
      line,
      operator,
      before,
      after,
      edit,
    });
    return id;
  }

  /** `text`, or one of the alternatives where its mutant is on. */
  #choice(node: AstNode, text: string, alternatives: [operator: string, after: string][], cast = ""): string {
    const cases = alternatives.flatMap(([operator, after]) => {
      const id = this.#add(operator, node, after);
      return id === 0 ? [] : [`mutant__(${id}) ? ${cast === "" ? after : `${cast}(${after})`} : `];
    });
    if (cases.length === 0) return text;
    return `(${cases.join("")}${cast === "" ? text : `${cast}(${text})`})`;
  }

  /** The text of a node, its children rendered. A simple statement is rendered with its semicolon, so the source's own is left out. */
  #within(node: AstNode, parents: readonly AstNode[], only?: (child: AstNode) => boolean): string {
    const [first, end] = spanOf(node);
    let at = first;
    let text = "";
    const below = [...parents, node];
    for (const child of childrenOf(node)) {
      const [start, stop] = spanOf(child);
      if (start < at || stop > end) continue;
      const rendered = only === undefined || only(child);
      text += this.#source.slice(at, start) + (rendered ? this.#render(child, below) : this.#original(child));
      at = stop;
      if (rendered && (BODIES.has(node.nodeType) || child === node["body"]) && this.#source[at] === ";") at++;
    }
    return text + this.#source.slice(at, end);
  }

  #render(node: AstNode, parents: readonly AstNode[]): string {
    if (VERBATIM.has(node.nodeType)) return this.#original(node);
    // The choices between so many values would not fit on the stack.
    if (node.nodeType === "FunctionCall" && (node["arguments"] as unknown[]).length > MOST_ARGUMENTS) return this.#original(node);
    switch (node.nodeType) {
      case "ContractDefinition":
        return this.#renderContract(node, parents);
      case "FunctionDefinition":
        return this.#renderFunction(node, parents);
      case "ModifierDefinition":
        return this.#renderModifier(node, parents);
      case "ModifierInvocation":
        return this.#renderInvocation(node, parents);
      case "IfStatement":
      case "Conditional":
        return this.#renderBranch(node, parents);
      case "ForStatement":
      case "WhileStatement":
        return this.#renderLoop(node, parents);
      case "ExpressionStatement":
      case "EmitStatement":
      case "Continue":
      case "Break":
      case "Return":
        return this.#renderStatement(node, parents);
      case "RevertStatement":
        return this.#renderRevert(node, parents);
      case "VariableDeclarationStatement":
      case "PlaceholderStatement":
        return `${this.#within(node, parents)};`;
      case "BinaryOperation":
        return this.#renderBinary(node, parents);
      case "UnaryOperation":
        return this.#renderUnary(node, parents);
      case "Literal":
        return this.#renderLiteral(node, parents);
      case "Identifier":
      case "MemberAccess":
        return this.#renderName(node, parents);
      case "InlineAssembly":
        return this.#renderAssembly(node);
      default:
        return this.#within(node, parents);
    }
  }

  #renderContract(node: AstNode, parents: readonly AstNode[]): string {
    this.#contract = node["name"] as string;
    this.#twins.clear();
    const text = this.#within(node, parents);
    const twins = [...this.#twins].map((name) => FOREIGN_TWINS[name]);
    return `${text.slice(0, -1)}${twins.join(" ")}}`;
  }

  #renderFunction(node: AstNode, parents: readonly AstNode[]): string {
    if (!isNode(node["body"])) return this.#original(node);
    this.#function = (node["name"] as string) || (node["kind"] as string);
    return this.#within(node, parents, (child) => child.nodeType !== "ParameterList");
  }

  /** The modifier as it is, and a twin with the mutants of its body that a caller can skip. */
  #renderModifier(node: AstNode, parents: readonly AstNode[]): string {
    this.#function = node["name"] as string;
    const parameters = (node["parameters"] as { parameters: AstNode[] }).parameters.map((parameter) => this.#original(parameter));
    const body = this.#render(node["body"] as AstNode, [...parents, node]);
    const name = `${this.#function}__m(${["bool skip__", ...parameters].join(", ")})`;
    return `${this.#original(node)} modifier ${name} { if (skip__) { _; } else ${body} }`;
  }

  #renderInvocation(node: AstNode, parents: readonly AstNode[]): string {
    const name = (node["modifierName"] as AstNode)["name"] as string;
    if (node["kind"] !== "modifierInvocation") return this.#within(node, parents);
    const local = parents.find(({ nodeType }) => nodeType === "ContractDefinition")!["nodes"] as AstNode[];
    const isLocal = local.some((other) => other.nodeType === "ModifierDefinition" && other["name"] === name);
    if (!isLocal && FOREIGN_TWINS[name] === undefined) return this.#original(node);
    if (!isLocal) this.#twins.add(name);
    const id = this.#add("modifier", node, "");
    const given = ((node["arguments"] ?? []) as AstNode[]).map((argument) => this.#original(argument));
    return `${name}__m(${[id === 0 ? "false" : `mutant__(${id})`, ...given].join(", ")})`;
  }

  #renderBranch(node: AstNode, parents: readonly AstNode[]): string {
    const condition = node["condition"] as AstNode;
    const below = [...parents, node];
    const rendered = this.#choice(condition, this.#render(condition, below), [
      ["condition", "true"],
      ["condition", "false"],
    ]);
    const text = this.#within(node, below.slice(0, -1), (child) => child !== condition);
    const [start] = spanOf(node);
    const [from, to] = spanOf(condition);
    return text.slice(0, from - start) + rendered + text.slice(to - start);
  }

  /** No condition becomes true and no step is changed: that would only run out of gas. */
  #renderLoop(node: AstNode, parents: readonly AstNode[]): string {
    const condition = node["condition"] as AstNode | undefined;
    const text = this.#within(node, parents, (child) => child !== node["initializationExpression"] && child !== node["loopExpression"]);
    if (!isNode(condition)) return text;
    const id = this.#add("condition", condition, "false");
    if (id === 0) return text;
    // The condition stands once in the text, right behind the opening parenthesis or the first semicolon.
    const opening = node.nodeType === "WhileStatement" ? text.indexOf("(") : text.indexOf(";");
    const closing = node.nodeType === "WhileStatement" ? this.#closing(text, opening) : text.indexOf(";", opening + 1);
    return `${text.slice(0, opening + 1)} !mutant__(${id}) && (${text.slice(opening + 1, closing)})${text.slice(closing)}`;
  }

  #closing(text: string, opening: number): number {
    let depth = 0;
    for (let at = opening; at < text.length; at++) {
      if (text[at] === "(") depth++;
      if (text[at] === ")" && --depth === 0) return at;
    }
    throw new Error(`mutation: no closing parenthesis in ${text}`);
  }

  #renderStatement(node: AstNode, parents: readonly AstNode[]): string {
    const expression = node["expression"] as AstNode | undefined;
    // The text of `return;` alone has its semicolon.
    let text = `${this.#within(node, parents).replace(/;$/, "")};`;
    if (node.nodeType === "ExpressionStatement" && isNode(expression)) {
      const swapped = this.#swapped(expression);
      const id = swapped === undefined ? 0 : this.#add("assignment", expression, swapped);
      if (id !== 0) text = `if (mutant__(${id})) { ${swapped}; } else { ${text} }`;
    }
    const id = this.#add("statement", node, "{}");
    return id === 0 ? `{ ${text} }` : `{ if (!mutant__(${id})) { ${text} } }`;
  }

  #swapped(expression: AstNode): string | undefined {
    if (expression.nodeType === "Assignment") {
      const other = ASSIGNMENT[expression["operator"] as string];
      if (other === undefined) return undefined;
      const [left, right] = [expression["leftHandSide"] as AstNode, expression["rightHandSide"] as AstNode];
      return `${this.#original(left)} ${other} ${this.#original(right)}`;
    }
    if (expression.nodeType === "UnaryOperation") {
      const operator = expression["operator"] as string;
      if (operator === "++") return this.#original(expression).replace("++", "--");
      if (operator === "--") return this.#original(expression).replace("--", "++");
    }
    return undefined;
  }

  /** Alone below its condition, taking it away is the condition's own mutant. */
  #renderRevert(node: AstNode, parents: readonly AstNode[]): string {
    const text = `${this.#within(node, parents)};`;
    const above = parents.at(-1);
    const alone = above?.nodeType === "Block" && (above["statements"] as AstNode[]).length === 1;
    if (above?.nodeType === "IfStatement" || (alone && parents.at(-2)?.nodeType === "IfStatement")) return text;
    const id = this.#add("statement", node, "{}");
    return id === 0 ? text : `if (!mutant__(${id})) { ${text} }`;
  }

  #renderBinary(node: AstNode, parents: readonly AstNode[]): string {
    if (isRational(node)) return this.#original(node);
    const [left, right] = [node["leftExpression"] as AstNode, node["rightExpression"] as AstNode];
    const below = [...parents, node];
    const operator = node["operator"] as string;
    const between = this.#source.slice(spanOf(left)[1], spanOf(right)[0]);
    const text = `${this.#render(left, below)}${between}${this.#render(right, below)}`;
    const whole = (other: string): string => `${this.#original(left)} ${other} ${this.#original(right)}`;
    const isCondition = ["IfStatement", "Conditional", "ForStatement", "WhileStatement"].includes(parents.at(-1)?.nodeType ?? "");
    const alternatives: [string, string][] = [];
    const offer = (name: string, table: Record<string, string[]>): void => {
      for (const other of table[operator] ?? []) alternatives.push([name, whole(other)]);
    };
    offer("relational", RELATIONAL);
    if (!isCondition) offer("relational", NEGATED);
    offer("arithmetic", ARITHMETIC);
    offer("bitwise", BITWISE);
    offer("logical", LOGICAL);
    return this.#choice(node, text, alternatives);
  }

  #renderUnary(node: AstNode, parents: readonly AstNode[]): string {
    const operator = node["operator"] as string;
    const operand = node["subExpression"] as AstNode;
    if (isRational(node)) return this.#original(node);
    if (operator !== "!" && operator !== "~") return this.#within(node, parents);
    const text = this.#within(node, parents);
    return this.#choice(node, text, [[operator === "!" ? "logical" : "bitwise", this.#original(operand)]]);
  }

  #renderLiteral(node: AstNode, parents: readonly AstNode[]): string {
    const text = this.#original(node);
    const kind = node["kind"] as string;
    if (kind === "bool") return this.#choice(node, text, [["constant", text === "true" ? "false" : "true"]]);
    if (kind !== "number" || text.startsWith("-")) return text;
    const cast = this.#castFor(parents);
    if (cast === undefined) return text;
    const alternatives: [string, string][] = [["constant", text === "0" ? "1" : `(${text} + 1)`]];
    if (text === "1") alternatives.push(["constant", "0"]);
    return this.#choice(node, text, alternatives, cast);
  }

  /** What a number has to be cast to where it stands, so that a choice between two has the type that it had; nothing: leave it. */
  #castFor(parents: readonly AstNode[]): string | undefined {
    const above = parents.filter(({ nodeType }) => nodeType !== "TupleExpression").at(-1)!;
    if (isRational(above)) return undefined;
    const integer = (type: string): string | undefined => (/^u?int\d+$/.test(type) ? type : undefined);
    switch (above.nodeType) {
      case "BinaryOperation": {
        const operator = above["operator"] as string;
        if (operator === "<<" || operator === ">>") return "uint256";
        const common = above["commonType"] as { typeString?: string } | undefined;
        return operator === "**" ? undefined : integer(common?.typeString ?? "");
      }
      case "Assignment":
        return integer(typeOf(above["leftHandSide"] as AstNode));
      case "FunctionCall":
        return above["kind"] === "typeConversion" && integer(typeOf(above)) === undefined ? undefined : "";
      case "UnaryOperation":
        return undefined;
      default:
        return "";
    }
  }

  #renderName(node: AstNode, parents: readonly AstNode[]): string {
    const above = parents.at(-1);
    if (!this.#constants.has(node["referencedDeclaration"] as number)) {
      return node.nodeType === "MemberAccess" ? this.#within(node, parents) : this.#original(node);
    }
    const text = this.#original(node);
    if (above === undefined || above.nodeType === "MemberAccess" || isRational(above)) return text;
    return this.#choice(node, text, [["constant", `(${text} + 1)`]]);
  }

  #renderAssembly(node: AstNode): string {
    const ids: number[] = [];
    const block = node["AST"] as AstNode;
    const [start] = spanOf(node);
    const body = this.#renderYul(block, ids);
    if (ids.length === 0) return this.#original(node);
    const head = this.#source.slice(start, spanOf(block)[0]);
    return `{ ${ids.map((id) => `mutant__(${id});`).join(" ")} ${head}{${YUL_SWITCH}${body.slice(1)} }`;
  }

  #renderYul(node: AstNode, ids: number[]): string {
    const [first, end] = spanOf(node);
    let at = first;
    if (node.nodeType === "YulLiteral" && node["kind"] === "number") {
      const text = this.#original(node);
      const id = this.#add("assembly", node, `add(${text}, 1)`);
      if (id === 0) return text;
      ids.push(id);
      return `add(${text}, mutant__y(${id}))`;
    }
    let text = "";
    for (const child of childrenOf(node)) {
      const [start, stop] = spanOf(child);
      if (start < at) continue;
      text += this.#source.slice(at, start) + this.#renderYul(child, ids);
      at = stop;
    }
    text += this.#source.slice(at, end);
    if (node.nodeType !== "YulAssignment" && node.nodeType !== "YulExpressionStatement") return text;
    const id = this.#add("assembly", node, "");
    if (id === 0) return text;
    ids.push(id);
    return `if iszero(mutant__y(${id})) { ${text} }`;
  }
}
