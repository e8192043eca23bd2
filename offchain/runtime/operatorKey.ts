import { readFileSync, statSync } from "node:fs";
import { Wallet } from "ethers";
import { EXIT, Fatal } from "./exit.ts";
import { LOCAL_CHAIN } from "./settings.ts";

/** Where the key is; exactly one of `key` and `keyFile` is set. */
export interface KeySettings {
  key?: string | undefined;
  keyFile?: string | undefined;
  keyPasswordFile?: string | undefined;
  chainId: bigint;
}

/** The operator's key. Throws Fatal (configInvalid) that never repeats what is in the files. */
export async function operatorKey({ key, keyFile, keyPasswordFile, chainId }: KeySettings): Promise<Wallet> {
  if (key !== undefined) return new Wallet(key);
  const file = keyFile!;
  const text = read(file, "--key-file").trim();
  const local = chainId === LOCAL_CHAIN;
  if (!local && (statSync(file).mode & 0o077) !== 0)
    throw new Fatal(EXIT.configInvalid, `found ${file} readable by others than its owner, wanted mode 600; run chmod 600 on it`);
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(text)) {
    if (local) return new Wallet(text);
    throw new Fatal(
      EXIT.configInvalid,
      `found a plain private key in ${file}, wanted a JSON keystore (v3) on chain ${chainId}; encrypt it`,
    );
  }
  if (keyPasswordFile === undefined)
    throw new Fatal(EXIT.configInvalid, `found no password for ${file}, wanted one; give --key-password-file`);
  const password = read(keyPasswordFile, "--key-password-file").replace(/\r?\n$/, "");
  const wallet = await Wallet.fromEncryptedJson(text, password).catch(() => {
    throw new Fatal(EXIT.configInvalid, `found no key in ${file} that the password opens, wanted a JSON keystore (v3) and its password`);
  });
  return new Wallet(wallet.privateKey);
}

function read(file: string, flag: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Fatal(
      EXIT.configInvalid,
      `found no readable file ${file} (${(error as NodeJS.ErrnoException).code}), wanted one for ${flag}`,
    );
  }
}
