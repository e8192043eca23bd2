import { Contract, HDNodeWallet, id, sha256, toUtf8Bytes } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { readDeployment } from "../../../offchain/chain/deployment.ts";
import { connect } from "../../../offchain/chain/endpoint.ts";
import { encodeAnswers } from "../../../offchain/protocol/answers.ts";
import { commitmentOf } from "../../../offchain/protocol/commitment.ts";
import { taskQueued } from "../../../offchain/protocol/events.ts";
import { FINISH } from "../../../offchain/protocol/types.ts";
import type { HardhatNode } from "../chain/hardhatNode.ts";

/** The accounts of Hardhat's own chain. */
export const ACCOUNTS = HDNodeWallet.fromPhrase("test test test test test test test test test test test junk", "", "m/44'/60'/0'/0");

/** Every seat's operator, an account 1 to 9, commits the same answer to a task that was just queued; gives the openings in seat order. */
export async function commitAll(chain: HardhatNode, record: string, task: bigint, queuedIn: string) {
  const endpoint = await connect({ url: chain.url });
  try {
    const { addresses } = readDeployment(record);
    const queue = new Contract(addresses.SessionQueue, interfaces.SessionQueue, endpoint.provider);
    const { logs } = (await endpoint.provider.getTransactionReceipt(queuedIn))!;
    const event = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
    const { terms } = taskQueued(event!.args);
    await chain.rpc("evm_mine");
    const [nodes, operators] = (await queue.getFunction("committeeOf").staticCall(task)) as [bigint[], string[]];
    const claim = id("claims");
    const answers = encodeAnswers([{ digest: sha256(toUtf8Bytes("north")), sketch: id("sketch"), tokens: 20, finish: FINISH.stop }]);
    const openings = nodes.map((_, seat) => ({ seat, answers, claim, salt: id(`salt ${seat}`) }));
    for (const { seat, salt } of openings) {
      const operator = Array.from({ length: 9 }, (_, i) => ACCOUNTS.deriveChild(i + 1)).find(({ address }) => address === operators[seat])!;
      const domain = { chainId: 31337n, queue: addresses.SessionQueue };
      const commitment = commitmentOf(domain, task, Number(nodes[seat]), terms, answers, claim, salt);
      const signed = queue.connect(operator.connect(endpoint.provider)) as Contract;
      await (await signed.getFunction("commit").send(task, seat, commitment)).wait();
    }
    await chain.rpc("evm_mine");
    return openings;
  } finally {
    endpoint.close();
  }
}
