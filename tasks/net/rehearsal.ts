import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { deploy } from "../../scripts/deploy.ts";
import type { NetworkParameters } from "../../scripts/parameters.ts";

/** A transaction of the rehearsal: what it does and what gas it took. */
interface Step {
  step: string;
  gas: number;
}

/** Deploys to a fresh chain inside this process, to learn steps and gas without touching the real one. */
export async function rehearse(
  hre: HardhatRuntimeEnvironment,
  parameters: NetworkParameters,
): Promise<{ steps: Step[]; totalGas: number }> {
  const { ethers } = await hre.network.create("default");
  const [signer] = await ethers.getSigners();
  const names: string[] = [];
  const { blockNumber } = await deploy(signer!, "rehearsal", parameters, (name) => names.push(name));
  const steps = await Promise.all(
    names.map(async (step, i) => {
      const block = (await ethers.provider.getBlock(blockNumber + 1 + i))!;
      return { step, gas: Number(block.gasUsed) };
    }),
  );
  return { steps, totalGas: steps.reduce((sum, { gas }) => sum + gas, 0) };
}
