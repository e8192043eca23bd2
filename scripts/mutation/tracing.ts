import type { Runner, Suite, Test } from "mocha";
import { isWrite, type Request, type Response, type Seat, sendFrugally, type Send } from "./chains.ts";
import type { Reach } from "./arena.ts";

/** The number of the mutant that a tag of the chain's coverage names. */
export const numberIn = (tag: string): number => Number(`0x${tag.slice(-12)}`);

/** What a test or the hooks before it reached on one chain: by mutant, the writes before. */
type Reached = Map<number, number>;

/** One chain of the run: counts what was written on it. */
class Traced implements Seat {
  #issued = 0;
  /** Of each request that is under way, the writes before it. */
  readonly #underWay = new Map<Request, number>();
  /** Writes before the first test that it serves: where a test of its suite begins when it is run alone. */
  #setup: number | undefined;
  /** Writes that tests before this one did. */
  #others = 0;

  async answer(request: Request, send: Send): Promise<Response> {
    this.#underWay.set(request, this.#issued - this.#others);
    if (isWrite(request.method)) this.#issued++;
    try {
      return await sendFrugally(request, send);
    } finally {
      this.#underWay.delete(request);
    }
  }

  /** A test begins. */
  begin(): void {
    this.#setup ??= this.#issued;
    this.#others = this.#issued - this.#setup;
  }

  /** State in which something that happens now would happen if the running test were run alone; undefined where nothing is under way. */
  get state(): number | undefined {
    return this.#underWay.size === 0 ? undefined : Math.min(...this.#underWay.values());
  }

  /** Writes so far, of the running test and what was before the first one. */
  get writes(): number {
    return this.#issued - this.#others;
  }

  end(): void {}
}

/** Follows a run of many tests and finds out which mutants each reaches when it is run alone, on which chain, after how many writes. */
export class Tracing {
  readonly reach: Reach[] = [];
  readonly unfit: string[] = [];
  /** Chains of each suite's hooks and of the running test, and what was reached on them there. */
  readonly #chains = new Map<Suite | Test, Map<Traced, Reached>>();
  #owner: Suite | Test | undefined;

  adopt(): Traced {
    const chain = new Traced();
    if (this.#owner !== undefined) this.#reachedBy(this.#owner).set(chain, new Map());
    return chain;
  }

  hit(tags: readonly string[]): void {
    if (this.#owner === undefined) return;
    const own = this.#reachedBy(this.#owner);
    let isKnown = false;
    for (const chain of this.#chainsOf(this.#owner)) {
      const { state } = chain;
      if (state === undefined) continue;
      isKnown = true;
      const reached = own.get(chain) ?? new Map<number, number>();
      own.set(chain, reached);
      for (const id of tags.map(numberIn)) reached.set(id, Math.min(state, reached.get(id) ?? Infinity));
    }
    if (!isKnown) console.error(`mutation: something was reached while nothing was under way: ${this.#owner.title}`);
  }

  follow(runner: Runner): void {
    let started = 0;
    runner.on("suite", (suite) => (this.#owner = suite));
    runner.on("test", (test) => {
      this.#owner = test;
      for (const chain of this.#chainsOf(test)) chain.begin();
      started = performance.now();
    });
    runner.on("test end", (test) => {
      const unit = { name: test.fullTitle(), kind: "mocha", cost: performance.now() - started } as const;
      if (test.state === "failed") this.unfit.push(unit.name);
      else this.reach.push({ unit, own: [], chains: this.#chainsOf(test).map((chain) => this.#sum(chain, test)) });
      this.#chains.delete(test);
      this.#owner = undefined;
    });
  }

  #reachedBy(owner: Suite | Test): Map<Traced, Reached> {
    const known = this.#chains.get(owner) ?? new Map<Traced, Reached>();
    this.#chains.set(owner, known);
    return known;
  }

  /** Suites around, outermost first, and it. */
  #around(owner: Suite | Test): (Suite | Test)[] {
    return owner.parent === undefined ? [owner] : [...this.#around(owner.parent), owner];
  }

  #chainsOf(owner: Suite | Test): Traced[] {
    return [...new Set(this.#around(owner).flatMap((one) => [...this.#reachedBy(one).keys()]))];
  }

  #sum(chain: Traced, test: Test): Reach["chains"][number] {
    const first = new Map<number, number>();
    for (const owner of this.#around(test))
      for (const [id, state] of this.#reachedBy(owner).get(chain) ?? []) first.set(id, Math.min(state, first.get(id) ?? Infinity));
    return { writes: chain.writes, reached: [...first] };
  }
}
