// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IModelRegistry} from "../../contracts/interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId} from "../../contracts/interfaces/INodePool.sol";
import {IReputation} from "../../contracts/interfaces/IReputation.sol";
import {ISession, SessionId} from "../../contracts/interfaces/ISession.sol";
import {ISessionPayment} from "../../contracts/interfaces/ISessionPayment.sol";
import {Comparison, ISessionQueue, Phase, Status, TaskId, TaskTerms} from "../../contracts/interfaces/ISessionQueue.sol";
import {Due} from "../../contracts/libraries/NodeLedger.sol";
import {TaskRules, TaskRulesLib} from "../../contracts/libraries/TaskRules.sol";
import {Network} from "./Network.sol";

/// @dev What the queue calls on itself.
interface SelfCalls {
    function revealFor(ISessionQueue.Handover calldata handover, address keeper) external;
}

/// @title Handler: everybody who touches the network, and what must come of it
/// @notice Three requesters, ten nodes, a router, a stranger, governance and the clock. Each act first says from the handler's
/// own books whether it must be accepted, then does it, then books what it must have changed. A difference is a breach, which
/// the invariants report: reverts inside an act would be lost.
/// @dev The books never read balances back from the contracts.
contract Handler is Network {
    uint256 private constant NODES = 10;
    uint256 private constant SESSIONS = 3;

    /// @dev What a session's money did.
    struct Purse {
        uint256 deposited;
        uint256 refunded;
        uint256 charged;
        uint256 available;
        uint256 locked;
        uint256 reserved;
    }

    /// @dev What outcomes made of a node.
    struct Standing {
        uint256 tasks;
        uint256 commits;
        uint256 reveals;
        uint256 accepted;
        uint256 outliers;
        uint256 score;
        uint256 updatedAt;
    }

    /// @notice The first rule that was broken; empty while all hold.
    string public breach;
    /// @notice How often things happened, by name, so that a test can see that they do.
    mapping(string what => uint256) public times;

    uint40 private _now;
    uint256 private _height;
    Purse[SESSIONS + 1] private _purses;
    mapping(uint256 session => bool) private _handedOn;
    uint256[NODES + 1] private _owedToNode;
    mapping(address account => uint256) private _owedTo;
    mapping(address account => uint256) private _feesAt;
    uint256 private _withdrawn;
    uint256 private _gifts;
    uint256 private _poolGifts;
    uint256[NODES + 1] private _stakes;
    Standing[NODES + 1] private _standings;
    uint256 private _slashed;
    uint32 private _leases;
    address[] private _accounts;
    mapping(TaskId task => bytes32) private _committee;
    mapping(TaskId task => bool) private _stoodIn;
    /// @dev Leases that are not collected.
    mapping(uint256 lease => bool) private _held;

    constructor() {
        build(NODES);
        for (uint256 i = 1; i <= NODES; ++i) _stakes[i] = MIN_STAKE;
        openFunded(requester(0), termsOf(ISession.Mode.Leased, 3, 4, Comparison.Semantic));
        openFunded(requester(1), termsOf(ISession.Mode.PerTask, 3, 0, Comparison.Semantic));
        openFunded(requester(2), termsOf(ISession.Mode.Leased, 2, 2, Comparison.Exact));
        for (uint256 s = 1; s <= SESSIONS; ++s) (_purses[s].deposited, _purses[s].available) = (FUNDS, FUNDS);
        vm.prank(requester(0));
        session.setRouter(SessionId.wrap(1), ROUTER, true, "https://router.invalid");
        vm.prank(requester(1));
        session.setRouter(SessionId.wrap(2), ROUTER, true, "");
        _accounts = [STRANGER, ROUTER, TREASURY, requester(0), requester(1), requester(2), operatorOf(0), operatorOf(1)];
        (_now, _height) = (clock(), height());
        _ensureLease(0);
        _ensureLease(1);
        (_now, _height) = (clock(), height());
    }

    /// @dev Whatever the runner does between calls, time is where the handler left it.
    modifier act() {
        resume();
        _;
        (_now, _height) = (clock(), height());
    }

    // --- the clock ---

    /// Blocks and seconds pass: a little, to the edges of a task's windows, past the reach of block hashes, or for a month.
    function letTimePass(uint256 kind, uint256 pick) external act {
        _letTimePass(_mix(kind), _mix(pick));
    }

    function _letTimePass(uint256 kind, uint256 pick) private {
        kind %= 24;
        if (kind < 8) return pass(1, 1 + (pick % 12));
        if (kind < 11) return pass(3, 6);
        if (kind == 11) return pass(0, 20);
        if (kind == 12) return pass(2, 0);
        if (kind == 13) return pass(257, 30);
        if (kind == 14) return pass(1 + (pick % 255), 600);
        if (kind == 15) return pick % 8 == 0 ? pass(8_192, 30 days) : pass(255, 3_000);
        if (tasks.length == 0) return;
        Book storage book = books[_pick(pick)];
        uint256 edge = uint256(book.closeAt) + (kind > 19 ? REVEAL_WINDOW : 0) + (kind % 2);
        if (edge > clock()) pass(edge - clock() > 12 ? 2 : 1, edge - clock());
    }

    // --- requesters ---

    /// Submissions by owner, router or a stranger; a few too long, too large, empty or unfunded.
    function submit(uint256 who, uint256 s, uint256 mark) external act {
        _submit(_mix(who), _mix(s), _mix(mark));
    }

    function _submit(uint256 who, uint256 s, uint256 mark) private {
        SessionId id = _session(s);
        ISession.Record memory record = session.sessionOf(id);
        address caller =
            who % 12 == 0
                ? STRANGER
                : who % 3 == 0
                    ? ROUTER
                    : record.owner;
        bool odd = mark % 8 == 0;
        uint256 prompts = (mark >> 8) % (odd ? 5 : 4);
        uint256 size = ((mark >> 16) % (odd ? 450 : 397)) + (odd ? 0 : 1);
        ISession.Request memory request = requestOf(prompts, size, ((mark >> 32) % (odd ? 550 : 500)) + (odd ? 0 : 1), mark);
        TaskTerms memory terms = bornTerms(id, request, caller == record.owner ? address(0) : caller);
        Purse storage purse = _purses[SessionId.unwrap(id)];
        uint256 last = uint256(clock()) + COMMIT_WINDOW + REVEAL_WINDOW;
        bool expected = !record.closed && (caller == record.owner || _routes(id, caller));
        expected = expected && prompts > 0 && prompts <= 3 && size > 0 && size + prompts <= 401;
        expected = expected && request.maxTokens > 0 && request.maxTokens <= 500 && worstOf(terms) <= purse.available;
        expected = expected && _ringFree(id, record.tasks + 1);
        if (rulesOf(id).leased) expected = expected && LeaseId.unwrap(record.lease) != 0 && last < record.leaseUntil;
        (bool ok, TaskId task) = submitAs(caller, id, request);
        _check(ok == expected, "A4 B6: submission");
        if (!ok) return;
        _check(TaskId.unwrap(task) == (uint64(SessionId.unwrap(id)) << 32) + record.tasks + 1, "B8: task numbers ascend");
        _lock(purse, books[task].worst);
        ++times["submitted"];
    }

    /// @dev Whether the place that the task would take is free.
    function _ringFree(SessionId id, uint32 number) private view returns (bool) {
        if (number <= 64) return true;
        return books[TaskId.wrap((uint64(SessionId.unwrap(id)) << 32) | (number - 64))].status != Status.Open;
    }

    /// Cancelling by owner, router or a stranger, in time or late.
    function cancel(uint256 pick, uint256 who) external act {
        if (tasks.length == 0) return;
        TaskId task = _pick(_mix(pick));
        Book storage book = books[task];
        address owner = session.sessionOf(book.session).owner;
        address caller = [owner, owner, ROUTER, STRANGER][who % 4];
        bool expected = bookPhase(book) == Phase.Queued && height() <= book.seedBlock;
        expected = expected && (caller == owner || _routes(book.session, caller));
        bool ok = _try(caller, address(session), abi.encodeCall(ISession.cancel, (task, termsIn(task))));
        _check(ok == expected, "B7: cancel");
        if (!ok) return;
        _release(_purses[SessionId.unwrap(book.session)], book.worst);
        _end(task, Status.Cancelled);
    }

    /// Deposits, refunds, withdrawals, gifts.
    function moveMoney(uint256 kind, uint256 who, uint256 amount, bool byStranger) external act {
        kind = _mix(kind) % 7;
        if (kind == 0) _deposit(who, amount, byStranger);
        else if (kind == 6) _collectFees(_accounts[who % 8]);
        else if (kind < 3) _refund(who, amount, byStranger);
        else if (kind == 3) _give(amount, byStranger);
        else if (kind == 4) _withdraw(_accounts[who % 8]);
        else _withdrawNode(1 + (who % NODES));
    }

    function _deposit(uint256 s, uint256 amount, bool byStranger) private {
        SessionId id = _session(s);
        address caller = byStranger ? STRANGER : session.sessionOf(id).owner;
        amount %= FUNDS;
        token.transfer(caller, amount);
        vm.prank(caller);
        token.approve(address(payment), amount);
        _check(_try(caller, address(payment), abi.encodeCall(ISessionPayment.deposit, (id, uint128(amount)))), "A3: deposit");
        _purses[SessionId.unwrap(id)].deposited += amount;
        _purses[SessionId.unwrap(id)].available += amount;
    }

    function _refund(uint256 s, uint256 amount, bool byStranger) private {
        SessionId id = _session(s);
        Purse storage purse = _purses[SessionId.unwrap(id)];
        address caller = byStranger ? STRANGER : session.sessionOf(id).owner;
        // A little more than there is, now and then.
        amount %= purse.available / 4 + 2;
        bool ok = _try(caller, address(session), abi.encodeCall(ISession.refund, (id, caller, uint96(amount))));
        _check(ok == (!byStranger && amount <= purse.available), "A4: refund");
        if (!ok) return;
        purse.available -= amount;
        purse.refunded += amount;
    }

    function _give(uint256 amount, bool toPool) private {
        amount %= 1e18;
        token.transfer(toPool ? address(pool) : address(payment), amount);
        if (toPool) _poolGifts += amount;
        else _gifts += amount;
    }

    /// Changes of hands and of mind, and of the governed parameters.
    function administer(uint256 kind, uint256 a, uint256 b) external act {
        kind = _mix(kind);
        if (kind % 2 == 0) _manageSession(kind >> 8, a, _mix(b));
        else _govern(kind >> 8, _mix(a), _mix(b));
    }

    /// @dev Transfer between requesters, new terms, an attempt at theft, a close that is rare.
    function _manageSession(uint256 kind, uint256 s, uint256 to) private {
        SessionId id = _session(s);
        ISession.Record memory record = session.sessionOf(id);
        if (kind % 8 < 4) {
            _check(_try(record.owner, address(session), abi.encodeCall(ISession.transfer, (id, requester(to % 3)))), "transfer");
            _handedOn[SessionId.unwrap(id)] = true;
        } else if (kind % 8 < 5) {
            bool ok = _try(record.owner, address(session), abi.encodeCall(ISession.update, (id, agreedBy(id))));
            _check(ok == (record.seedBlock == 0), "update");
            if (ok) noteAgreement(id, agreedBy(id));
        } else if (kind % 8 < 7) {
            _check(!_try(STRANGER, address(session), abi.encodeCall(ISession.transfer, (id, STRANGER))), "H4: theft");
        } else if (to % 4 == 0) {
            bool ok = _try(record.owner, address(session), abi.encodeCall(ISession.close, (id)));
            _check(ok == (!record.closed && record.seedBlock == 0), "close");
        }
    }

    // --- leases ---

    /// Reservations, draws, and what undoes them, in and out of time.
    function holdLease(uint256 kind, uint256 s, uint256 pick) external act {
        kind = _mix(kind) % 8;
        if (kind == 0) _reserve(s, pick, false);
        else if (kind == 1) _reserve(s, pick, true);
        else if (kind < 4) _drawLease(s, pick);
        else if (kind == 4) _cancelReservation(s);
        else if (kind == 5) _collect(pick);
        else _ensureLease(s);
    }

    /// @dev A lease in the natural way, where the session has none.
    function _ensureLease(uint256 s) private {
        ISession.Record memory record = session.sessionOf(s % 2 == 0 ? SessionId.wrap(1) : SessionId.wrap(3));
        for (uint256 i = 1; i <= _leases; ++i) _collect(i);
        if (record.leaseUntil > clock() && LeaseId.unwrap(record.lease) != 0) return;
        _reserve(s, 1_900, false);
        pass(4, 12);
        _drawLease(s, 0);
    }

    function _reserve(uint256 s, uint256 duration, bool byStranger) private {
        SessionId id = s % 2 == 0 ? SessionId.wrap(1) : SessionId.wrap(3);
        ISession.Record memory record = session.sessionOf(id);
        Purse storage purse = _purses[SessionId.unwrap(id)];
        duration = 95 + (duration % 2_000);
        uint256 price = uint256(session.parameters().leaseRate) * record.leaseNodes * duration;
        bool expected = !byStranger && !record.closed && record.seedBlock == 0 && duration >= 101 && price <= purse.available;
        address caller = byStranger ? STRANGER : record.owner;
        bool ok = _try(caller, address(session), abi.encodeCall(ISession.reserve, (id, uint32(duration), 0)));
        _check(ok == expected, "A4: reservation");
        if (!ok) return;
        _lock(purse, price);
        purse.reserved = price;
    }

    function _drawLease(uint256 s, uint256 who) private {
        SessionId id = s % 2 == 0 ? SessionId.wrap(1) : SessionId.wrap(3);
        ISession.Record memory record = session.sessionOf(id);
        bool expected = record.seedBlock != 0 && height() > record.seedBlock;
        expected = expected && _ownersAmong(_eligibleNodes()) >= record.leaseNodes;
        uint256 eligible = _eligibleNodes();
        bool ok = _try(_accounts[who % 8], address(session), abi.encodeCall(ISession.drawLease, (id)));
        _check(ok == expected, "G1: drawing a lease");
        if (!ok) return;
        ++_leases;
        Purse storage purse = _purses[SessionId.unwrap(id)];
        _checkDraw(session.sessionOf(id).lease, record.leaseNodes, eligible, purse.reserved / record.leaseNodes);
        uint256 paid = (purse.reserved / record.leaseNodes) * record.leaseNodes;
        _charge(purse, purse.reserved, paid);
        purse.reserved = 0;
        ++times["leased"];
    }

    function _cancelReservation(uint256 s) private {
        SessionId id = s % 2 == 0 ? SessionId.wrap(1) : SessionId.wrap(3);
        ISession.Record memory record = session.sessionOf(id);
        bool ok = _try(STRANGER, address(session), abi.encodeCall(ISession.cancelReservation, (id)));
        _check(ok == (record.seedBlock != 0 && clock() > record.reserveBy), "G1: cancelling a reservation");
        if (!ok) return;
        Purse storage purse = _purses[SessionId.unwrap(id)];
        _release(purse, purse.reserved);
        purse.reserved = 0;
    }

    function _collect(uint256 pick) private {
        uint32 id = uint32(pick % (uint256(_leases) + 2));
        (, uint8 size, uint40 until) = pool.leaseOf(LeaseId.wrap(id));
        bool ok = _try(STRANGER, address(pool), abi.encodeCall(INodePool.collect, (LeaseId.wrap(id))));
        bool expected = size != 0 && clock() > until && _held[id];
        _check(ok == expected, "G1: collecting a lease");
        if (ok) _held[id] = false;
    }

    // --- tasks ---

    function _assign(TaskId task, address caller) private {
        Book storage book = books[task];
        bool expected = bookPhase(book) == Phase.Queued && !book.leased && height() > book.seedBlock;
        expected = expected && _ownersAmong(_eligibleNodes()) >= book.redundancy;
        uint256 eligible = _eligibleNodes();
        bool ok = _try(caller, address(queue), abi.encodeCall(ISessionQueue.assign, (task, termsIn(task))));
        // A leased task in its seed block is in phase Queued too, and has a lease already.
        if (book.leased && bookPhase(book) == Phase.Queued) expected = false;
        _check(ok == expected, "G1 B5: assignment");
        if (!ok) return;
        ++_leases;
        book.lease = factsOf(task).lease;
        book.closeAt = clock() + COMMIT_WINDOW;
        uint256 hold = holdOf(termsIn(task));
        uint256 each = hold / book.redundancy;
        _checkDraw(book.lease, book.redundancy, eligible, each);
        _charge(_purses[SessionId.unwrap(book.session)], hold, each * book.redundancy);
        book.worst -= uint128(hold);
        ++times["assigned"];
    }

    /// Commitments, honest and broken, by transaction or carried.
    function commit(uint256 pick, uint256 seatPick, uint256 flavour, uint256 who, bool carried) external act {
        if (tasks.length == 0) return;
        if (carried) _carry(_pick(_mix(pick)), seatPick, _mix(flavour), _mix(who));
        else _commit(_pick(_mix(pick)), seatPick, _mix(flavour), _mix(who));
    }

    /// @dev By transaction: honest, by another key, by the standby, copied from another seat, empty, for a seat that is not there.
    function _commit(TaskId task, uint256 seatPick, uint256 flavour, uint256 who) private {
        Book storage book = books[task];
        uint8 seat = uint8(seatPick % (who % 8 == 0 ? 12 : book.redundancy));
        bool free = bookPhase(book) == Phase.Committing && seat < book.redundancy && (book.committed >> seat) & 1 == 0;
        address caller = who % 8 < 4 ? STRANGER : operatorOf((who >> 8) % NODES);
        bytes32 commitment = keccak256(abi.encode("garbage", flavour));
        NodeId author;
        bool standsIn;
        if (free) {
            (NodeId[] memory nodes, address[] memory operators) = queue.committeeOf(task);
            NodeId standby = _standbyOf(book, nodes);
            if (who % 8 < 4) caller = operators[seat];
            else if (who % 8 < 6 && NodeId.unwrap(standby) != 0) caller = pool.nodeOf(standby).operator;
            if (_signsFor(nodes[seat], caller)) author = nodes[seat];
            else if (_signsFor(standby, caller)) (author, standsIn) = (standby, true);
            commitment = _draft(task, seat, NodeId.unwrap(author) == 0 ? nodes[seat] : author, flavour);
        }
        bool expected = NodeId.unwrap(author) != 0 && commitment != 0 && (!standsIn || _mayStandIn(book));
        bool ok = _try(caller, address(queue), abi.encodeCall(ISessionQueue.commit, (task, seat, commitment)));
        _check(ok == expected, "C1 C4: commitment");
        if (!ok) return;
        if (standsIn) {
            _stoodIn[task] = true;
            ++times["stood in"];
        }
        _noteCommit(task, seat);
    }

    /// @dev The member of a lease who has no seat; none where the lease has as many members as the task has seats.
    function _standbyOf(Book storage book, NodeId[] memory nodes) private view returns (NodeId) {
        (uint240 members, uint8 size, ) = pool.leaseOf(book.lease);
        if (size == nodes.length) return NodeId.wrap(0);
        for (uint256 i = 0; i < size; ++i) {
            uint24 member = uint24(members >> (24 * i));
            bool sits = false;
            for (uint256 seat = 0; seat < nodes.length; ++seat) sits = sits || NodeId.unwrap(nodes[seat]) == member;
            if (!sits) return NodeId.wrap(member);
        }
        return NodeId.wrap(0);
    }

    /// @dev Once in a task, in the second half of its commit window.
    function _mayStandIn(Book storage book) private view returns (bool) {
        return !_stoodIn[book.id] && clock() > book.closeAt - COMMIT_WINDOW / 2;
    }

    /// @dev A former key stays good for a while.
    function _signsFor(NodeId node, address key) private view returns (bool) {
        if (NodeId.unwrap(node) == 0 || key == address(0)) return false;
        return key == pool.nodeOf(node).operator || key == pool.formerOperatorOf(node);
    }

    /// @dev Carried, some of them broken; the list itself must go through whatever it holds.
    function _carry(TaskId task, uint256 mask, uint256 flavour, uint256 broken) private {
        Book storage book = books[task];
        bool open = bookPhase(book) == Phase.Committing;
        ISessionQueue.CarriedCommitments[] memory list = new ISessionQueue.CarriedCommitments[](1);
        list[0].task = task;
        list[0].commitments = new ISessionQueue.SignedCommitment[](book.redundancy);
        uint256 good = 0;
        for (uint8 seat = 0; seat < book.redundancy; ++seat) {
            bool free = open && (book.committed >> seat) & 1 == 0 && (mask >> seat) & 1 == 1;
            bool intact = (broken >> (4 * seat)) & 0xf != 0;
            if (_carried(task, list[0].commitments[seat], free ? seat : 200, flavour, intact)) good |= 1 << seat;
        }
        _check(_try(STRANGER, address(queue), abi.encodeCall(ISessionQueue.commitMany, (list))), "a carried list reverted");
        for (uint8 seat = 0; seat < book.redundancy; ++seat) if ((good >> seat) & 1 == 1) _noteCommit(task, seat);
        _check(factsOf(task).committed == book.committed, "C1 C4: carried commitments");
    }

    /// @dev Fills in one entry; tells whether it must be recorded.
    function _carried(
        TaskId task,
        ISessionQueue.SignedCommitment memory entry,
        uint8 seat,
        uint256 flavour,
        bool intact
    ) private returns (bool good) {
        uint256 key = keyOf(flavour % NODES);
        NodeId author = NodeId.wrap(1);
        // A garbage entry names a seat that has committed already, or none.
        entry.seat = seat == 200 && books[task].order.length != 0 && !intact ? books[task].order[0] : seat;
        entry.commitment = keccak256(abi.encode("garbage", flavour, seat));
        if (seat != 200) {
            (NodeId[] memory nodes, ) = queue.committeeOf(task);
            author = nodes[seat];
            entry.commitment = _draft(task, seat, author, uint256(keccak256(abi.encode(flavour, seat))));
            key = intact ? signerOf(author) : signerOf(author) + 1;
            good = entry.commitment != 0 && _signsFor(author, vm.addr(key));
        }
        (entry.r, entry.vs) = vm.signCompact(key, carriedDigest(task, author, entry.commitment));
    }

    /// Openings of any subset, against any base, now and then with a changed salt; settles where nothing more is to come.
    function reveal(uint256 pick, uint256 mask, uint256 basePick, uint256 who, bool listed) external act {
        if (tasks.length == 0) return;
        _reveal(_pick(_mix(pick)), mask, _mix(basePick), _accounts[who % 8], listed);
    }

    function _reveal(TaskId task, uint256 mask, uint256 basePick, address keeper, bool listed) private {
        Book storage book = books[task];
        uint16 opened = _openable(task, uint16(mask) & book.committed);
        ISessionQueue.Handover memory handover = handoverOf(task, opened, _base(task, opened, basePick));
        bool tampered = basePick % 7 == 0 && opened != 0;
        if (tampered) {
            for (uint256 i = 0; i < handover.openings.length; ++i) {
                if (handover.openings[i].who >> 32 == 1) handover.openings[i].secret ^= bytes32(uint256(1));
            }
        }
        Phase phase = bookPhase(book);
        bool expected = phase == Phase.Revealing && opened & ~book.revealed != 0 && !tampered;
        // A settlement, if it hands over what was revealed.
        if (phase == Phase.Closed) expected = opened == book.revealed && !tampered;
        NodeId[] memory seated = _seated(task);
        bool ok;
        if (listed) {
            ISessionQueue.Handover[] memory list = new ISessionQueue.Handover[](1);
            list[0] = handover;
            _check(_try(keeper, address(queue), abi.encodeCall(ISessionQueue.revealMany, (list))), "a list of openings reverted");
            ok = factsOf(task).revealed != book.revealed || statusOf(task) != book.status;
        } else {
            ok = _try(keeper, address(queue), abi.encodeCall(ISessionQueue.reveal, (handover)));
        }
        _check(ok == expected, "C2 C3 C5: opening");
        if (!ok) return;
        _check(clock() > book.lastCommitAt, "C5: an opening in the second of a commitment");
        if (book.firstRevealAt == 0 && opened != 0) book.firstRevealAt = clock();
        bool all = phase == Phase.Closed || (book.revealed | opened == book.committed && opened == book.committed);
        book.revealed |= opened;
        if (all) _settled(task, keeper, seated);
        ++times["opened"];
    }

    /// What anyone may do for a task whose time has come, or has not.
    function keep(uint256 pick, uint256 basePick, uint256 who) external act {
        if (tasks.length == 0) return;
        if (_mix(who) % 3 == 0) _assign(_pick(_mix(pick)), _accounts[who % 8]);
        else _settle(_pick(_mix(pick)), _mix(basePick), _accounts[who % 8]);
    }

    function _settle(TaskId task, uint256 basePick, address keeper) private {
        Book storage book = books[task];
        // Now and then other seats than those that were revealed.
        uint16 opened = basePick % 11 == 1 ? _openable(task, book.committed & uint16(basePick >> 8)) : book.revealed;
        ISessionQueue.Handover memory handover = handoverOf(task, opened, _base(task, opened, basePick));
        bool tampered = basePick % 11 == 0 || opened != book.revealed;
        if (tampered) handover.terms.rules = TaskRules.wrap(TaskRules.unwrap(handover.terms.rules) ^ 1);
        bool expected = bookPhase(book) == Phase.Closed && !tampered;
        NodeId[] memory seated = _seated(task);
        bool ok = _try(keeper, address(queue), abi.encodeCall(ISessionQueue.settle, (handover)));
        _check(ok == expected, "G1 B1: settlement");
        if (ok) _settled(task, keeper, seated);
    }

    /// The natural next steps of a task, so that sequences get to its end.
    function work(uint256 pick, uint256 flavour) external act {
        if (tasks.length == 0) return;
        flavour = _mix(flavour);
        TaskId task = _pick(_mix(pick));
        for (uint256 i = 0; i <= flavour % 4; ++i) _work(pick % 2 == 0 ? _oldestOpen() : task, _mix(flavour + i));
    }

    function _work(TaskId task, uint256 flavour) private {
        Phase phase = bookPhase(books[task]);
        address keeper = _accounts[flavour % 8];
        if (phase == Phase.Queued) {
            if (height() <= books[task].seedBlock) pass(SEED_DELAY + 1, 4);
            if (!books[task].leased) _assign(task, keeper);
            phase = bookPhase(books[task]);
        }
        if (phase == Phase.Committing && flavour % 2 == 1) {
            // Somebody is late, and the standby, where there is one, comes first.
            uint256 half = books[task].closeAt - COMMIT_WINDOW / 2;
            if (clock() <= half) pass(1, half + 1 - clock());
            _commit(task, flavour >> 8, flavour >> 16, 4);
            phase = bookPhase(books[task]);
        }
        if (phase == Phase.Committing) {
            _carry(task, flavour % 3 == 0 ? flavour >> 8 : 15, flavour, type(uint256).max);
            if (bookPhase(books[task]) == Phase.Committing) pass(1, books[task].closeAt - clock() + 1);
        } else if (phase == Phase.Revealing) {
            uint256 basePick = flavour % 7 == 0 ? 1 : flavour;
            _reveal(task, flavour % 4 == 0 ? flavour >> 8 : 15, basePick, keeper, flavour % 5 == 0);
            if (bookPhase(books[task]) == Phase.Revealing && flavour % 2 == 0) pass(1, REVEAL_WINDOW + 1);
        } else if (phase == Phase.Closed) {
            _settle(task, flavour % 11 < 2 ? 2 : flavour, keeper);
        }
    }

    // --- nodes ---

    /// Owners and operators: switches, exits, stake, keys.
    function manageNode(uint256 kind, uint256 pick, uint256 amount) external act {
        _manageNode(_mix(kind), pick, _mix(amount));
    }

    function _manageNode(uint256 kind, uint256 pick, uint256 amount) private {
        uint256 i = pick % NODES;
        NodeId node = NodeId.wrap(uint24(i + 1));
        INodePool.Node memory entry = pool.nodeOf(node);
        bool leased = LeaseId.unwrap(entry.lease) != 0;
        kind %= 8;
        if (kind < 3) {
            bytes memory serve = abi.encodeCall(INodePool.serve, (node, MODEL, kind != 0));
            bool still = !pool.drawPending(MODEL);
            _check(_try(entry.owner, address(pool), serve) == still, "D5 E6: serve");
        } else if (kind == 3 && amount % 4 == 0) {
            bool ok = _try(entry.owner, address(pool), abi.encodeCall(INodePool.requestExit, (node)));
            _check(ok == (entry.exitAt == 0), "E4 E6: exit");
            (, , uint40 until) = pool.leaseOf(entry.lease);
            uint40 exitAt = (leased && until > clock() ? until : clock()) + THAW;
            if (ok) _check(pool.nodeOf(node).exitAt == exitAt, "E4: thaw from the end of the lease");
        } else if (kind == 4) {
            uint256 before = token.balanceOf(entry.owner);
            bool ok = _try(entry.owner, address(pool), abi.encodeCall(INodePool.withdrawStake, (node, entry.owner)));
            uint256 locked = uint256(entry.locks) * entry.assignmentLock;
            uint256 free = _stakes[i + 1] > locked ? _stakes[i + 1] - locked : 0;
            bool expected = entry.exitAt != 0 && clock() >= entry.exitAt && (free != 0 || entry.stake == 0);
            _check(ok == expected, "E2 E4 E5: stake leaves after the thaw");
            if (!ok) return;
            _check(token.balanceOf(entry.owner) - before == free, "E2 E5: what is left and not locked");
            _stakes[i + 1] -= free;
        } else if (kind < 7) {
            amount %= 2 * uint256(PENALTY);
            token.transfer(entry.owner, amount);
            bytes memory add = abi.encodeCall(INodePool.addStake, (node, uint128(amount)));
            if (kind == 6) return _check(!_try(STRANGER, address(pool), add), "E6: a stranger's stake");
            _check(_try(entry.owner, address(pool), add), "stake added");
            _stakes[i + 1] += amount;
        } else {
            // The key that signs changes to a fresh one and back, so that seats have other signers than nodes' first ones.
            address next = entry.operator == operatorOf(i) ? operatorOf(i + 1_000) : operatorOf(i);
            _check(_try(entry.owner, address(pool), abi.encodeCall(INodePool.proposeOperator, (node, next))), "proposal");
            _check(_try(next, address(pool), abi.encodeCall(INodePool.acceptOperator, (node))), "acceptance");
        }
    }

    // --- money out ---

    function _withdraw(address account) private {
        uint256 owed = _owedTo[account];
        uint256 before = token.balanceOf(account);
        bool ok = _try(account, address(payment), abi.encodeCall(ISessionPayment.withdraw, (account)));
        _check(ok == (owed != 0) && token.balanceOf(account) - before == owed, "A3 F6: withdrawal");
        _owedTo[account] = 0;
        _withdrawn += owed;
    }

    function _collectFees(address account) private {
        address[] memory list = new address[](1);
        list[0] = account;
        _check(_try(STRANGER, address(payment), abi.encodeCall(ISessionPayment.collectFees, (list))), "collecting fees");
        _owedTo[TREASURY] += _feesAt[account];
        _feesAt[account] = 0;
    }

    function _withdrawNode(uint256 i) private {
        address owner = ownerOf(i - 1);
        NodeId node = NodeId.wrap(uint24(i));
        _check(!_try(STRANGER, address(payment), abi.encodeCall(ISessionPayment.withdrawNode, (node, STRANGER))), "H4: theft");
        uint256 owed = _owedToNode[i];
        uint256 before = token.balanceOf(owner);
        bool ok = _try(owner, address(payment), abi.encodeCall(ISessionPayment.withdrawNode, (node, owner)));
        _check(ok == (owed != 0) && token.balanceOf(owner) - before == owed, "A3 F6: withdrawal of a node");
        _owedToNode[i] = 0;
        _withdrawn += owed;
    }

    // --- governance, and those who would like to be ---

    /// @dev H3, H6: parameters change; no bucket and no running task does.
    function _govern(uint256 kind, uint256 a, uint256 b) private {
        kind %= 5;
        if (kind == 0) {
            session.setParameters(
                ISession.Parameters({
                    protocolFeeBps: uint16(a % 1_501),
                    routerFeeBps: uint16(b % 1_501),
                    bounty: uint24(b % 10_000),
                    leaseRate: uint64(a % 1e14),
                    validatorPrice: uint96(b % 1e18)
                })
            );
        } else if (kind == 1) {
            uint96 penalty = uint96(a % (2 * uint256(MIN_STAKE)));
            // Not below what new sessions need behind their seats.
            pool.setParameters(poolParameters(uint96(MIN_STAKE + (b % (2 * uint256(MIN_STAKE)))), penalty));
        } else if (kind == 2) {
            pool.admit(NodeId.wrap(uint24(1 + (a % NODES))), b % 4 != 0);
        } else if (kind == 3) {
            registry.reprice(MODEL, uint96(a % 1e16));
        } else {
            uint256 before = token.balanceOf(TREASURY);
            pool.sweepSlashed(TREASURY);
            _check(token.balanceOf(TREASURY) - before == _slashed, "H3: the sweep takes what was slashed");
            _slashed = 0;
        }
    }

    /// A stranger calls, unclamped, what is not for strangers.
    function trespass(uint256 kind, uint256 a, uint256 b, bytes32 c) external act {
        TaskId task = tasks.length == 0 ? TaskId.wrap(uint64(a)) : _pick(a);
        ISessionQueue.Handover memory handover;
        handover.task = b % 2 == 0 ? task : TaskId.wrap(uint64(a));
        TaskTerms memory terms;
        if (tasks.length != 0) terms = termsIn(task);
        ISessionPayment.Split memory split;
        SessionId id = SessionId.wrap(uint32(b));
        NodeId node = NodeId.wrap(uint24(1 + (a % NODES)));
        bytes memory call;
        address target = address(queue);
        kind = _mix(kind) % 24;
        if (kind == 0) call = abi.encodeCall(ISessionQueue.enqueue, (task, terms, c, LeaseId.wrap(uint32(a)), uint40(a), uint40(b)));
        if (kind == 1) call = abi.encodeCall(ISessionQueue.cancel, (task, terms));
        if (kind == 2) call = abi.encodeCall(ISessionQueue.commit, (task, uint8(b), c));
        if (kind == 3) call = abi.encodeCall(SelfCalls.revealFor, (handover, STRANGER));
        if (kind == 4) call = abi.encodeCall(ISessionQueue.settle, (handover));
        if (kind == 5) call = abi.encodeCall(ISessionQueue.commit, (TaskId.wrap(uint64(b)), uint8(a), c));
        if (kind > 5) target = address(payment);
        if (kind == 6) call = abi.encodeCall(ISessionPayment.lock, (id, uint128(a)));
        if (kind == 7) call = abi.encodeCall(ISessionPayment.release, (id, uint128(a)));
        if (kind == 8) call = abi.encodeCall(ISessionPayment.settle, (id, split, new Due[](a % 3)));
        if (kind == 9) call = abi.encodeCall(ISessionPayment.payLease, (id, uint128(a), uint240(b), uint8(b % 4)));
        if (kind == 10) call = abi.encodeCall(ISessionPayment.refund, (_session(b), STRANGER, uint128(a)));
        if (kind == 11) call = abi.encodeCall(ISessionPayment.withdrawNode, (NodeId.wrap(uint24(a)), STRANGER));
        if (kind > 11) target = address(pool);
        if (kind == 12) call = abi.encodeCall(INodePool.lease, (wanted(MODEL, uint8(a)), c, uint40(b)));
        if (kind == 13) call = abi.encodeCall(INodePool.release, (LeaseId.wrap(uint32(a % 8))));
        if (kind == 14) call = abi.encodeCall(INodePool.slashUnopened, (node, uint40(a), uint40(b)));
        if (kind == 15) call = abi.encodeCall(INodePool.setParameters, (poolParameters(uint96(a), uint96(b))));
        if (kind == 16) call = abi.encodeCall(INodePool.sweepSlashed, (STRANGER));
        if (kind == 17) call = abi.encodeCall(INodePool.admit, (node, b % 2 == 0));
        if (kind > 17) target = address(session);
        if (kind == 18) call = abi.encodeCall(ISession.setParameters, (sessionParameters()));
        if (kind == 19) call = abi.encodeCall(ISession.refund, (_session(b), STRANGER, uint96(a)));
        if (kind == 20) call = abi.encodeCall(ISession.close, (_session(b)));
        if (kind == 21) call = abi.encodeCall(ISession.setRouter, (_session(b), STRANGER, true, ""));
        if (kind == 22) call = abi.encodeCall(ISession.update, (_session(b), agreedBy(_session(b))));
        if (kind == 23) (target, call) = (address(registry), abi.encodeCall(IModelRegistry.reprice, (MODEL, uint96(a))));
        _check(!_try(STRANGER, target, call), "H4 C1: a stranger got through");
    }

    // --- a random act, for random prefixes ---

    /// One act out of all, chosen by the dice.
    function step(uint256 dice) external act {
        uint256 a = uint256(keccak256(abi.encode(dice, "a")));
        uint256 b = uint256(keccak256(abi.encode(dice, "b")));
        uint256 verb = dice % 16;
        if (verb < 3 || tasks.length == 0) _submit(a, b, a >> 9);
        else if (verb < 9) _work(a % 4 == 0 ? _pick(a) : _oldestOpen(), b);
        else if (verb == 9) _letTimePass(a, b);
        else if (verb == 10) _reserve(a, b, false);
        else if (verb < 12) _drawLease(a, b);
        else if (verb == 12) _ensureLease(a);
        else if (verb == 13) _manageNode(a, b, a >> 9);
        else if (verb == 14 && tasks.length != 0) _reveal(_pick(a), b, b >> 16, _accounts[b % 8], false);
        else _letTimePass(16 + (a % 8), b);
    }

    // --- what must hold after every act ---

    /// A1 to A4: tokens cover what is owed, every bucket is what the books say, and nothing came from nowhere.
    function checkMoney() external {
        resume();
        uint256 sum = 0;
        uint256 inside = 0;
        for (uint256 s = 1; s <= SESSIONS; ++s) {
            Purse storage purse = _purses[s];
            ISessionPayment.Balance memory balance = payment.balanceOf(SessionId.wrap(uint32(s)));
            vm.assertEq(balance.available, purse.available, "A2: available");
            vm.assertEq(balance.locked, purse.locked, "A2: locked");
            uint256 accounted = purse.refunded + purse.charged + purse.available + purse.locked;
            vm.assertEq(accounted, purse.deposited, "A4: paid + refunded + locked + available == deposited");
            sum += purse.available + purse.locked;
            inside += purse.deposited - purse.refunded;
        }
        for (uint24 i = 1; i <= NODES; ++i) {
            vm.assertEq(payment.owedToNode(NodeId.wrap(i)), _owedToNode[i], "A2 B4: owed to a node");
            sum += _owedToNode[i];
        }
        for (uint256 i = 0; i < _accounts.length; ++i) {
            vm.assertEq(payment.owedTo(_accounts[i]), _owedTo[_accounts[i]], "A2: owed to an account");
            vm.assertEq(payment.accountOf(_accounts[i]).fees, _feesAt[_accounts[i]], "A2: fees at an account");
            sum += _owedTo[_accounts[i]] + _feesAt[_accounts[i]];
        }
        vm.assertEq(payment.liabilities(), sum, "A2: sum of the buckets");
        vm.assertEq(inside - _withdrawn, sum, "A3: only deposits and withdrawals change the sum");
        vm.assertEq(token.balanceOf(address(payment)), sum + _gifts, "A1: tokens == liabilities + donations");
    }

    /// B1 to B3, C4, C5: every task is where the books say, along the declared edges, with the recorded commitments.
    function checkTasks() external {
        resume();
        for (uint256 i = 0; i < tasks.length; ++i) {
            TaskId task = tasks[i];
            Book storage book = books[task];
            (ISessionQueue.Facts memory facts, Status status) = queue.factsOf(task);
            vm.assertTrue(status == book.status, "B1: status");
            vm.assertTrue(queue.phaseOf(task) == bookPhase(book), "B3: phase");
            if (book.status != Status.Open) {
                vm.assertEq(recordHash(task), book.endHash, "B2: an ended task changed");
                continue;
            }
            vm.assertEq(queue.recordOf(task), book.transcript, "B6 C4: terms and commitments");
            vm.assertEq(facts.committed, book.committed, "C4: commitments");
            vm.assertEq(facts.revealed, book.revealed, "C4: openings");
            vm.assertEq(facts.revealed & ~facts.committed, 0, "C2: opened without commitment");
            vm.assertEq(facts.commitsCloseAt, book.closeAt, "B5: deadline");
            if (book.firstRevealAt != 0) vm.assertTrue(book.firstRevealAt > book.lastCommitAt, "C5: order");
        }
    }

    /// D1, D6, E1, E3, E7: lists, leases and stakes.
    function checkPool() external {
        resume();
        uint256 staked = 0;
        uint256 wanted = 0;
        uint256 held = 0;
        for (uint24 i = 1; i <= NODES; ++i) {
            NodeId id = NodeId.wrap(i);
            INodePool.Node memory node = pool.nodeOf(id);
            vm.assertEq(node.stake, _stakes[i], "E1: stake");
            staked += node.stake;
            bool eligible = node.operator != address(0) && node.admitted && node.available && node.exitAt == 0;
            eligible = eligible && node.stake >= node.minStake && LeaseId.unwrap(node.lease) == 0 && node.jailedUntil == 0;
            eligible = eligible && node.stake >= (uint256(node.locks) + 1) * node.assignmentLock;
            vm.assertTrue(pool.isEligible(id) == eligible, "D6: eligible");
            vm.assertTrue(node.listedAt == 0 || eligible, "D6: nobody else is listed");
            vm.assertTrue(node.listedAt != 0 || !eligible || node.waits, "D6: listed where eligible, or waiting for a draw");
            vm.assertEq(node.locks, LeaseId.unwrap(node.lease) == 0 ? 0 : 1, "E1: a lock for every assignment");
            if (node.listedAt != 0) {
                ++wanted;
                vm.assertTrue(pool.eligible(MODEL, node.listedAt - 1, 1)[0] == id, "D6: where it says");
            }
            bool leased = LeaseId.unwrap(node.lease) != 0;
            vm.assertTrue(!leased || _held[LeaseId.unwrap(node.lease)], "D1: held by a lease that is not collected");
            if (leased) ++held;
        }
        for (uint32 id = 1; id <= _leases; ++id) {
            if (!_held[id]) continue;
            (uint240 members, uint8 size, ) = pool.leaseOf(LeaseId.wrap(id));
            held -= size;
            for (uint256 j = 0; j < size; ++j) {
                LeaseId found = pool.nodeOf(NodeId.wrap(uint24(members >> (24 * j)))).lease;
                vm.assertEq(LeaseId.unwrap(found), id, "D1: a node is in the lease that drew it");
            }
        }
        vm.assertEq(held, 0, "D1: and in no other");
        vm.assertEq(pool.eligibleCount(MODEL), wanted, "D6: and nobody else");
        (uint256 total, uint256 slashed) = pool.totals();
        vm.assertEq(total, staked, "E1: total");
        vm.assertEq(slashed, _slashed, "E7: slashed");
        vm.assertEq(token.balanceOf(address(pool)), staked + slashed + _poolGifts, "E1: held");
    }

    /// F4: scores and counters are what the outcomes make of them, and stay in their bounds.
    function checkReputation() external {
        resume();
        for (uint24 i = 1; i <= NODES; ++i) {
            IReputation.Record memory record = reputation.recordOf(NodeId.wrap(i));
            Standing storage standing = _standings[i];
            vm.assertTrue(record.score <= 10_000 && record.score == _score(standing), "F4: score");
            vm.assertEq(record.tasks, standing.tasks, "F4 B4: a seat counts once");
            vm.assertEq(record.commits, standing.commits, "F4: commits");
            vm.assertEq(record.reveals, standing.reveals, "F4: reveals");
            vm.assertTrue(record.accepted == standing.accepted && record.outliers == standing.outliers, "F4: points");
        }
    }

    // --- the end of everything ---

    /// G1, A9: from wherever things are, a stranger ends every task by the clock alone, and everybody takes their money.
    function endEverything() external act {
        for (uint256 i = 0; i < tasks.length; ++i) {
            // Whether nodes can still be drawn does not matter.
            if (bookPhase(books[tasks[i]]) == Phase.Queued && !books[tasks[i]].leased) _assign(tasks[i], STRANGER);
        }
        // No window of these sessions is longer, and no task of any session lives for a day.
        pass(300, uint256(QUEUE_WINDOW) + COMMIT_WINDOW + REVEAL_WINDOW + 1);
        for (uint256 i = 0; i < tasks.length; ++i) {
            if (books[tasks[i]].status != Status.Open) continue;
            vm.assertTrue(queue.phaseOf(tasks[i]) == Phase.Closed, "G1: a task is not closed by the end of its windows");
            _settle(tasks[i], 2, STRANGER);
            vm.assertTrue(statusOf(tasks[i]) > Status.Open, "G1: a task did not end");
        }
        pass(1, 1 days);
        for (uint32 s = 1; s <= SESSIONS; ++s) {
            Purse storage purse = _purses[s];
            SessionId id = SessionId.wrap(s);
            if (session.sessionOf(id).seedBlock != 0) {
                accepts(STRANGER, address(session), abi.encodeCall(ISession.cancelReservation, (id)), "G1: cancelling a reservation");
                _release(purse, purse.reserved);
            }
            vm.assertEq(purse.locked, 0, "G4: money is locked for nothing");
            address owner = session.sessionOf(id).owner;
            accepts(owner, address(session), abi.encodeCall(ISession.refund, (id, owner, uint96(purse.available))), "A9: refund");
            purse.refunded += purse.available;
            purse.available = 0;
        }
        for (uint256 i = 1; i <= _leases; ++i) _collect(i);
        for (uint256 i = 0; i < _accounts.length; ++i) _collectFees(_accounts[i]);
        for (uint256 i = 0; i < _accounts.length; ++i) _withdraw(_accounts[i]);
        for (uint256 i = 1; i <= NODES; ++i) _withdrawNode(i);
        vm.assertEq(payment.liabilities(), 0, "A9: still owed");
        vm.assertEq(token.balanceOf(address(payment)), _gifts, "A9: only donations are left");
        _leave();
        vm.assertEq(breach, "", "a rule was broken on the way");
    }

    function _leave() private {
        for (uint256 i = 0; i < NODES; ++i) {
            NodeId node = NodeId.wrap(uint24(i + 1));
            if (pool.nodeOf(node).exitAt != 0) continue;
            accepts(ownerOf(i), address(pool), abi.encodeCall(INodePool.requestExit, (node)), "A9: exit");
        }
        pass(1, THAW);
        for (uint256 i = 0; i < NODES; ++i) {
            bytes memory take = abi.encodeCall(INodePool.withdrawStake, (NodeId.wrap(uint24(i + 1)), ownerOf(i)));
            accepts(ownerOf(i), address(pool), take, "A9: stake");
            _stakes[i + 1] = 0;
        }
        pool.sweepSlashed(TREASURY);
        _slashed = 0;
        vm.assertEq(token.balanceOf(address(pool)), _poolGifts, "A9: only donations are left in the pool");
    }

    // --- books ---

    function resume() private {
        vm.warp(_now);
        vm.roll(_height);
    }

    function _check(bool holds, string memory rule) private {
        if (!holds && bytes(breach).length == 0) breach = rule;
    }

    function _try(address caller, address target, bytes memory data) private returns (bool ok) {
        (ok, ) = attempt(caller, target, data);
    }

    /// @dev The fuzzer likes small numbers; acts want even dice.
    function _mix(uint256 x) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(x)));
    }

    /// @dev One of the youngest tasks, now and then any.
    function _pick(uint256 pick) private view returns (TaskId) {
        uint256 reach = pick % 16 == 0 || tasks.length < 4 ? tasks.length : 4;
        return tasks[tasks.length - 1 - ((pick >> 4) % reach)];
    }

    /// @dev Of the eight youngest, the oldest that has not ended; the youngest where all have.
    function _oldestOpen() private view returns (TaskId) {
        for (uint256 i = tasks.length < 8 ? 0 : tasks.length - 8; i < tasks.length; ++i) {
            if (books[tasks[i]].status == Status.Open) return tasks[i];
        }
        return tasks[tasks.length - 1];
    }

    /// @dev The router was named by the first owners of two sessions, and by nobody after.
    function _routes(SessionId id, address caller) private view returns (bool) {
        uint256 s = SessionId.unwrap(id);
        // Routers are named at the start, and a session that was handed on has none, also where it comes back.
        return caller == ROUTER && s < 3 && !_handedOn[s];
    }

    function _session(uint256 pick) private pure returns (SessionId) {
        return SessionId.wrap(uint32(1 + (pick % SESSIONS)));
    }

    function _lock(Purse storage purse, uint256 amount) private {
        purse.available -= amount;
        purse.locked += amount;
    }

    function _release(Purse storage purse, uint256 amount) private {
        purse.available += amount;
        purse.locked -= amount;
    }

    function _charge(Purse storage purse, uint256 locked, uint256 charged) private {
        _release(purse, locked);
        purse.available -= charged;
        purse.charged += charged;
    }

    function _end(TaskId task, Status status) private {
        books[task].status = status;
        books[task].endHash = recordHash(task);
        ++times[["", "", "accepted", "inconclusive", "failed", "cancelled"][uint256(status)]];
    }

    function _noteCommit(TaskId task, uint8 seat) private {
        noteCommit(task, seat);
        (NodeId[] memory nodes, ) = queue.committeeOf(task);
        bytes32 found = keccak256(abi.encode(nodes));
        if (_committee[task] == 0) _committee[task] = found;
        _check(_committee[task] == found, "D5: a committee changed after its seed was stored");
        for (uint256 i = 0; i < nodes.length; ++i) {
            for (uint256 j = 0; j < i; ++j) _check(!(nodes[i] == nodes[j]), "D1: a node has two seats");
        }
        ++times["committed"];
    }

    /// @dev Answers with few digests and sketches that are near, far or equal; some commitments are copies or empty.
    function _draft(TaskId task, uint8 seat, NodeId author, uint256 flavour) private returns (bytes32) {
        uint256 prompts = termsIn(task).promptTokens.length / 3;
        bytes memory answers;
        for (uint256 i = 0; i < prompts; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(flavour, i)));
            uint256 sketch = uint256(keccak256(abi.encode(task, dice % 4 == 0)));
            // Up to 40 bits away from one of two centres, each in another place.
            sketch ^= ((1 << ((dice >> 8) % 41)) - 1) << ((dice >> 40) % 200);
            answers = bytes.concat(answers, answerOf((dice >> 16) % 4, sketch, (dice >> 24) % 600));
        }
        bytes32 commitment = prepare(task, seat, author, answers);
        Seat storage entry = seats[task][seat];
        if (flavour % 16 == 1) entry.commitment = 0;
        if (flavour % 16 == 2 && books[task].order.length != 0) entry.commitment = seats[task][books[task].order[0]].commitment;
        if (entry.commitment != commitment) entry.salt = 0;
        return entry.commitment;
    }

    /// @dev Seats out of `mask` whose preimage exists.
    function _openable(TaskId task, uint16 mask) private view returns (uint16 opened) {
        for (uint8 seat = 0; seat < books[task].redundancy; ++seat) {
            if ((mask >> seat) & 1 == 1 && seats[task][seat].salt != 0) opened |= uint16(1 << seat);
        }
    }

    function _base(TaskId task, uint16 opened, uint256 pick) private view returns (bytes memory base) {
        base = baseOf(task, opened);
        if (pick % 3 == 0) base = new bytes(base.length);
    }

    function _eligibleNodes() private view returns (uint256 eligible) {
        for (uint24 i = 1; i <= NODES; ++i) if (pool.isEligible(NodeId.wrap(i))) eligible |= 1 << i;
    }

    /// @dev Of one owner no two nodes are drawn.
    function _ownersAmong(uint256 eligible) private pure returns (uint256 owners) {
        for (uint256 i = 0; i < NODES; ++i) {
            bool first = (eligible >> (i + 1)) & 1 == 1;
            for (uint256 j = 0; j < i; ++j) first = first && ((eligible >> (j + 1)) & 1 == 0 || ownerOf(j) != ownerOf(i));
            if (first) ++owners;
        }
    }

    /// @dev The last of the eight belong to one owner.
    function ownerOf(uint256 i) internal pure override returns (address) {
        return super.ownerOf(i < 6 ? i : 6);
    }

    /// @dev D1 for a draw that just happened; books what the members are owed for being held.
    function _checkDraw(LeaseId lease, uint8 size, uint256 eligible, uint256 each) private {
        (uint240 members, uint8 found, ) = pool.leaseOf(lease);
        _check(LeaseId.unwrap(lease) == _leases && found == size, "D1: lease");
        _held[_leases] = true;
        for (uint256 i = 0; i < size; ++i) {
            uint24 node = uint24(members >> (24 * i));
            _check((eligible >> node) & 1 == 1, "D1: a drawn node was not eligible, or was drawn twice");
            eligible &= ~(uint256(1) << node);
            _owedToNode[node] += each;
        }
    }

    /// @dev Who sits in a task, as far as anyone can know it now; empty otherwise.
    function _seated(TaskId task) private view returns (NodeId[] memory nodes) {
        Book storage book = books[task];
        if (book.status != Status.Open || LeaseId.unwrap(book.lease) == 0) return nodes;
        uint256 age = height() > book.seedBlock ? height() - book.seedBlock : 0;
        bool known = !book.leased || book.committed != 0 || (age > 0 && age <= 256);
        if (known) (nodes, ) = queue.committeeOf(task);
    }

    /// @dev Books the end of a task by the model: pay, fees, bounty, penalties, standings.
    function _settled(TaskId task, address keeper, NodeId[] memory seated) private {
        Book storage book = books[task];
        End memory end = modelEnd(task, book.revealed);
        _check(statusOf(task) == end.status, "B1 F3: verdict");
        _check(queue.recordOf(task) == finalRecord(task, end), "B2 F3: outcomes and charge");
        Purse storage purse = _purses[SessionId.unwrap(book.session)];
        if (end.status == Status.Accepted) _bookPay(task, end, keeper, purse);
        else _release(purse, book.worst);
        for (uint256 seat = 0; seat < seated.length; ++seat) {
            bool taken = (book.committed >> seat) & 1 == 1;
            NodeId sitting = taken ? seats[task][seat].node : seated[seat];
            _bookSeat(book, end, seat, sitting);
            if (!(sitting == seated[seat])) _bookSilence(_standings[NodeId.unwrap(seated[seat])]);
        }
        if (!book.leased) _held[LeaseId.unwrap(book.lease)] = false;
        _end(task, end.status);
    }

    function _bookPay(TaskId task, End memory end, address keeper, Purse storage purse) private {
        TaskTerms memory terms = termsIn(task);
        TaskRulesLib.Unpacked memory rules = TaskRulesLib.unpack(terms.rules);
        // In the first 30 % of the reveal window the router that carries earns what is paid for settling.
        bool early = clock() <= books[task].closeAt + (REVEAL_WINDOW * 30) / 100;
        if (terms.router != address(0) && early) keeper = terms.router;
        for (uint256 seat = 0; seat < end.tokens.length; ++seat) {
            uint256 gross = (end.tokens[seat] * rules.price) / 1_000;
            uint256 protocolFee = (gross * rules.protocolFeeBps) / 10_000;
            uint256 routerFee = (gross * rules.routerFeeBps) / 10_000;
            if (gross != 0) _owedToNode[NodeId.unwrap(seats[task][seat].node)] += gross - protocolFee - routerFee;
            _feesAt[keeper] += protocolFee;
            _owedTo[terms.router] += routerFee;
        }
        _owedTo[keeper] += uint256(rules.bounty) * 1e12;
        uint256 charged = chargeOf(task, end);
        _check(charged <= books[task].worst, "A5: more than was locked");
        _charge(purse, books[task].worst, charged);
    }

    function _bookSeat(Book storage book, End memory end, uint256 seat, NodeId node) private {
        Standing storage standing = _standings[NodeId.unwrap(node)];
        if ((book.committed >> seat) & 1 == 0) return _bookSilence(standing);
        uint256 score = _score(standing);
        ++standing.tasks;
        bool heard = count(book.committed) >= book.quorum;
        if (heard && (book.revealed >> seat) & 1 == 0) {
            ++standing.commits;
            score -= score / 4;
            _bookPenalty(NodeId.unwrap(node));
        } else {
            ++standing.commits;
            ++standing.reveals;
            standing.accepted += end.accepted[seat];
            standing.outliers += end.outliers[seat];
            if (end.accepted[seat] > end.outliers[seat]) score += (10_000 - score) / 16;
            else if (end.outliers[seat] > end.accepted[seat]) score -= score / 8;
        }
        (standing.score, standing.updatedAt) = (score, clock());
    }

    /// @dev A member who committed nothing, whether or not a standby took the seat.
    function _bookSilence(Standing storage standing) private {
        uint256 score = _score(standing);
        (standing.score, standing.updatedAt) = (score - score / 8, clock());
        ++standing.tasks;
    }

    /// @dev The score now: half the distance to the floor is gone with every 30 days.
    function _score(Standing storage standing) private view returns (uint256 score) {
        if (standing.updatedAt == 0) return 1_000;
        score = standing.score;
        for (uint256 time = standing.updatedAt + 30 days; time <= clock() && score != 1_000; time += 30 days) {
            score = score > 1_000 ? 1_000 + (score - 1_000) / 2 : 1_000 - (1_000 - score) / 2;
        }
    }

    function _bookPenalty(uint256 node) private {
        // The penalty in force when the node registered, whatever governance has set since.
        uint256 taken = _stakes[node] < PENALTY ? _stakes[node] : PENALTY;
        _stakes[node] -= taken;
        _slashed += taken;
        ++times["slashed"];
    }
}
