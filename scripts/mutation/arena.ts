import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import Mocha from "mocha";
import { PLACEHOLDER, TRACE } from "./operators.ts";

/** One test that can be run alone. `setup`: what its suites do before it. */
export interface Unit {
  name: string;
  kind: "mocha" | "solidity";
  cost: number;
}

export interface Reach {
  unit: Unit;
  own: number[];
  setup: number[];
}

interface EdrArtifact {
  id: { name: string; source: string; solcVersion: string };
  contract: { abi: string; bytecode: string; deployedBytecode: string };
}
interface SuiteResult {
  testResults: { name: string; status: string }[];
}
interface Internals {
  context: { runSolidityTests(...args: unknown[]): Promise<unknown> };
  chain: unknown;
  artifacts: EdrArtifact[];
  suites: EdrArtifact[];
  config: (pattern: string, onHit?: (tags: string[]) => void) => Promise<object>;
}

const word = (value: bigint | number): string => BigInt(value).toString(16).padStart(64, "0");
const FUZZ = { runs: 24, seed: "0x1234" };
const INVARIANT = { runs: 4, depth: 40, failOnRevert: false };
const GAS_LIMIT = 6_000_000_000n;
const TEST_LIMIT_MS = 20_000;

/** Runs chosen tests in this process with one mutant switched on. The process stands in the built project. */
export class Arena {
  #active = word(0);
  #hits = new Set<number>();
  readonly #mocha: Mocha;
  readonly #internals: Internals;

  private constructor(mocha: Mocha, internals: Internals) {
    this.#mocha = mocha;
    this.#internals = internals;
  }

  /** @param files the mocha tests that it may be asked for, without folder */
  static async open(project: string, traced: boolean, files: readonly string[]): Promise<Arena> {
    const mocha = new Mocha({ timeout: TEST_LIMIT_MS, reporter: class {} as never, bail: true });
    mocha.cleanReferencesAfterRun(false);
    const internals = await loadInternals(project);
    const arena = new Arena(mocha, internals);
    arena.#interceptArtifacts(project);
    if (traced) await arena.#listen(project);
    for (const file of files) mocha.addFile(path.join(project, "test", "contract", file));
    await mocha.loadFilesAsync();
    return arena;
  }

  /** Whoever reads an artifact gets it with the active mutant. */
  #interceptArtifacts(project: string): void {
    const folder = path.join(project, "artifacts");
    const isArtifact = (file: unknown): boolean => String(file instanceof URL ? file.pathname : file).startsWith(folder);
    const patch = (text: unknown): unknown => (typeof text === "string" ? text.replaceAll(PLACEHOLDER, this.#active) : text);
    const { readFileSync } = fs;
    const { readFile } = fs.promises;
    fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => {
      const text = readFileSync(...args);
      return isArtifact(args[0]) ? patch(text) : text;
    }) as typeof readFileSync;
    fs.promises.readFile = (async (...args: Parameters<typeof readFile>) => {
      const text = await readFile(...args);
      return isArtifact(args[0]) ? patch(text) : text;
    }) as typeof readFile;
    syncBuiltinESMExports();
  }

