import { expect } from "chai";
import { Signature, Wallet, ZeroHash } from "ethers";
import { encodeAnswers } from "../../../offchain/protocol/answers.ts";
import { commitDigest, commitmentOf } from "../../../offchain/protocol/commitment.ts";
import { type CommittedSeat, type Facts, State, Status } from "../../../offchain/protocol/types.ts";
import type { ApiError } from "../../../offchain/router/apiError.ts";
import { CarriedItems } from "../../../offchain/router/carriedItems.ts";
import { CarriedStore } from "../../../offchain/router/carriedStore.ts";
import { ENTRY, ROUTER_ADDRESS, SESSION, TASK, TERMS } from "./routerWorld.ts";
import { PLAIN_FACTS } from "../../plain.ts";

const DOMAIN = { chainId: 31337n, queue: "0x00000000000000000000000000000000000000C1" };
const ANSWERS = encodeAnswers([{ digest: `0x${"11".repeat(32)}`, sketch: ZeroHash, tokens: 3, finish: 0 }]);
const CLAIM = `0x${"22".repeat(32)}`;
const SALT = `0x${"33".repeat(32)}`;
const FACTS: Facts = {
  seed: 5n,
  lease: 1,
  commitsCloseAt: 1_020,
  revealWindow: 20,
  committed: 0,
  revealed: 0,
  redundancy: 3,
  quorum: 2,
  generation: 0,
  state: State.Seeded,
  ...PLAIN_FACTS,
  status: Status.Open,
};

