import { expect } from "chai";
import { type Contract, type FunctionFragment, type Signer, ZeroAddress, ZeroHash } from "ethers";
import { MODULES } from "../../scripts/deploy.ts";
import { localParameters } from "../../scripts/parameters.ts";
import { type Network, wanted } from "./network.ts";
import { eventsIn, receiptOf, useNetwork } from "./suite.ts";

/**
 * Who may call what. `refusal` is what everybody else gets, whatever they hand in; where there is none, anybody may call,
 * and what the call may move is the caller's own or decided by the books.
 */
interface Rule {
  who: string;
  /** Roles that are not refused, or for another reason. */
  may?: readonly Role[];
  refusal?: string;
  args?: (net: Network) => unknown[];
}

/** Everybody who is somebody to the network. The operator is the owner of node 1 too; `NodePool.stake` keeps the two apart. */
const ROLES = ["stranger", "keeper", "client", "router", "operator", "otherOperator", "governance"] as const;
type Role = (typeof ROLES)[number];

const POOL_DENIED = "NodePoolUnauthorized";
const PAYMENT_DENIED = "SessionPaymentUnauthorized";
const SESSION_DENIED = "SessionUnauthorized";
const QUEUE_DENIED = "SessionQueueUnauthorized";
const GOVERNANCE = "AccessManagedUnauthorized";
const SPLIT = { locked: 0, router: ZeroAddress, routerFee: 0, keeper: ZeroAddress, bounty: 0, protocolFee: 0 };
const TERMS = { model: ZeroHash, manifest: ZeroHash, rules: 0, assurance: 0, router: ZeroAddress, promptTokens: "0x" };
const TASK = (1n << 32n) | 1n;
const KEEPER = "0x00000000000000000000000000000000000000aa";
const MODEL = {
  price: 0,
  contextTokens: 0,
  agreement: 0,
  registeredAt: 0,
  deprecatedAt: 0,
  embedding: ZeroHash,
  quantisation: "",
  name: "",
};
const HANDOVER = { task: TASK, terms: TERMS, base: "0x", openings: [], changes: [] };

const governance = (...args: unknown[]): Rule => ({ who: "governance", may: ["governance"], refusal: GOVERNANCE, args: () => args });
/** On test networks the account that deployed is the guardian. */
const guardian = (...args: unknown[]): Rule => ({ ...governance(...args), who: "the guardian" });
const sessionOwner = (...args: unknown[]): Rule => ({
  who: "the session's owner",
  may: ["client"],
  refusal: SESSION_DENIED,
  args: () => [1, ...args],
});
const ownerOrRouter = (...args: unknown[]): Rule => ({
  ...sessionOwner(...args),
  who: "the session's owner or a router",
  may: ["client", "router"],
});
const nodeOwner = (...args: unknown[]): Rule => ({
  who: "the node's owner",
  may: ["operator"],
  refusal: POOL_DENIED,
  args: () => [1, ...args],
});
const operatorOrOwner = (...args: unknown[]): Rule => ({ ...nodeOwner(...args), who: "the node's operator or owner" });
const only = (who: string, refusal: string, ...args: unknown[]): Rule => ({ who, refusal, args: () => args });
const anyone: Rule = { who: "anyone" };

