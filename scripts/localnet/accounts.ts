import { HDNodeWallet, type JsonRpcProvider } from "ethers";

/** Hardhat's public test phrase: the keys of its local chain's accounts. Worthless anywhere else. */
const PHRASE = "test test test test test test test test test test test junk";

/** Who is who on the local chain. */
export const ACCOUNTS = { deployer: 0, client: 1, router: 2, newcomersClient: 3, firstOwner: 4, firstOperator: 12 };

/** The n-th account of Hardhat's local chain. */
export function account(index: number, provider?: JsonRpcProvider): HDNodeWallet {
  const wallet = HDNodeWallet.fromPhrase(PHRASE, "", `m/44'/60'/0'/0/${index}`);
  return provider === undefined ? wallet : wallet.connect(provider);
}
