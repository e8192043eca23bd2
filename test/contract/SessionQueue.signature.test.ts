import { expect } from "chai";
import { N as ORDER, SigningKey, toBeHex } from "ethers";
import { agreeing, differing, type Network } from "./network.ts";
import { errorBytes, useNetwork } from "./suite.ts";

/** A digest and a signature by the owner of a public key, made without the private key: r = x(aG + Q), s = r, digest = a * r. */
function forge(publicKey: string, a: bigint) {
  const point = SigningKey.addPoints(new SigningKey(toBeHex(a, 32)).publicKey, publicKey, false);
  const r = BigInt(`0x${point.slice(4, 68)}`);
  const odd = BigInt(`0x${point.slice(68)}`) & 1n;
  const high = r > ORDER / 2n;
  const [s, parity] = high ? [ORDER - r, odd ^ 1n] : [r, odd];
  const digest = (a * r) % ORDER;
  return { commitment: toBeHex(digest, 32), r: toBeHex(r, 32), vs: toBeHex(s | (parity << 255n), 32) };
}

describe("SessionQueue: what an operator's signature is good for", () => {
  const net = useNetwork();
  const skipped = (task: bigint, seat: number) => expectSkip(net(), task, seat);

  it("C1 H5 a commitment that its operator signed for one task cannot be carried into another task", async () => {
    const { modules, stranger } = net();
    const [first, second] = [await net().submit(), await net().submit()];
    await net().commitCarried(first);
    const nodes = await net().seatsOf(second);
    const seat = nodes.findIndex((node) => first.commits.some((commit) => commit.node === node));
    const replayed = first.commits.find(({ node }) => node === nodes[seat])!;
    const entry = { ...net().sign(replayed), seat };
    await modules.SessionQueue.connect(stranger).commitMany([{ task: second.id, commitments: [entry] }]);
    expect(await skipped(second.id, seat), "bitmap of committed seats").to.equal(0);
  });

  it("C1 H5 nobody commits for a seat by a digest and signature made up from the operator's public key", async () => {
    const { modules, stranger, operators } = net();
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    const forged = forge(operators.get(node!)!.signingKey.publicKey, 12345n);
    await modules.SessionQueue.connect(stranger).commitMany([{ task: task.id, commitments: [{ seat: 0, ...forged }] }]);
    expect(await skipped(task.id, 0), "bitmap of committed seats").to.equal(0);
  });
});

async function expectSkip(net: Network, task: bigint, _seat: number): Promise<number> {
  const [facts] = await net.modules.SessionQueue.factsOf(task);
  return Number(facts.committed);
}
void errorBytes; void agreeing; void differing;
