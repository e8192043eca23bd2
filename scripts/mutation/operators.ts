/** A random word that stands in the build for the number of the mutant that is switched on. */
export const PLACEHOLDER = "7b1f93d2c8e64a05b7d9e1f26c3a8045d17e92ab60f4538c9de1745fa2b6c03e";
/** Under this number no mutant is on, and each tells the chain's coverage that it was reached. */
export const TRACE = (1n << 255n) | 1n;

/** Address that the simulated chain watches for coverage. */
export const COVERAGE = "0xc0bEc0BEc0BeC0bEC0beC0bEC0bEC0beC0beC0BE";
export const SWITCH = `
function mutant__(uint256 id) pure returns (bool on) {
    uint256 active;
    assembly ("memory-safe") { active := 0x${PLACEHOLDER} }
    if (active == ${TRACE}) mutantPure__(mutantHit__)(id);
    return id == active;
}
function mutantHit__(uint256 id) view {
    assembly ("memory-safe") { mstore(0, id) pop(staticcall(gas(), ${COVERAGE}, 0, 32, 0, 0)) }
}
function mutantPure__(function(uint256) view given) pure returns (function(uint256) pure cast) {
    assembly ("memory-safe") { cast := given }
}
`;
export const YUL_SWITCH = ` function mutant__y(id) -> on { on := eq(id, 0x${PLACEHOLDER}) } `;

export const RELATIONAL: Record<string, string[]> = { "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="] };
export const NEGATED: Record<string, string[]> = { "<": [">="], "<=": [">"], ">": ["<="], ">=": ["<"] };
export const ARITHMETIC: Record<string, string[]> = { "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"] };
export const BITWISE: Record<string, string[]> = { "&": ["|"], "|": ["&"], "^": ["|"], "<<": [">>"], ">>": ["<<"] };
export const LOGICAL: Record<string, string[]> = { "&&": ["||"], "||": ["&&"] };
export const ASSIGNMENT: Record<string, string> = {
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "|=": "&=",
  "&=": "|=",
  "<<=": ">>=",
  ">>=": "<<=",
};

/** Nodes in which nothing is changed. */
export const VERBATIM = new Set(
  (
    "PragmaDirective ImportDirective StructDefinition EventDefinition ErrorDefinition EnumDefinition UsingForDirective VariableDeclaration " +
    "UserDefinedValueTypeDefinition ArrayTypeName ElementaryTypeName UserDefinedTypeName Mapping FunctionTypeName OverrideSpecifier " +
    "ElementaryTypeNameExpression InheritanceSpecifier NewExpression"
  ).split(" "),
);
export const MOST_ARGUMENTS = 7;
export const BODIES = new Set(["Block", "UncheckedBlock", "IfStatement"]);
/** Modifiers of packages, as a twin that can be switched off. */
export const FOREIGN_TWINS: Record<string, string> = {
  restricted: "modifier restricted__m(bool skip__) { if (!skip__) _checkCanCall(_msgSender(), _msgData()); _; }",
};
