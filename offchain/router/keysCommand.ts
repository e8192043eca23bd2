import { mkdirSync } from "node:fs";
import path from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { parseEther } from "ethers";
import { EXIT, Fatal } from "../runtime/exit.ts";
import { type ApiKey, KeyStore, type Scope, SCOPES } from "./keyStore.ts";

interface CreateOptions {
  data: string;
  name: string;
  scopes: Scope[];
  days?: number;
  perMinute?: number;
  concurrent?: number;
  spendPerDay?: bigint;
}

/** The file of a router's keys. */
export const keysFile = (data: string): string => path.join(data, "keys.db");

/** Adds `keys create`, `keys list` and `keys revoke`. They may run while the router runs. */
export function addKeysCommand(program: Command): void {
  const keys = program.command("keys").description("make, list and revoke API keys; also while the router runs");
  keys
    .command("create")
    .description("make a key; its secret is shown once")
    .requiredOption("--data <folder>", "the router's folder")
    .requiredOption("--name <text>", "whose it is")
    .option("--scopes <list>", `what it may do: ${SCOPES.join(",")}`, scopesIn, [...SCOPES])
    .option("--days <number>", "expires after so many days", wholeNumber)
    .option("--per-minute <number>", "most requests for answers in a minute", wholeNumber)
    .option("--concurrent <number>", "most requests for answers in progress", wholeNumber)
    .option("--spend-per-day <COR>", "most that it may spend in a UTC day", corIn)
    .action(({ data, name, scopes, days, perMinute, concurrent, spendPerDay }: CreateOptions) => {
      const expiresAt = days === undefined ? undefined : Math.floor(Date.now() / 1_000) + days * 86_400;
      withStore(data, (store) => {
        const { key, secret } = store.create({ name, scopes, expiresAt, perMinute, concurrent, spendPerDay });
        process.stderr.write(`${key.id}: the secret is shown here and never again\n`);
        process.stdout.write(`${secret}\n`);
      });
    });
  keys
    .command("list")
    .description("list the keys, one JSON object a line")
    .requiredOption("--data <folder>", "the router's folder")
    .action(({ data }: { data: string }) =>
      withStore(data, (store) => {
        for (const key of store.all()) process.stdout.write(`${JSON.stringify(told(key))}\n`);
      }),
    );
  keys
    .command("revoke")
    .description("revoke a key; at once, also in a running router")
    .argument("<id>", "the key's id, key_…")
    .requiredOption("--data <folder>", "the router's folder")
    .action((id: string, { data }: { data: string }) =>
      withStore(data, (store) => {
        if (!store.revoke(id)) throw new Fatal(EXIT.configInvalid, `found no key ${id} that is not revoked, wanted one; see keys list`);
      }),
    );
}

function withStore(data: string, work: (store: KeyStore) => void): void {
  mkdirSync(data, { recursive: true });
  const store = new KeyStore(keysFile(data));
  try {
    work(store);
  } finally {
    store.close();
  }
}

/** A key as it may be shown. */
const told = ({ spendPerDay, ...key }: ApiKey) => ({ ...key, ...(spendPerDay !== undefined && { spendPerDay: String(spendPerDay) }) });

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("wanted a whole number above 0");
  return Number(text);
}

function scopesIn(text: string): Scope[] {
  const found = text.split(",");
  const isScope = (word: string): word is Scope => (SCOPES as readonly string[]).includes(word);
  if (!found.every(isScope)) throw new InvalidArgumentError(`wanted some of ${SCOPES.join(",")}`);
  return found;
}

function corIn(text: string): bigint {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError("wanted an amount of COR, like 2.5");
  return parseEther(text);
}
