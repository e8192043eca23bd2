import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Wallet } from "ethers";
import { EXIT, Fatal } from "../../runtime/exit.ts";
import { CONFIG_FILE, networkPlace } from "../config.ts";
import type { Report } from "./output.ts";

/** What `init` is told. */
export interface InitOptions {
  network: string;
  data: string;
  rpc?: string | undefined;
  listen?: string | undefined;
  model?: string | undefined;
  /** File with the password for both keystores; without it one is drawn and written beside them. */
  passwordFile?: string | undefined;
}

const LOCAL_NETWORK_FILE = fileURLToPath(new URL("../../../.demo/network.json", import.meta.url));

/** Makes a data folder: two keystores, their password, and node.json. Overwrites nothing. Throws Fatal (configInvalid). */
export async function init({ network, data, rpc, listen, model, passwordFile }: InitOptions): Promise<Report> {
  const folder = path.resolve(data);
  const configFile = path.join(folder, CONFIG_FILE);
  if (existsSync(configFile))
    throw new Fatal(EXIT.configInvalid, `found ${configFile}, wanted a folder without a node; use it, or give another --data`);
  const { deployment } = networkPlace(network);
  if (deployment !== undefined && !existsSync(deployment))
    throw new Fatal(EXIT.configInvalid, `found no record of network ${network} at ${deployment}, wanted one; ${hint(network)}`);
  const url = rpc ?? localRpc(network);
  if (url === undefined) throw new Fatal(EXIT.configInvalid, `found no RPC address for network ${network}, wanted one; give --rpc <urls>`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const password = passwordFile === undefined ? randomBytes(24).toString("base64url") : passwordIn(passwordFile);
  const ownFile = path.join(folder, "password");
  if (passwordFile === undefined) writeSecret(ownFile, `${password}\n`);
  const owner = await keystore(path.join(folder, "owner.json"), password);
  const operator = await keystore(path.join(folder, "operator.json"), password);
  const settings = {
    network: network.endsWith(".json") ? path.resolve(network) : network,
    rpc: url,
    keyFile: "operator.json",
    keyPasswordFile: passwordFile === undefined ? "password" : path.resolve(passwordFile),
    ...(listen !== undefined && { listen }),
    ...(model !== undefined && { model }),
  };
  writeFileSync(configFile, `${JSON.stringify(settings, null, 2)}\n`, { flag: "wx", mode: 0o600 });
  return {
    data: { folder, owner, operator, settings },
    lines: [
      `✔ ${folder}`,
      `  owner     ${owner}  owner.json: holds stake and earnings; move it off this machine once the node is registered`,
      `  operator  ${operator}  operator.json: commits and reveals, can withdraw nothing`,
      `  settings  ${CONFIG_FILE}`,
      ...(passwordFile === undefined ? [`  password  ${ownFile} (mode 600); keep a copy: without it the keys are lost`] : []),
      "",
      `next: register --data ${data}`,
    ],
  };
}

const hint = (network: string) =>
  network === "local" ? "start the local network first (npm start)" : "give a name of deployments/, a record's file, or a Runtime address";

/** What `npm start` left about its chain. */
function localRpc(network: string): string | undefined {
  if (network !== "local") return undefined;
  try {
    return (JSON.parse(readFileSync(LOCAL_NETWORK_FILE, "utf8")) as { rpc?: string }).rpc ?? "http://127.0.0.1:8545";
  } catch {
    return "http://127.0.0.1:8545";
  }
}

/** A fresh key in a JSON keystore (v3); returns its address. */
export async function keystore(file: string, password: string): Promise<string> {
  const wallet = Wallet.createRandom();
  writeSecret(file, `${await new Wallet(wallet.privateKey).encrypt(password)}\n`);
  return wallet.address;
}

export function passwordIn(file: string): string {
  try {
    const password = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    if (password.length >= 8) return password;
  } catch (error) {
    throw new Fatal(
      EXIT.configInvalid,
      `found no readable file ${file} (${(error as NodeJS.ErrnoException).code}), wanted the password in it`,
    );
  }
  throw new Fatal(EXIT.configInvalid, `found a password of fewer than 8 characters in ${file}, wanted a longer one`);
}

function writeSecret(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new Fatal(
      EXIT.configInvalid,
      `found no way to write ${file} (${(error as NodeJS.ErrnoException).code}), wanted a new file there`,
    );
  }
}
