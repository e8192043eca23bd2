import { expect } from "chai";
import { keccak256, N as ORDER, Signature, SigningKey, toBeHex, Transaction } from "ethers";
import { commitDigest } from "../../offchain/protocol/commitment.ts";
import { agreeing, type Network } from "./network.ts";
import { useNetwork } from "./suite.ts";

/** A digest and a signature by the owner of a public key, made without the private key: r = x(aG + Q), s = r, digest = a * r. */
function forge(publicKey: string, a: bigint) {
  const point = SigningKey.addPoints(new SigningKey(toBeHex(a, 32)).publicKey, publicKey, false);
  const r = BigInt(`0x${point.slice(4, 68)}`);
  const odd = BigInt(`0x${point.slice(68)}`) & 1n;
  const [s, parity] = r > ORDER / 2n ? [ORDER - r, odd ^ 1n] : [r, odd];
  return { commitment: toBeHex((a * r) % ORDER, 32), r: toBeHex(r, 32), vs: toBeHex(s | (parity << 255n), 32) };
}

describe("SessionQueue: what an operator's signature is good for", () => {
  const net = useNetwork();
  /** Bitmap of the seats that a stranger could commit for by carrying the entry. */
  async function carriedBy(
    { modules, stranger }: Network,
    task: bigint,
    entry: { seat: number; commitment: string; r: string; vs: string },
  ) {
    await modules.SessionQueue.connect(stranger).commitMany([{ task, commitments: [entry] }]);
    return Number((await modules.SessionQueue.factsOf(task))[0].committed);
  }

  it("C1 H5 a commitment that an operator signed for one task is not recorded in another task", async () => {
    const [first, second] = [await net().submit(), await net().submit()];
    await net().commitCarried(first);
    const nodes = await net().seatsOf(second);
    const seat = nodes.findIndex((node) => first.commits.some((commit) => commit.node === node));
    const replayed = first.commits.find(({ node }) => node === nodes[seat])!;
    expect(await carriedBy(net(), second.id, { ...net().sign(replayed), seat })).to.equal(0);
  });

  it("C1 H5 a signature counts on its own chain and contract, for its own task and author only", async () => {
    const { domain, operators } = net();
    const task = await net().submit();
    const nodes = await net().seatsOf(task);
    const { commitment } = net().prepare(task, 0, nodes[0]!, agreeing(1));
    const signed = (digest: string) => {
      const { r, yParityAndS } = Signature.from(operators.get(nodes[0]!)!.signingKey.sign(digest));
      return { seat: 0, commitment, r, vs: yParityAndS };
    };
    for (const digest of [
      commitment,
      commitDigest({ ...domain, chainId: domain.chainId + 1n }, task.id, nodes[0]!, commitment),
      commitDigest({ ...domain, queue: net().stranger.address }, task.id, nodes[0]!, commitment),
      commitDigest(domain, task.id + 1n, nodes[0]!, commitment),
      commitDigest(domain, task.id, nodes[1]!, commitment),
      commitDigest(domain, task.id, nodes[0]!, keccak256(commitment)),
    ]) {
      expect(await carriedBy(net(), task.id, signed(digest))).to.equal(0);
    }
    expect(await carriedBy(net(), task.id, signed(commitDigest(domain, task.id, nodes[0]!, commitment)))).to.equal(1);
  });

  it("C1 H5 the signature of an operator's transaction is not recorded as a commitment", async () => {
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    const raw = await net()
      .operators.get(node!)!
      .signTransaction({ to: net().stranger.address, chainId: 31_337, gasLimit: 21_000, nonce: 0, type: 2 });
    const { unsignedHash, signature } = Transaction.from(raw);
    const entry = { seat: 0, commitment: unsignedHash, r: signature!.r, vs: signature!.yParityAndS };
    expect(await carriedBy(net(), task.id, entry)).to.equal(0);
  });

  it("C1 H5 a digest and signature made up from an operator's public key are not recorded", async () => {
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    const forged = forge(net().operators.get(node!)!.signingKey.publicKey, 12_345n);
    expect(await carriedBy(net(), task.id, { seat: 0, ...forged })).to.equal(0);
  });
});
