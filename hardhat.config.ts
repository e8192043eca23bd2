import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";
import { tasks } from "./tasks/index.ts";

const OPTIMIZER_RUNS = 1_000;
const HARDFORK = "prague";

/** Solidity tests that call libraries themselves, whose inner loops fit on the stack only with viaIR. */
const LIBRARY_TESTS = ["Libraries.t.sol"];
const SOLIDITY_TESTS = readdirSync(new URL("./test/contracts", import.meta.url)).filter(
  (file) => file.endsWith(".sol") && !LIBRARY_TESTS.includes(file),
);

/** A chain behind an RPC address: address and deployer's key come from the environment or the keystore, never from a file of this project. */
const remote = (variable: string, chainId: number, chainType: "l1" | "op" | "generic") => ({
  type: "http" as const,
  chainType,
  chainId,
  url: configVariable(`${variable}_RPC_URL`),
  accounts: [configVariable(`${variable}_DEPLOYER_KEY`)],
});

const require = createRequire(import.meta.url);
// `path` names the compiler of the solc package, so Hardhat downloads nothing.
const { version: solcVersion } = require("solc/package.json") as { version: string };
const solcPath = path.join(path.dirname(require.resolve("solc/package.json")), "soljson.js");

const solc = (settings: object) => ({
  version: solcVersion,
  path: solcPath,
  settings: {
    evmVersion: HARDFORK,
    optimizer: { enabled: true, runs: OPTIMIZER_RUNS },
    outputSelection: { "*": { "*": ["storageLayout", "metadata"] } },
    ...settings,
  },
});

export default defineConfig({
  plugins: [toolbox],
  tasks: [...tasks],
  paths: {
    sources: ["./contracts", "./test/contracts"],
    tests: { mocha: "./test/contract", solidity: "./test/contracts" },
  },
  solidity: {
    npmFilesToBuild: [
      "@openzeppelin/contracts/access/manager/AccessManager.sol",
      "@openzeppelin/contracts/governance/TimelockController.sol",
    ],
    // One profile: what is tested is what is deployed. viaIR because SessionQueue passes EIP-170's limit without it. The Solidity tests
    // deploy those artefacts by name, so they need not pass through viaIR themselves (five times faster to compile).
    profiles: {
      default: {
        compilers: [solc({ viaIR: true })],
        overrides: Object.fromEntries(SOLIDITY_TESTS.map((file) => [`test/contracts/${file}`, solc({})])),
      },
    },
  },
  networks: {
    // For tests: always on the same day, so that draws, epochs and windows fall as they fell in the last run.
    default: { type: "edr-simulated", chainType: "l1", hardfork: HARDFORK, initialDate: "2030-01-01T00:00:00Z" },
    node: { type: "edr-simulated", chainType: "l1", chainId: 31337, hardfork: HARDFORK },
    // For programs that run: a block each second, also where nobody sends anything.
    live: { type: "edr-simulated", chainType: "l1", chainId: 31337, hardfork: HARDFORK, mining: { auto: true, interval: 1_000 } },
    localhost: { type: "http", chainType: "l1", url: configVariable("RPC_URL", { default: "http://127.0.0.1:8545" }) },
    sepolia: remote("SEPOLIA", 11_155_111, "l1"),
    baseSepolia: remote("BASE_SEPOLIA", 84_532, "op"),
    arbitrumSepolia: remote("ARBITRUM_SEPOLIA", 421_614, "generic"),
    l3: remote("L3", 920_337, "op"),
  },
  test: {
    mocha: { timeout: 60_000 },
    solidity: {
      fuzz: { runs: 256, seed: "0x1234" },
      invariant: { runs: 64, depth: 64, failOnRevert: false },
    },
  },
  typechain: { outDir: "types/ethers-contracts" },
});
