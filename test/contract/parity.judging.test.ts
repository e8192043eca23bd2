import { expect } from "chai";
import { encodeOutcomes } from "../../offchain/protocol/answers.ts";
import { transcriptOf } from "../../offchain/protocol/commitment.ts";
import { taskSettled } from "../../offchain/protocol/events.ts";
import { type Settlement, settlementOf } from "../../offchain/protocol/judging.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { closedFacts, type HandoverSample, handovers } from "./samples.ts";
import {
  askMany,
  deployLibraries,
  entryOf,
  eventsIn,
  inBatches,
  patience,
  receiptOf,
  RUNS,
  useNetwork,
  write,
  writeFacts,
  writeRecord,
} from "./suite.ts";

interface Judged {
  outcomes: string;
  tokens: bigint;
  agreed: bigint;
  refusedByAll: bigint;
  differing: bigint;
  own: bigint[];
}

describe("Parity of judging", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });
  let samples: (HandoverSample & { wanted: Settlement })[];
  before(() => {
    samples = handovers(net().domain, Math.ceil(1.9 * RUNS), 18).map((sample) => ({ ...sample, wanted: settlementOf(sample.twin) }));
  });

  it(`F3 Judging.judge = settlementOf, for at least ${RUNS} handovers with changes`, async () => {
    const libraries = await deployLibraries(net());
    const given = samples.filter(({ twin, opened }) => {
      const open = twin.openings.filter((one) => one.opened).length;
      return opened !== 0 && open >= twin.terms.quorum;
    });
    expect(given.length).to.be.at.least(RUNS);
    const found = await inBatches<Judged>(
      net(),
      libraries,
      "judgements",
      given.map(({ encoded }) => encoded),
    );
    given.forEach(({ twin, encoded, wanted }, i) => {
      const { outcomes, tokens, agreed, refusedByAll, differing, own } = found[i]!;
      expect(outcomes, `outcomes of ${i}`).to.equal(encodeOutcomes(wanted.outcomes));
      expect(Number(agreed), `prompts with a quorum of ${i}`).to.equal(
        wanted.outcomes.filter(({ canonicalSeat }) => canonicalSeat !== null).length,
      );
      const alike = BigInt(wanted.outcomes.length) - differing - refusedByAll;
      twin.openings.forEach((opening, place) => {
        if (!opening.opened) return;
        const mine = encoded.changes.length === 0 ? 0n : own[place]!;
        const seat = wanted.seats[place]!;
        const sums = [tokens + (mine & (2n ** 64n - 1n)), alike + ((mine >> 64n) & 0xffffn), mine >> 80n];
        expect(sums, `seat ${opening.seat} of ${i}`).to.deep.equal([seat.tokens, BigInt(seat.accepted), BigInt(seat.outliers)]);
      });
    });
  }).timeout(patience(120_000));

  it(`A5 what SessionQueue.settle decides and pays = settlementOf, for ${RUNS} settlements`, async () => {
    const { modules, keeper } = net();
    const { SessionQueue: queue, SessionPayment: payment, Reputation: reputation } = modules;
    const libraries = await deployLibraries(net());
    const given = samples.slice(0, RUNS);
    // Past the window in which block 0, which decided them all, tells who was silent.
    await net().networkHelpers.mine(300);
    const tally = new Map<Status, number>();
    let [bounties, fees] = [0n, 0n];
    for (const [i, one] of given.entries()) {
      const { twin, encoded, commits, wanted } = one;
      await writeFacts(net(), twin.task, closedFacts(one));
      await writeRecord(net(), twin.task, transcriptOf(twin.task, twin.terms, commits));
      await write(net(), payment, entryOf("service/SessionPayment", "_balances", twin.task >> 32n), wanted.locked << 128n);
      const receipt = await receiptOf(queue.connect(keeper).settle(encoded, { gasLimit: 10_000_000, gasPrice: 10n ** 9n }));
      const [settled] = eventsIn(receipt, queue, "TaskSettled").map((args) => taskSettled(args as never));
      expect(settled, `settlement ${i}`).to.deep.equal({
        task: twin.task,
        status: wanted.status,
        charged: wanted.charged,
        seats: one.opened,
        rejected: 0,
        outcomes: encodeOutcomes(wanted.outcomes),
        // What was not judged is not said.
        base: wanted.outcomes.length === 0 ? "0x" : twin.base,
      });
      tally.set(wanted.status, (tally.get(wanted.status) ?? 0) + 1);
      bounties += wanted.charged === 0n ? 0n : twin.terms.bounty;
      fees += wanted.protocolFee;
    }
    const calls = given.flatMap(({ twin }) => [
      payment.interface.encodeFunctionData("balanceOf", [twin.task >> 32n]),
      payment.interface.encodeFunctionData("owedTo", [twin.terms.router]),
      ...twin.openings.map(({ node }) => payment.interface.encodeFunctionData("owedToNode", [node])),
    ]);
    const { answers } = await askMany(net(), libraries, payment, calls);
    let next = 0;
    for (const [i, { twin, wanted }] of given.entries()) {
      const [balance] = payment.interface.decodeFunctionResult("balanceOf", answers[next++]!);
      expect([...balance], `session of ${i}`).to.deep.equal([wanted.locked - wanted.charged, 0n]);
      expect(BigInt(answers[next++]!), `router of ${i}`).to.equal(wanted.routerFee);
      const nets = twin.openings.map(() => BigInt(answers[next++]!));
      expect(nets, `nodes of ${i}`).to.deep.equal(wanted.seats.map(({ net }) => net));
      const paid = nets.reduce((sum, one) => sum + one, wanted.routerFee + wanted.protocolFee);
      expect(paid + (wanted.charged === 0n ? 0n : twin.terms.bounty), `A5 the parts of ${i} sum to its charge`).to.equal(wanted.charged);
    }
    expect([...(await payment.accountOf(keeper.address))], "bounties and fees of all").to.deep.equal([bounties, fees]);
    const nodes = given.flatMap(({ twin }) => twin.openings);
    const records = await askMany(
      net(),
      libraries,
      reputation,
      nodes.map(({ node }) => reputation.interface.encodeFunctionData("recordOf", [node])),
    );
    let place = 0;
    for (const { twin, committed, wanted } of given) {
      const closed = bits(committed) >= twin.terms.quorum ? 0n : 1n;
      for (const [i, { opened }] of twin.openings.entries()) {
        const [record] = reputation.interface.decodeFunctionResult("recordOf", records.answers[place++]!);
        const { accepted, outliers } = wanted.seats[i]!;
        const [tasks, commits, reveals, ...points] = record as unknown as bigint[];
        expect([tasks, commits, reveals, ...points.slice(0, 2)]).to.deep.equal([
          1n,
          1n,
          opened ? 1n : closed,
          BigInt(accepted),
          BigInt(outliers),
        ]);
      }
    }
    for (const status of [Status.Accepted, Status.Inconclusive, Status.Failed])
      expect(tally.get(status), `status ${status}`).to.be.greaterThan(20);
  }).timeout(patience(240_000));
});

const bits = (map: number) => map.toString(2).replaceAll("0", "").length;
