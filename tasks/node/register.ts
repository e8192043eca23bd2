import type { Signer } from "ethers";
import { amount, parseCor } from "../amounts.ts";
import { address } from "../arguments.ts";
import { approval } from "../allowance.ts";
import { command, type Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { modelMeant } from "../model/reference.ts";
import { signerOf } from "../signer.ts";
import { type Call, type LaterCall, perform } from "../transaction.ts";

interface Args {
  model?: string;
  stake?: string;
  owner?: string;
  operatorKey?: string;
  operator?: string;
  endpoint: string;
}

export default command(async (context, args: Args) => {
  const owner = args.owner === undefined ? await context.sender() : await signerOf(context, args.owner, "--owner");
  const ownerAddress = await owner.getAddress();
  const { operator, operatorSigner } = await operatorOf(context, args, owner);
  const model = await modelMeant(context, args.model);
  const stake = args.stake === undefined ? (await context.views.poolParameters()).minStake : parseCor(args.stake, "--stake");
  const { calls, assuming } = await approval(context, owner, "NodePool", stake);
  const register: Call = {
    module: "NodePool",
    method: "register",
    args: [operator, model.id, stake, args.endpoint],
    signer: owner,
    assuming,
  };
  const accept: LaterCall[] = [];
  if (operatorSigner !== undefined && operator !== ownerAddress)
    accept.push({
      module: "NodePool",
      method: "acceptOperator",
      after: (receipts) => [receipts.event("NodePool", "NodeRegistered").getValue("node") as unknown],
      signer: operatorSigner,
    });
  return await perform(context, [...calls, register, ...accept], async (receipts) => {
    const node = Number(receipts.event("NodePool", "NodeRegistered").getValue("node"));
    return {
      node,
      owner: ownerAddress,
      operator,
      accepted: operatorSigner !== undefined,
      eligible: await context.contracts.NodePool.isEligible(node),
      model: model.id,
      stake: amount(stake),
    };
  });
});

async function operatorOf(context: Context, { operator, operatorKey }: Args, owner: Signer) {
  if (operator !== undefined && operatorKey !== undefined)
    throw new Refusal("ArgumentInvalid", "found --operator and --operator-key, wanted one of them; see --help");
  if (operator !== undefined) return { operator: address(operator, "--operator"), operatorSigner: undefined };
  const operatorSigner = operatorKey === undefined ? owner : await signerOf(context, operatorKey, "--operator-key");
  return { operator: await operatorSigner.getAddress(), operatorSigner };
}
