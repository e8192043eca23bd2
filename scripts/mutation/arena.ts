import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import Mocha from "mocha";
import type { NetworkConnection } from "hardhat/types/network";
import { Chains, Recording, Replay, type Request, type Response, type Script, type Seat, type Send } from "./chains.ts";
import { Codes, NOBODY } from "./codes.ts";
import { PLACEHOLDER, TRACE } from "./operators.ts";
import { numberIn, Tracing } from "./tracing.ts";

/** One test that can be run alone. */
export interface Unit {
  name: string;
  kind: "mocha" | "solidity";
  /** Time that it takes, ms. */
  cost: number;
}

/** What a test reaches. */
export interface Reach {
  unit: Unit;
  /** Chains that it and the hooks before it make, in their order. */
  chains: ReachedChain[];
  /** Mutants that a Solidity test reaches. */
  own: number[];
}

export interface ReachedChain {
  /** Writes in all, and pairs of a mutant and the number of writes before it is first reached. */
  writes: number;
  reached: [mutant: number, state: number][];
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

/** Chains that stand ready at a time: some 50 MB each. */
const MOST_CHAINS = 60;
/** Hardhat's own connections are made through these. */
interface Hardhat {
  hooks: { registerHandlers(kind: string, handlers: object): void };
  network: { create(options: object): Promise<NetworkConnection> };
}

/** Runs chosen tests in this process with one mutant switched on. The process stands in the built project. */
export class Arena {
  /** The mutant in what Solidity tests deploy. The others get theirs on the chain (`chains.ts`). */
  #active = word(TRACE);
  readonly #mocha: Mocha;
  readonly #internals: Internals;
  readonly #chains: Chains;
  readonly #scripts = new Map<string, Script[] | undefined>();
  /** Time for first runs of tests without a mutant, which serve all mutants. */
  recordingMs = 0;
  /** Tests that do not fail only because the code on the chain is another. */
  readonly #steady = new Set<string>();
  /** Gives each new connection of the running test its seat. */
  #seatFor: ((connection: NetworkConnection) => Seat) | undefined;

  private constructor(mocha: Mocha, internals: Internals, chains: Chains) {
    this.#mocha = mocha;
    this.#internals = internals;
    this.#chains = chains;
  }

  /** @param files the mocha tests that it may be asked for, without folder */
  static async open(project: string, files: readonly string[]): Promise<Arena> {
    const mocha = new Mocha({ timeout: TEST_LIMIT_MS, reporter: class {} as never, bail: true });
    mocha.cleanReferencesAfterRun(false);
    const internals = await loadInternals(project);
    const { default: hre } = (await import("hardhat")) as unknown as { default: Hardhat };
    const open = (chainId: number) => hre.network.create({ network: "default", override: { chainId } });
    const arena = new Arena(mocha, internals, new Chains(new Codes(path.join(project, "artifacts")), open, MOST_CHAINS));
    interceptArtifacts(project);
    arena.#interceptChains(hre);
    for (const file of files) mocha.addFile(path.join(project, "test", "contract", file));
    await mocha.loadFilesAsync();
    return arena;
  }

  #interceptChains(hre: Hardhat): void {
    const seats = new WeakMap<NetworkConnection, Seat>();
    const ours = new WeakSet<object>();
    type Next<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;
    hre.hooks.registerHandlers("network", {
      newConnection: async (context: object, next: Next<[object], NetworkConnection>) => {
        const connection = await next(context);
        const seat = this.#chains.making ? undefined : this.#seatFor?.(connection);
        if (seat !== undefined) seats.set(connection, seat);
        return connection;
      },
      onRequest: (
        context: object,
        connection: NetworkConnection,
        request: Request,
        next: Next<[object, NetworkConnection, Request], Response>,
      ) => {
        const seat = seats.get(connection);
        if (seat === undefined || ours.has(request.params as object)) return next(context, connection, request);
        // A chain of handlers can be gone through only once: what goes before the request takes another.
        const send: Send = (asked) => {
          if (asked.method === request.method) return next(context, connection, asked);
          ours.add(asked.params as object);
          return connection.provider
            .request({ method: asked.method, params: asked.params } as never)
            .then((result: unknown) => ({ jsonrpc: "2.0", id: asked.id, result }));
        };
        return seat.answer(request, send);
      },
    });
  }

  get chainCounts(): Readonly<Chains["counts"]> {
    return this.#chains.counts;
  }

  activate(mutant: number | "none" | "trace"): void {
    this.#active = word(mutant === "none" ? 0 : mutant === "trace" ? TRACE : mutant);
  }

