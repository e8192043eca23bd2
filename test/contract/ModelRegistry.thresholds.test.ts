import { expect } from "chai";
import { id } from "ethers";
import { unpackRules } from "../../offchain/protocol/terms.ts";
import { agreeing, MODEL } from "./network.ts";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";

const UNKNOWN = `0x${"ee".repeat(32)}`;
const ENGINE = id("llama.cpp b1, cpu avx2, f16 kv");

describe("ModelRegistry's thresholds", () => {
  const net = useNetwork({ nodes: 3 });
  const registry = () => net().modules.ModelRegistry;
  const refused = (call: Promise<unknown>, error: string) => expect(call).to.be.revertedWithCustomError(registry(), error);

  it("H6 agreement is one for each service type, copied by sessions that are opened afterwards alone", async () => {
    const { modules, client, session, terms } = net();
    const threshold = async (of: bigint) => unpackRules((await modules.Session.sessionOf(of)).rules).threshold;
    await expect(registry().setAgreement(MODEL, 2, 7))
      .to.emit(registry(), "AgreementChanged")
      .withArgs(MODEL, 2, 7);
    await registry().setAgreement(MODEL, 5, 0);
    expect(await Promise.all([0, 1, 2, 3, 4, 5].map((service) => registry().agreementOf(MODEL, service)))).to.deep.equal([
      45n,
      45n,
      7n,
      45n,
      45n,
      0n,
    ]);
    await modules.Session.connect(client).open({ ...terms, service: 2 });
    await modules.Session.connect(client).open({ ...terms, service: 1 });
    expect([await threshold(session), await threshold(2n), await threshold(3n)]).to.deep.equal([45, 7, 45]);
    await registry().setAgreement(MODEL, 2, 256);
    expect(await threshold(2n)).to.equal(7);
    await refused(registry().setAgreement(MODEL, 2, 257), "ModelRegistryFieldOutOfRange");
    await refused(registry().setAgreement(MODEL, 6, 1), "ModelRegistryFieldOutOfRange");
    await refused(registry().setAgreement(UNKNOWN, 0, 1), "ModelRegistryUnknown");
    await refused(registry().agreementOf(UNKNOWN, 0), "ModelRegistryUnknown");
  });

  it("H6 genuineness thresholds and engine classes judge tasks that are born under them, never earlier ones", async () => {
    const first = (await now(net())) + 100;
    const ask = async (bornAt: number) => [...(await registry().genuinenessOf(MODEL, bornAt))];
    await nextAt(net(), first);
    await expect(registry().setGenuineness(MODEL, { leastMatch: 9_900, mostDelta: 1_200 }))
      .to.emit(registry(), "GenuinenessChanged")
      .withArgs(MODEL, 9_900, 1_200);
    await nextAt(net(), first + 50);
    await registry().setGenuineness(MODEL, { leastMatch: 10_000, mostDelta: 2 ** 32 - 1 });
    expect(await Promise.all([first - 1, first, first + 49, first + 50, first + 999].map(ask))).to.deep.equal([
      [0n, 0n],
      [9_900n, 1_200n],
      [9_900n, 1_200n],
      [10_000n, 2n ** 32n - 1n],
      [10_000n, 2n ** 32n - 1n],
    ]);
    await refused(registry().setGenuineness(MODEL, { leastMatch: 10_001, mostDelta: 0 }), "ModelRegistryFieldOutOfRange");
    await nextAt(net(), first + 60);
    await expect(registry().admitEngine(MODEL, ENGINE, true))
      .to.emit(registry(), "EngineAdmitted")
      .withArgs(MODEL, ENGINE, true);
    await nextAt(net(), first + 70);
    await registry().admitEngine(MODEL, ENGINE, false);
    const admitted = (at: number) => registry().isEngineAdmitted(MODEL, ENGINE, at);
    expect(await Promise.all([first + 59, first + 60, first + 69, first + 70].map(admitted))).to.deep.equal([false, true, true, false]);
    await registry().admitEngine(MODEL, ENGINE, true);
    expect([...(await registry().enginesOf(MODEL, 0, 5))]).to.deep.equal([ENGINE]);
    for (const call of [registry().setGenuineness(UNKNOWN, { leastMatch: 1, mostDelta: 1 }), registry().admitEngine(UNKNOWN, ENGINE, true)])
      await refused(call, "ModelRegistryUnknown");
  });

  it("deprecation breaks nothing that runs: tasks end, the session leases, submits and is paid for on", async () => {
    const { modules, client, session, networkHelpers, operators } = net();
    const running = await net().submit();
    await registry().deprecate(MODEL);
    const born = await net().submit();
    for (const task of [running, born]) {
      await net().commitCarried(task, () => agreeing(1));
      await networkHelpers.mine(1);
      await modules.SessionQueue.reveal(net().handover(task));
      expect((await modules.SessionQueue.factsOf(task.id))[1]).to.equal(2n);
    }
    await moveTo(net(), (await now(net())) + 86_401);
    await modules.NodePool.collect(1);
    await modules.Session.connect(client).reserve(session, 5_000, 0);
    await networkHelpers.mine(2);
    await modules.Session.drawLease(session);
    const later = await net().submit();
    await net().commitCarried(later);
    await networkHelpers.mine(1);
    await modules.SessionQueue.reveal(net().handover(later));
    expect((await modules.SessionQueue.factsOf(later.id))[1]).to.equal(2n);
    await expect(modules.Session.connect(client).open(net().terms)).to.be.revertedWithCustomError(
      modules.Session,
      "SessionModelUnavailable",
    );
    const owner = operators.get(1)!;
    await expect(modules.NodePool.connect(owner).register(owner.address, MODEL, 10n ** 24n, "")).to.be.revertedWithCustomError(
      modules.NodePool,
      "NodePoolModelUnavailable",
    );
  });
});
