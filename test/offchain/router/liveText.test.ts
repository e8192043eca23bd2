import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { SigningKey } from "ethers";
import Fastify, { type FastifyInstance } from "fastify";
import { LiveAnswers } from "../../../offchain/content/live.ts";
import { liveRoutes } from "../../../offchain/content/liveRoutes.ts";
import { LiveText, type Shown } from "../../../offchain/router/liveText.ts";
import { ROUTER_ADDRESS, TASK } from "./routerWorld.ts";

const never = new AbortController().signal;
const PLACE = { task: TASK, prompt: 0, seedBlock: 9 };

describe("what a stream shows of a committee's answers", () => {
  const servers: FastifyInstance[] = [];
  after(async () => await Promise.all(servers.map(async (server) => await server.close())));

  /** Nodes that write what the test says; `grants` are the signatures that each was shown. */
  async function committee(size: number) {
    const grants = new Map<number, Set<string>>();
    const nodes = await Promise.all(
      Array.from({ length: size }, async (_, seat) => {
        const answers = new LiveAnswers();
        const allows = (_task: bigint, _until: number, signature: string) => {
          grants.set(seat, (grants.get(seat) ?? new Set()).add(signature));
          return true;
        };
        const server = Fastify({ forceCloseConnections: true });
        await server.register(liveRoutes, { answers, allows });
        servers.push(server);
        return { answers, server, url: await server.listen({ port: 0, host: "127.0.0.1" }) };
      }),
    );
    const members = nodes.map((_, seat) => ({ seat, node: seat + 1, operator: "0x1" }));
    const world = {
      arrivals: { reached: () => Promise.resolve() },
      book: { tasks: new Map([[TASK, {}]]), leases: new Map() },
      committee: () => Promise.resolve(members),
      endpointsOf: ([node]: number[]) => [nodes[node! - 1]!.url],
    };
    const domain = { chainId: 31_337n, queue: ROUTER_ADDRESS };
    const live = new LiveText({ world, key: new SigningKey(`0x${"11".repeat(32)}`), domain } as never);
    const shown: Shown = { text: "", seat: undefined, node: undefined, finish: undefined };
    const read = async (prompt = 0, told = shown) => {
      const pieces: string[] = [];
      for await (const piece of live.pieces({ ...PLACE, prompt } as never, told, never)) pieces.push(piece);
      return pieces;
    };
    const write = (seat: number, text: string) => nodes[seat]!.answers.push(TASK, 0, text);
    const finish = (seat: number) => nodes[seat]!.answers.finish(TASK, 0, "stop");
    for (const { answers } of nodes) answers.begin(TASK, 0);
    return { nodes, grants, shown, read, write, finish };
  }

  it("is of the first node that writes, whatever its seat", async () => {
    const { shown, read, write, finish } = await committee(3);
    const reading = read();
    await delay(60);
    write(2, "Par");
    await delay(30);
    write(0, "Paris is ");
    await delay(30);
    write(2, "is.");
    finish(2);
    expect((await reading).join("")).to.equal("Paris.");
    expect(shown).to.deep.equal({ text: "Paris.", seat: 2, node: 3, finish: "stop" });
  });

  it("goes on with another node that writes the same where that one dies", async () => {
    const { nodes, shown, read, write, finish } = await committee(2);
    const reading = read();
    await delay(60);
    write(1, "Par");
    await delay(60);
    expect(shown).to.include({ text: "Par", seat: 1 });
    await nodes[1]!.server.close();
    write(0, "Paris.");
    finish(0);
    expect((await reading).join("")).to.equal("Paris.");
    expect(shown).to.include({ text: "Paris.", seat: 0, finish: "stop" });
  });

  it("takes one signature for all prompts of a task", async () => {
    const { nodes, grants, read } = await committee(1);
    const { answers } = nodes[0]!;
    const texts = await Promise.all(
      [0, 1, 2].map(async (prompt) => {
        answers.begin(TASK, prompt);
        answers.push(TASK, prompt, `answer ${prompt}`);
        answers.finish(TASK, prompt, "stop");
        return (await read(prompt, { text: "", seat: undefined, node: undefined, finish: undefined })).join("");
      }),
    );
    expect(texts).to.deep.equal(["answer 0", "answer 1", "answer 2"]);
    expect(grants.get(0)!.size).to.equal(1);
  });
});
