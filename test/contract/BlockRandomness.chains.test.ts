import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { network } from "hardhat";
import { expect } from "chai";
import { Contract, ContractFactory, JsonRpcProvider, type JsonRpcSigner, toBeHex, ZeroHash } from "ethers";
import { decidingBlock, seedOf } from "../../offchain/protocol/draw.ts";
import { artifactOf, deploy } from "../../scripts/deploy.ts";
import { UNSAFE_CHAINS, unsafeChain } from "../../scripts/chains.ts";
import { localParameters } from "../../scripts/parameters.ts";
import type { BlockRandomness } from "../../types/ethers-contracts/contracts/randomness/BlockRandomness.ts";

/** The history contract of EIP-2935, as the EIP has it. */
const HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935";
const HISTORY_CODE =
  "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";
const SAFE = [1n, 8_453n, 84_532n, 11_155_111n, 31_337n];

describe("BlockRandomness, by chain", () => {
  it("L1 cannot be deployed where block hashes decide nothing, and the deployment says so before it sends anything", async () => {
    for (const chainId of [...UNSAFE_CHAINS.map(({ id }) => id), ...SAFE]) {
      const chain = await network.create({ network: "default", override: { chainId: Number(chainId) } });
      const [signer] = await chain.ethers.getSigners();
      const factory = await chain.ethers.getContractFactory("BlockRandomness");
      await chain.networkHelpers.mine(1);
      if (unsafeChain(chainId) === undefined) {
        expect(await (await factory.deploy()).getFunction("WINDOW").staticCall(), `${chainId}`).to.equal(256n);
      } else {
        await expect(factory.deploy(), `${chainId}`).to.be.revertedWithCustomError(factory, "BlockRandomnessUnsafeChain").withArgs(chainId);
        const failed = await deploy(signer!, "test", localParameters()).catch((error: unknown) => String(error));
        expect(failed).to.contain(unsafeChain(chainId)!.name).and.to.contain("OracleRandomness");
        expect(await signer!.getNonce()).to.equal(0);
      }
      await chain.close();
    }
  });

  describe("with the history contract of EIP-2935 (Anvil, osaka)", () => {
    let anvil: ChildProcess;
    let provider: JsonRpcProvider;
    let randomness: BlockRandomness;
    before(async function () {
      this.timeout(60_000);
      const folder = path.dirname(createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/package.json"));
      anvil = spawn(path.join(folder, "bin", "anvil"), ["--port", "0", "--hardfork", "osaka"], { stdio: ["ignore", "pipe", "inherit"] });
      for await (const line of createInterface({ input: anvil.stdout! })) {
        const found = /Listening on (\S+)/.exec(line);
        if (found === null) continue;
        provider = new JsonRpcProvider(`http://${found[1]}`, undefined, { staticNetwork: true, cacheTimeout: -1 });
        break;
      }
      anvil.stdout!.resume();
      await provider.send("anvil_mine", ["0x3"]);
      const signer: JsonRpcSigner = await provider.getSigner(0);
      const { abi, bytecode } = artifactOf("BlockRandomness");
      const contract = await new ContractFactory(abi, bytecode, signer).deploy();
      await contract.waitForDeployment();
      randomness = new Contract(await contract.getAddress(), abi, provider) as unknown as BlockRandomness;
    });
    after(async () => {
      provider?.destroy();
      if (anvil.exitCode === null) {
        const ended = once(anvil, "exit");
        anvil.kill("SIGKILL");
        await ended;
      }
    });

    it("D5 keeps a request's block past the opcode's 256", async () => {
      expect(await randomness.WINDOW()).to.equal(8_191n);
      const block = await provider.getBlockNumber();
      const own = seedOf((await provider.getBlock(block))!.hash!, ZeroHash);
      for (const age of [1, 256, 257, 300]) {
        await provider.send("anvil_mine", [`0x${(block + age - (await provider.getBlockNumber())).toString(16)}`]);
        expect(await randomness.seedOf(block, ZeroHash), `${age} blocks later`).to.equal(own);
        expect(await randomness.isFirstSeed(block)).to.equal(true);
      }
    }).timeout(60_000);
  });

  it("D5 G3 with the history contract, a request keeps its block for 8,191 blocks, then moves on by a whole window, as the twin says", async () => {
    const chain = await network.create("default");
    const { networkHelpers: helpers, ethers } = chain;
    const hashes = new Map<number, string>();
    /** The simulated chain does not run the contract by itself: what each block would write is written here. */
    const remember = async (block: number) => {
      const { hash } = (await ethers.provider.getBlock(block))!;
      hashes.set(block, hash!);
      await helpers.setStorageAt(HISTORY, toBeHex(block % 8_191, 32), hash!);
    };
    await helpers.setCode(HISTORY, HISTORY_CODE);
    await remember(await helpers.time.latestBlock());
    const randomness = (await (await ethers.getContractFactory("BlockRandomness")).deploy()) as unknown as BlockRandomness;
    expect(await randomness.WINDOW()).to.equal(8_191n);
    const block = await helpers.time.latestBlock();
    await helpers.mine(1);
    const own = await randomness.seedOf(block, ZeroHash);
    await remember(block);
    for (const age of [256, 257, 4_000, 8_191]) {
      await helpers.mineUpTo(block + age);
      expect([await randomness.seedOf(block, ZeroHash), await randomness.isFirstSeed(block)], `${age}`).to.deep.equal([own, true]);
    }
    const next = block + 8_191;
    await remember(next);
    for (const age of [8_192, 9_000, 16_382]) {
      await helpers.mineUpTo(block + age);
      expect(decidingBlock(block, block + age, 8_191)).to.equal(next);
      expect([await randomness.decidingBlock(block), await randomness.isFirstSeed(block)]).to.deep.equal([BigInt(next), false]);
      expect(await randomness.seedOf(block, ZeroHash), `${age}`).to.equal(seedOf(hashes.get(next)!, ZeroHash));
    }
    await chain.close();
  });
});
