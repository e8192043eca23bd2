import { expect } from "chai";
import fc from "fast-check";
import { packPart } from "../../offchain/protocol/parts.ts";
import { type DrawList, type DrawPool, drawMembers, type Listed, UNPROVEN } from "../../offchain/protocol/roundDraw.ts";
import { ROUND_AWAITS, ROUND_ENDINGS, ROUND_PHASES } from "../../offchain/protocol/roundEvents.ts";
import {
  awaitsAt,
  endedPhase,
  isDraw,
  panelQuorumOf,
  ROUND_STEPS,
  roundLife,
  type RoundPhase,
  type RoundStep,
  type RoundWindows,
  runningPhase,
  type StoredRound,
  withLate,
} from "../../offchain/protocol/roundPhases.ts";
import { awaitsNext, type RoundAwait } from "../../offchain/protocol/roundWork.ts";
import { MODEL, type Network } from "./network.ts";
import { ping } from "./pings.ts";
import { Kind, RoundDriver } from "./rounds.ts";
import { bytes32 } from "./samples.ts";
import { askMany, deployLibraries, entryOf, errorIn, moveTo, now, patience, RUNS, signerAt, useNetwork, write } from "./suite.ts";

const POUW = "assurance/PoUW";
const RING = 16;
/** Seconds after the first look at which all rounds are looked at again, each in pairs of blocks that follow each other. */
const LOOKS = [1, 2, 9, 10, 22, 23, 45, 46];

const NODES = 14;
/** Draws from each of three pools. */
const DRAWS = Math.ceil(RUNS / 3);

interface Sample {
  closesIn: number;
  seedIn: number;
  facts: Omit<StoredRound, "deadline" | "seedBlock">;
  rules: RoundWindows;
  ending: (typeof ROUND_ENDINGS)[number] | undefined;
}

const seats = fc.integer({ min: 0, max: 0x7f });
const windows = fc.record({
  quorum: fc.integer({ min: 2, max: 7 }),
  validators: fc.integer({ min: 0, max: 4 }),
  drawWindow: fc.integer({ min: 0, max: 4_500 }),
  claimWindow: fc.integer({ min: 0, max: 4_500 }),
  createWindow: fc.integer({ min: 0, max: 4_500 }),
  prepareWindow: fc.integer({ min: 0, max: 4_500 }),
  commitWindow: fc.integer({ min: 0, max: 4_500 }),
  revealWindow: fc.integer({ min: 0, max: 30 }),
  scoreWindow: fc.integer({ min: 0, max: 30 }),
});
const sample: fc.Arbitrary<Sample> = fc
  .record({
    closesIn: fc.integer({ min: -30, max: 40 }),
    seedIn: fc.integer({ min: -4, max: 10 }),
    step: fc.constantFrom(...ROUND_STEPS, "answer" as const, "score" as const, "answer" as const, "score" as const),
    claimed: fc.boolean(),
    committed: seats,
    scored: seats,
    hidden: fc.oneof(fc.constant(0), seats),
    rules: windows,
    ending: fc.option(fc.constantFrom(...ROUND_ENDINGS), { nil: undefined }),
  })
  .map(({ closesIn, seedIn, hidden, rules, ending, ...facts }) => ({
    closesIn,
    seedIn,
    rules,
    ending: facts.step === "none" ? ending : undefined,
    facts: { ...facts, revealed: facts.committed & ~hidden, opened: facts.scored & ~hidden },
  }));

/** Fields of a struct as storage packs them: each with its width in bytes, from the lowest on. */
const packed = (...fields: [value: number | bigint, bytes: number][]): bigint =>
  fields.reduceRight((word, [value, bytes]) => (word << BigInt(8 * bytes)) | BigInt(value), 0n);

/** Overwrites a round's facts and rules in its place of the ring. */
async function writeRound(net: Network, round: number, facts: StoredRound, rules: RoundWindows): Promise<void> {
  const first = BigInt(entryOf(POUW, "_rounds", BigInt(round % RING)));
  const at = async (slot: bigint, word: bigint) => await write(net, net.modules.PoUW, `0x${(first + slot).toString(16)}`, word);
  const step = ROUND_STEPS.indexOf(facts.step);
  await at(
    0n,
    packed(
      [round, 8],
      [1, 1],
      [0, 1],
      [step, 1],
      [0, 1],
      [0, 5],
      [facts.deadline, 5],
      [facts.seedBlock, 5],
      [45, 2],
      [facts.claimed ? 1 : 0, 1],
      [7, 1],
    ),
  );
  const { committed, revealed, scored, opened } = facts;
  await at(1n, packed([0, 16], [committed, 2], [revealed, 2], [scored, 2], [opened, 2], [0, 5], [4, 1], [255, 1], [0, 1]));
  const { quorum, validators, drawWindow, claimWindow, createWindow, prepareWindow, commitWindow, revealWindow, scoreWindow } = rules;
  const times = [drawWindow, claimWindow, createWindow, prepareWindow, commitWindow, revealWindow, scoreWindow];
  await at(3n, packed([7, 1], [quorum, 1], [validators, 1], [0, 3], ...times.map((time): [number, number] => [time, 2])));
}