const ACCESS: Record<string, Record<string, Rule>> = {
  ModelRegistry: {
    register: governance(ZeroHash, MODEL),
    reprice: governance(ZeroHash, 0),
    deprecate: governance(ZeroHash),
    setAgreement: governance(ZeroHash, 0, 0),
    setGenuineness: governance(ZeroHash, { leastMatch: 0, mostDelta: 0 }),
    admitEngine: governance(ZeroHash, ZeroHash, true),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  BlockRandomness: {},
  NodePool: {
    register: anyone,
    proposeOperator: nodeOwner(ZeroAddress),
    acceptOperator: only("the proposed operator", POOL_DENIED, 1),
    announceEndpoint: operatorOrOwner(""),
    serve: operatorOrOwner(ZeroHash, false),
    addStake: nodeOwner(1),
    requestExit: nodeOwner(),
    withdrawStake: nodeOwner(ZeroAddress),
    admit: governance(1, false),
    setRoles: operatorOrOwner(1),
    setLevel: governance(1, 1),
    dedicate: operatorOrOwner(1),
    enlist: anyone,
    free: nodeOwner(),
    drawPanel: only("Validation", POOL_DENIED, ZeroHash, 1, ZeroHash, 0, 0, 0, ZeroAddress),
    releasePanel: only("Validation", POOL_DENIED, 0, 0),
    slashFraud: only("Validation", POOL_DENIED, 1, ZeroAddress),
    withdrawBounty: { who: "whoever is owed" },
    setParameters: governance(localParameters().pool),
    pause: guardian(1),
    sweepSlashed: governance(ZeroAddress),
    lease: only("Session or SessionQueue", POOL_DENIED, wanted(ZeroHash, 1), ZeroHash, 0),
    release: only("SessionQueue", POOL_DENIED, 1),
    collect: anyone,
    take: only("PoUW", POOL_DENIED, ZeroHash, 0, 0, ZeroHash, 0),
    finish: only("PoUW", POOL_DENIED, 1, 0),
    shorten: only("Session", POOL_DENIED, 1, 0),
    announceDraw: only("Session, SessionQueue or PoUW", POOL_DENIED, ZeroHash, 0),
    retireDraw: only("Session, SessionQueue or PoUW", POOL_DENIED, ZeroHash),
    acceptDedicated: only("Session", POOL_DENIED, 1, [], true),
    slashUnopened: only("SessionQueue, PoUW or Validation", POOL_DENIED, 1, 0, 600),
    excuse: anyone,
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  SessionPayment: {
    deposit: anyone,
    depositWithPermit: anyone,
    lock: only("Session or SessionQueue", PAYMENT_DENIED, 1, 0),
    release: only("Session or SessionQueue", PAYMENT_DENIED, 1, 0),
    settle: only("SessionQueue", PAYMENT_DENIED, 1, SPLIT, []),
    payLease: only("Session or SessionQueue", PAYMENT_DENIED, 1, 0, 1, 1),
    refund: only("Session", PAYMENT_DENIED, 1, ZeroAddress, 0),
    withdrawNode: { ...nodeOwner(ZeroAddress), refusal: PAYMENT_DENIED },
    withdraw: { who: "whoever is owed" },
    collectFees: anyone,
    depositFor: anyone,
    takeBond: only("Validation", PAYMENT_DENIED, ZeroAddress, 0),
    settleBond: only("Validation", PAYMENT_DENIED, ZeroAddress, 0, []),
  },
  Reputation: { book: only("PoUW", "ReputationUnauthorized", 1, [], 1, 1) },
  Referee: {},
  Liveness: { ping: anyone },
  OracleCommittee: {
    setOracles: governance([]),
    heartbeat: { who: "the leader", refusal: "OracleCommitteeUnauthorized", args: () => [] },
    rotate: anyone,
    note: only("PoUW", "OracleCommitteeUnauthorized", ZeroAddress),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Rewards: {
    count: only("PoUW", "RewardsUnauthorized", []),
    countService: anyone,
    claim: { ...only("the node's owner", "RewardsUnauthorized", 1, [], ZeroAddress), may: ["operator"] },
    lapse: anyone,
    setParameters: governance(localParameters().network.rewards),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  PoUW: {
    open: anyone,
    advance: anyone,
    claim: { who: "the drawn creator" },
    create: { who: "the drawn creator" },
    prepare: { who: "the drawn preparer" },
    commit: { who: "the seat's operator" },
    commitMany: anyone,
    reveal: anyone,
    revealScores: anyone,
    withdrawBounty: { who: "whoever is owed" },
    setRules: governance(1, localParameters().network.liveness.rules, ZeroHash),
    setParameters: governance(localParameters().network.rounds),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Judge: {},
  Validation: {
    open: only("SessionQueue", "ValidationUnauthorized", TASK, ZeroHash, 0, 0),
    draw: anyone,
    commit: { who: "the seat's operator" },
    commitMany: anyone,
    reveal: anyone,
    appeal: { who: "whoever is owed the bond" },
    close: only("SessionQueue", "ValidationUnauthorized", TASK, 0, 0),
  },
  SessionQueue: {
    enqueue: only("Session", QUEUE_DENIED, TASK, TERMS, ZeroHash, 0, 0, 0),
    cancel: only("Session", QUEUE_DENIED, TASK, TERMS),
    assign: anyone,
    commit: {
      who: "the seat's operator",
      may: ["operator", "otherOperator"],
      refusal: "SessionQueueNotOperator",
      args: () => [TASK, 0, `0x${"11".repeat(32)}`],
    },
    commitMany: anyone,
    reveal: anyone,
    settle: anyone,
    revealMany: anyone,
    revealFor: only("SessionQueue itself", QUEUE_DENIED, HANDOVER, ZeroAddress),
  },
  Session: {
    open: anyone,
    update: { ...sessionOwner(), args: (net) => [1, net.terms] },
    transfer: sessionOwner(ZeroAddress),
    close: sessionOwner(),
    setRouter: sessionOwner(ZeroAddress, true, ""),
    refund: sessionOwner(ZeroAddress, 0),
    reserve: ownerOrRouter(0, 0),
    endLease: { ...sessionOwner(), who: "the session's owner, or anyone once its tasks are spent" },
    acceptDedicated: sessionOwner([], true),
    drawLease: anyone,
    cancelReservation: anyone,
    submit: { ...ownerOrRouter(), args: (net) => [1, net.request(1)] },
    submitMany: ownerOrRouter([]),
    cancel: { ...ownerOrRouter(), args: () => [TASK, TERMS] },
    setParameters: governance({ protocolFeeBps: 0, routerFeeBps: 0, bounty: 0, leaseRate: 0, validatorPrice: 0 }),
    pause: guardian(1),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  ImageRegistry: {
    publish: anyone,
    retire: { who: "the publisher" },
    withdrawBond: { who: "the publisher" },
    declare: { ...operatorOrOwner(ZeroHash), refusal: "ImageRegistryUnauthorized" },
    setTerms: governance(0, 0),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  RestrictedList: {
    setRestricted: governance([], true),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Staking: {
    stake: anyone,
    stakeWithPermit: anyone,
    relock: only("the position's owner", "StakingUnauthorized", 1, 0),
    unstake: only("the position's owner", "StakingUnauthorized", 1, ZeroAddress),
    claim: only("the positions' owner", "StakingUnauthorized", [1], KEEPER),
    delegate: { who: "whoever staked" },
    fund: anyone,
    pause: guardian(1),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Incentives: {
    fundStaking: anyone,
    grant: governance(ZeroAddress, 0),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Allowance: {
    open: { who: "whoever staked", refusal: "AllowanceNoStake", args: (net) => [net.terms] },
    use: only("the session's holder", "AllowanceUnauthorized", 1, 1),
    setRouter: only("the session's holder", "AllowanceUnauthorized", 1, ZeroAddress, true, ""),
    close: only("the session's holder", "AllowanceUnauthorized", 1),
    reclaim: anyone,
    setRate: governance(0),
    giveBack: governance(ZeroAddress, 0),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Treasury: {
    collect: anyone,
    observe: anyone,
    buyBack: governance(0, 0),
    addLiquidity: governance(0, 0, 0),
    removeLiquidity: governance(0, 0),
    pay: governance(ZeroAddress, ZeroAddress, 0),
    setSlippage: governance(0),
    setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress),
  },
  Runtime: { setModules: governance([], []), setAuthority: only("the AccessManager", GOVERNANCE, ZeroAddress) },
};

/** OpenZeppelin's own: `COR.test` shows whom the token obeys, `Governance.test` whom the manager, the timelock and the governor. */
const FROM_PACKAGES = ["AccessManager", "COR", "TimelockController", "CorGovernor"];

const signersOf = ({ stranger, keeper, client, router, operators, deployer }: Network): Record<Role, Signer> => ({
  stranger,
  keeper,
  client,
  router,
  operator: operators.get(1)!,
  otherOperator: operators.get(2)!,
  governance: deployer,
});

describe("Access", () => {
  const net = useNetwork({ nodes: 3 }, (fresh) => fresh.submit());
  const contractOf = (name: string) => net().modules[name as keyof Network["modules"]] as unknown as Contract;
  const writesOf = (name: string): FunctionFragment[] =>
    contractOf(name).interface.fragments.filter(
      (fragment): fragment is FunctionFragment => fragment.type === "function" && !(fragment as FunctionFragment).constant,
    );

  it("H4 every deployed contract is in the matrix", () => {
    const known = [...Object.keys(ACCESS), ...FROM_PACKAGES];
    expect(MODULES.filter((name) => !known.includes(name))).to.deep.equal([]);
  });

  for (const [name, rules] of Object.entries(ACCESS)) {
    it(`H4 every state-changing function of ${name} is in the matrix`, () => {
      expect(writesOf(name).map((fragment) => fragment.name)).to.have.members(Object.keys(rules));
      expect(writesOf(name).some((fragment) => fragment.payable)).to.equal(false);
    });

    for (const [method, { who, may = [], refusal, args }] of Object.entries(rules)) {
      if (refusal === undefined) continue;
      it(`H4 ${name}.${method} is for ${who} alone`, async () => {
        const contract = contractOf(name);
        const data = contract.interface.encodeFunctionData(method, args!(net()));
        // H3: governance has no way around a rule that is not about governance.
        const signers = signersOf(net());
        for (const role of ROLES.filter((other) => !may.includes(other))) {
          await expect(signers[role].sendTransaction({ to: contract.target, data }), role).to.be.revertedWithCustomError(contract, refusal);
        }
      });
    }
  }

  it("H3 no call of governance lowers a session's money, a node's stake or what is owed", async () => {
    const { modules, deployer, parameters, session, operators, stranger } = net();
    const state = async () => [
      ...(await modules.SessionPayment.balanceOf(session)),
      await modules.SessionPayment.liabilities(),
      ...(await modules.NodePool.totals()),
      ...(await Promise.all([...operators.keys()].map((node) => modules.SessionPayment.owedToNode(node)))),
    ];
    const before = await state();
    const { NodePool, Session, ModelRegistry, Runtime } = modules;
    await NodePool.connect(deployer).setParameters({ ...parameters.pool, minStake: 10n ** 24n, unopenedPenalty: 10n ** 24n, open: false });
    for (const node of operators.keys()) await NodePool.connect(deployer).admit(node, false);
    await NodePool.connect(deployer).sweepSlashed(stranger.address);
    await Session.connect(deployer).setParameters({
      protocolFeeBps: 3_000,
      routerFeeBps: 0,
      bounty: 2 ** 24 - 1,
      leaseRate: 2n ** 63n,
      validatorPrice: 0,
    });
    await ModelRegistry.connect(deployer).deprecate((await ModelRegistry.models(0, 1))[0]!);
    await Runtime.connect(deployer).setModules(["SessionPayment"], [modules.COR.target]);
    expect(await state()).to.deep.equal(before);
    expect(await modules.COR.balanceOf(stranger.address)).to.equal(0n);
  });

  it("H1 with governance hostile to the end, a task that runs still ends and everybody takes what is theirs", async () => {
    const { modules, deployer, client, keeper, parameters, session, operators } = net();
    const task = await net().submit();
    await net().commitCarried(task);
    await modules.NodePool.connect(deployer).setParameters({ ...parameters.pool, minStake: 10n ** 24n, open: false });
    for (const node of operators.keys()) await modules.NodePool.connect(deployer).admit(node, false);
    await modules.Session.connect(deployer).setParameters({
      protocolFeeBps: 3_000,
      routerFeeBps: 0,
      bounty: 0,
      leaseRate: 0,
      validatorPrice: 0,
    });
    await net().networkHelpers.mine(1);
    const receipt = await receiptOf(modules.SessionQueue.connect(keeper).reveal(net().handover(task)));
    expect(eventsIn(receipt, modules.SessionQueue, "TaskSettled")[0]!["charged"]).to.equal(451n * 10n ** 15n);
    for (const [node, owner] of operators) await modules.SessionPayment.connect(owner).withdrawNode(node, owner.address);
    const { available } = await modules.SessionPayment.balanceOf(session);
    await modules.Session.connect(client).refund(session, client.address, available);
    await net().networkHelpers.time.increase(86_401);
    await modules.NodePool.collect(1);
    for (const [node, owner] of operators) await modules.NodePool.connect(owner).requestExit(node);
    await net().networkHelpers.time.increase(parameters.pool.thaw);
    for (const [node, owner] of operators) await modules.NodePool.connect(owner).withdrawStake(node, owner.address);
    expect((await modules.NodePool.totals())[0]).to.equal(0n);
  });
});
