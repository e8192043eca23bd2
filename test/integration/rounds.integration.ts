import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import { type RoundLine, RoundsBook } from "../../scripts/localnet/roundsBook.ts";
import { type RoundsNetwork, startRoundsNetwork } from "../../scripts/localnet/roundsNetwork.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { eventually } from "../offchain/chain/hardhatNode.ts";

const NODES = 7;
const ORACLES = 2;

/** Real processes, real inference, and nobody but the network itself at work. */
describe("rounds of network work", function () {
  this.timeout(300_000);
  let net: RoundsNetwork;
  let book: RoundsBook;
  let folder: string;
  const dead = new Set<number>();

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-rounds-"));
    net = await startRoundsNetwork({
      folder,
      nodes: NODES,
      oracles: ORACLES,
      epoch: 2_400,
      // Below the ports of outgoing connections, which would take a dead node's place.
      rpcPort: 20_000 + (process.pid % 100) * 100,
      // All rounds are of the first kind: answers must agree, and whoever is silent is missed soon.
      adjust: ({ network }) => {
        const rules = {
          ...network.liveness.rules,
          claimWindow: 8,
          createWindow: 12,
          prepareWindow: 12,
          commitWindow: 12,
          revealWindow: 12,
        };
        network.liveness.rules = rules;
        network.capability = { rules, template: network.liveness.template };
        network.rounds.interval = 2;
      },
    });
    book = new RoundsBook(net);
  });
  after(async () => {
    await net?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const node of dead) net.restart(node);
    await Promise.all(
      [...dead].map(
        async (node) =>
          await eventually(async () => (await fetch(`${net.nodeUrls[node - 1]}/healthz`)).ok, "a node that runs again", 60_000),
      ),
    );
    dead.clear();
  });

  const lines = async (): Promise<RoundLine[]> => {
    await book.follow();
    return [...book.rounds.values()];
  };
  const ended = async (round: number) =>
    await eventually(
      async () => (await lines()).find((one) => one.round === round && one.ending !== undefined),
      `the end of round ${round}`,
      150_000,
    );
  const kill = async (node: number) => {
    dead.add(node);
    process.kill(net.nodes[node - 1]!.pid, "SIGKILL");
    await net.nodes[node - 1]!.exited;
  };
  /** A round that is younger than what is asked of it, once somebody is drawn for that. */
  const drawn = async (who: (line: RoundLine) => number[], after = Math.max(0, ...book.rounds.keys())) =>
    await eventually(
      async () => (await lines()).find((line) => line.round > after && line.ending === undefined && who(line).length > 0),
      "a draw",
      90_000,
    );
  const events = async (name: "MembersReplaced" | "AnswerCommitted", round: number) => {
    const pouw = contractOf(net.record, "PoUW", net.provider);
    return (await pouw.queryFilter(pouw.getEvent(name)(round))).map((log) => (log as unknown as { args: Record<string, unknown> }).args);
  };

  it("W10 open by themselves and end with real answers that agree", async () => {
    const line = await eventually(async () => (await lines()).find(({ ending }) => ending === "judged"), "a judged round", 90_000);
    expect(line.kind).to.equal("liveness");
    expect(line.question).to.match(/^What/);
    expect(line.answers.length).to.equal(3);
    for (const { text, agreed } of line.answers) {
      expect(text, "an answer").to.match(/ is an? /);
      expect(agreed).to.equal(true);
    }
    expect(new Set([line.creator, line.preparer, ...line.answerers]).size).to.equal(5);
  });

  it("G1 end without an answerer that was killed", async () => {
    for (let tries = 0; ; tries++) {
      const { round, answerers } = await drawn((line) => line.answerers);
      const victim = Math.max(...answerers);
      await kill(victim);
      const line = await ended(round);
      const committed = (await events("AnswerCommitted", round)).map(({ node }) => Number(node));
      // It may have been quicker than the signal.
      if (committed.includes(victim) && tries < 4) {
        net.restart(victim);
        dead.delete(victim);
        continue;
      }
      expect(line.ending).to.equal("judged");
      expect(committed).to.not.include(victim);
      expect(line.answers.filter(({ agreed }) => agreed).length).to.equal(2);
      return;
    }
  });

  it("G1 end although the node that was to create topics was killed", async () => {
    for (let tries = 0; ; tries++) {
      const { round, creator } = await drawn(({ creator: one }) => (one === undefined ? [] : [one]));
      await kill(creator!);
      const line = await ended(round);
      const replaced = await events("MembersReplaced", round);
      if (replaced.length === 0 && tries < 4) {
        net.restart(creator!);
        dead.delete(creator!);
        continue;
      }
      expect(replaced.map(({ role, members }) => [Number(role), Number(members)])).to.deep.equal([[0, creator]]);
      expect(line.creator).to.not.equal(creator);
      expect(line.ending).to.equal("judged");
      return;
    }
  });

  it("G3 go on when every oracle is dead: other nodes stand in after the grace", async () => {
    const { round } = await drawn(({ creator }) => (creator === undefined ? [] : [creator]));
    for (let node = 1; node <= ORACLES; node++) await kill(node);
    await ended(round);
    // And one that no oracle has opened.
    const next = await drawn(({ phase }) => (phase === "none" ? [] : [1]), round);
    const pouw = contractOf(net.record, "PoUW", net.provider);
    const [opened] = await pouw.queryFilter(pouw.getEvent("RoundOpened")(next.round));
    const { from } = await opened!.getTransaction();
    const oracles = Array.from({ length: ORACLES }, (_, i) => account(ACCOUNTS.firstOperator + i).address);
    expect(oracles).to.not.include(from);
  });
});
