import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { membersIn } from "../../offchain/protocol/roundEvents.ts";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import { type RoundLine, RoundsBook } from "../../scripts/localnet/roundsBook.ts";
import { type RoundsNetwork, startRoundsNetwork } from "../../scripts/localnet/roundsNetwork.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { eventually } from "../offchain/chain/hardhatNode.ts";

const NODES = 7;
const ORACLES = 2;
/** Roles, as `RoleDrawn` has them. */
const [CREATOR, PREPARER, ANSWERER, VALIDATOR] = [0, 1, 2, 3];

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
          scoreWindow: 16,
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
    await Promise.all([...dead].map(revive));
  });

  /** Starts a killed node again, and waits until it takes work: before, it would be absent from rounds that draw it. */
  async function revive(node: number): Promise<void> {
    net.restart(node);
    await eventually(async () => (await fetch(`${net.nodeUrls[node - 1]}/readyz`)).ok, `node ${node} that is ready again`, 90_000);
    dead.delete(node);
  }

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
  const pouw = () => contractOf(net.record, "PoUW", net.provider);
  /** Who is drawn for a role in a round that is not open yet. Asked of the chain alone, to be quicker than whoever was drawn. */
  const drawn = async (role: number): Promise<{ round: number; members: number[] }> => {
    const from = await net.provider.getBlockNumber();
    const last = ((await pouw().getFunction("roundCount").staticCall({ blockTag: from })) as bigint[])[0]!;
    return await eventually(
      async () => {
        const draws = await pouw().queryFilter(pouw().getEvent("RoleDrawn")(), from + 1);
        const found = draws.map((log) => (log as unknown as { args: { round: bigint; role: bigint; members: bigint } }).args);
        const first = found.find((one) => one.round > last && Number(one.role) === role);
        return first && { round: Number(first.round), members: membersIn(first.members) };
      },
      "a draw",
      120_000,
    );
  };
  const events = async (name: "MembersReplaced" | "AnswerCommitted", round: number) => {
    const found = await pouw().queryFilter(pouw().getEvent(name)(round));
    return found.map((log) => (log as unknown as { args: Record<string, unknown> }).args);
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
      const { round, members } = await drawn(ANSWERER);
      const victim = Math.max(...members);
      await kill(victim);
      const line = await ended(round);
      const committed = (await events("AnswerCommitted", round)).map(({ node }) => Number(node));
      // It may have been quicker than the signal.
      if (committed.includes(victim) && tries < 4) {
        await revive(victim);
        continue;
      }
      expect(line.ending).to.equal("judged");
      expect(committed).to.not.include(victim);
      expect(line.answers.filter(({ agreed }) => agreed).length).to.equal(2);
      return;
    }
  });

  /** Kills whoever is drawn for a role, in one round after another until somebody was not quicker than the signal. */
  const withoutOne = async (role: number, who: (line: RoundLine) => number | undefined): Promise<RoundLine> => {
    for (let tries = 0; ; tries++) {
      const { round, members } = await drawn(role);
      const victim = members[0]!;
      await kill(victim);
      const line = await ended(round);
      const replaced = (await events("MembersReplaced", round)).map((event) => [Number(event["role"]), Number(event["members"])]);
      if (replaced.length === 0 && tries < 4) {
        await revive(victim);
        continue;
      }
      expect(replaced, "who was replaced").to.deep.equal([[role, victim]]);
      expect(who(line), "who did it").to.be.a("number").and.not.equal(victim);
      return line;
    }
  };

  it("G1 end although the node that was to create topics was killed", async () => {
    expect((await withoutOne(CREATOR, ({ creator }) => creator)).ending).to.equal("judged");
  });

  it("G1 end although the node that was to prepare the question was killed", async () => {
    expect((await withoutOne(PREPARER, ({ preparer }) => preparer)).ending).to.equal("judged");
  });

  it("G1 end although the validator that was to score was killed: a fresh one is drawn and scores", async () => {
    const { rules, template } = net.parameters.network.capability;
    const governed = contractOf(net.record, "PoUW", account(ACCOUNTS.deployer, net.provider)).getFunction("setRules");
    // One validator at a time, so that of seven nodes two are left to replace it.
    await (await governed.send(2, { ...rules, answerers: 2, validators: 1 }, template)).wait();
    const line = await withoutOne(VALIDATOR, ({ validators }) => validators[0]);
    await (await governed.send(2, rules, template)).wait();
    expect(line.ending).to.equal("judged");
    expect(line.answers.map(({ score }) => score)).to.have.length(2);
    for (const { score } of line.answers) expect(score, "a score of the fresh validator").to.be.greaterThan(0);
  });

  it("G3 end although the leader was killed in the middle of a phase", async () => {
    const committee = contractOf(net.record, "OracleCommittee", net.provider);
    const oracles = Array.from({ length: ORACLES }, (_, i) => account(ACCOUNTS.firstOperator + i).address);
    // The question is being written: what comes next is the leader's to advance.
    const { round } = await drawn(PREPARER);
    const leader = oracles.indexOf((await committee.getFunction("leader").staticCall()) as string) + 1;
    await kill(leader);
    expect((await ended(round)).ending).to.equal("judged");
    const draws = await pouw().queryFilter(pouw().getEvent("RoleDrawn")(round));
    const senders = await Promise.all(draws.slice(-1).map(async (log) => (await log.getTransaction()).from));
    expect(senders, "who drew the answerers").to.not.include(oracles[leader - 1]);
  });

  it("G3 go on when every oracle is dead: other nodes stand in after the grace", async () => {
    const { round } = await drawn(CREATOR);
    for (let node = 1; node <= ORACLES; node++) await kill(node);
    await ended(round);
    // And one that no oracle has opened.
    const next = await drawn(CREATOR);
    const [opened] = await pouw().queryFilter(pouw().getEvent("RoundOpened")(next.round));
    const { from } = await opened!.getTransaction();
    const oracles = Array.from({ length: ORACLES }, (_, i) => account(ACCOUNTS.firstOperator + i).address);
    expect(oracles).to.not.include(from);
  });
});
