// A prompt that only the drawn nodes can read: everywhere else, on chain and on every disk, it is ciphertext. No router.
import { Wallet } from "ethers";
import { connect, readDeployment, verify, walletClient } from "../offchain/sdk/index.ts";
import { countTokens } from "./tokens.ts";

const endpoint = await connect({ url: process.env["RPC_URL"] ?? "http://127.0.0.1:8545" });
const deployment = readDeployment(process.env["DEPLOYMENT"] ?? ".demo/deployment.json");
const wallet = new Wallet(process.env["PRIVATE_KEY"]!);
const session = Number(process.env["SESSION"] ?? 1);

const client = walletClient({ endpoint, deployment, wallet, session, countTokens, local: true });
const messages = [{ role: "user" as const, content: "What is the capital of Peru?" }];
const result = await client.complete({ messages, maxTokens: 32, sealed: true });
console.log(`${result.text} (sealed with ${result.key})`);

const { checks } = await verify(result, { endpoint, deployment });
for (const { name, ok, detail } of checks) console.log(`${ok ? "✔" : "✘"} ${name}: ${detail}`);
process.exit(checks.every(({ ok }) => ok) ? 0 : 1);
