import { MODULE_NAMES } from "../../offchain/chain/abis.ts";
import { decodeLog } from "../../offchain/chain/cursor.ts";
import { drawLease } from "../../offchain/protocol/draw.ts";
import { leaderboardOf } from "../../offchain/protocol/leaderboard.ts";
import { historyOf } from "../../offchain/protocol/networkHistory.ts";
import { NEW_STANDING } from "../../offchain/protocol/standing.ts";
import { sampleLogs } from "./events.ts";

const TASKS = 2_000;
const DRAWS = 20;

/** Events that this machine decodes a second, as every program that follows the chain does. */
export function decodedPerSecond(): number {
  const chain = sampleLogs(TASKS);
  const modules = new Map(MODULE_NAMES.map((name) => [chain.deployment.addresses[name], name]));
  const logs = chain.logs.flat().map(({ address, topics, data, blockNumber, blockHash, index, transactionHash }) => ({
    ...{ module: modules.get(address)!, topics, data, blockNumber, blockHash, logIndex: index, transactionHash },
  }));
  const started = performance.now();
  for (const log of logs) decodeLog(log);
  return logs.length / ((performance.now() - started) / 1_000);
}

/** What work on so many nodes takes on this machine: auditing a draw, and ranking all nodes. */
export function timesOf(nodes: number): { drawMs: number; leaderboardMs: number } {
  const eligible = Array.from({ length: nodes }, (_, i) => i + 1);
  let started = performance.now();
  for (let i = 0; i < DRAWS; i++) drawLease(eligible, `0x${i.toString(16).padStart(64, "0")}`, 3);
  const drawMs = (performance.now() - started) / DRAWS;
  const history = historyOf([]);
  for (const node of eligible) history.standings.set(node, { ...NEW_STANDING, score: (node * 7_919) % 10_001 });
  started = performance.now();
  leaderboardOf(history, 0);
  return { drawMs, leaderboardMs: performance.now() - started };
}
