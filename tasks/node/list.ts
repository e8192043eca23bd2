import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { modelMeant } from "../model/reference.ts";

const PAGE = 50;

export default command(async (context, args: { model?: string }) => {
  const { views, contracts } = context;
  const model = args.model === undefined ? undefined : (await modelMeant(context, args.model)).id;
  const count = await views.nodeCount();
  const nodes = [];
  for (let first = 1; first <= count; first += PAGE) {
    const page = Array.from({ length: Math.min(PAGE, count - first + 1) }, (_, i) => first + i);
    nodes.push(
      ...(await Promise.all(
        page.map(async (node) => {
          const { operator, owner, stake, lease, model } = await views.node(node);
          const [eligible, owed] = await Promise.all([contracts.NodePool.isEligible(node), views.owedToNode(node)]);
          return { node, eligible, lease: lease === 0 ? null : lease, stake: amount(stake), owed: amount(owed), operator, owner, model };
        }),
      )),
    );
  }
  return { nodes: nodes.filter((node) => model === undefined || node.model === model) };
});
