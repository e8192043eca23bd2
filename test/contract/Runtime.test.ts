import { expect } from "chai";
import { id, ZeroAddress } from "ethers";
import { MODULES } from "../../scripts/deploy.ts";
import { useNetwork } from "./suite.ts";

describe("Runtime", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  const runtime = () => net().modules.Runtime;

  it("resolves every module of a deployment", async () => {
    const { record } = net();
    const [names, addresses] = await runtime().modules();
    expect([...names]).to.deep.equal(MODULES.filter((name) => name !== "Runtime"));
    expect([...addresses]).to.deep.equal(names.map((name) => record.addresses[name as keyof typeof record.addresses]));
    for (const name of names) expect(await runtime().moduleOf(name)).to.equal(record.addresses[name as keyof typeof record.addresses]);
  });

  it("tells of every change, and switches a module without listing it twice", async () => {
    const { record } = net();
    const [queue, session] = [record.addresses.SessionQueue, record.addresses.Session];
    await expect(runtime().setModules(["SessionQueue", "New"], [session, queue]))
      .to.emit(runtime(), "ModuleChanged")
      .withArgs(id("SessionQueue"), queue, session, "SessionQueue")
      .and.to.emit(runtime(), "ModuleChanged")
      .withArgs(id("New"), ZeroAddress, queue, "New");
    expect([await runtime().moduleOf("SessionQueue"), await runtime().moduleOf("New")]).to.deep.equal([session, queue]);
    expect((await runtime().modules())[0]).to.have.length(MODULES.length);
  });

  it("refuses lists of different lengths, addresses without code and unknown names", async () => {
    const { record, stranger } = net();
    await expect(runtime().setModules(["A"], []))
      .to.be.revertedWithCustomError(runtime(), "RuntimeLengthMismatch")
      .withArgs(1, 0);
    for (const address of [ZeroAddress, stranger.address]) {
      await expect(runtime().setModules(["A", "B"], [record.addresses.COR, address]))
        .to.be.revertedWithCustomError(runtime(), "RuntimeNotAContract")
        .withArgs(address);
    }
    await expect(runtime().moduleOf("A")).to.be.revertedWithCustomError(runtime(), "RuntimeUnknownModule").withArgs("A");
  });

  it("H4 is written by governance alone", async () => {
    const { stranger, record } = net();
    await expect(runtime().connect(stranger).setModules(["COR"], [record.addresses.COR]))
      .to.be.revertedWithCustomError(runtime(), "AccessManagedUnauthorized")
      .withArgs(stranger.address);
  });
});