  /**
   * Runs one mocha test, by its full title, with a mutant; whether it fails.
   * @returns undefined where the test, run alone, fails without a mutant too
   */
  async noticed({ unit: { name }, chains }: Reach, mutant: number): Promise<boolean | undefined> {
    if (!this.#scripts.has(name)) {
      const started = performance.now();
      const recordings: Recording[] = [];
      const fails = await this.#alone(name, (connection) => {
        const recording = new Recording(chainIdOf(connection));
        recordings.push(recording);
        return recording;
      });
      this.#scripts.set(name, fails ? undefined : recordings.map(({ script }) => script));
      this.recordingMs += performance.now() - started;
    }
    const scripts = this.#scripts.get(name);
    if (scripts === undefined) return undefined;
    const states = chains.map(({ reached }) => reached.find(([id]) => id === mutant)?.[1] ?? Infinity);
    if (!(await this.#replayed(name, scripts, states, mutant))) return false;
    // Other code makes other block hashes, and other draws: a test that fails because of these notices nothing.
    if (!this.#steady.has(name) && (await this.#replayed(name, scripts, states, NOBODY))) {
      this.#scripts.set(name, undefined);
      return undefined;
    }
    this.#steady.add(name);
    return true;
  }

  /** Runs one test on chains that take over in these states, with a mutant; whether it fails. */
  #replayed(name: string, scripts: readonly Script[], states: readonly number[], mutant: number): Promise<boolean> {
    let place = 0;
    return this.#alone(name, (connection) => {
      const at = place++;
      const script = scripts[at] ?? { chainId: chainIdOf(connection), writes: [], reads: [] };
      return new Replay(script, states[at] ?? 0, mutant, this.#chains);
    });
  }

  /** Runs one test with the hooks around it; whether it or a hook fails. */
  async #alone(name: string, seatFor: (connection: NetworkConnection) => Seat): Promise<boolean> {
    const seats: Seat[] = [];
    const end = (): void => seats.forEach((seat) => seat.end());
    this.#seatFor = (connection) => {
      const seat = seatFor(connection);
      seats.push(seat);
      return seat;
    };
    this.#bail(true);
    (this.#mocha as unknown as { options: { grep: object } }).options.grep = { test: (title: string) => title === name };
    let fails = false;
    await new Promise<void>((resolve) => {
      const runner = this.#mocha.run(() => resolve());
      runner.on("fail", () => (fails = true));
      runner.on("test end", end);
    });
    end();
    this.#seatFor = undefined;
    return fails;
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

  /** Which mutants each test reaches, and when. Tests that fail without a mutant are left out. */
  async trace(solidity: boolean, say: (text: string) => void): Promise<{ reach: Reach[]; unfit: string[] }> {
    const tracing = new Tracing();
    const { default: hre } = (await import("hardhat")) as unknown as { default: Hardhat };
    hre.hooks.registerHandlers("network", { onCoverageData: (_context: unknown, tags: string[]) => Promise.resolve(tracing.hit(tags)) });
    this.#seatFor = () => tracing.adopt();
    (this.#mocha as unknown as { options: { grep: object } }).options.grep = { test: () => true };
    this.#bail(false);
    await new Promise<void>((resolve) => tracing.follow(this.#mocha.run(() => resolve())));
    this.#seatFor = undefined;
    const { reach, unfit } = tracing;
    say(`${reach.length} mocha tests traced; left out, because they fail in the switched build: ${unfit.join("; ")}`);
    for (const name of solidity ? this.solidityNames() : []) {
      this.activate("none");
      const started = performance.now();
      if ((await this.runSolidity([name])).length > 0) {
        unfit.push(name);
        continue;
      }
      const cost = performance.now() - started;
      this.activate("trace");
      const own = new Set<number>();
      await this.runSolidity([name], (tags) => tags.forEach((tag) => own.add(numberIn(tag))));
      reach.push({ unit: { name, kind: "solidity", cost }, chains: [], own: [...own] });
    }
    return { reach, unfit };
  }
}

const chainIdOf = ({ networkConfig }: NetworkConnection): number => networkConfig.chainId ?? 31_337;

/** Whoever reads an artifact gets it as for tracing. */
function interceptArtifacts(project: string): void {
  const folder = path.join(project, "artifacts");
  const known = new Map<string, string>();
  const patch = (file: unknown, text: unknown): unknown => {
    const name = String(file instanceof URL ? file.pathname : file);
    if (typeof text !== "string" || !name.startsWith(folder)) return text;
    if (!known.has(name)) known.set(name, text.replaceAll(PLACEHOLDER, word(TRACE)));
    return known.get(name);
  };
  const { readFileSync } = fs;
  const { readFile } = fs.promises;
  fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => patch(args[0], readFileSync(...args))) as typeof readFileSync;
  fs.promises.readFile = (async (...args: Parameters<typeof readFile>) => patch(args[0], await readFile(...args))) as typeof readFile;
  syncBuiltinESMExports();
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
