import { expect } from "chai";
import { getAddress, ZeroAddress } from "ethers";
import { MODEL } from "./network.ts";
import { Kind } from "./rounds.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, signerAt, useNetwork } from "./suite.ts";

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

  it("N13 H4 only the leader's heartbeat counts, and only PoUW says who acted; what is told is who and when", async () => {
    const { stranger, modules } = net();
    const start = await nextSlot();
    const first = await leaderAt(start);
    const others = members().filter(({ address }) => address !== first);
    for (const other of [...others, stranger])
      await expect(committee().connect(other).heartbeat())
        .to.be.revertedWithCustomError(committee(), "OracleCommitteeUnauthorized")
        .withArgs(other.address, first);
    await expect(committee().connect(stranger).note(first))
      .to.be.revertedWithCustomError(committee(), "OracleCommitteeUnauthorized")
      .withArgs(stranger.address, modules.PoUW.target);
    const slot = BigInt(start / SLOT);
    expect(await committee().currentSlot()).to.equal(slot);
    expect(await committee().actorOf(slot)).to.equal(ZeroAddress);
    await nextAt(net(), start + SLOT - 2);
    await expect(committee().connect(signerOf(first)).heartbeat())
      .to.emit(committee(), "LeaderActed")
      .withArgs(slot, first);
    await nextAt(net(), start + SLOT - 1);
    const again = await receiptOf(committee().connect(signerOf(first)).heartbeat());
    expect(eventsIn(again, committee(), "LeaderActed"), "once in a slot").to.deep.equal([]);
    const pouw = await signerAt(net(), modules.PoUW.target as string);
    const next = await leaderAt(start + SLOT);
    const noted = async (actor: string) => {
      const receipt = await receiptOf(committee().connect(pouw).note(actor));
      return eventsIn(receipt, committee(), "LeaderActed").map((args) => [...args]);
    };
    expect(await noted(stranger.address)).to.deep.equal([]);
    expect(await noted(ZeroAddress)).to.deep.equal([]);
    expect(await noted(next)).to.deep.equal([[slot + 1n, next]]);
    expect(await noted(next)).to.deep.equal([]);
    expect(await committee().actorOf(slot)).to.equal(first);
    expect(await committee().actorOf(slot + 1n)).to.equal(next);
  });

  it("N13 silence counts from the slot's begin, or from the leader's last act where that was later, to the second", async () => {
    const { stranger } = net();
    const start = await nextSlot();
    const slot = BigInt(start / SLOT);
    const first = await leaderAt(start);
    const rotate = () => committee().connect(stranger).rotate();
    const tooEarly = async (second: number, silentAt: number) => {
      await nextAt(net(), second);
      await expect(rotate()).to.be.revertedWithCustomError(committee(), "OracleCommitteeNotSilent").withArgs(second, silentAt);
    };
    await tooEarly(start + SILENCE - 1, start + SILENCE);
    await nextAt(net(), start + SILENCE);
    const receipt = await receiptOf(rotate());
    const second = await committee().leader();
    expect(eventsIn(receipt, committee(), "LeaderRotated").map((args) => [...args])).to.deep.equal([
      [slot, first, second, stranger.address],
    ]);
    // Who took over has as long again, also where the slot ends before: then the next slot's begin counts.
    await tooEarly(start + SILENCE + 1, start + 2 * SILENCE);
    const third = await leaderAt(start + SLOT);
    await tooEarly(start + SLOT + 1, start + SLOT + SILENCE);
    await nextAt(net(), start + SLOT + 3);
    await committee().connect(signerOf(third)).heartbeat();
    await tooEarly(start + SLOT + SILENCE, start + SLOT + 3 + SILENCE);
    await tooEarly(start + SLOT + SILENCE + 2, start + SLOT + 3 + SILENCE);
    await nextAt(net(), start + SLOT + 3 + SILENCE);
    await rotate();
    const order = [...(await committee().oracles())];
    const index = (address: string) => order.indexOf(address);
    expect(index(second)).to.equal((index(first) + 1) % 3);
    expect(index(await committee().leader())).to.equal((index(third) + 1) % 3);
  });

  it("N13 who may act is the leader at once and anybody from the second after the grace", async () => {
    const grace = Number(await committee().GRACE());
    expect(grace).to.equal(net().parameters.network.oracleGrace);
    const start = await nextSlot();
    const leader = await leaderAt(start);
    const other = members().find(({ address }) => address !== leader)!.address;
    const may = async (actor: string, dueAt: number) => await committee().mayAct(actor, dueAt);
    expect(await may(leader, start + 1_000)).to.equal(true);
    for (const actor of [other, net().stranger.address, ZeroAddress]) {
      expect(await may(actor, start - grace)).to.equal(false);
      expect(await may(actor, start - grace - 1)).to.equal(true);
    }
  });

  it("H4 a new committee replaces the old whole, at most 32, each once, and says which is wrong", async () => {
    const { client, router, keeper, stranger } = net();
    const most = Array.from({ length: 32 }, (_, i) => getAddress(`0x${(i + 1).toString(16).padStart(40, "0")}`));
    await expect(committee().connect(stranger).setOracles([])).to.be.revertedWithCustomError(committee(), "AccessManagedUnauthorized");
    for (const [list, at] of [
      [[client.address, ZeroAddress], 1],
      [[client.address, router.address, client.address], 2],
      [[...most, keeper.address], 33],
    ] as const)
      await expect(committee().setOracles([...list]))
        .to.be.revertedWithCustomError(committee(), "OracleCommitteeMembers")
        .withArgs(at, 32);
    await expect(committee().setOracles(most)).to.emit(committee(), "CommitteeChanged").withArgs(most);
    expect([...(await committee().oracles())]).to.deep.equal(most);
    const known = async (addresses: string[]) => await Promise.all(addresses.map(async (address) => await committee().isOracle(address)));
    expect(new Set(await known(most))).to.deep.equal(new Set([true]));
    expect(await known([client.address, router.address, keeper.address])).to.deep.equal([false, false, false]);
    // Some stay, in another order.
    await committee().setOracles([most[1]!, client.address, most[0]!]);
    expect(await known([...most.slice(0, 3), client.address])).to.deep.equal([true, true, false, true]);
    await committee().setOracles([]);
    expect(await committee().leader()).to.equal(ZeroAddress);
    await expect(committee().connect(client).heartbeat())
      .to.be.revertedWithCustomError(committee(), "OracleCommitteeUnauthorized")
      .withArgs(client.address, ZeroAddress);
    await expect(committee().rotate()).to.be.revertedWithCustomError(committee(), "OracleCommitteeMembers").withArgs(0, 32);
  });

  it("N13 begins with the members and the grace that it was deployed with", async () => {
    const { ethers, modules, client, keeper, stranger } = net();
    const factory = await ethers.getContractFactory("OracleCommittee");
    const fresh = await factory.deploy(modules.AccessManager.target, modules.PoUW.target, 7, [client.address, keeper.address]);
    expect([...(await fresh.oracles())]).to.deep.equal([client.address, keeper.address]);
    expect([await fresh.POUW(), await fresh.GRACE()]).to.deep.equal([modules.PoUW.target, 7n]);
    expect([await fresh.isOracle(keeper.address), await fresh.isOracle(stranger.address)]).to.deep.equal([true, false]);
    await expect(factory.deploy(modules.AccessManager.target, modules.PoUW.target, 7, [client.address, client.address]))
      .to.be.revertedWithCustomError(fresh, "OracleCommitteeMembers")
      .withArgs(1, 32);
  });
});
