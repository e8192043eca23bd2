// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId} from "../interfaces/INodePool.sol";
import {IPausable} from "../interfaces/IPausable.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {ISession, SessionId} from "../interfaces/ISession.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {Comparison, ISessionQueue, TaskId, TaskTerms} from "../interfaces/ISessionQueue.sol";
import {Answers} from "../libraries/Answers.sol";
import {Assurance, AssuranceLib} from "../libraries/Assurance.sol";
import {Pause} from "../libraries/Pause.sol";
import {Price} from "../libraries/Price.sol";
import {TaskRules, TaskRulesLib} from "../libraries/TaskRules.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Session
contract Session is ISession, IPausable, AccessManaged {
    using SafeCast for uint256;

    /// @notice Most independent answers per prompt.
    uint8 public constant MAX_REDUNDANCY = 9;
    /// @notice Most nodes in a lease.
    uint8 public constant MAX_LEASE = 10;
    /// @notice Most prompts times answers in a task.
    uint256 public constant MAX_ANSWERS = 1_024;
    /// @notice Longest window, seconds.
    uint256 public constant MAX_WINDOW = 7 hours;
    /// @notice Longest that all windows of a task may last together, both attempts and an appeal counted, seconds.
    uint256 public constant MAX_LIFE = 1 days;
    /// @notice Time in which a verdict may be asked for where not all seats opened (`SessionQueue.ASK_WINDOW`), seconds.
    uint256 public constant ASK_WINDOW = 1 hours;
    /// @notice Most validators of the first panel; an appeal draws twice as many and one more.
    uint8 public constant MAX_VALIDATORS = 4;
    uint8 public constant MAX_BAR = 10;
    /// @dev In `leaseTasks`: tasks are not counted.
    uint24 private constant UNCOUNTED = type(uint24).max;
    /// @notice Longest lease, seconds.
    uint32 public constant MAX_LEASE_SECONDS = 1 days;
    /// @notice A reserved draw that has not happened after this many seconds may be cancelled.
    uint32 public constant RESERVE_WINDOW = 10 minutes;
    /// @notice Most that both fees together may take of a miner's gross, 1/10,000.
    uint256 public constant MAX_FEES_BPS = 3_000;
    uint16 public constant MAX_SEED_DELAY = 64;
    /// @notice Most tasks of one session: the queue's ring counts its rounds in 16 bits, of 64 tasks each.
    uint32 public constant MAX_TASKS = 64 * 65_535;
    uint256 public constant MAX_ENDPOINT = 256;

    ISessionQueue public immutable QUEUE;
    ISessionPayment public immutable PAYMENT;
    INodePool public immutable POOL;
    IModelRegistry public immutable MODELS;
    IRandomness public immutable RANDOMNESS;
    /// @notice Blocks between a request and the block whose hash decides it.
    uint16 public immutable SEED_DELAY;
    /// @notice Shortest window, seconds: many blocks of this chain. In a shorter one nobody could commit or reveal, and honest nodes
    /// would pay for it.
    uint16 public immutable MIN_WINDOW;

    Parameters private _parameters;
    uint32 private _sessionCount;
    /// @dev In the slot that every opening writes.
    uint40 private _pausedUntil;
    mapping(SessionId session => Record) private _sessions;
    /// @dev How often the session was handed on. Routers are kept by it, so that a transfer leaves them behind, for good.
    mapping(SessionId session => uint256) private _transfers;
    mapping(SessionId session => mapping(uint256 transfers => mapping(address router => bool))) private _routers;

    constructor(
        address authority,
        ISessionQueue queue,
        ISessionPayment payment,
        INodePool pool,
        IModelRegistry modelRegistry,
        IRandomness randomness,
        uint16 seedDelay,
        uint16 minWindow,
        Parameters memory initial
    ) AccessManaged(authority) {
        _bound("seedDelay", seedDelay, 1, MAX_SEED_DELAY);
        _bound("minWindow", minWindow, 1, MAX_WINDOW);
        SEED_DELAY = seedDelay;
        MIN_WINDOW = minWindow;
        QUEUE = queue;
        PAYMENT = payment;
        POOL = pool;
        MODELS = modelRegistry;
        RANDOMNESS = randomness;
        _setParameters(initial);
    }

    modifier onlyOwner(SessionId session) {
        if (msg.sender != _known(session).owner) revert SessionUnauthorized(session, msg.sender);
        _;
    }

    /// @inheritdoc ISession
    function open(Terms calldata terms) external returns (SessionId session) {
        Pause.requireOff(_pausedUntil);
        session = SessionId.wrap(++_sessionCount);
        Record storage entry = _sessions[session];
        entry.owner = msg.sender;
        _agree(entry, terms);
        emit SessionOpened(session, msg.sender, terms, entry.rules);
    }

    /// @inheritdoc ISession
    function update(SessionId session, Terms calldata terms) external onlyOwner(session) {
        Record storage entry = _sessions[session];
        if (entry.seedBlock != 0) revert SessionReservation(session, entry.seedBlock);
        // A lease was drawn for a model and a number of seats: other terms start without it.
        entry.lease = LeaseId.wrap(0);
        entry.leaseUntil = 0;
        _agree(entry, terms);
        emit SessionUpdated(session, terms, entry.rules);
    }

    /// @inheritdoc ISession
    function transfer(SessionId session, address to) external onlyOwner(session) {
        if (to == address(0)) revert SessionZeroAddress();
        Record storage entry = _sessions[session];
        entry.owner = to;
        entry.router = address(0);
        ++_transfers[session];
        emit SessionTransferred(session, msg.sender, to);
    }

    /// @inheritdoc ISession
    function close(SessionId session) external onlyOwner(session) {
        Record storage entry = _sessions[session];
        if (entry.closed) revert SessionIsClosed(session);
        if (entry.seedBlock != 0) revert SessionReservation(session, entry.seedBlock);
        entry.closed = true;
        emit SessionClosed(session);
    }

    /// @inheritdoc ISession
    function setRouter(SessionId session, address router, bool allowed, string calldata endpoint) external onlyOwner(session) {
        if (router == address(0)) revert SessionZeroAddress();
        if (bytes(endpoint).length > MAX_ENDPOINT) revert SessionEndpointTooLong(bytes(endpoint).length, MAX_ENDPOINT);
        _routers[session][_transfers[session]][router] = allowed;
        Record storage entry = _sessions[session];
        if (allowed) entry.router = router;
        else if (entry.router == router) entry.router = address(0);
        emit RouterChanged(session, router, allowed, endpoint);
    }

    /// @inheritdoc ISession
    function refund(SessionId session, address to, uint96 amount) external onlyOwner(session) {
        emit SessionRefunded(session, to, amount);
        PAYMENT.refund(session, to, amount);
    }

    /// @inheritdoc ISession
    function reserve(SessionId session, uint32 duration, uint24 tasks) external {
        (Record storage entry, ) = _usable(session);
        Pause.requireOff(_pausedUntil);
        if (!entry.rules.leased()) revert SessionNotLeased(session);
        if (entry.seedBlock != 0) revert SessionReservation(session, entry.seedBlock);
        uint256 least = entry.rules.commitWindow() + entry.rules.revealWindow() + 1;
        if (duration < least || duration > MAX_LEASE_SECONDS) {
            revert SessionTermOutOfRange("duration", duration, least, MAX_LEASE_SECONDS);
        }
        uint8 nodes = entry.leaseNodes;
        uint96 price = (uint256(_parameters.leaseRate) * nodes * duration).toUint96();
        entry.seedBlock = _seedBlock();
        entry.reservedSeconds = duration;
        entry.reservedTasks = tasks;
        entry.reservedLock = price;
        entry.reserveBy = Windows.endOf(RESERVE_WINDOW);
        uint40 seedBlock = entry.seedBlock;
        emit LeaseReserved(session, nodes, duration, tasks, seedBlock, price);
        PAYMENT.lock(session, price);
        POOL.announceDraw(entry.model, seedBlock);
    }

    /// @inheritdoc ISession
    function drawLease(SessionId session) external returns (LeaseId lease) {
        Record storage entry = _known(session);
        uint40 seedBlock = entry.seedBlock;
        if (seedBlock == 0) revert SessionReservation(session, 0);
        if (block.number <= seedBlock) revert SessionSeedNotMined(block.number, seedBlock);
        uint40 until = Windows.endOf(entry.reservedSeconds);
        uint96 price = entry.reservedLock;
        uint8 nodes = entry.leaseNodes;
        entry.seedBlock = 0;
        entry.reservedLock = 0;
        entry.leaseUntil = until;
        entry.leaseTasks = entry.reservedTasks == 0 ? UNCOUNTED : entry.reservedTasks;
        bytes32 seed = RANDOMNESS.seedOf(seedBlock, keccak256(abi.encode(session, seedBlock)));
        POOL.retireDraw(entry.model);
        lease = POOL.lease(_wanted(session, entry, nodes), seed, until);
        entry.lease = lease;
        emit LeaseStarted(session, lease, until);
        (uint240 members, uint8 size, ) = POOL.leaseOf(lease);
        if (price != 0) PAYMENT.payLease(session, price, members, size);
    }

    /// @inheritdoc ISession
    function endLease(SessionId session) external {
        Record storage entry = _known(session);
        LeaseId lease = entry.lease;
        if (LeaseId.unwrap(lease) == 0) revert SessionLeaseTooShort(0, Windows.clock());
        if (msg.sender != entry.owner && entry.leaseTasks != 0) revert SessionUnauthorized(session, msg.sender);
        entry.lease = LeaseId.wrap(0);
        entry.leaseUntil = 0;
        // The last second of a task that is born in this one.
        uint40 until = Windows.endOf(entry.rules.commitWindow() + entry.rules.revealWindow());
        emit LeaseEnded(session, lease, until);
        POOL.shorten(lease, until);
    }

    /// @inheritdoc ISession
    function acceptDedicated(SessionId session, NodeId[] calldata nodes, bool accepted) external onlyOwner(session) {
        emit DedicatedAccepted(session, nodes, accepted);
        POOL.acceptDedicated(SessionId.unwrap(session), nodes, accepted);
    }

    /// @inheritdoc ISession
    function cancelReservation(SessionId session) external {
        Record storage entry = _known(session);
        if (entry.seedBlock == 0) revert SessionReservation(session, 0);
        if (!Windows.isPast(entry.reserveBy)) revert SessionTooEarly(Windows.clock(), entry.reserveBy + 1);
        uint96 price = entry.reservedLock;
        entry.seedBlock = 0;
        entry.reservedLock = 0;
        emit ReservationCancelled(session, price);
        PAYMENT.release(session, price);
        POOL.retireDraw(entry.model);
    }

    /// @inheritdoc ISession
    function submit(SessionId session, Request calldata request) external returns (TaskId) {
        (Record storage entry, bool routed) = _usable(session);
        return _submit(session, entry, routed, request);
    }

    /// @inheritdoc ISession
    function submitMany(SessionId session, Request[] calldata requests) external returns (TaskId[] memory tasks) {
        (Record storage entry, bool routed) = _usable(session);
        tasks = new TaskId[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) tasks[i] = _submit(session, entry, routed, requests[i]);
    }

    /// @inheritdoc ISession
    function cancel(TaskId task, TaskTerms calldata terms) external {
        SessionId session = SessionId.wrap(uint32(TaskId.unwrap(task) >> 32));
        Record storage entry = _known(session);
        if (msg.sender != entry.owner) _requireRouter(session, entry);
        QUEUE.cancel(task, terms);
    }

    /// @inheritdoc ISession
    function setParameters(Parameters calldata next) external restricted {
        _setParameters(next);
    }

    /// @inheritdoc IPausable
    function pause(uint40 duration) external restricted {
        uint40 until = Pause.next(_pausedUntil, duration);
        _pausedUntil = until;
        emit PauseChanged(until);
    }

    /// @inheritdoc IPausable
    function pausedUntil() external view returns (uint40) {
        return _pausedUntil;
    }

    /// @inheritdoc ISession
    function ownerOf(SessionId session) external view returns (address) {
        return _sessions[session].owner;
    }

    /// @inheritdoc ISession
    function sessionOf(SessionId session) external view returns (Record memory) {
        return _known(session);
    }

    /// @inheritdoc ISession
    function isRouter(SessionId session, address router) external view returns (bool) {
        return _routers[session][_transfers[session]][router];
    }

    /// @inheritdoc ISession
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc ISession
    function sessionCount() external view returns (uint256) {
        return _sessionCount;
    }

    function _submit(SessionId session, Record storage entry, bool routed, Request calldata request) private returns (TaskId task) {
        TaskRules rules = entry.rules;
        // Fields of one slot are read together, so that the slot is read once.
        (uint32 number, LeaseId lease, uint24 left) = (entry.tasks + 1, entry.lease, entry.leaseTasks);
        (uint40 until, uint16 queueWindow) = (entry.leaseUntil, entry.queueWindow);
        bytes calldata declared = request.promptTokens;
        uint24 maxTokens = request.maxTokens;
        _checkPrompts(declared, entry.maxPrompts, entry.maxPromptTokens);
        if (maxTokens == 0 || maxTokens > rules.maxTokens()) revert SessionMaxTokens(maxTokens, rules.maxTokens());
        if (number > MAX_TASKS) revert SessionExhausted(session, MAX_TASKS);
        uint40 closeAt;
        if (rules.leased()) {
            closeAt = Windows.endOf(rules.commitWindow());
            uint40 last = closeAt + uint40(rules.revealWindow());
            if (LeaseId.unwrap(lease) == 0) until = 0;
            if (last >= until) revert SessionLeaseTooShort(until, last);
            if (left == 0) revert SessionLeaseSpent(session);
        } else {
            Pause.requireOff(_pausedUntil);
            lease = LeaseId.wrap(0);
            closeAt = Windows.endOf(queueWindow);
            POOL.announceDraw(entry.model, _seedBlock());
        }
        entry.tasks = number;
        if (left != UNCOUNTED && left != 0) entry.leaseTasks = left - 1;
        task = TaskId.wrap((uint64(SessionId.unwrap(session)) << 32) | number);
        QUEUE.enqueue(
            task,
            TaskTerms({
                model: entry.model,
                manifest: request.manifest,
                rules: rules.forRequest(maxTokens, routed),
                assurance: rules.assured() ? entry.assurance : Assurance.wrap(0),
                router: routed ? msg.sender : address(0),
                promptTokens: declared
            }),
            request.clientReference,
            lease,
            _seedBlock(),
            closeAt
        );
    }

    /// @dev Bounded by MAX_ANSWERS.
    function _checkPrompts(bytes calldata declared, uint256 maxPrompts, uint256 maxPromptTokens) private pure {
        uint256 prompts = declared.length / 3;
        if (prompts == 0 || prompts > maxPrompts || declared.length != prompts * 3) revert SessionPromptCount(prompts, maxPrompts);
        for (uint256 i = 0; i < prompts; ++i) {
            uint256 tokens = Answers.promptTokensAt(declared, i);
            if (tokens == 0 || tokens > maxPromptTokens) revert SessionPromptTooLong(i, tokens, maxPromptTokens);
        }
    }

    /// @dev Checks every bound and packs terms, price and parameters into the session's rules.
    function _agree(Record storage entry, Terms calldata terms) private {
        if (!MODELS.isCurrent(terms.model)) revert SessionModelUnavailable(terms.model);
        IModelRegistry.Model memory model = MODELS.modelOf(terms.model);
        if (model.price > terms.priceCeiling) revert SessionPriceAboveCeiling(model.price, terms.priceCeiling);
        _bound("redundancy", terms.redundancy, 1, MAX_REDUNDANCY);
        _bound("quorum", terms.quorum, terms.redundancy / 2 + 1, terms.redundancy);
        _bound("commitWindow", terms.commitWindow, MIN_WINDOW, MAX_WINDOW);
        _bound("revealWindow", terms.revealWindow, MIN_WINDOW, MAX_WINDOW);
        if (terms.mode == Mode.PerTask) _bound("queueWindow", terms.queueWindow, MIN_WINDOW, MAX_WINDOW);
        else _bound("leaseNodes", terms.leaseNodes, terms.redundancy, MAX_LEASE);
        _bound("maxPrompts", terms.maxPrompts, 1, MAX_ANSWERS / terms.redundancy);
        _bound("maxTokens", terms.maxTokens, 1, model.contextTokens);
        _bound("maxPromptTokens", terms.maxPromptTokens, 1, model.contextTokens);
        _bound("level", terms.level, 0, 2);
        _boundAssurance(terms);
        _boundValue(terms, model.price);
        Assurance assurance = _assurance(terms);
        entry.model = terms.model;
        entry.assurance = assurance;
        entry.mode = terms.mode;
        entry.leaseNodes = terms.leaseNodes;
        entry.queueWindow = terms.queueWindow;
        entry.maxPrompts = terms.maxPrompts;
        entry.maxPromptTokens = terms.maxPromptTokens;
        entry.rules = TaskRulesLib.pack(
            TaskRulesLib.Unpacked({
                price: model.price,
                maxTokens: terms.maxTokens,
                commitWindow: terms.commitWindow,
                revealWindow: terms.revealWindow,
                protocolFeeBps: _parameters.protocolFeeBps,
                routerFeeBps: _parameters.routerFeeBps,
                threshold: MODELS.agreementOf(terms.model, uint8(terms.service)),
                redundancy: terms.redundancy,
                quorum: terms.quorum,
                exact: terms.comparison == Comparison.Exact,
                service: uint8(terms.service),
                standby: terms.mode != Mode.PerTask && terms.leaseNodes > terms.redundancy,
                assured: Assurance.unwrap(assurance) != 0,
                leased: terms.mode != Mode.PerTask,
                level: terms.level,
                widen: terms.widen,
                bounty: _parameters.bounty
            })
        );
    }

    /// @dev Terms of verdicts, and the sum of all windows.
    function _boundAssurance(Terms calldata terms) private view {
        _bound("validators", terms.validators, 0, MAX_VALIDATORS);
        _bound("sampleBps", terms.sampleBps, 0, Price.BPS);
        _bound("bar", terms.bar, 0, MAX_BAR);
        uint256 life = uint256(terms.commitWindow) + terms.revealWindow;
        uint256 queued = terms.mode == Mode.PerTask ? terms.queueWindow : 0;
        if (terms.validators != 0 || terms.appealWindow != 0) {
            _bound("verdictCommitWindow", terms.verdictCommitWindow, MIN_WINDOW, MAX_WINDOW);
            _bound("verdictRevealWindow", terms.verdictRevealWindow, MIN_WINDOW, MAX_WINDOW);
            uint256 verdict = uint256(terms.verdictCommitWindow) + terms.verdictRevealWindow;
            life += ASK_WINDOW + verdict + (terms.appealWindow == 0 ? 0 : terms.appealWindow + verdict);
        }
        // A second attempt is assigned within a commit window, and has all others again.
        if (terms.rerun) life += terms.commitWindow + life;
        if (life + queued > MAX_LIFE) revert SessionTooLong(life + queued, MAX_LIFE);
    }

    /// @dev What can be won by agreeing on a wrong answer stays below what the seats that do it can lose.
    function _boundValue(Terms calldata terms, uint256 price) private view {
        uint256 tokens = uint256(terms.maxPrompts) * (uint256(terms.maxTokens) + terms.maxPromptTokens);
        uint256 worst = Price.worstCase(tokens, price, terms.redundancy, 0);
        uint256 most = (uint256(POOL.parameters().minStake) * terms.redundancy) / 2;
        if (worst > most) revert SessionValueAboveStake(worst, most);
    }

    function _assurance(Terms calldata terms) private view returns (Assurance) {
        bool judged = terms.validators != 0 || terms.appealWindow != 0;
        if (!judged && !terms.rerun && terms.mode != Mode.PerTask) return Assurance.wrap(0);
        return
            AssuranceLib.pack(
                AssuranceLib.Unpacked({
                    validators: terms.validators,
                    sampleBps: terms.sampleBps,
                    verdictCommitWindow: judged ? terms.verdictCommitWindow : 0,
                    verdictRevealWindow: judged ? terms.verdictRevealWindow : 0,
                    appealWindow: terms.appealWindow,
                    bar: terms.bar,
                    validatorPrice: judged ? _parameters.validatorPrice : 0,
                    rerun: terms.rerun,
                    holdRate: _parameters.leaseRate
                })
            );
    }

    function _wanted(SessionId session, Record storage entry, uint8 nodes) private view returns (INodePool.Wanted memory) {
        TaskRules rules = entry.rules;
        INodePool.Source source = INodePool.Source.Pool;
        if (entry.mode == Mode.Hybrid) source = INodePool.Source.Hybrid;
        if (entry.mode == Mode.Dedicated) source = INodePool.Source.Dedicated;
        return
            INodePool.Wanted({
                model: entry.model,
                size: nodes,
                level: uint8(rules.level()),
                widen: rules.widen(),
                source: source,
                session: SessionId.unwrap(session),
                requester: entry.owner,
                avoid: LeaseId.wrap(0)
            });
    }

    function _bound(string memory term, uint256 found, uint256 least, uint256 most) private pure {
        if (found < least || found > most) revert SessionTermOutOfRange(term, found, least, most);
    }

    function _setParameters(Parameters memory next) private {
        _bound("fees", uint256(next.protocolFeeBps) + next.routerFeeBps, 0, MAX_FEES_BPS);
        _parameters = next;
        emit ParametersChanged(next);
    }

    function _seedBlock() private view returns (uint40) {
        return uint40(block.number + SEED_DELAY);
    }

    /// @dev The session, and whether the caller is there as a router.
    function _usable(SessionId session) private view returns (Record storage entry, bool routed) {
        entry = _sessions[session];
        (address owner, bool closed) = (entry.owner, entry.closed);
        if (owner == address(0)) revert SessionUnknown(session);
        if (closed) revert SessionIsClosed(session);
        routed = msg.sender != owner;
        if (routed) _requireRouter(session, entry);
    }

    function _requireRouter(SessionId session, Record storage entry) private view {
        if (msg.sender == entry.router || _routers[session][_transfers[session]][msg.sender]) return;
        revert SessionUnauthorized(session, msg.sender);
    }

    function _known(SessionId session) private view returns (Record storage entry) {
        entry = _sessions[session];
        if (entry.owner == address(0)) revert SessionUnknown(session);
    }
}
