/** A node of solc's compact AST, as far as it is read here. */
export interface AstNode {
  id: number;
  nodeType: string;
  src: string;
  [field: string]: unknown;
}

export const isNode = (value: unknown): value is AstNode =>
  typeof value === "object" && value !== null && typeof (value as AstNode).nodeType === "string";

/** Byte offsets of a node in its source. */
export function spanOf(node: AstNode): [start: number, end: number] {
  const [start, length] = node.src.split(":").map(Number) as [number, number];
  return [start, start + length];
}

/** The nodes directly below a node, in the order of their text. Documentation is none. */
export function childrenOf(node: AstNode): AstNode[] {
  const found: AstNode[] = [];
  for (const [field, value] of Object.entries(node)) {
    if (field === "documentation") continue;
    const values: unknown[] = Array.isArray(value) ? value : [value];
    found.push(...values.filter(isNode));
  }
  return found.sort((a, b) => spanOf(a)[0] - spanOf(b)[0] || spanOf(b)[1] - spanOf(a)[1]);
}

export function walk(node: AstNode, visit: (node: AstNode, parents: readonly AstNode[]) => void, parents: readonly AstNode[] = []): void {
  visit(node, parents);
  const below = [...parents, node];
  for (const child of childrenOf(node)) walk(child, visit, below);
}

/** The type that the compiler found for an expression, such as `uint256`. */
export const typeOf = (node: AstNode): string => {
  const types = node["typeDescriptions"] as { typeString?: string } | undefined;
  return types?.typeString ?? "";
};

/** Whether the compiler computes the expression itself. */
export const isRational = (node: AstNode): boolean => /^(int_const|rational_const|literal_string)/.test(typeOf(node));
