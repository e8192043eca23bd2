// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IModelRegistry} from "../../contracts/interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId} from "../../contracts/interfaces/INodePool.sol";
import {IRandomness} from "../../contracts/interfaces/IRandomness.sol";
import {ILiveness} from "../../contracts/interfaces/ILiveness.sol";
import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IPoUW} from "../../contracts/interfaces/IPoUW.sol";
import {IReputation} from "../../contracts/interfaces/IReputation.sol";
import {IRewards} from "../../contracts/interfaces/IRewards.sol";
import {ISession, SessionId} from "../../contracts/interfaces/ISession.sol";
import {ISessionPayment} from "../../contracts/interfaces/ISessionPayment.sol";
import {Comparison, ISessionQueue, Phase, Status, TaskId, TaskTerms} from "../../contracts/interfaces/ISessionQueue.sol";
import {IValidation} from "../../contracts/interfaces/IValidation.sol";
import {AssuranceLib} from "../../contracts/libraries/Assurance.sol";
import {TaskRules, TaskRulesLib} from "../../contracts/libraries/TaskRules.sol";
import {NaiveJudge} from "./NaiveJudge.sol";
import {Test} from "./Test.sol";

/// @title Network: the whole system, deployed bottom-up, with nodes whose keys are known
/// @notice The deploying contract is governance and holds the supply. It keeps a book of the tasks that went through its
/// hands, so that a test can build any handover.
abstract contract Network is Test {
    bytes32 internal constant MODEL = keccak256("file of the served model");
    bytes32 internal constant SECOND_MODEL = keccak256("file of another model");
    uint96 internal constant PRICE = 7_777_777_777_777_777;
    uint32 internal constant CONTEXT = 4_096;
    uint16 internal constant THRESHOLD = 45;
    uint96 internal constant MIN_STAKE = 100e18;
    uint96 internal constant PENALTY = 35e18;
    uint32 internal constant THAW = 2 days;
    uint24 internal constant BOUNTY = 1_234;
    uint64 internal constant LEASE_RATE = 1e13;
    uint96 internal constant VALIDATOR_PRICE = 1e16;
    uint16 internal constant PROTOCOL_BPS = 250;
    uint16 internal constant ROUTER_BPS = 125;
    uint16 internal constant SEED_DELAY = 2;
    uint16 internal constant MIN_WINDOW = 20;
    uint16 internal constant QUEUE_WINDOW = 50;
    uint16 internal constant COMMIT_WINDOW = 60;
    uint16 internal constant REVEAL_WINDOW = 40;
    uint128 internal constant FUNDS = 1_000e18;
    address internal constant TREASURY = address(0x7ea5);
    address internal constant STRANGER = address(0x5742);
    address internal constant ROUTER = address(0x4073);
    uint40 internal constant PING_WINDOW = 60;
    uint40 internal constant EPOCH = 600;
    uint40 internal constant ORACLE_GRACE = 15;
    uint32 internal constant ROUND_INTERVAL = 1;
    uint256 private constant KEYS = 0xa11ce000;

    IERC20 internal token;
    IModelRegistry internal registry;
    INodePool internal pool;
    ISession internal session;
    ISessionPayment internal payment;
    ISessionQueue internal queue;
    IReputation internal reputation;
    IValidation internal validation;
    IRandomness internal randomness;
    ILiveness internal liveness;
    IOracleCommittee internal oracles;
    IRewards internal rewards;
    IPoUW internal pouw;

    /// @dev What a seat committed, and what is needed to open it. Without a salt it cannot be opened.
    struct Seat {
        NodeId node;
        bytes32 commitment;
        bytes32 salt;
        bytes32 claim;
        bytes answers;
    }

    /// @dev One task as the test knows it, from its own acts alone.
    struct Book {
        TaskId id;
        SessionId session;
        LeaseId lease;
        bool leased;
        uint8 redundancy;
        uint8 quorum;
        address router;
        uint40 bornAt;
        uint40 seedBlock;
        uint40 closeAt;
        uint40 lastCommitAt;
        uint40 firstRevealAt;
        uint16 committed;
        uint16 revealed;
        uint128 worst;
        Status status;
        bytes32 transcript;
        bytes32 endHash;
        uint8[] order;
        bytes terms;
    }

    mapping(SessionId session => bytes) private _agreed;
    mapping(SessionId session => TaskRules) private _rules;
    mapping(SessionId session => uint64) private _holdRates;
    mapping(TaskId task => Book) internal books;
    mapping(TaskId task => mapping(uint256 seat => Seat)) internal seats;
    TaskId[] internal tasks;

    // --- building ---

    function build(uint256 nodes) internal {
        vm.warp(1_700_000_000);
        vm.roll(10_000);
        bytes memory self = abi.encode(address(this));
        token = IERC20(deploy("COR", self));
        address authority = deploy("AccessManager", self);
        registry = IModelRegistry(deploy("ModelRegistry", abi.encode(authority)));
        randomness = IRandomness(deploy("BlockRandomness", ""));
        uint256 nonce = vm.getNonce(address(this));
        address[12] memory ahead;
        for (uint256 i = 0; i < 12; ++i) ahead[i] = vm.computeCreateAddress(address(this), nonce + i);
        (address pool_, address payment_, address session_, address queue_) = (ahead[0], ahead[1], ahead[2], ahead[3]);
        (address judge_, address validation_) = (ahead[4], ahead[5]);
        pool = INodePool(
            deploy(
                "NodePool",
                abi.encode(
                    authority,
                    // The wiring, a struct of static members: encoded as they are.
                    [address(token), address(registry), session_, queue_, validation_, payment_, ahead[11], ahead[7]],
                    poolParameters(MIN_STAKE, PENALTY)
                )
            )
        );
        payment = ISessionPayment(deploy("SessionPayment", abi.encode(token, pool_, session_, queue_, TREASURY, validation_)));
        session = ISession(
            deploy(
                "Session",
                abi.encode(authority, queue_, payment_, pool_, registry, randomness, SEED_DELAY, MIN_WINDOW, sessionParameters())
            )
        );
        queue = ISessionQueue(deploy("SessionQueue", abi.encode(session_, payment_, pool_, randomness, validation_, judge_, SEED_DELAY)));
        vm.assertEq(deploy("Judge", ""), judge_, "the judge's address was foretold");
        validation = IValidation(deploy("Validation", abi.encode(queue_, session_, pool_, payment_, randomness, SEED_DELAY)));
        reputation = IReputation(deploy("Reputation", abi.encode(payment_, ahead[11])));
        _buildRounds(authority, ahead[11]);
        vm.assertEq(address(queue), queue_, "addresses were foretold");
        registry.register(MODEL, description(PRICE));
        registry.register(SECOND_MODEL, description(PRICE * 2));
        for (uint256 i = 0; i < nodes; ++i) enter(i, MIN_STAKE);
        pass(1, 12);
    }

    /// @dev The modules of network work.
    function _buildRounds(address authority, address pouw_) private {
        liveness = ILiveness(deploy("Liveness", abi.encode(pool, PING_WINDOW)));
        oracles = IOracleCommittee(deploy("OracleCommittee", abi.encode(authority, pouw_, ORACLE_GRACE, new address[](0))));
        rewards = IRewards(
            deploy("Rewards", abi.encode(authority, token, pool, payment, liveness, pouw_, EPOCH, PING_WINDOW, rewardParameters()))
        );
        address referee = deploy("Referee", abi.encode(pool, reputation));
        IPoUW.Rules[2] memory rules = [roundRules(0), roundRules(2)];
        pouw = IPoUW(
            deploy(
                "PoUW",
                abi.encode(
                    authority,
                    [
                        address(token),
                        address(pool),
                        address(registry),
                        address(randomness),
                        address(reputation),
                        address(rewards),
                        address(oracles),
                        referee
                    ],
                    SEED_DELAY,
                    IPoUW.Parameters(ROUND_INTERVAL, 4, 1e15),
                    rules,
                    [bytes32("one"), bytes32("two")]
                )
            )
        );
        vm.assertEq(address(pouw), pouw_, "the rounds' address was foretold");
    }

    function rewardParameters() internal pure returns (IRewards.Parameters memory) {
        return IRewards.Parameters(1_000e18, 1e13, 3_000, 4_000, 3_000, 1_000, 6_000, 5_000);
    }

    function roundRules(uint8 validators) internal pure returns (IPoUW.Rules memory) {
        return IPoUW.Rules(3, 2, validators, 4, 2, 2, 60, 5, 30, 40, 50, 30, 40, 100, 100);
    }

    function description(uint96 price) internal pure returns (IModelRegistry.Model memory) {
        return IModelRegistry.Model(price, CONTEXT, THRESHOLD, 0, 0, keccak256("embedding"), "F16", "toy");
    }

    function poolParameters(uint96 minStake, uint96 penalty) internal pure returns (INodePool.Parameters memory) {
        return
            INodePool.Parameters({
                minStake: minStake,
                unopenedPenalty: penalty,
                thaw: THAW,
                open: true,
                slashing: true,
                fraudPenalty: penalty,
                assignmentLock: minStake / 10,
                jail: 1 days,
                bountyBps: 3_000,
                dailyCap: type(uint96).max,
                proving: false
            });
    }

    /// @dev Other parameters for nodes to come.
    function govern(uint96 minStake, uint96 penalty, uint32 thaw) internal {
        INodePool.Parameters memory next = poolParameters(minStake, penalty);
        next.thaw = thaw;
        pool.setParameters(next);
    }

    function sessionParameters() internal pure returns (ISession.Parameters memory) {
        return ISession.Parameters(PROTOCOL_BPS, ROUTER_BPS, BOUNTY, LEASE_RATE, VALIDATOR_PRICE);
    }

    /// @dev A draw from the pool for nobody in particular.
    function wanted(bytes32 model, uint8 size) internal pure returns (INodePool.Wanted memory) {
        return
            INodePool.Wanted({
                model: model,
                size: size,
                level: 0,
                widen: false,
                source: INodePool.Source.Pool,
                session: 0,
                requester: address(0),
                avoid: LeaseId.wrap(0)
            });
    }

    /// @dev The i-th node: an owner's and an operator's key. Ids run from 1.
    function enter(uint256 i, uint128 stake) internal returns (NodeId node) {
        address owner = ownerOf(i);
        token.transfer(owner, stake);
        vm.prank(owner);
        token.approve(address(pool), type(uint256).max);
        vm.prank(owner);
        node = pool.register(operatorOf(i), MODEL, stake, "https://node.invalid");
        vm.prank(operatorOf(i));
        pool.acceptOperator(node);
    }

    function keyOf(uint256 i) internal pure returns (uint256) {
        return KEYS + i;
    }

    function operatorOf(uint256 i) internal pure returns (address) {
        return vm.addr(keyOf(i));
    }

    /// @dev Each its own; a handler may have some collude.
    function ownerOf(uint256 i) internal pure virtual returns (address) {
        return address(uint160(0x0e000 + i));
    }

    function requester(uint256 i) internal pure returns (address) {
        return address(uint160(0xc0000 + i));
    }

    /// @dev The key that signs for a node that was entered by `enter`.
    function signerOf(NodeId node) internal pure returns (uint256) {
        return keyOf(NodeId.unwrap(node) - 1);
    }

    // --- sessions ---

    function termsOf(
        ISession.Mode mode,
        uint8 redundancy,
        uint8 leaseNodes,
        Comparison comparison
    ) internal pure returns (ISession.Terms memory) {
        return
            ISession.Terms({
                model: MODEL,
                redundancy: redundancy,
                quorum: redundancy / 2 + 1,
                leaseNodes: leaseNodes,
                mode: mode,
                comparison: comparison,
                queueWindow: QUEUE_WINDOW,
                commitWindow: COMMIT_WINDOW,
                revealWindow: REVEAL_WINDOW,
                maxPrompts: 3,
                maxPromptTokens: 400,
                maxTokens: 500,
                priceCeiling: type(uint96).max,
                service: ISession.Service.Completion,
                level: 0,
                widen: false,
                rerun: false,
                validators: 0,
                sampleBps: 0,
                bar: 0,
                verdictCommitWindow: 0,
                verdictRevealWindow: 0,
                appealWindow: 0
            });
    }

    function openFunded(address owner, ISession.Terms memory terms) internal returns (SessionId id) {
        vm.prank(owner);
        id = session.open(terms);
        noteAgreement(id, terms);
        fund(owner);
        vm.prank(owner);
        payment.deposit(id, FUNDS);
    }

    /// @dev Writes down what a session agreed to now: its own terms, the registered price, and the parameters in force.
    function noteAgreement(SessionId id, ISession.Terms memory terms) internal {
        ISession.Parameters memory now_ = session.parameters();
        IModelRegistry.Model memory model = registry.modelOf(terms.model);
        _agreed[id] = abi.encode(terms);
        TaskRulesLib.Unpacked memory rules;
        rules.price = model.price;
        rules.maxTokens = terms.maxTokens;
        rules.commitWindow = terms.commitWindow;
        rules.revealWindow = terms.revealWindow;
        rules.protocolFeeBps = now_.protocolFeeBps;
        rules.routerFeeBps = now_.routerFeeBps;
        rules.threshold = model.agreement;
        rules.redundancy = terms.redundancy;
        rules.quorum = terms.quorum;
        rules.exact = terms.comparison == Comparison.Exact;
        rules.leased = terms.mode != ISession.Mode.PerTask;
        rules.standby = rules.leased && terms.leaseNodes > terms.redundancy;
        rules.assured = !rules.leased;
        if (!rules.leased) _holdRates[id] = now_.leaseRate;
        else delete _holdRates[id];
        rules.bounty = now_.bounty;
        _rules[id] = TaskRulesLib.pack(rules);
    }

    /// @dev What a session's owner agreed to last.
    function agreedBy(SessionId id) internal view returns (ISession.Terms memory) {
        return abi.decode(_agreed[id], (ISession.Terms));
    }

    function rulesOf(SessionId id) internal view returns (TaskRulesLib.Unpacked memory) {
        return _rules[id].unpack();
    }

    function fund(address owner) internal {
        token.transfer(owner, FUNDS);
        vm.prank(owner);
        token.approve(address(payment), type(uint256).max);
    }

    function drawFor(SessionId id, uint32 duration) internal returns (LeaseId) {
        vm.prank(session.sessionOf(id).owner);
        session.reserve(id, duration, 0);
        pass(SEED_DELAY + 1, 12);
        return session.drawLease(id);
    }

    // --- tasks ---

    function requestOf(
        uint256 prompts,
        uint256 promptTokens,
        uint256 maxTokens,
        uint256 mark
    ) internal pure returns (ISession.Request memory request) {
        for (uint256 i = 0; i < prompts; ++i) {
            request.promptTokens = bytes.concat(request.promptTokens, bytes3(uint24(promptTokens + i)));
        }
        request.manifest = keccak256(abi.encode("manifest", mark));
        request.maxTokens = uint24(maxTokens);
        request.clientReference = bytes32(mark);
    }

    /// @dev The terms a task must be born with: what its session agreed to, and what was asked for.
    function bornTerms(SessionId id, ISession.Request memory request, address router) internal view returns (TaskTerms memory) {
        TaskRulesLib.Unpacked memory rules = rulesOf(id);
        rules.maxTokens = request.maxTokens;
        if (router == address(0)) rules.routerFeeBps = 0;
        AssuranceLib.Unpacked memory assurance;
        assurance.holdRate = _holdRates[id];
        return
            TaskTerms({
                model: agreedBy(id).model,
                manifest: request.manifest,
                rules: TaskRulesLib.pack(rules),
                assurance: AssuranceLib.pack(assurance),
                router: router,
                promptTokens: request.promptTokens
            });
    }

    /// @dev Submits, and opens the book of the task where the submission went through.
    function submitAs(address caller, SessionId id, ISession.Request memory request) internal returns (bool ok, TaskId task) {
        address router = caller == session.sessionOf(id).owner ? address(0) : caller;
        bytes memory answer;
        (ok, answer) = attempt(caller, address(session), abi.encodeCall(ISession.submit, (id, request)));
        if (!ok) return (false, task);
        task = abi.decode(answer, (TaskId));
        TaskTerms memory terms = bornTerms(id, request, router);
        TaskRulesLib.Unpacked memory rules = rulesOf(id);
        Book storage book = books[task];
        book.id = task;
        book.session = id;
        book.leased = rules.leased;
        book.lease = rules.leased ? session.sessionOf(id).lease : LeaseId.wrap(0);
        book.redundancy = rules.redundancy;
        book.quorum = rules.quorum;
        book.router = router;
        book.bornAt = clock();
        book.seedBlock = uint40(height() + SEED_DELAY);
        book.closeAt = clock() + (rules.leased ? rules.commitWindow : agreedBy(id).queueWindow);
        book.worst = worstOf(terms);
        book.status = Status.Open;
        book.terms = abi.encode(terms);
        book.transcript = keccak256(
            abi.encode(task, terms.model, terms.manifest, terms.rules, terms.assurance, terms.router, keccak256(terms.promptTokens))
        );
        tasks.push(task);
    }

    function submitted(SessionId id, ISession.Request memory request) internal returns (TaskId task) {
        bool ok;
        (ok, task) = submitAs(session.sessionOf(id).owner, id, request);
        vm.assertTrue(ok, "submission refused");
    }

    function termsIn(TaskId task) internal view returns (TaskTerms memory) {
        return abi.decode(books[task].terms, (TaskTerms));
    }

    /// @dev Worst case by the rule: all tokens at full length, for every answer, rounded up, and the bounty.
    function worstOf(TaskTerms memory terms) internal pure returns (uint128) {
        TaskRulesLib.Unpacked memory rules = TaskRulesLib.unpack(terms.rules);
        uint256 prompts = terms.promptTokens.length / 3;
        uint256 tokens = prompts * rules.maxTokens;
        for (uint256 i = 0; i < prompts; ++i) tokens += promptTokensOf(terms, i);
        uint256 times = tokens * rules.price * rules.redundancy;
        return uint128(times / 1_000 + (times % 1_000 == 0 ? 0 : 1) + uint256(rules.bounty) * 1e12 + holdOf(terms));
    }

    /// @dev What the time of nodes that are drawn for a task costs; 0 where they come from a lease.
    function holdOf(TaskTerms memory terms) internal pure returns (uint256) {
        TaskRulesLib.Unpacked memory rules = TaskRulesLib.unpack(terms.rules);
        uint256 seconds_ = uint256(rules.commitWindow) + rules.revealWindow;
        return AssuranceLib.unpack(terms.assurance).holdRate * uint256(rules.redundancy) * seconds_;
    }

    function promptTokensOf(TaskTerms memory terms, uint256 i) internal pure returns (uint256) {
        bytes memory list = terms.promptTokens;
        return (uint256(uint8(list[3 * i])) << 16) | (uint256(uint8(list[3 * i + 1])) << 8) | uint8(list[3 * i + 2]);
    }

    function answerOf(uint256 digest, uint256 sketch, uint256 tokens) internal pure returns (bytes memory) {
        // Far from the reserved digests, which are tested on their own.
        return abi.encodePacked(bytes32(digest | (1 << 200)), bytes32(sketch), bytes3(uint24(tokens)), bytes1(0x01));
    }

    /// @dev The same answer to every prompt of a task.
    function uniform(TaskId task, uint256 digest, uint256 sketch, uint256 tokens) internal view returns (bytes memory answers) {
        uint256 prompts = termsIn(task).promptTokens.length / 3;
        for (uint256 i = 0; i < prompts; ++i) answers = bytes.concat(answers, answerOf(digest, sketch, tokens));
    }

    /// @dev Writes down what the member that a seat belongs to is about to commit.
    function prepare(TaskId task, uint8 seat, bytes memory answers) internal returns (bytes32 commitment) {
        (NodeId[] memory nodes, ) = queue.committeeOf(task);
        return prepare(task, seat, nodes[seat], answers);
    }

    /// @dev Writes down what a node is about to commit in a seat.
    function prepare(TaskId task, uint8 seat, NodeId author, bytes memory answers) internal returns (bytes32 commitment) {
        Seat storage entry = seats[task][seat];
        entry.node = author;
        entry.answers = answers;
        entry.salt = keccak256(abi.encode("salt", task, seat));
        entry.claim = keccak256(abi.encode("claim", answers));
        commitment = queue.commitmentOf(task, 0, entry.node, termsIn(task), answers, entry.claim, entry.salt);
        entry.commitment = commitment;
    }

    /// @dev Writes down that a commitment was accepted.
    function noteCommit(TaskId task, uint8 seat) internal {
        Book storage book = books[task];
        Seat storage entry = seats[task][seat];
        book.committed |= uint16(1 << seat);
        book.order.push(seat);
        book.transcript = keccak256(abi.encode(book.transcript, whoOf(seat, entry.node), entry.commitment));
        book.lastCommitAt = clock();
        if (count(book.committed) == book.redundancy) book.closeAt = clock();
    }

    function commitAs(TaskId task, uint8 seat, bytes memory answers) internal {
        bytes32 commitment = prepare(task, seat, answers);
        address operator = vm.addr(signerOf(seats[task][seat].node));
        accepts(operator, address(queue), abi.encodeCall(ISessionQueue.commit, (task, seat, commitment)), "commitment");
        noteCommit(task, seat);
    }

    /// @dev What a node signs so that anyone may carry its commitment: EIP-712 `Commit(task, author, commitment)`.
    function carriedDigest(TaskId task, NodeId author, bytes32 commitment) internal view returns (bytes32) {
        bytes32 typehash = keccak256("Commit(uint64 task,uint24 author,bytes32 commitment)");
        bytes32 order = keccak256(abi.encode(typehash, task, author, commitment));
        return keccak256(abi.encodePacked(hex"1901", domainOf(address(queue), block.chainid), order));
    }

    function domainOf(address verifier, uint256 chain) internal pure returns (bytes32) {
        bytes32 typehash = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256("Corroborate"), keccak256("1"), chain, verifier));
    }

    function whoOf(uint8 seat, NodeId node) internal pure returns (uint256) {
        return uint256(seat) | (uint256(NodeId.unwrap(node)) << 8);
    }

    /// @dev Every committed seat in commit order, the ones in `opened` with their salts, against any base.
    function handoverOf(TaskId task, uint16 opened, bytes memory base) internal view returns (ISessionQueue.Handover memory handover) {
        Book storage book = books[task];
        handover.task = task;
        handover.terms = termsIn(task);
        handover.base = base;
        handover.openings = openingsOf(task, book.order, opened);
        bytes[] memory changes = new bytes[](book.order.length);
        uint256 differ = 0;
        for (uint256 i = 0; i < changes.length; ++i) {
            uint8 seat = book.order[i];
            if ((opened >> seat) & 1 == 1) changes[i] = changesOf(base, seats[task][seat].answers);
            differ += changes[i].length;
        }
        // The list is left out where nobody differs.
        if (differ != 0) handover.changes = changes;
    }

    function openingsOf(TaskId task, uint8[] memory order, uint16 opened) private view returns (ISessionQueue.Opening[] memory openings) {
        openings = new ISessionQueue.Opening[](order.length);
        for (uint256 i = 0; i < order.length; ++i) {
            Seat memory entry = seats[task][order[i]];
            uint256 who = whoOf(order[i], entry.node);
            bool open = (opened >> order[i]) & 1 == 1;
            openings[i] = ISessionQueue.Opening(
                open ? who | (1 << 32) : who,
                open ? entry.salt : entry.commitment,
                open ? entry.claim : bytes32(0)
            );
        }
    }

    /// @dev A handover against the answers of its first opened seat, or against zeros.
    function handoverOf(TaskId task, uint16 opened) internal view returns (ISessionQueue.Handover memory) {
        return handoverOf(task, opened, baseOf(task, opened));
    }

    function baseOf(TaskId task, uint16 opened) internal view returns (bytes memory) {
        Book storage book = books[task];
        for (uint256 i = 0; i < book.order.length; ++i) {
            if ((opened >> book.order[i]) & 1 == 1) return seats[task][book.order[i]].answers;
        }
        return new bytes((termsIn(task).promptTokens.length / 3) * 68);
    }

    function changesOf(bytes memory base, bytes memory answers) internal pure returns (bytes memory changes) {
        for (uint256 i = 0; i * 68 < answers.length; ++i) {
            bytes memory answer = cut(answers, i * 68, 68);
            if (keccak256(answer) != keccak256(cut(base, i * 68, 68))) changes = bytes.concat(changes, bytes2(uint16(i)), answer);
        }
    }

    function cut(bytes memory data, uint256 from, uint256 size) internal pure returns (bytes memory piece) {
        piece = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(piece, 32), add(add(data, 32), from), size)
        }
    }

    function count(uint256 bits) internal pure returns (uint256 set) {
        for (; bits != 0; bits &= bits - 1) ++set;
    }

    /// @dev What the queue remembers about a task for ever; while it runs, its facts too.
    function recordHash(TaskId task) internal view returns (bytes32) {
        (ISessionQueue.Facts memory facts, Status status) = queue.factsOf(task);
        bytes32 record = queue.recordOf(task);
        if (status != Status.Open) return keccak256(abi.encode(record, status));
        return keccak256(abi.encode(record, status, facts));
    }

    function factsOf(TaskId task) internal view returns (ISessionQueue.Facts memory facts) {
        (facts, ) = queue.factsOf(task);
    }

    function statusOf(TaskId task) internal view returns (Status status) {
        (, status) = queue.factsOf(task);
    }

    /// @dev Where the book says the task is now, by the phase table.
    function bookPhase(Book storage book) internal view returns (Phase) {
        if (book.status == Status.None) return Phase.None;
        if (book.status != Status.Open) return Phase.Settled;
        uint256 committed = count(book.committed);
        if (clock() <= book.closeAt) {
            if (LeaseId.unwrap(book.lease) == 0) return Phase.Queued;
            bool seeded = !book.leased || committed != 0;
            return seeded || height() > book.seedBlock ? Phase.Committing : Phase.Queued;
        }
        if (committed < book.quorum) return Phase.Closed;
        if (book.revealed == book.committed) return Phase.Closed;
        return clock() <= book.closeAt + REVEAL_WINDOW ? Phase.Revealing : Phase.Closed;
    }

    // --- the model of an end ---

    /// @dev How a task must end. Per seat: tokens that are paid, prompts accepted, prompts on which others agreed without it.
    struct End {
        Status status;
        bytes outcomes;
        uint256[] tokens;
        uint256[] accepted;
        uint256[] outliers;
    }

    /// @dev The end of a task of which these seats are open.
    function modelEnd(TaskId task, uint16 opened) internal view returns (End memory end) {
        TaskTerms memory terms = termsIn(task);
        uint256 redundancy = books[task].redundancy;
        (end.tokens, end.accepted, end.outliers) = (new uint256[](redundancy), new uint256[](redundancy), new uint256[](redundancy));
        end.status = Status.Failed;
        if (count(opened) < books[task].quorum) return end;
        end.status = Status.Inconclusive;
        for (uint256 prompt = 0; prompt < terms.promptTokens.length / 3; ++prompt) {
            (uint256 members, uint256 canonical, uint256 output) = modelPrompt(task, opened, prompt, TaskRulesLib.unpack(terms.rules));
            end.outcomes = bytes.concat(end.outcomes, bytes2(uint16((canonical << 12) | members)));
            if (members == 0) continue;
            end.status = Status.Accepted;
            for (uint256 seat = 0; seat < redundancy; ++seat) {
                if ((members >> seat) & 1 == 1) {
                    end.tokens[seat] += output + promptTokensOf(terms, prompt);
                    ++end.accepted[seat];
                } else if ((opened >> seat) & 1 == 1) {
                    ++end.outliers[seat];
                }
            }
        }
    }

    /// @dev What the session pays for an end, the bounty included.
    function chargeOf(TaskId task, End memory end) internal view returns (uint256 charged) {
        if (end.status != Status.Accepted) return 0;
        TaskRulesLib.Unpacked memory rules = TaskRulesLib.unpack(termsIn(task).rules);
        charged = uint256(rules.bounty) * 1e12;
        for (uint256 seat = 0; seat < end.tokens.length; ++seat) charged += (end.tokens[seat] * rules.price) / 1_000;
    }

    /// @dev The record that an ended task keeps.
    function finalRecord(TaskId task, End memory end) internal view returns (bytes32) {
        bytes32 decided = keccak256(abi.encode(books[task].transcript, keccak256(end.outcomes), chargeOf(task, end)));
        return bytes32((uint256(end.status) << 248) | (uint256(decided) >> 8));
    }

    /// @dev The opened answers to one prompt, by seat.
    struct Opinions {
        uint8[] seats;
        bytes32[] digests;
        bytes32[] sketches;
        uint256[] counts;
    }

    function opinionsOf(TaskId task, uint16 opened, uint256 prompt) private view returns (Opinions memory found) {
        uint256 size = count(opened);
        found = Opinions(new uint8[](size), new bytes32[](size), new bytes32[](size), new uint256[](size));
        uint256 n = 0;
        for (uint8 seat = 0; seat < books[task].redundancy; ++seat) {
            if ((opened >> seat) & 1 == 0) continue;
            found.seats[n] = seat;
            (found.digests[n], found.sketches[n], found.counts[n]) = NaiveJudge.answerOf(seats[task][seat].answers, prompt);
            ++n;
        }
    }

    /// @dev One prompt: accepted seats as a bitmap (0 where undecided), the canonical seat (15 for none), the output tokens that count.
    function modelPrompt(
        TaskId task,
        uint16 opened,
        uint256 prompt,
        TaskRulesLib.Unpacked memory rules
    ) private view returns (uint256 members, uint256 canonical, uint256 output) {
        Opinions memory found = opinionsOf(task, opened, prompt);
        (bool decided, uint256 best, uint256 group) = NaiveJudge.judge(
            found.digests,
            found.sketches,
            rules.exact,
            rules.threshold,
            rules.quorum
        );
        if (!decided) return (0, 15, 0);
        output = NaiveJudge.lowerMedian(found.counts, group);
        if (output > rules.maxTokens) output = rules.maxTokens;
        canonical = found.seats[best];
        for (uint256 i = 0; i < found.seats.length; ++i) if ((group >> i) & 1 == 1) members |= 1 << found.seats[i];
    }
}
