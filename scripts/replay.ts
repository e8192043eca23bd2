// Recomputes reputation, levels and rewards of a network from its events alone, and compares every value with the contracts.
//
//   npm run replay [-- --rpc http://127.0.0.1:8545] [-- --record deployments/localhost/deployment.json] [-- --json]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { JsonRpcProvider } from "ethers";
import { historyOf } from "../offchain/protocol/networkHistory.ts";
import { imagesOf, leaderboardOf } from "../offchain/protocol/leaderboard.ts";
import type { DeploymentRecord } from "./deploy.ts";
import { compare } from "./replay/compare.ts";
import { readEvents, readImages } from "./replay/events.ts";

const HELP = `npm run replay [-- --rpc URL] [-- --record FILE] [-- --json]
  --rpc     JSON-RPC of the chain; http://127.0.0.1:8545 unless given
  --record  deployment record; deployments/localhost/deployment.json unless given
  --json    {rounds, nodes, epochs, values, differences, leaderboard, images} on stdout
Ends with 1 where a contract holds another value than its events say.`;

const { values: flags } = parseArgs({
  options: {
    rpc: { type: "string", default: "http://127.0.0.1:8545" },
    record: { type: "string", default: "deployments/localhost/deployment.json" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(HELP);
  process.exit(0);
}
let record: DeploymentRecord;
try {
  record = JSON.parse(readFileSync(flags.record, "utf8")) as DeploymentRecord;
} catch (error) {
  console.error(`found no deployment record in ${flags.record} (${(error as Error).message}); deploy first, or name it with --record`);
  process.exit(2);
}
const provider = new JsonRpcProvider(flags.rpc, record.chainId, { staticNetwork: true });
try {
  const history = historyOf(await readEvents(provider, record.addresses, record.blockNumber));
  const found = await compare(provider, record.addresses, history);
  const { timestamp } = (await provider.getBlock("latest"))!;
  const leaderboard = leaderboardOf(history, timestamp, await readImages(provider, record.addresses, record.blockNumber));
  const images = imagesOf(leaderboard);
  if (flags.json) console.log(JSON.stringify({ ...found, leaderboard, images }));
  else {
    console.log(`${found.rounds} rounds, ${found.nodes} nodes, ${found.epochs} epochs: ${found.values} values compared with the contracts`);
    for (const { what, replayed, contract } of found.differences) console.log(`  ${what}: ${replayed} by events, ${contract} on chain`);
    for (const { rank, node, level, score, passes, streak } of leaderboard)
      console.log(`${String(rank).padStart(4)}  node ${node}  level ${level}  score ${score}  passes ${passes}  streak ${streak}`);
    for (const { rank, image, nodes, score, passes } of images)
      console.log(`${String(rank).padStart(4)}  image ${image}  nodes ${nodes}  score ${score}  passes ${passes}`);
    console.log(found.differences.length === 0 ? "Replay equals contract." : `${found.differences.length} values differ.`);
  }
  process.exitCode = found.differences.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`the replay of ${flags.rpc} failed: ${(error as Error).message}`);
  process.exitCode = 2;
} finally {
  provider.destroy();
}
