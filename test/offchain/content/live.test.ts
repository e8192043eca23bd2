import { expect } from "chai";
import Fastify, { type FastifyInstance } from "fastify";
import { recoverAddress, Wallet } from "ethers";
import { grantDigest, LiveAnswers, type LiveEvent } from "../../../offchain/content/live.ts";
import { readLive } from "../../../offchain/content/livePeer.ts";
import { liveRoutes } from "../../../offchain/content/liveRoutes.ts";

const DOMAIN = { chainId: 31337n, queue: "0x00000000000000000000000000000000000000A1" };
const never = new AbortController().signal;

async function all(events: AsyncIterable<LiveEvent>): Promise<LiveEvent[]> {
  const found: LiveEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

describe("answers while they are written", () => {
  const router = Wallet.createRandom();
  const answers = new LiveAnswers();
  let server: FastifyInstance;
  let base: string;
  const grant = (node = 1, seconds = 60, key = router) => {
    const until = Math.floor(Date.now() / 1_000) + seconds;
    return `${until}.${key.signingKey.sign(grantDigest(DOMAIN, 7n, node, until)).serialized}`;
  };
  before(async () => {
    server = Fastify({ forceCloseConnections: true });
    const allows = (task: bigint, until: number, signature: string) =>
      recoverAddress(grantDigest(DOMAIN, task, 1, until), signature) === router.address;
    await server.register(liveRoutes, { answers, allows });
    base = await server.listen({ port: 0, host: "127.0.0.1" });
  });
  after(async () => await server.close());

  it("are told from the first character on, to early and late readers, and an attempt made again is told once", async () => {
    const early = all(readLive(base, 7n, 0, grant(), never));
    answers.begin(7n, 0);
    for (const piece of ["The ", "capital "]) answers.push(7n, 0, piece);
    answers.begin(7n, 0);
    for (const piece of ["The ", "capital ", "is Lima."]) answers.push(7n, 0, piece);
    answers.finish(7n, 0, "stop");
    const late = all(readLive(base, 7n, 0, grant(), never));
    for (const events of [await early, await late]) {
      expect(events.map((event) => ("text" in event ? event.text : "")).join("")).to.equal("The capital is Lima.");
      expect(events.at(-1)).to.deep.equal({ finish: "stop" });
    }
  });

  it("are told to the task's router alone", async () => {
    const refused = [grant(2), grant(1, -1), grant(1, 3_600), grant(1, 60, Wallet.createRandom()), "1.0x00", ""];
    for (const text of refused) expect(await all(readLive(base, 7n, 0, text, never)), text).to.deep.equal([]);
    const response = await fetch(`${base}/live/7/0`);
    expect(response.status).to.equal(403);
    expect(((await response.json()) as { error: object }).error).to.include({ code: "NotGranted" });
  });

  it("stop being read when the reader goes away", async () => {
    const gone = new AbortController();
    const reading = all(readLive(base, 7n, 5, grant(), gone.signal));
    setTimeout(() => gone.abort(), 50);
    expect(await reading).to.deep.equal([]);
  });
});