/** Overwrites how a number of rounds ended: plus one, four bits each. */
async function writeEndings(net: Network, endings: Map<number, Sample["ending"]>): Promise<void> {
  const words = new Map<number, bigint>();
  for (const [round, ending] of endings) {
    const place = Math.floor(round / 64);
    const code = ending === undefined ? 0n : BigInt(ROUND_ENDINGS.indexOf(ending) + 1);
    words.set(place, (words.get(place) ?? 0n) | (code << BigInt(4 * (round % 64))));
  }
  for (const [place, word] of words) await write(net, net.modules.PoUW, entryOf(POUW, "_endings", BigInt(place)), word);
}

describe("Parity of rounds", function () {
  this.timeout(patience(120_000));

  describe("phases", () => {
    const net = useNetwork({ nodes: 0, leased: false });

    it(`B3 PoUW.phaseOf and what roundOf awaits = runningPhase, endedPhase and awaitsAt, and the block before foretells it (awaitsNext), for ${RUNS} stored rounds at ${LOOKS.length} times`, async () => {
      const { PoUW } = net().modules;
      const libraries = await deployLibraries(net());
      const seen = { phases: new Set<RoundPhase>(), awaits: new Set<RoundAwait>(), foretold: 0 };
      const samples = fc.sample(sample, { numRuns: RUNS, seed: 31 });
      for (let from = 0; from < samples.length; from += RING) {
        const start = await now(net());
        const block = await net().networkHelpers.time.latestBlock();
        const batch = new Map<number, { facts: StoredRound; rules: RoundWindows; ending: Sample["ending"] }>();
        for (const [i, { closesIn, seedIn, facts, rules, ending }] of samples.slice(from, from + RING).entries()) {
          const stored = { ...facts, deadline: start + closesIn, seedBlock: block + seedIn };
          batch.set(from + i + 1, { facts: stored, rules, ending });
          await writeRound(net(), from + i + 1, stored, rules);
        }
        await writeEndings(net(), new Map([...batch].map(([round, { ending }]) => [round, ending])));
        const foretold = new Map<number, RoundAwait>();
        for (const [i, look] of LOOKS.entries()) {
          await moveTo(net(), start + look);
          const calls = [...batch.keys()].flatMap((round) => [
            PoUW.interface.encodeFunctionData("phaseOf", [round]),
            PoUW.interface.encodeFunctionData("roundOf", [round]),
          ]);
          const { answers, ...clock } = await askMany(net(), libraries, PoUW, calls);
          expect(clock.timestamp).to.equal(start + look);
          [...batch].forEach(([round, { facts, rules, ending }], place) => {
            const phase = ROUND_PHASES[Number(PoUW.interface.decodeFunctionResult("phaseOf", answers[2 * place]!)[0])]!;
            const [view] = PoUW.interface.decodeFunctionResult("roundOf", answers[2 * place + 1]!);
            const awaits = ROUND_AWAITS[Number(view.awaits)]!;
            expect(phase, `phase of ${round}`).to.equal(facts.step === "none" ? endedPhase(ending) : runningPhase(facts, clock));
            expect({ awaits, deadline: Number(view.deadline) }, `wait of ${round}`).to.deep.equal(awaitsAt(facts, rules, clock));
            if (i % 2 === 1) expect(awaits, `wait of ${round}, a block before`).to.equal(foretold.get(round));
            const head = { ...facts, awaits, deadline: Number(view.deadline), quorum: rules.quorum };
            const next = { timestamp: clock.timestamp, blockNumber: clock.blockNumber + 1 };
            const panelQuorum = panelQuorumOf(rules.validators);
            const { revealWindow, scoreWindow } = rules;
            foretold.set(round, awaitsNext({ ...head, panelQuorum, revealWindow, scoreWindow }, next).awaits);
            if (foretold.get(round) !== awaits) seen.foretold++;
            seen.phases.add(phase);
            seen.awaits.add(awaits);
          });
        }
      }
      expect([...seen.phases].sort()).to.deep.equal([...ROUND_PHASES].sort());
      expect([...seen.awaits].sort()).to.deep.equal([...ROUND_AWAITS].sort());
      expect(seen.foretold, "changes from one block to the next").to.be.greaterThan(50);
    });

    it(`RoundLib.life = roundLife, for ${RUNS} rules; and which steps are draws`, async () => {
      const { PoUW } = net().modules;
      const { provider } = net().ethers;
      const rest = net().parameters.network.liveness.rules;
      const MOST = 86_400;
      let over = 0;
      for (const rules of fc.sample(windows, { numRuns: RUNS, seed: 32 })) {
        const given = { ...rest, ...rules, answerers: 7 };
        const data = PoUW.interface.encodeFunctionData("setRules", [Kind.Liveness, given, bytes32Of(7)]);
        const found = await provider.call({ from: net().deployer.address, to: PoUW.target, data }).then(
          () => undefined,
          (error: { data: string }) => errorIn(PoUW, error.data),
        );
        const life = roundLife(rules);
        if (life <= MOST) expect(found, `life of ${life} s`).to.equal(undefined);
        else expect([found?.name, ...(found?.args ?? [])]).to.deep.equal(["PoUWOutOfRange", 6n, BigInt(life), BigInt(MOST)]);
        if (life > MOST) over++;
      }
      expect(over).to.be.within(RUNS / 10, RUNS - RUNS / 100);
      expect(ROUND_STEPS.filter(isDraw)).to.deep.equal([
        "draw creator",
        "draw preparer",
        "draw answerers",
        "draw panel",
      ] satisfies RoundStep[]);
    });
  });

  describe("draws", () => {
    // Whoever pings lives for at least a window: long enough for any of these tests.
    const network = { livenessWindow: 600, epoch: 6_000 };
    const net = useNetwork({ nodes: NODES, leased: false, parameters: { pool: { proving: true }, network } });

    /** The pool as the contract lists it. */
    async function poolOf(): Promise<DrawPool> {
      const { NodePool, Reputation } = net().modules;
      const lists = new Map<DrawList, Listed[]>();
      for (const list of [0, 1, 2, UNPROVEN] as const) {
        const places: Listed[] = [];
        const count = Number(await NodePool.drawable(MODEL, list));
        for (let place = 0; place < count; place++) {
          const [node, owner, ready] = await NodePool.drawableAt(MODEL, list, place);
          places.push({ node: Number(node), owner, ready });
        }
        lists.set(list, places);
      }
      const scores = new Map<number, number>();
      const owners = new Map<number, string>();
      for (let node = 1; node <= NODES; node++) {
        scores.set(node, Number(await Reputation.networkScoreOf(node)));
        owners.set(node, await NodePool.ownerOf(node));
      }
      return { list: (list) => lists.get(list)!, scoreOf: (node) => scores.get(node)!, ownerOf: (node) => owners.get(node)! };
    }

    /** So many nodes get a pass, some alive and of some class; some owners own several nodes, and scores differ. */
    async function unlike(passes: number): Promise<void> {
      const { NodePool, Reputation, PoUW } = net().modules;
      await ping(
        net(),
        [...net().operators.keys()].filter((node) => node % 5 !== 0),
      );
      const pouw = await signerAt(net(), PoUW.target as string);
      const parts = [...net().operators.keys()].flatMap((node) =>
        Array.from({ length: node }, (_, i) =>
          packPart({
            node,
            role: "answerer",
            conduct: "opened",
            mark: i < node / 2 ? "pass" : "miss",
            level: 0,
            line: "liveness",
            points: 1,
          }),
        ),
      );
      await Reputation.connect(pouw).book(1, parts, 2, 2, { gasLimit: 15_000_000 });
      for (let node = 1; node <= passes; node++) {
        await NodePool.connect(pouw).take(MODEL, node, 1, bytes32Of(node), 2 ** 40 - 1);
        const lease = (await NodePool.nodeOf(node)).lease;
        await NodePool.connect(pouw).finish(lease, 1);
        await NodePool.setLevel(node, (node * 3) % 11);
      }
      for (let node = 3; node <= NODES; node += 4) {
        const word = BigInt(await NodePool.ownerOf(1));
        await replaceOwner(node, word);
      }
    }

    /** Gives a node to another owner, in storage: the contract has no act for that. */
    async function replaceOwner(node: number, owner: bigint): Promise<void> {
      const { NodePool } = net().modules;
      const before = BigInt(await NodePool.ownerOf(node));
      const first = BigInt(entryOf("identity/NodePool", "_nodes", BigInt(node)));
      for (let slot = first; ; slot++) {
        const word = BigInt(await net().networkHelpers.getStorageAt(NodePool.target as string, `0x${slot.toString(16)}`));
        if ((word & ((1n << 160n) - 1n)) !== before) {
          expect(Number(slot - first), "slots of a node").to.be.lessThan(8);
          continue;
        }
        await write(net(), NodePool, `0x${slot.toString(16)}`, ((word >> 160n) << 160n) | owner);
        if (BigInt(await NodePool.ownerOf(node)) === owner) return;
        await write(net(), NodePool, `0x${slot.toString(16)}`, word);
      }
    }

    const node = fc.integer({ min: 0, max: NODES });
    const draw = fc.record({
      kind: fc.constantFrom("liveness" as const, "capability" as const),
      step: fc.constantFrom("draw creator" as const, "draw preparer" as const, "draw answerers" as const, "draw panel" as const),
      tier: fc.constantFrom(0 as const, 1 as const, 2 as const),
      createdBy: node,
      preparedBy: node,
      seated: fc.uniqueArray(fc.integer({ min: 1, max: NODES }), { maxLength: 7 }),
      late: fc.uniqueArray(fc.integer({ min: 1, max: NODES }), { maxLength: 8 }),
      size: fc.integer({ min: 1, max: 7 }),
      seed: bytes32,
    });

    for (const [name, passes] of [
      ["a pool of many", 11],
      ["a small pool", 4],
      ["a pool without a pass", 0],
    ] as const)
      it(`D3 Referee.draw = drawMembers from ${name}, for ${DRAWS} rounds`, async () => {
        await unlike(passes);
        const { PoUW, Referee } = net().modules;
        const libraries = await deployLibraries(net());
        const pool = await poolOf();
        const given = fc.sample(draw, { numRuns: DRAWS, seed: 33 + passes });
        const none = {
          id: 1,
          replaced: 0,
          since: 0,
          deadline: 0,
          seedBlock: 0,
          threshold: 0,
          claimed: false,
          creator: 0,
          preparer: 0,
          answerers: 0,
        };
        const more = {
          panel: 0,
          committed: 0,
          revealed: 0,
          scored: 0,
          opened: 0,
          startedAt: 0,
          panelSize: 0,
          canonical: 255,
          agreed: 0,
          ending: 0,
        };
        const word = (nodes: number[]) => nodes.reduceRight((found, one) => (found << 24n) | BigInt(one), 0n);
        const calls = given.map(({ kind, step, tier, createdBy, preparedBy, seated, late, size, seed }) => {
          const facts = {
            ...none,
            ...more,
            kind: kind === "liveness" ? 1 : 2,
            tier,
            step: ROUND_STEPS.indexOf(step),
            createdBy,
            preparedBy,
          };
          const who = { seats: seated.length, late: word(late), lates: late.length };
          return Referee.interface.encodeFunctionData("draw", [{ ...facts, ...who }, MODEL, word(seated), size, seed]);
        });
        const { answers, timestamp } = await askMany(net(), libraries, Referee, calls);
        expect(timestamp).to.equal(await now(net()));
        const sizes = new Set<number>();
        given.forEach(({ step, size, seed, ...round }, run) => {
          const [members, drawn] = Referee.interface.decodeFunctionResult("draw", answers[run]!) as unknown as [bigint, bigint];
          const found = drawMembers({ ...round, answerers: step === "draw answerers" }, pool, size, seed);
          expect({ members, drawn: Number(drawn) }, `draw ${run}`).to.deep.equal({ members: word(found), drawn: found.length });
          sizes.add(found.length);
        });
        expect(sizes.size, "sizes that were drawn").to.be.greaterThan(2);
        expect(await PoUW.POOL()).to.equal(net().modules.NodePool.target);
      });

    it("RoundLib.shunLate = withLate: late creators are remembered in the order in which they were late", async () => {
      await unlike(11);
      const round = await RoundDriver.open(net(), Kind.Liveness);
      let late: number[] = [];
      for (let i = 0; i < 3; i++) {
        await round.draw();
        late = withLate(late, await round.creator());
        await round.expire();
        await round.advance();
        const slot = BigInt(entryOf(POUW, "_rounds", round.id % BigInt(RING))) + 2n;
        const word = BigInt(await net().networkHelpers.getStorageAt(net().modules.PoUW.target as string, `0x${slot.toString(16)}`));
        const stored = Array.from({ length: Number((word >> 240n) & 0xffn) }, (_, place) =>
          Number((word >> BigInt(24 * place)) & 0xffffffn),
        );
        expect(stored).to.deep.equal(late);
      }
      expect(withLate([1, 2, 3, 4, 5, 6, 7, 8], 9)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    });
  });
});

const bytes32Of = (value: number): string => `0x${value.toString(16).padStart(64, "0")}`;
