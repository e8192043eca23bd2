import { expect } from "chai";
import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { follow } from "../../offchain/indexer/follow.ts";
import { IndexStore } from "../../offchain/indexer/indexStore.ts";
import type { Row } from "../../offchain/indexer/schema.ts";
import { imagesOf, leaderboardOf } from "../../offchain/protocol/leaderboard.ts";
import { historyOf } from "../../offchain/protocol/networkHistory.ts";
import { readEvents, readImages } from "../../scripts/replay/events.ts";
import { answer, digestOf, Kind, RoundDriver } from "./rounds.ts";
import { now, useNetwork } from "./suite.ts";

const GOOD = digestOf("a build that works");
const BAD = digestOf("a build that talks nonsense");
const ROUNDS = 12;

describe("Images by their nodes' results", () => {
  const net = useNetwork({ nodes: 8, leased: false });

  /** Rounds in which nodes of the bad image answer what nobody else does. */
  async function run(bad: ReadonlySet<number>): Promise<void> {
    for (let i = 0; i < ROUNDS; i++) {
      const round = await RoundDriver.open(net(), Kind.Liveness);
      const members = await round.start();
      await round.commit(members.map((node, seat) => answer(seat, bad.has(node) ? 60 + 60 * seat : 0)));
      await net().networkHelpers.time.increase(1);
      await round.reveal(members.map((node, seat) => answer(seat, bad.has(node) ? 60 + 60 * seat : 0)));
    }
  }

  /** Two images, published with their bonds. */
  async function publish(): Promise<void> {
    const { COR, ImageRegistry } = net().modules;
    await COR.connect(net().client).approve(ImageRegistry.target, 2n * net().parameters.images.bond);
    for (const image of [GOOD, BAD]) await ImageRegistry.connect(net().client).publish(image, 0, "");
  }

  const ranking = async () => {
    const { ethers, record } = net();
    const history = historyOf(await readEvents(ethers.provider, record.addresses, 0));
    return { history, images: await readImages(ethers.provider, record.addresses, 0), at: await now(net()) };
  };

  it("N10 two images that four nodes declare are ranked by what the chain's events say of these nodes", async () => {
    const { modules, operators } = net();
    const { ImageRegistry, Reputation } = modules;
    await publish();
    const declares = async (node: number, image: string) => await ImageRegistry.connect(operators.get(node)).declare(node, image);
    // The first two change their minds, and the fifth takes its declaration back: the last word counts.
    await declares(1, BAD);
    for (const [node, image] of [
      [1, GOOD],
      [2, GOOD],
      [3, BAD],
      [4, BAD],
      [5, BAD],
    ] as const)
      await declares(node, image);
    await declares(5, `0x${"00".repeat(32)}`);
    await run(new Set([3, 4]));

    const { history, images, at } = await ranking();
    expect([...images]).to.have.deep.members([
      [1, GOOD],
      [2, GOOD],
      [3, BAD],
      [4, BAD],
    ]);
    const board = leaderboardOf(history, at, images);
    const ranked = imagesOf(board);
    expect(ranked.map(({ rank, image, nodes }) => ({ rank, image, nodes }))).to.deep.equal([
      { rank: 1, image: GOOD, nodes: 2 },
      { rank: 2, image: BAD, nodes: 2 },
    ]);
    // Every figure is what the contracts hold.
    for (const { image, score, passes } of ranked) {
      const nodes = [...images].filter(([, one]) => one === image).map(([node]) => node);
      const scores = await Promise.all(nodes.map(async (node) => Number(await Reputation.networkScoreOf(node))));
      const standings = await Promise.all(nodes.map(async (node) => await Reputation.standingOf(node)));
      expect(score).to.equal(Math.floor(scores.reduce((sum, one) => sum + one, 0) / nodes.length));
      expect(passes).to.equal(standings.reduce((sum, one) => sum + Number(one.passes), 0));
      expect(passes, `passes of ${image === GOOD ? "good" : "bad"} nodes`).to.satisfy((found: number) =>
        image === GOOD ? found > 0 : found === 0,
      );
    }
    // A stranger's index reads the same declarations.
    const endpoint = {
      provider: net().ethers.provider,
      chainId: net().domain.chainId,
      url: "test",
      close: () => {},
    } as unknown as Endpoint;
    const deployment = { network: "test", chainId: net().domain.chainId, blockNumber: 0, addresses: net().record.addresses };
    const store = new IndexStore(":memory:", net().domain.chainId, net().record.addresses.SessionQueue);
    await follow({ endpoint, deployment, store, pollMs: 0 });
    const rows = store.database.prepare("SELECT id, image FROM nodes ORDER BY id").all() as Pick<Row<"nodes">, "id" | "image">[];
    store.close();
    expect(rows.filter(({ image }) => image !== "" && BigInt(image) !== 0n).map(({ id, image }) => [id, image])).to.deep.equal(
      [...images].sort(),
    );
  }).timeout(120_000);

  it("N10 the ranking follows results: where the other image's nodes talk nonsense, it turns round", async () => {
    const { modules, operators } = net();
    const { ImageRegistry } = modules;
    await publish();
    for (const node of [1, 2, 3, 4]) await ImageRegistry.connect(operators.get(node)).declare(node, node < 3 ? GOOD : BAD);
    await run(new Set([1, 2]));
    const { history, images, at } = await ranking();
    expect(imagesOf(leaderboardOf(history, at, images)).map(({ image }) => image)).to.deep.equal([BAD, GOOD]);
  }).timeout(120_000);
});
