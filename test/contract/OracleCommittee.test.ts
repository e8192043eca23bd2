import { expect } from "chai";
import { MODEL } from "./network.ts";
import { Kind } from "./rounds.ts";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";

const SLOT = 60;
const SILENCE = 45;

describe("OracleCommittee", () => {
  const net = useNetwork({ nodes: 4, leased: false }, async ({ modules, client, router, keeper }) => {
    await modules.OracleCommittee.setOracles([client.address, router.address, keeper.address]);
  });
  const committee = () => net().modules.OracleCommittee;
  const members = () => [net().client, net().router, net().keeper];
  const signerOf = (address: string) => members().find((member) => member.address === address)!;
  /** The first second of a slot that begins later. */
  const nextSlot = async () => (Math.floor((await now(net())) / SLOT) + 1) * SLOT;
  const leaderAt = async (second: number) => {
    await moveTo(net(), second);
    return await committee().leader();
  };

  it("N13 oracles lead in turn, one slot each, and everybody can tell who", async () => {
    const start = await nextSlot();
    const seen: string[] = [];
    for (let slot = 0; slot < 6; slot++) seen.push(await leaderAt(start + slot * SLOT + 1));
    expect(seen.slice(3)).to.deep.equal(seen.slice(0, 3));
    expect(new Set(seen)).to.deep.equal(new Set(members().map(({ address }) => address)));
    expect(await committee().isOracle(net().client.address)).to.equal(true);
    expect(await committee().isOracle(net().stranger.address)).to.equal(false);
  });

  it("N13 a leader is passed over only after 45 seconds of silence, by anyone; a heartbeat starts them again", async () => {
    const start = await nextSlot();
    const first = await leaderAt(start);
    await nextAt(net(), start + SILENCE - 1);
    await expect(committee().connect(net().stranger).rotate()).to.be.revertedWithCustomError(committee(), "OracleCommitteeNotSilent");
    await nextAt(net(), start + SILENCE);
    await expect(committee().connect(net().stranger).rotate()).to.emit(committee(), "LeaderRotated");
    const second = await committee().leader();
    expect(second).to.not.equal(first);
    await nextAt(net(), start + SILENCE + 1);
    await committee().connect(signerOf(second)).heartbeat();
    const later = await leaderAt(start + SLOT);
    await nextAt(net(), start + SLOT + 10);
    await committee().connect(signerOf(later)).heartbeat();
    await nextAt(net(), start + SLOT + SILENCE);
    await expect(committee().rotate()).to.be.revertedWithCustomError(committee(), "OracleCommitteeNotSilent");
    await nextAt(net(), start + SLOT + 10 + SILENCE);
    await committee().rotate();
  });

  it("N13 no two leaders have an accepted act in one slot", async () => {
    const start = await nextSlot();
    const first = await leaderAt(start);
    await nextAt(net(), start + 5);
    await committee().connect(signerOf(first)).heartbeat();
    await nextAt(net(), start + 5 + SILENCE);
    await committee().rotate();
    const second = await committee().leader();
    await nextAt(net(), start + 5 + SILENCE + 1);
    await expect(committee().connect(signerOf(second)).heartbeat()).to.be.revertedWithCustomError(committee(), "OracleCommitteeSlotTaken");
    expect(await committee().mayAct(second, await now(net()))).to.equal(false);
    expect(await committee().actorOf(Math.floor(start / SLOT))).to.equal(first);
    const third = await leaderAt(start + SLOT);
    await committee().connect(signerOf(third)).heartbeat();
    expect(await committee().actorOf(Math.floor(start / SLOT) + 1)).to.equal(third);
  });

  it("N13 what is due is the leader's first, and anybody's after the grace", async () => {
    const { PoUW } = net().modules;
    const { interval } = net().parameters.network.rounds;
    const start = await nextSlot();
    await nextAt(net(), start + 1);
    await PoUW.connect(net().stranger).open(MODEL, Kind.Liveness, 0);
    const grace = Number(await committee().GRACE());
    const due = start + 1 + interval;
    await nextAt(net(), due);
    await expect(PoUW.connect(net().stranger).open(MODEL, Kind.Liveness, 0)).to.be.revertedWithCustomError(PoUW, "PoUWLeaderFirst");
    await nextAt(net(), due + grace);
    await expect(PoUW.connect(net().stranger).open(MODEL, Kind.Liveness, 0)).to.be.revertedWithCustomError(PoUW, "PoUWLeaderFirst");
    await nextAt(net(), due + grace + 1);
    await PoUW.connect(net().stranger).open(MODEL, Kind.Liveness, 0);
    const next = await nextSlot();
    const leader = await leaderAt(next + 1);
    await expect(PoUW.connect(signerOf(leader)).open(MODEL, Kind.Liveness, 0)).to.emit(committee(), "LeaderActed");
  });

  it("a committee without members lets everybody act, and refuses doubles and crowds", async () => {
    await expect(committee().setOracles([net().client.address, net().client.address])).to.be.revertedWithCustomError(
      committee(),
      "OracleCommitteeMembers",
    );
    const crowd = Array.from({ length: 33 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, "0")}`);
    await expect(committee().setOracles(crowd)).to.be.revertedWithCustomError(committee(), "OracleCommitteeMembers");
    await committee().setOracles([]);
    expect(await committee().mayAct(net().stranger.address, await now(net()))).to.equal(true);
    await expect(committee().rotate()).to.be.revertedWithCustomError(committee(), "OracleCommitteeMembers");
    expect(await committee().isOracle(net().client.address)).to.equal(false);
  });
});
