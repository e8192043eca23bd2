import { expect } from "chai";
import { recoverAddress, Signature } from "ethers";
import { decodeAnswers } from "../../../offchain/protocol/answers.ts";
import { commitDigest, commitmentOf } from "../../../offchain/protocol/commitment.ts";
import { buildHandover, encodeHandover } from "../../../offchain/protocol/handover.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import { cidOf, type Digest } from "../../../offchain/content/contentId.ts";
import { eventually } from "../chain/hardhatNode.ts";
import { ROUTER } from "./localNetwork.ts";
import { CANARY, OneSeat, WINDOW } from "./oneSeat.ts";

describe("a node's tasks", function () {
  this.timeout(120_000);
  let bench: OneSeat;

  before(async () => {
    bench = await OneSeat.open();
  });
  after(async () => await bench.close());
  beforeEach(() => bench.begin("takes"));
  afterEach(async () => await bench.end());

  it("a carrier carries: commitment first, contents and opening only when commits have closed", async () => {
    const { url } = await bench.start();
    const { carrier, network } = bench;
    const task = await bench.submit();
    const given = await eventually(() => carrier.commitments[0], "the commitment");
    expect(given).to.include({ task: String(task), seat: 0, node: 1 });
    const signature = Signature.from({ r: String(given["r"]), yParityAndS: String(given["vs"]) });
    const domain = { chainId: 31337n, queue: network.deployment.addresses.SessionQueue };
    const signed = commitDigest(domain, task, 1, String(given["commitment"]));
    expect(recoverAddress(signed, signature)).to.equal(network.operators[0]!.address);
    expect(Object.keys(given), "nothing of the answer leaves with the commitment").to.have.members([
      "task",
      "seat",
      "node",
      "commitment",
      "r",
      "vs",
    ]);

    await bench.mine(3);
    expect(carrier.asked.filter((one) => one.startsWith("PUT"))).to.deep.equal([]);
    const [work] = bench.rows(`SELECT * FROM work WHERE task = '${task}'`);
    const contents = JSON.parse(String(work!["contents"])) as Digest[];
    expect(contents.length).to.equal(2);
    for (const digest of contents) expect((await fetch(`${url()}/content/${cidOf(digest)}`)).status).to.equal(404);

    const carried = { seat: 0, commitment: given["commitment"], r: given["r"], vs: given["vs"] };
    await bench.automatic(true);
    await network.send("SessionQueue", "commitMany", [[{ task, commitments: [carried] }]], ROUTER);
    const opening = await eventually(() => carrier.openings[0], "the opening");
    const { terms } = await bench.born(task);
    const { answers, claim, salt } = opening as { answers: string; claim: string; salt: string };
    expect(commitmentOf(domain, task, 1, terms, answers, claim, salt)).to.equal(given["commitment"]);
    const result = carrier.contents.get(cidOf(decodeAnswers(answers)[0]!.digest as Digest));
    expect(new TextDecoder().decode(result)).to.not.equal("");
    expect(carrier.contents.has(cidOf(claim as Digest))).to.equal(true);
    const lastPut = carrier.asked.findLastIndex((one) => one.startsWith("PUT"));
    expect(lastPut).to.be.lessThan(carrier.asked.indexOf("POST /carry/opening"));
    for (const digest of contents) expect((await fetch(`${url()}/content/${cidOf(digest)}`)).status).to.equal(200);

    const commits = [{ seat: 0, node: 1, commitment: String(given["commitment"]) }];
    const handover = buildHandover(task, terms, commits, new Map([[0, { answers, claim, salt }]]));
    await network.send("SessionQueue", "reveal", [encodeHandover(handover)], ROUTER);
    await bench.automatic(false);
    expect((await bench.facts(task)).status).to.equal(Status.Accepted);
    expect(bench.rows(`SELECT * FROM transactions WHERE id LIKE '%:${task}:%'`), "the node paid for nothing").to.deep.equal([]);
  });

  it("a carrier that takes and does nothing: the node acts by itself when 30 % of the window are over", async () => {
    await bench.start();
    const task = await bench.submit();
    await eventually(() => bench.carrier.commitments[0], "the commitment");
    await bench.mine(3);
    expect(await bench.pool()).to.deep.equal([]);
    await bench.pass(WINDOW * 0.3);
    await bench.until(task, ({ committed }) => committed === 1, "an own commitment");
    await eventually(() => bench.carrier.openings[0], "the opening");
    expect((await bench.facts(task)).revealed).to.equal(0);
    await bench.pass(WINDOW * 0.3);
    await bench.settled(task);
  });

  it("a carrier that refuses: the node acts by itself at once", async () => {
    bench.carrier.manner = "refuses";
    await bench.start();
    const task = await bench.submit();
    await bench.settled(task);
    expect(bench.carrier.asked.filter((one) => one.startsWith("POST"))).to.deep.equal(["POST /carry/commitment"]);
  });

  for (const manner of ["fails", "hangs"] as const) {
    it(`a carrier that ${manner}: the node acts by itself in time`, async () => {
      bench.carrier.manner = manner;
      await bench.start();
      const task = await bench.submit();
      await eventually(() => bench.carrier.asked.includes("POST /carry/commitment"), "an attempt");
      expect((await bench.facts(task)).committed).to.equal(0);
      await bench.pass(WINDOW * 0.3);
      await bench.until(task, ({ committed }) => committed === 1, "an own commitment");
      await bench.pass(WINDOW * 0.3);
      await bench.settled(task);
    });
  }

  it("finds the contracts through the one address of Runtime", async () => {
    bench.carrier.manner = "refuses";
    await bench.start({ deployment: undefined, runtime: bench.network.deployment.addresses.Runtime });
    await bench.settled(await bench.submit());
  });

  it("does not answer what is not as declared, and says why", async () => {
    bench.carrier.manner = "refuses";
    const { output } = await bench.start();
    const task = await bench.submit(1);
    await eventually(() => output().includes("TermsUntrue"), "the refusal");
    await bench.mine(2);
    expect((await bench.facts(task)).committed).to.equal(0);
    const line = output()
      .split("\n")
      .find((one) => one.includes("TermsUntrue"));
    expect(line).to.match(/found (\d+) tokens in prompt 0, wanted the \d+ that the task declares/);
  });

  it("settles what nobody settles", async () => {
    bench.carrier.manner = "hangs";
    await bench.start();
    const task = await bench.submit();
    await eventually(() => bench.carrier.asked.includes("POST /carry/commitment"), "an attempt");
    await bench.kill();
    await bench.pass(WINDOW + 1);
    expect((await bench.facts(task)).status).to.equal(Status.Open);
    await bench.start();
    await bench.pass(30);
    await bench.until(task, ({ status }) => status === Status.Failed, "a task that failed");
  });

  it("wrote neither prompts nor answers, salts, signatures or keys to its log", () => {
    const text = bench.output.join("");
    expect(text).to.include("the node runs");
    const works = bench.rows("SELECT salt, answers, r FROM work");
    expect(works.length).to.be.greaterThan(1);
    const secrets = works.flatMap((work) => [work["salt"], work["answers"], work["r"]].map((secret) => String(secret).slice(2, 42)));
    for (const secret of [CANARY, bench.network.operators[0]!.privateKey.slice(2), ...secrets])
      expect(text.includes(secret), secret).to.equal(false);
  });
});
