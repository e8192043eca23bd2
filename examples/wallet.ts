// No router: a wallet opens and funds a session, asks the nodes themselves, and checks the answer against the chain alone.
import { Wallet } from "ethers";
import { connect, readDeployment, verify, walletClient, walletSessions } from "../offchain/sdk/index.ts";
import { countTokens, MODEL } from "./tokens.ts";

const endpoint = await connect({ url: process.env["RPC_URL"] ?? "http://127.0.0.1:8545" });
const deployment = readDeployment(process.env["DEPLOYMENT"] ?? ".demo/deployment.json");
const wallet = new Wallet(process.env["PRIVATE_KEY"]!);

const sessions = walletSessions({ endpoint, deployment, wallet });
const session = await sessions.open({ model: MODEL, redundancy: 2, quorum: 2, leaseNodes: 2 });
await sessions.fund(session, 10n ** 20n);

const client = walletClient({ endpoint, deployment, wallet, session, countTokens, local: true });
const request = { messages: [{ role: "user" as const, content: "What is the capital of Peru?" }], maxTokens: 32 };
const result = await client.complete(request, { onEvent: (event) => console.log(event.type) });
console.log(result.text);

const { checks } = await verify(result, { endpoint, deployment });
for (const { name, ok, detail } of checks) console.log(`${ok ? "✔" : "✘"} ${name}: ${detail}`);
await sessions.close(session);
process.exit(checks.every(({ ok }) => ok) ? 0 : 1);
