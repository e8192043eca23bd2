import { HDNodeWallet, isAddress, isHexString, JsonRpcSigner, type Signer, Wallet } from "ethers";
import { configVariable } from "hardhat/config";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { Endpoint } from "../offchain/chain/endpoint.ts";
import { operatorKey } from "../offchain/runtime/operatorKey.ts";
import { oneLine } from "../offchain/runtime/exit.ts";
import { address, wholeNumber } from "./arguments.ts";
import { networkName } from "./connection.ts";
import { Refusal } from "./failure.ts";

/** Where keys come from. */
export interface KeySource {
  hre: HardhatRuntimeEnvironment;
  endpoint: Endpoint;
}

const VARIABLE = /^[A-Z][A-Z0-9_]*$/;

/**
 * The signer that a word names: the index of one of the network's accounts, or the name of a configuration variable (environment or
 * Hardhat's keystore) that holds a private key. Throws Refusal.
 */
export async function signerOf(source: KeySource, word: string, flag: string): Promise<Signer> {
  if (VARIABLE.test(word)) return await variableSigner(source, word, flag);
  return await accountAt(source, wholeNumber(word, flag, 0, 1_000_000), flag);
}

/** The address that a word names: an address, or whatever `signerOf` takes. Throws Refusal. */
export async function addressOf(source: KeySource, word: string, flag: string): Promise<string> {
  if (word.startsWith("0x") || isAddress(word)) return address(word, flag);
  return await (await signerOf(source, word, flag)).getAddress();
}

/** The signer of a key file: JSON keystore (v3), on the local chain also a plain private key. Throws Refusal. */
export async function fileSigner({ endpoint }: KeySource, keyFile: string, keyPasswordFile: string | undefined): Promise<Signer> {
  try {
    const wallet = await operatorKey({ key: undefined, keyFile, keyPasswordFile, chainId: endpoint.chainId });
    return wallet.connect(endpoint.provider);
  } catch (error) {
    throw new Refusal("KeyFileUnusable", oneLine(error));
  }
}

async function accountAt({ hre, endpoint: { provider } }: KeySource, index: number, flag: string): Promise<Signer> {
  const network = hre.config.networks[networkName(hre)];
  const accounts = network?.type === "http" ? network.accounts : [];
  const missing = (count: number) =>
    new Refusal(
      "AccountMissing",
      `found ${count} accounts of the network, wanted number ${index} for ${flag}; give another, or a key file`,
    );
  if (accounts === "remote") {
    const addresses = (await provider.send("eth_accounts", [])) as string[];
    const found = addresses[index];
    if (found === undefined) throw missing(addresses.length);
    return new JsonRpcSigner(provider, found);
  }
  if (!Array.isArray(accounts)) {
    if (index >= accounts.count) throw missing(accounts.count);
    const root = HDNodeWallet.fromPhrase(await accounts.mnemonic.get(), await accounts.passphrase.get(), accounts.path);
    return root.deriveChild(accounts.initialIndex + index).connect(provider);
  }
  const key = accounts[index];
  if (key === undefined) throw missing(accounts.length);
  return new Wallet(await key.getHexString(), provider);
}

async function variableSigner({ hre, endpoint }: KeySource, name: string, flag: string): Promise<Signer> {
  const none = () => Promise.resolve("");
  const key = process.env[name] ?? (await hre.hooks.runHandlerChain("configurationVariables", "fetchValue", [configVariable(name)], none));
  if (isHexString(key, 32)) return new Wallet(key, endpoint.provider);
  throw new Refusal(
    "KeyMissing",
    `found no private key in the variable ${name}, wanted one for ${flag}; run npx hardhat keystore set ${name}, or set it in the environment`,
  );
}
