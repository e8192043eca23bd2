import { fileURLToPath } from "node:url";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatIgnitionEthers from "@nomicfoundation/hardhat-ignition-ethers";
import hardhatKeystore from "@nomicfoundation/hardhat-keystore";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import config from "../../hardhat.config.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Hardhat with this project's configuration inside the process of the tests, without its chai matchers: those change chai for every test
 * that comes after, and then `closeTo` takes whole numbers alone.
 */
export async function hardhatRuntime(network = "localhost"): Promise<HardhatRuntimeEnvironment> {
  const plugins = [hardhatEthers, hardhatIgnitionEthers, hardhatKeystore];
  return await createHardhatRuntimeEnvironment({ ...config, plugins }, { network }, ROOT);
}
