import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Contract, ContractFactory, type InterfaceAbi, parseEther, type Signer } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { deploy, type DeploymentRecord } from "../../../scripts/deploy.ts";
import { localParameters } from "../../../scripts/parameters.ts";

const require = createRequire(import.meta.url);
const FOREVER = 2n ** 40n;

/** A contract as its maker published it. */
async function put(signer: Signer, file: string, ...args: unknown[]): Promise<Contract> {
  const { abi, bytecode, evm } = JSON.parse(readFileSync(require.resolve(file), "utf8")) as {
    abi: InterfaceAbi;
    bytecode?: string;
    evm?: { bytecode: { object: string } };
  };
  const contract = await new ContractFactory(abi, bytecode ?? `0x${evm!.bytecode.object}`, signer).deploy(...args);
  await contract.waitForDeployment();
  return contract as Contract;
}

/** Deploys the network with a Uniswap v2 pair of 1,000,000 COR and 100 WETH, and gives the treasury 10 WETH and 1,000 COR. */
export async function deployWithMarket(signer: Signer): Promise<DeploymentRecord> {
  const sent = async (contract: Contract, method: string, ...args: unknown[]) =>
    await (await contract.getFunction(method).send(...args)).wait();
  const account = await signer.getAddress();
  const weth = await put(signer, "@uniswap/v2-periphery/build/WETH9.json");
  const factory = await put(signer, "@uniswap/v2-core/build/UniswapV2Factory.json", account);
  const router = await put(signer, "@uniswap/v2-periphery/build/UniswapV2Router02.json", factory.target, weth.target);
  const treasury = { router: await router.getAddress(), quote: await weth.getAddress(), slippageBps: 300 };
  const record = await deploy(signer, "localhost", { ...localParameters(), treasury });
  const cor = new Contract(record.addresses.COR, interfaces.COR, signer);
  await sent(weth, "deposit", { value: parseEther("110") });
  for (const token of [cor, weth]) await sent(token, "approve", router.target, 2n ** 255n);
  const [amountCor, amountWeth] = [parseEther("1000000"), parseEther("100")];
  await sent(router, "addLiquidity", cor.target, weth.target, amountCor, amountWeth, 0, 0, account, FOREVER);
  await sent(weth, "transfer", record.addresses.Treasury, parseEther("10"));
  await sent(cor, "transfer", record.addresses.Treasury, parseEther("1000"));
  return record;
}
