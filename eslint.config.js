import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const OFFCHAIN = ["chain", "content", "dashboard", "indexer", "inference", "node", "protocol", "router", "runtime", "sdk"];

/** What each folder of offchain/ may import from the others. `protocol` is pure; the three edges never meet. */
const MAY_IMPORT = {
  protocol: [],
  runtime: [],
  chain: ["protocol", "runtime"],
  content: ["protocol", "runtime"],
  inference: ["protocol", "runtime"],
  node: ["protocol", "runtime", "chain", "content", "inference"],
  router: ["protocol", "runtime", "chain", "content", "inference", "sdk", "indexer"],
  sdk: ["protocol", "chain", "content"],
  indexer: ["protocol", "runtime", "chain", "content", "sdk"],
  // In a browser: of indexer and chain only types, and what is pure.
  dashboard: ["protocol", "sdk", "indexer", "chain"],
};

/** Packages that stand for an outside system, and the one folder that may use each. */
const OWNED_PACKAGES = { "node-llama-cpp": "inference" };
const RPC_PROVIDERS = ["JsonRpcProvider", "WebSocketProvider", "FallbackProvider", "IpcSocketProvider"];

const GENERATED_TYPES = {
  regex: "types/ethers-contracts",
  allowTypeImports: true,
  message: "Generated types vanish at run time: use `import type`, and offchain/chain/abis.ts for the ABI.",
};

function boundary(folder) {
  const closed = OFFCHAIN.filter((other) => other !== folder && !MAY_IMPORT[folder].includes(other));
  const patterns = [
    GENERATED_TYPES,
    {
      regex: `^(\\.\\./)+(${closed.join("|")})/`,
      message: `offchain/${folder} may import ${MAY_IMPORT[folder].join(", ") || "nothing"} of offchain/.`,
    },
    { regex: "^(\\.\\./)+(test|scripts|tasks|bench)/|^hardhat(/|$)|^@nomicfoundation/", message: "offchain/ runs without the tooling." },
  ];
  for (const [name, owner] of Object.entries(OWNED_PACKAGES)) {
    if (owner !== folder) patterns.push({ regex: `^${name}$`, message: `Only offchain/${owner} may import ${name}.` });
  }
  if (folder === "protocol") {
    patterns.push({
      regex: "^(?!\\./|ethers$|zod$|@openzeppelin/merkle-tree$)",
      message: "offchain/protocol is pure: it imports itself, zod, the Merkle tree and ethers' pure helpers.",
    });
  }
  const paths = [];
  if (folder === "protocol") {
    paths.push({
      name: "ethers",
      importNames: [...RPC_PROVIDERS, "BrowserProvider", "Contract", "ContractFactory", "Wallet", "getDefaultProvider", "randomBytes"],
      message: "offchain/protocol is pure: no network, no keys, no randomness.",
    });
  } else if (folder !== "chain") {
    paths.push({ name: "ethers", importNames: RPC_PROVIDERS, message: "Only offchain/chain speaks JSON-RPC." });
  }
  return {
    files: [`offchain/${folder}/**/*.{ts,tsx}`],
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { paths, patterns }] },
  };
}

/** Decisions see facts and return actions: what reaches outside is only named as a type. */
const PURE_ROLES = {
  files: ["offchain/node/roles/**/*.ts"],
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      {
        patterns: [
          GENERATED_TYPES,
          {
            regex: "^(\\.\\./)+(chain|content|inference|router|sdk|dashboard)/|^node:|^ethers$|^better-sqlite3$|^node-llama-cpp$",
            allowTypeImports: true,
            message: "A role decides and does nothing else: import the type, leave the act to execute.ts.",
          },
        ],
      },
    ],
  },
};

export default defineConfig(
  globalIgnores(["artifacts/", "cache/", "coverage/", "models/", "types/", "tools/node/"]),
  eslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      globals: Object.fromEntries(
        ["AbortController", "AbortSignal", "Buffer", "URL", "clearInterval", "clearTimeout", "console", "fetch", "process"]
          .concat(["performance", "setImmediate", "setInterval", "setTimeout", "structuredClone", "TextDecoder", "TextEncoder"])
          .map((name) => [name, "readonly"]),
      ),
    },
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-lines": ["error", 400],
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx", "hack"] }],
    },
  },
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-undef": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-restricted-imports": ["error", { patterns: [GENERATED_TYPES] }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" }],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/restrict-template-expressions": "off",
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Node.js strips types and cannot run an enum: use a union or a const object." },
        { selector: "TSModuleDeclaration[kind='namespace']", message: "Node.js strips types and cannot run a namespace: use a module." },
        { selector: "TSParameterProperty", message: "Node.js strips types and cannot run a parameter property: declare the field." },
      ],
    },
  },
  ...OFFCHAIN.map(boundary),
  PURE_ROLES,
  {
    // Assertions of chai are expressions, and a test reads JSON of which it knows the shape.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
);
