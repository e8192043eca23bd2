import { expect } from "chai";
import { type Contract, Signature, type TypedDataField } from "ethers";
import type { Network } from "./network.ts";
import { nextAt, now, useNetwork } from "./suite.ts";

const CAP = 10n ** 27n;
const fields = (...names: string[]): TypedDataField[] => names.map((name) => ({ type: name.split(" ")[0]!, name: name.split(" ")[1]! }));

describe("COR", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  const token = () => net().modules.COR;
  const domain = () => ({ name: "Corroborate", version: "1", chainId: net().domain.chainId, verifyingContract: token().target as string });

  it("is one billion, minted once, and nobody can make or unmake any", async () => {
    expect([await token().name(), await token().symbol(), await token().decimals()]).to.deep.equal(["Corroborate", "COR", 18n]);
    expect([await token().totalSupply(), await token().CAP()]).to.deep.equal([CAP, CAP]);
    const writes = token()
      .interface.fragments.filter(
        (fragment) => fragment.type === "function" && (fragment as never as { stateMutability: string }).stateMutability === "nonpayable",
      )
      .map((fragment) => (fragment as never as { name: string }).name);
    expect([...new Set(writes)].sort()).to.deep.equal([
      "approve",
      "cancelAuthorization",
      "delegate",
      "delegateBySig",
      "permit",
      "receiveWithAuthorization",
      "transfer",
      "transferFrom",
      "transferWithAuthorization",
    ]);
  });

  it("H5 a permit counts once, in time, for its chain and contract, in either half of s", async () => {
    const { deployer, stranger, keeper } = net();
    const types = { Permit: fields("address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline") };
    const deadline = (await now(net())) + 100;
    const message = { owner: deployer.address, spender: stranger.address, value: 5n, nonce: 0n, deadline };
    const permit = async (signature: Signature, until = deadline) =>
      token().connect(keeper).permit(deployer.address, stranger.address, 5n, until, signature.v, signature.r, signature.s);
    const sign = async (change: object, own = message) =>
      Signature.from(await deployer.signTypedData({ ...domain(), ...change }, types, own));
    for (const other of [
      { chainId: 1n },
      { verifyingContract: net().modules.Session.target as string },
      { name: "Other" },
      { version: "2" },
    ]) {
      await expect(permit(await sign(other))).to.be.revertedWithCustomError(token(), "ERC2612InvalidSigner");
    }
    await expect(permit(await sign({}, { ...message, nonce: 1n }))).to.be.revertedWithCustomError(token(), "ERC2612InvalidSigner");
    const good = await sign({});
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const mirrored = `0x${(order - BigInt(good.s)).toString(16).padStart(64, "0")}`;
    await expect(
      token().permit(deployer.address, stranger.address, 5n, deadline, good.v === 27 ? 28 : 27, good.r, mirrored),
    ).to.be.revertedWithCustomError(token(), "ECDSAInvalidSignatureS");
    await permit(good);
    expect([await token().allowance(deployer.address, stranger.address), await token().nonces(deployer.address)]).to.deep.equal([5n, 1n]);
    await expect(permit(good)).to.be.revertedWithCustomError(token(), "ERC2612InvalidSigner");
    const late = await sign({}, { ...message, nonce: 1n });
    await nextAt(net(), deadline + 1);
    await expect(permit(late)).to.be.revertedWithCustomError(token(), "ERC2612ExpiredSignature").withArgs(deadline);
  });

  it("votes follow the tokens of whoever delegated, by the clock in seconds", async () => {
    const { deployer, stranger } = net();
    expect([await token().CLOCK_MODE(), Number(await token().clock())]).to.deep.equal(["mode=timestamp", await now(net())]);
    expect(await token().getVotes(deployer.address)).to.equal(0n);
    const held = await token().balanceOf(deployer.address);
    await token().connect(deployer).delegate(deployer.address);
    expect(await token().getVotes(deployer.address)).to.equal(held);
    const before = await now(net());
    await token().connect(deployer).transfer(stranger.address, 9n);
    await token().connect(stranger).delegate(stranger.address);
    await net().networkHelpers.mine(1);
    expect([await token().getVotes(deployer.address), await token().getVotes(stranger.address)]).to.deep.equal([held - 9n, 9n]);
    expect([await token().getPastVotes(deployer.address, before), await token().getPastTotalSupply(before)]).to.deep.equal([held, CAP]);
  });

  it("H5 a transfer by authorisation happens once, in its time, and to whom it says", async () => {
    const { deployer, stranger, keeper } = net();
    const types = {
      TransferWithAuthorization: fields(
        "address from",
        "address to",
        "uint256 value",
        "uint256 validAfter",
        "uint256 validBefore",
        "bytes32 nonce",
      ),
    };
    const start = await now(net());
    const nonce = `0x${"77".repeat(32)}`;
    const message = { from: deployer.address, to: stranger.address, value: 3n, validAfter: start + 10, validBefore: start + 20, nonce };
    const signature = Signature.from(await deployer.signTypedData(domain(), types, message));
    const { v, r, s } = signature;
    const send = (signer: Network["client"], to = stranger.address) =>
      (token() as unknown as Contract)
        .connect(signer)
        .getFunction("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)")
        .send(deployer.address, to, 3n, message.validAfter, message.validBefore, nonce, v, r, s);
    await nextAt(net(), start + 10);
    await expect(send(keeper), "not before").to.be.revert(net().ethers);
    await nextAt(net(), start + 11);
    await expect(send(keeper, keeper.address), "to another").to.be.revert(net().ethers);
    await send(keeper);
    expect(await token().balanceOf(stranger.address)).to.equal(3n);
    await expect(send(keeper), "twice").to.be.revert(net().ethers);
  });
});