  async #listen(project: string): Promise<void> {
    const { default: hre } = (await import("hardhat")) as unknown as {
      default: { hooks: { registerHandlers(kind: string, handlers: object): void } };
    };
    void project;
    hre.hooks.registerHandlers("network", { onCoverageData: (_context: unknown, tags: string[]) => Promise.resolve(this.#hit(tags)) });
  }

  #hit(tags: string[]): void {
    for (const tag of tags) this.#hits.add(Number(`0x${tag.slice(-12)}`));
  }

  activate(mutant: number | "none" | "trace"): void {
    this.#active = word(mutant === "none" ? 0 : mutant === "trace" ? TRACE : mutant);
  }

  /** Runs the mocha tests of these full titles; stops at the first that fails and gives its title. */
  async runMocha(
    titles: ReadonlySet<string>,
    options: { bail?: boolean; onTest?: (title: string, ms: number, failed: boolean) => void } = {},
  ) {
    const { bail = true, onTest } = options;
    let killer: string | undefined;
    this.#bail(bail);
    (this.#mocha as unknown as { options: { grep: object } }).options.grep = { test: (title: string) => titles.has(title) };
    await new Promise<void>((resolve) => {
      const runner = this.#mocha.run(() => resolve());
      let started = 0;
      runner.on("test", () => (started = performance.now()));
      runner.on("fail", (test) => (killer ??= test.fullTitle()));
      runner.on("test end", (test) => onTest?.(test.fullTitle(), performance.now() - started, test.state === "failed"));
    });
    return killer;
  }

  /** Suites take over at their birth whether to stop at the first failure, so each has to be told. */
  #bail(bail: boolean): void {
    const tell = (suite: Mocha.Suite): void => {
      suite.bail(bail);
      suite.suites.forEach(tell);
    };
    tell(this.#mocha.suite);
  }

  /** Titles of all mocha tests. */
  mochaTitles(): string[] {
    const titles: string[] = [];
    this.#mocha.suite.eachTest((test) => titles.push(test.fullTitle()));
    return titles;
  }

  /** Runs Solidity tests, named `Suite.function`; gives those that failed. */
  async runSolidity(names: readonly string[], onHit?: (tags: string[]) => void): Promise<string[]> {
    const { context, chain, artifacts, suites, config } = this.#internals;
    const failed: string[] = [];
    for (const suite of suites) {
      const wanted = names.filter((name) => name.startsWith(`${suite.id.name}.`)).map((name) => name.slice(suite.id.name.length + 1));
      if (wanted.length === 0) continue;
      const patched = artifacts.map(({ id, contract }) => ({
        id,
        contract: {
          ...contract,
          bytecode: contract.bytecode.replaceAll(PLACEHOLDER, this.#active),
          deployedBytecode: contract.deployedBytecode.replaceAll(PLACEHOLDER, this.#active),
        },
      }));
      const settings = await config(`^(${wanted.join("|")})\\(`, onHit);
      await new Promise<void>((resolve, reject) => {
        const done = (result: SuiteResult): void => {
          for (const { name, status } of result.testResults)
            if (status === "Failure") failed.push(`${suite.id.name}.${name.split("(")[0]}`);
          resolve();
        };
        context.runSolidityTests(chain, patched, [suite.id], settings, { buildInfos: [], ignoreContracts: true }, done).catch(reject);
      });
      if (failed.length > 0) return failed;
    }
    return failed;
  }

  solidityNames(): string[] {
    return this.#internals.suites.flatMap(({ id, contract }) => {
      const abi = JSON.parse(contract.abi) as { type: string; name?: string }[];
      const tests = abi.filter(({ type, name }) => type === "function" && /^(test|invariant)/.test(name ?? ""));
      return tests.map(({ name }) => `${id.name}.${name}`);
    });
  }

  /** Which mutants each test reaches. Tests that fail without a mutant are left out. */
  async trace(solidity: boolean, say: (text: string) => void): Promise<{ reach: Reach[]; unfit: string[] }> {
    const unfit = new Set<string>();
    this.activate("none");
    await this.runMocha(new Set(this.mochaTitles()), { bail: false, onTest: (title, _, failed) => void (failed && unfit.add(title)) });
    say(`${unfit.size} mocha tests fail in the switched build and are left out: ${[...unfit].join("; ")}`);
    const reach: Reach[] = [];
    this.activate("trace");
    await this.#traceMocha(unfit, reach);
    say(`${reach.length} mocha tests traced`);
    for (const name of solidity ? this.solidityNames() : []) {
      this.activate("none");
      const started = performance.now();
      if ((await this.runSolidity([name])).length > 0) {
        unfit.add(name);
        continue;
      }
      const cost = performance.now() - started;
      this.activate("trace");
      const own = new Set<number>();
      await this.runSolidity([name], (tags) => tags.forEach((tag) => own.add(Number(`0x${tag.slice(-12)}`))));
      reach.push({ unit: { name, kind: "solidity", cost }, own: [...own], setup: [] });
    }
    return { reach, unfit: [...unfit] };
  }

  async #traceMocha(unfit: ReadonlySet<string>, reach: Reach[]): Promise<void> {
    const suites = new Map<Mocha.Suite, Set<number>>();
    (this.#mocha as unknown as { options: { grep: object } }).options.grep = { test: (title: string) => !unfit.has(title) };
    this.#bail(false);
    await new Promise<void>((resolve) => {
      const runner = this.#mocha.run(() => resolve());
      let started = 0;
      runner.on("suite", (suite) => suites.set(suite, (this.#hits = new Set())));
      runner.on("test", () => {
        this.#hits = new Set();
        started = performance.now();
      });
      runner.on("test end", (test) => {
        const setup = new Set<number>();
        for (let suite = test.parent; suite !== undefined; suite = suite.parent) for (const id of suites.get(suite) ?? []) setup.add(id);
        const unit: Unit = { name: test.fullTitle(), kind: "mocha", cost: performance.now() - started };
        reach.push({ unit, own: [...this.#hits], setup: [...setup] });
        this.#hits = suites.get(test.parent!) ?? new Set();
      });
    });
  }
}

/** Hardhat runs Solidity tests only as a task, on artifacts from disk; these are the parts of it that run them from memory. */
async function loadInternals(project: string): Promise<Internals> {
  const inside = async (file: string): Promise<Record<string, unknown>> => {
    const url = path.join(project, "node_modules", "hardhat", "dist", "src", "internal", file);
    return (await import(pathToFileURL(fs.realpathSync(url)).href)) as Record<string, unknown>;
  };
  type Call = (...args: unknown[]) => unknown;
  const [helpers, edr, chains, context] = await Promise.all(
    [
      "builtin-plugins/solidity-test/helpers.js",
      "builtin-plugins/solidity-test/edr-artifacts.js",
      "edr/chain-type.js",
      "edr/context.js",
    ].map(inside),
  );
  const { default: hre } = (await import("hardhat")) as unknown as {
    default: { artifacts: unknown; config: { test: { solidity: { profiles: { default: Record<string, unknown> } } } } };
  };
  const withMetadata = (await (edr!["buildEdrArtifactsWithMetadata"] as Call)(hre.artifacts)) as {
    edrArtifact: EdrArtifact;
    userSourceName: string;
  }[];
  const artifacts = withMetadata.map(({ edrArtifact }) => edrArtifact);
  const suites = artifacts.filter((artifact) => (helpers!["isTestSuiteArtifact"] as Call)(artifact));
  const testSourcePaths = {};
  const { eip712Types: _types, ...solidity } = hre.config.test.solidity.profiles.default;
  const config = async (testPattern: string, onHit?: (tags: string[]) => void): Promise<object> => {
    const observability = onHit && {
      codeCoverage: {
        onCollectedCoverageCallback: (data: Uint8Array[]) => Promise.resolve(onHit(data.map((tag) => Buffer.from(tag).toString("hex")))),
      },
    };
    const given = await (helpers!["solidityTestConfigToSolidityTestRunnerConfigArgs"] as Call)({
      chainType: "l1",
      projectRoot: project,
      hardfork: "prague",
      config: { ...solidity, fuzz: FUZZ, invariant: INVARIANT },
      verbosity: 0,
      observability,
      testPattern,
      generateGasReport: false,
      eip712CanonicalTypes: [],
      testSourcePaths,
    });
    return { ...(given as object), gasLimit: GAS_LIMIT, collectStackTraces: 1 };
  };
  return {
    context: (await (context!["getGlobalEdrContext"] as Call)()) as Internals["context"],
    chain: (chains!["hardhatChainTypeToEdrChainType"] as Call)("l1"),
    artifacts,
    suites,
    config,
  };
}