describe("what a carrier takes", () => {
  const operators = [0, 1, 2].map(() => Wallet.createRandom());
  let store: CarriedStore;
  let taken: number;
  beforeEach(() => {
    store = new CarriedStore(":memory:", DOMAIN.chainId, DOMAIN.queue);
    taken = 0;
  });
  afterEach(() => store.close());

  interface Scene {
    commits?: CommittedSeat[];
    now?: number;
    drawn?: boolean;
    settled?: boolean;
    router?: string;
    unread?: boolean;
  }

  function carrier({ commits = [], now = 1_001, drawn = true, settled = false, router = ROUTER_ADDRESS, unread = false }: Scene = {}) {
    const entry = { ...ENTRY, commits, terms: { ...TERMS, router }, ...(settled && { settled: {} }) };
    const world = {
      book: { tasks: new Map([[TASK, entry]]) },
      head: unread ? undefined : { timestamp: now - 1, number: 8 },
      next: { timestamp: now, blockNumber: 9 },
      isOwn: ({ terms }: typeof entry) => terms.router === ROUTER_ADDRESS,
      facts: () => Promise.resolve(FACTS),
      committee: () =>
        Promise.resolve(drawn ? operators.map(({ address }, seat) => ({ seat, node: seat + 1, operator: address })) : undefined),
    };
    return new CarriedItems({ world: world as never, store, sessions: [SESSION], domain: DOMAIN, onTaken: () => taken++ });
  }

  const digest = commitmentOf(DOMAIN, TASK, 2, TERMS, ANSWERS, CLAIM, SALT);
  function commitment({ seat = 1, node = 2, signer = 1, task = TASK, value = digest } = {}) {
    const { r, yParityAndS: vs } = Signature.from(operators[signer]!.signingKey.sign(commitDigest(DOMAIN, task, node, value)));
    return { task: String(task), seat, node, commitment: value, r, vs };
  }
  const opening = (changes: object = {}) => ({
    task: String(TASK),
    seat: 1,
    node: 2,
    answers: ANSWERS,
    claim: CLAIM,
    salt: SALT,
    ...changes,
  });
  const onChain: CommittedSeat[] = [{ seat: 1, node: 2, commitment: digest }];

  async function refused(act: () => Promise<void> | void, status: number, code: string) {
    let error: ApiError | undefined;
    try {
      await act();
    } catch (thrown) {
      error = thrown as ApiError;
    }
    expect(error, "it was taken").to.not.equal(undefined);
    expect([error!.status, error!.code], error!.message).to.deep.equal([status, code]);
    expect(taken).to.equal(0);
    expect([store.commitments(TASK).length, store.openings(TASK).length]).to.deep.equal([0, 0]);
  }

  it("takes a commitment that the seat's operator signed, and keeps it on disk", async () => {
    await carrier().takeCommitment(commitment());
    expect(taken).to.equal(1);
    expect(store.commitments(TASK)).to.deep.equal([{ ...commitment(), task: TASK }]);
  });

  it("takes the same commitment again, and not another one for the seat", async () => {
    const items = carrier();
    await items.takeCommitment(commitment());
    await items.takeCommitment(commitment());
    const second = await items.takeCommitment(commitment({ value: `0x${"44".repeat(32)}` })).catch((error: ApiError) => error.code);
    expect(second).to.equal("SeatTaken");
    expect(store.commitments(TASK)).to.have.length(1);
  });

  const BAD: [what: string, scene: Scene, item: () => object, status: number, code: string][] = [
    ["another key's signature", {}, () => commitment({ signer: 0 }), 403, "NotSigned"],
    ["a broken signature", {}, () => ({ ...commitment(), vs: `0x${"00".repeat(32)}` }), 403, "NotSigned"],
    ["a node that sits in another seat", {}, () => commitment({ seat: 0 }), 403, "NotSeated"],
    ["a seat that there is not", {}, () => commitment({ seat: 7 }), 403, "NotSeated"],
    ["a task of another session", {}, () => commitment({ task: (2n << 32n) | 5n }), 404, "NotCarried"],
    ["a task that somebody else submitted", { router: DOMAIN.queue }, () => commitment(), 404, "NotCarried"],
    ["a task that is older than anything known", {}, () => commitment({ task: TASK - 1n }), 404, "NotCarried"],
    ["a task that has ended", { settled: true }, () => commitment(), 409, "TaskEnded"],
    ["a commitment that comes too late", { now: 1_021 }, () => commitment(), 409, "TooLate"],
    ["a task that is not known yet", {}, () => commitment({ task: TASK + 1n }), 503, "NotYet"],
    ["a committee that is not known yet", { drawn: false }, () => commitment(), 503, "NotYet"],
    ["a chain that was not read yet", { unread: true }, () => commitment(), 503, "NotYet"],
    ["a malformed item", {}, () => ({ ...commitment(), r: "0x12" }), 400, "InvalidItem"],
    ["a number too large", {}, () => ({ ...commitment(), task: "99999999999999999999" }), 400, "InvalidItem"],
  ];
  for (const [what, scene, item, status, code] of BAD) {
    it(`refuses a commitment for ${what}: ${status} ${code}`, async () => {
      await refused(async () => await carrier(scene).takeCommitment(item()), status, code);
    });
  }

  it("takes an opening that makes the commitment on chain", () => {
    carrier({ commits: onChain }).takeOpening(opening());
    expect(taken).to.equal(1);
    expect(store.openings(TASK)).to.deep.equal([{ ...opening(), task: TASK }]);
  });

  const BAD_OPENINGS: [what: string, commits: CommittedSeat[], item: () => object, status: number, code: string][] = [
    ["a seat whose commitment is not on chain yet", [], () => opening(), 503, "NotYet"],
    ["another salt", onChain, () => opening({ salt: CLAIM }), 422, "OpeningMismatch"],
    ["another claim", onChain, () => opening({ claim: SALT }), 422, "OpeningMismatch"],
    ["another node", onChain, () => opening({ node: 3 }), 422, "OpeningMismatch"],
    ["answers of the wrong length", onChain, () => opening({ answers: "0x1234" }), 422, "OpeningMismatch"],
    ["no hex", onChain, () => opening({ answers: "0x123" }), 400, "InvalidItem"],
  ];
  for (const [what, commits, item, status, code] of BAD_OPENINGS) {
    it(`refuses an opening for ${what}: ${status} ${code}`, async () => {
      await refused(() => carrier({ commits }).takeOpening(item()), status, code);
    });
  }

  it("forgets what ended long ago", async () => {
    await carrier().takeCommitment(commitment());
    store.forget(TASK);
    expect(store.commitments(TASK)).to.deep.equal([]);
  });
});
