// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {INodePool, LeaseId, NodeId, Seat} from "../interfaces/INodePool.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {ISession, SessionId} from "../interfaces/ISession.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {ISessionQueue, Phase, Status, TaskId, TaskTerms} from "../interfaces/ISessionQueue.sol";
import {IValidation} from "../interfaces/IValidation.sol";
import {Answers} from "../libraries/Answers.sol";
import {Assurance} from "../libraries/Assurance.sol";
import {CommitReveal} from "../libraries/CommitReveal.sol";
import {Judging} from "../libraries/Judging.sol";
import {Due, NodeLedger} from "../libraries/NodeLedger.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {Price} from "../libraries/Price.sol";
import {Score} from "../libraries/Score.sol";
import {Sketch} from "../libraries/Sketch.sol";
import {TaskFacts, TaskFactsLib} from "../libraries/TaskFacts.sol";
import {TaskRules} from "../libraries/TaskRules.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title SessionQueue
contract SessionQueue is ISessionQueue, EIP712 {
    using SafeCast for uint256;
    using OpeningLib for Opening;

    /// @notice Most tasks of a session that run at the same time.
    uint32 public constant RING = 64;
    /// @notice Named in `EntrySkipped` where a whole task is skipped.
    uint8 public constant EVERY_SEAT = type(uint8).max;
    /// @notice Time in which a verdict that is due may be asked for where not all seats opened, seconds.
    uint40 public constant ASK_WINDOW = 1 hours;

    /// @notice First part of the reveal window, in which only the carrier earns the bounty, 1/10,000.
    uint256 public constant CARRIER_SHARE = 3_000;

    ISession public immutable SESSION;
    ISessionPayment public immutable PAYMENT;
    INodePool public immutable POOL;
    IRandomness public immutable RANDOMNESS;
    IValidation public immutable VALIDATION;
    /// @notice Judges answers that differ.
    IJudge public immutable JUDGE;
    /// @notice Blocks between a task's end without a majority and the block that decides who tries again.
    uint16 public immutable SEED_DELAY;

    mapping(uint256 slot => TaskFacts) private _ring;
    mapping(TaskId task => bytes32) private _records;

    constructor(
        ISession session,
        ISessionPayment payment,
        INodePool pool,
        IRandomness randomness,
        IValidation validation,
        IJudge judge,
        uint16 seedDelay
    ) EIP712("Corroborate", "1") {
        SESSION = session;
        PAYMENT = payment;
        POOL = pool;
        RANDOMNESS = randomness;
        VALIDATION = validation;
        JUDGE = judge;
        SEED_DELAY = seedDelay;
    }

    modifier onlySession() {
        if (msg.sender != address(SESSION)) revert SessionQueueUnauthorized(msg.sender, address(SESSION));
        _;
    }

    // --- birth ---

    /// @inheritdoc ISessionQueue
    function enqueue(
        TaskId task,
        TaskTerms calldata terms,
        bytes32 clientReference,
        LeaseId lease,
        uint40 seedBlock,
        uint40 closeAt
    ) external onlySession {
        uint256 slot = _slot(task);
        TaskFacts former = _ring[slot];
        if (former.isLive()) revert SessionQueueRingFull(task, _occupant(task, former.generation()));
        uint256 flags = terms.rules.leased() ? 0 : TaskFactsLib.WAITING;
        if (terms.rules.standby()) flags |= TaskFactsLib.STANDBY;
        if (terms.assurance.judged()) flags |= TaskFactsLib.JUDGED;
        TaskFacts facts = _born(task, terms.rules, LeaseId.unwrap(lease), seedBlock, closeAt, flags);
        _records[task] = _termsHash(task, terms);
        _ring[slot] = facts;
        SessionId session = _sessionOf(task);
        emit TaskQueued(task, SessionId.unwrap(session), clientReference, terms, lease, seedBlock, closeAt);
        PAYMENT.lock(session, _locked(terms, facts));
    }

    /// @inheritdoc ISessionQueue
    function cancel(TaskId task, TaskTerms calldata terms) external onlySession {
        TaskFacts facts = _live(task, Phase.Queued);
        if (block.number > facts.seed()) revert SessionQueueTooLateToCancel(block.number, facts.seed());
        bytes32 transcript = _start(task, terms, facts);
        _requireTranscript(task, transcript);
        _ring[_slot(task)] = facts.ended();
        _end(task, Status.Cancelled, transcript);
        emit TaskSettled(task, Status.Cancelled, 0, 0, "", "");
        if (facts.has(TaskFactsLib.WAITING)) POOL.retireDraw(terms.model);
        PAYMENT.release(_sessionOf(task), _locked(terms, facts));
    }

    /// @inheritdoc ISessionQueue
    function assign(TaskId task, TaskTerms calldata terms) external {
        TaskFacts facts = _live(task, Phase.Queued);
        if (block.number <= facts.seed()) revert SessionQueueSeedNotMined(block.number, facts.seed());
        if (!facts.has(TaskFactsLib.WAITING)) revert SessionQueueWrongPhase(task, Phase.Committing, Phase.Queued);
        _requireTranscript(task, _start(task, terms, facts));
        bytes32 seed = _fullSeed(task, facts);
        uint40 closeAt = Windows.endOf(facts.commitWindow());
        SessionId session = _sessionOf(task);
        TaskRules rules = terms.rules;
        LeaseId lease = POOL.lease(
            INodePool.Wanted({
                model: terms.model,
                size: facts.redundancy(),
                level: uint8(rules.level()),
                widen: rules.widen(),
                source: INodePool.Source.Pool,
                session: SessionId.unwrap(session),
                requester: SESSION.ownerOf(session),
                avoid: LeaseId.wrap(facts.lease())
            }),
            seed,
            closeAt + facts.revealWindow()
        );
        _ring[_slot(task)] = facts.withSeed(seed).withClose(closeAt).withLease(LeaseId.unwrap(lease));
        emit TaskAssigned(task, lease, uint96(uint256(seed)), closeAt);
        POOL.retireDraw(terms.model);
        (uint240 members, uint8 size, ) = POOL.leaseOf(lease);
        PAYMENT.payLease(session, _hold(terms).toUint128(), members, size);
    }

    // --- commit ---

    /// @inheritdoc ISessionQueue
    function commit(TaskId task, uint8 seat, bytes32 commitment) external {
        TaskFacts facts = _seeded(task, _live(task, Phase.Committing));
        if (seat >= facts.redundancy()) revert SessionQueueNoSeat(task, seat, facts.redundancy());
        if ((facts.committed() >> seat) & 1 == 1) revert SessionQueueAlreadyCommitted(task, seat);
        if (commitment == 0) revert SessionQueueEmptyCommitment(task, seat);
        Seat taken = POOL.seatOf(LeaseId.wrap(facts.lease()), facts.seed(), facts.redundancy(), seat);
        if (!_signsFor(taken, msg.sender) && _mayStandIn(facts)) {
            uint8 next = facts.redundancy();
            Seat standby = POOL.seatOf(LeaseId.wrap(facts.lease()), facts.seed(), next + 1, next);
            if (_signsFor(standby, msg.sender)) (taken, facts) = (standby, facts.withFlag(TaskFactsLib.STOOD_IN));
        }
        if (!_signsFor(taken, msg.sender)) revert SessionQueueNotOperator(task, seat, msg.sender, taken.operator());
        Committed[] memory entries = new Committed[](1);
        entries[0] = Committed({who: _who(seat, taken.node()), commitment: commitment});
        _recordCommits(task, facts, uint256(1) << seat, entries);
    }

    /// @inheritdoc ISessionQueue
    function commitMany(CarriedCommitments[] calldata carried) external {
        for (uint256 i = 0; i < carried.length; ++i) _commitCarried(carried[i]);
    }

    // --- reveal and settle ---

    /// @inheritdoc ISessionQueue
    function reveal(Handover calldata handover) external {
        _reveal(handover, msg.sender);
    }

    /// @inheritdoc ISessionQueue
    function settle(Handover calldata handover) external {
        _settleClosed(handover, _live(handover.task, Phase.Closed), msg.sender);
    }

    /// @inheritdoc ISessionQueue
    function revealMany(Handover[] calldata handovers) external {
        for (uint256 i = 0; i < handovers.length; ++i) {
            Handover calldata handover = handovers[i];
            uint256 end = _startOf(handovers[i + 1 == handovers.length ? i : i + 1]);
            if (!_revealAlone(handover, end)) emit EntrySkipped(handover.task, EVERY_SEAT, _returned());
        }
    }

    /// @notice The contract itself, one entry of `revealMany`: reveals or settles for a keeper.
    function revealFor(Handover calldata handover, address keeper) external {
        if (msg.sender != address(this)) revert SessionQueueUnauthorized(msg.sender, address(this));
        _reveal(handover, keeper);
    }

    // --- views ---

    /// @inheritdoc ISessionQueue
    function phaseOf(TaskId task) external view returns (Phase) {
        return _phaseOf(task, _ring[_slot(task)]);
    }

    /// @inheritdoc ISessionQueue
    function factsOf(TaskId task) external view returns (Facts memory facts, Status status) {
        bytes32 record = _records[task];
        if (record == 0) return (facts, Status.None);
        TaskFacts found = _ring[_slot(task)];
        bool mine = found.generation() == _generation(task);
        status = mine && found.isLive() ? Status.Open : Status(uint8(record[0]));
        if (!mine) return (facts, status);
        facts = Facts({
            seed: found.seed(),
            lease: LeaseId.wrap(found.has(TaskFactsLib.WAITING) ? 0 : found.lease()),
            commitsCloseAt: found.commitsCloseAt(),
            revealWindow: found.revealWindow(),
            commitWindow: found.commitWindow(),
            committed: found.committed(),
            revealed: found.revealed(),
            redundancy: found.redundancy(),
            quorum: found.quorum(),
            generation: found.generation(),
            state: State(found.state()),
            attempt: _attempt(found),
            standby: found.has(TaskFactsLib.STANDBY),
            stoodIn: found.has(TaskFactsLib.STOOD_IN),
            judged: found.has(TaskFactsLib.JUDGED)
        });
    }

    /// @inheritdoc ISessionQueue
    function recordOf(TaskId task) external view returns (bytes32) {
        return _records[task];
    }

    /// @inheritdoc ISessionQueue
    function committeeOf(TaskId task) external view returns (NodeId[] memory nodes, address[] memory operators) {
        TaskFacts facts = _ring[_slot(task)];
        Phase phase = _phaseOf(task, facts);
        // Of a task that ended before its seed was stored, only the number of the seed's block is left.
        bool forgotten = phase == Phase.Settled && facts.committed() == 0;
        if (phase == Phase.None || forgotten || facts.has(TaskFactsLib.WAITING) || facts.generation() != _generation(task)) {
            revert SessionQueueWrongPhase(task, phase, Phase.Committing);
        }
        Seat[] memory seats = _seats(_seeded(task, facts), 0);
        nodes = new NodeId[](seats.length);
        operators = new address[](seats.length);
        for (uint256 seat = 0; seat < seats.length; ++seat) {
            nodes[seat] = NodeId.wrap(seats[seat].node());
            operators[seat] = seats[seat].operator();
        }
    }

    /// @inheritdoc ISessionQueue
    function commitmentOf(
        TaskId task,
        uint8 attempt,
        NodeId author,
        TaskTerms calldata terms,
        bytes calldata answers,
        bytes32 claim,
        bytes32 salt
    ) external view returns (bytes32) {
        bytes32 payload = CommitReveal.payloadDigest(keccak256(answers), claim);
        bytes memory form = CommitReveal.form(TaskId.unwrap(task), attempt, terms.model, _params(terms));
        return CommitReveal.digestOf(form, _domainSeparatorV4(), NodeId.unwrap(author), payload, salt);
    }

    // --- commit, inside ---

    /// @dev Skips what cannot be recorded, so that one bad entry never costs the others.
    function _commitCarried(CarriedCommitments calldata carried) private {
        TaskId task = carried.task;
        TaskFacts facts = _ring[_slot(task)];
        Phase phase = _phaseOf(task, facts);
        if (phase != Phase.Committing) {
            bytes memory wrong = abi.encodeWithSelector(SessionQueueWrongPhase.selector, task, phase, Phase.Committing);
            emit EntrySkipped(task, EVERY_SEAT, wrong);
            return;
        }
        facts = _seeded(task, facts);
        bool standIn = _mayStandIn(facts);
        Seat[] memory seats = _seats(facts, standIn ? 1 : 0);
        uint256 last = facts.redundancy();
        SignedCommitment[] calldata list = carried.commitments;
        Committed[] memory entries = new Committed[](list.length);
        uint256 count = 0;
        uint256 fresh = 0;
        bytes32 domain = _domainSeparatorV4();
        for (uint256 i = 0; i < list.length; ++i) {
            SignedCommitment calldata given = list[i];
            uint8 seat = given.seat;
            bytes32 commitment = given.commitment;
            uint256 taken = facts.committed() | fresh;
            address signer = address(0);
            if (seat < last) {
                Seat sitting = seats[seat];
                signer = _signer(domain, task, sitting.node(), given);
                bool signs = _signsFor(sitting, signer);
                if (standIn && !signs && (taken >> seat) & 1 == 0) {
                    address other = _signer(domain, task, seats[last].node(), given);
                    if (_signsFor(seats[last], other)) {
                        (sitting, signs, standIn) = (seats[last], true, false);
                        facts = facts.withFlag(TaskFactsLib.STOOD_IN);
                    }
                }
                if (signs && (taken >> seat) & 1 == 0 && commitment != 0) {
                    fresh |= uint256(1) << seat;
                    entries[count++] = Committed({who: _who(seat, sitting.node()), commitment: commitment});
                    continue;
                }
            }
            emit EntrySkipped(task, seat, _refusal(task, taken, given, seats, last, signer));
        }
        if (count == 0) return;
        assembly ("memory-safe") {
            // Shrinks the list to what was accepted.
            mstore(entries, count)
        }
        _recordCommits(task, facts, fresh, entries);
    }

    /// @dev Whether the key signs for the seat's node: the operator, or the former one for some time after a change.
    function _signsFor(Seat seat, address key) private view returns (bool) {
        if (key == seat.operator()) return key != address(0);
        return key != address(0) && key == POOL.formerOperatorOf(NodeId.wrap(seat.node()));
    }

    /// @dev Who signed a carried commitment for this task and node; zero where the signature is malformed.
    function _signer(bytes32 domain, TaskId task, uint24 node, SignedCommitment calldata given) private pure returns (address signer) {
        bytes32 digest = CommitReveal.commitDigest(domain, TaskId.unwrap(task), node, given.commitment);
        (signer, , ) = ECDSA.tryRecover(digest, given.r, given.vs);
    }

    /// @dev Why a carried commitment was not recorded, as an encoded error.
    function _refusal(
        TaskId task,
        uint256 taken,
        SignedCommitment calldata given,
        Seat[] memory seats,
        uint256 last,
        address signer
    ) private pure returns (bytes memory) {
        uint8 seat = given.seat;
        if (seat >= last) return abi.encodeWithSelector(SessionQueueNoSeat.selector, task, seat, last);
        if ((taken >> seat) & 1 == 1) return abi.encodeWithSelector(SessionQueueAlreadyCommitted.selector, task, seat);
        if (given.commitment == 0) return abi.encodeWithSelector(SessionQueueEmptyCommitment.selector, task, seat);
        return abi.encodeWithSelector(SessionQueueNotOperator.selector, task, seat, signer, seats[seat].operator());
    }

    function _recordCommits(TaskId task, TaskFacts facts, uint256 fresh, Committed[] memory entries) private {
        bytes32 transcript = _records[task];
        for (uint256 i = 0; i < entries.length; ++i) {
            Committed memory entry = entries[i];
            transcript = CommitReveal.extend(transcript, entry.who, entry.commitment);
        }
        _records[task] = transcript;
        facts = facts.withCommitted(fresh);
        if (facts.committed() + 1 == 1 << facts.redundancy()) facts = facts.withClose(Windows.clock());
        _ring[_slot(task)] = facts;
        emit ResultsCommitted(task, facts.seed(), entries);
    }

    function _who(uint8 seat, uint24 node) private pure returns (uint256) {
        return uint256(seat) | (uint256(node) << 8);
    }

    // --- reveal and settle, inside ---

    function _reveal(Handover calldata handover, address keeper) private {
        TaskId task = handover.task;
        TaskFacts facts = _ring[_slot(task)];
        Phase phase = _phaseOf(task, facts);
        // Whoever opened the last seat before may have left the settlement to others.
        if (phase == Phase.Closed) return _settleClosed(handover, facts, keeper);
        if (phase != Phase.Revealing && phase != Phase.Validating) revert SessionQueueWrongPhase(task, phase, Phase.Revealing);
        (bytes32 transcript, uint16 opened) = _replay(handover, facts);
        if (phase == Phase.Validating) return _askForVerdict(handover.terms, task, facts);
        uint16 fresh = opened & ~facts.revealed();
        if (fresh == 0) revert SessionQueueNothingToReveal(task);
        facts = facts.withRevealed(fresh);
        bool all = facts.revealed() == facts.committed();
        bool judged = facts.has(TaskFactsLib.JUDGED);
        if (all && !judged && opened == facts.revealed()) {
            _settle(handover, facts, transcript, keeper);
            return;
        }
        _ring[_slot(task)] = facts;
        for (uint256 i = 0; i < handover.openings.length; ++i) {
            Opening calldata opening = handover.openings[i];
            uint8 seat = uint8(opening.seat());
            if ((fresh >> seat) & 1 == 0) continue;
            emit ResultRevealed(task, seat, NodeId.wrap(opening.node()), opening.secret, opening.claim, _answers(handover, i));
        }
        if (all && judged) _askForVerdict(handover.terms, task, facts);
    }

    /// @dev Calls `revealFor` for one entry of a list, passed on as it came: its inner offsets count from its start.
    /// @param end where the next entry begins; where that is not behind this one, the entry may reach to the end of the calldata
    function _revealAlone(Handover calldata handover, uint256 end) private returns (bool done) {
        bytes4 selector = this.revealFor.selector;
        assembly ("memory-safe") {
            if iszero(gt(end, handover)) {
                end := calldatasize()
            }
            let size := sub(end, handover)
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), 64)
            mstore(add(free, 36), caller())
            calldatacopy(add(free, 68), handover, size)
            done := call(gas(), address(), 0, free, add(size, 68), 0, 0)
        }
    }

    function _startOf(Handover calldata handover) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := handover
        }
    }

    /// @dev What the last call returned.
    function _returned() private pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            let size := returndatasize()
            mstore(data, size)
            returndatacopy(add(data, 32), 0, size)
            mstore(0x40, add(data, and(add(size, 63), not(31))))
        }
    }

    /// @dev Reverts where somebody has asked before.
    function _askForVerdict(TaskTerms calldata terms, TaskId task, TaskFacts facts) private {
        VALIDATION.open(task, terms.model, LeaseId.wrap(facts.lease()), terms.assurance);
    }

    function _settleClosed(Handover calldata handover, TaskFacts facts, address keeper) private {
        (bytes32 transcript, uint16 opened) = _replay(handover, facts);
        if (opened != facts.revealed()) revert SessionQueueOpeningsMissing(handover.task, opened, facts.revealed());
        _settle(handover, facts, transcript, keeper);
    }

    /// @dev Checks that terms, commitments and openings are what was recorded. Every committed seat must be there, in order.
    /// @return transcript the record of the running task
    /// @return opened bitmap of the seats whose openings are handed over
    function _replay(Handover calldata handover, TaskFacts facts) private view returns (bytes32 transcript, uint16 opened) {
        TaskId task = handover.task;
        TaskTerms calldata terms = handover.terms;
        Opening[] calldata openings = handover.openings;
        transcript = _start(task, terms, facts);
        if (openings.length != 0) {
            bytes memory form = CommitReveal.form(TaskId.unwrap(task), _attempt(facts), terms.model, _params(terms));
            bytes32 domain = _domainSeparatorV4();
            bytes32 baseHash = _checkShape(handover);
            bool alike = handover.changes.length == 0;
            for (uint256 i = 0; i < openings.length; ++i) {
                Opening calldata opening = openings[i];
                uint256 who = opening.who;
                bytes32 commitment = opening.secret;
                if (who >> 32 == 1) {
                    opened |= uint16(1 << uint8(who));
                    bytes32 answersHash = alike || handover.changes[i].length == 0 ? baseHash : keccak256(_answers(handover, i));
                    bytes32 payload = CommitReveal.payloadDigest(answersHash, opening.claim);
                    commitment = CommitReveal.digestOf(form, domain, uint24(who >> 8), payload, commitment);
                } else if (!alike && handover.changes[i].length != 0) {
                    revert SessionQueueChangesMalformed(task, uint8(who), 0);
                }
                transcript = CommitReveal.extend(transcript, uint32(who), commitment);
            }
        }
        _requireTranscript(task, transcript);
    }

    /// @dev Lengths of the answers and of the list of changes.
    function _checkShape(Handover calldata handover) private pure returns (bytes32 baseHash) {
        bytes calldata base = handover.base;
        uint256 wanted = (handover.terms.promptTokens.length / 3) * Answers.SIZE;
        if (base.length != wanted) revert SessionQueueAnswersLength(handover.task, base.length, wanted);
        uint256 lists = handover.changes.length;
        if (lists != 0 && lists != handover.openings.length) {
            revert SessionQueueChangesCount(handover.task, lists, handover.openings.length);
        }
        return keccak256(base);
    }

    /// @dev The answers of one opening: the base with its changes.
    function _answers(Handover calldata handover, uint256 i) private pure returns (bytes memory answers) {
        answers = handover.base;
        if (handover.changes.length != 0) _patch(handover, i, answers);
    }

    /// @dev Changes the base into the answers of one opening.
    function _patch(Handover calldata handover, uint256 i, bytes memory answers) private pure {
        bytes calldata changes = handover.changes[i];
        uint256 prompts = answers.length / Answers.SIZE;
        uint256 next = 0;
        unchecked {
            // Offsets in calldata, and numbers of prompts.
            for (uint256 offset = 0; offset < changes.length; offset += Answers.CHANGE) {
                uint256 prompt = Answers.promptAt(changes, offset);
                if (offset + Answers.CHANGE > changes.length || prompt < next || prompt >= prompts) {
                    revert SessionQueueChangesMalformed(handover.task, uint8(handover.openings[i].seat()), offset);
                }
                Answers.patch(answers, prompt, changes, offset);
                next = prompt + 1;
            }
        }
    }

    /// @dev Judges, writes the end of the task, then pays. The calls go to contracts fixed at deployment.
    function _settle(Handover calldata handover, TaskFacts facts, bytes32 transcript, address keeper) private {
        IValidation.Ruling memory ruling;
        if (facts.has(TaskFactsLib.JUDGED)) ruling = _ruling(handover, facts);
        uint256 seats = facts.revealed() & ~ruling.rejected;
        Judging.Result memory result;
        if (Sketch.seatCount(seats) >= facts.quorum()) {
            result = handover.changes.length == 0 ? Judging.judgeAlike(handover, seats) : _judgeApart(handover, seats);
        }
        Bill memory bill = _bill(handover, facts, result, ruling, keeper);
        bool again = result.outcomes.length != 0 && result.agreed == 0 && _mayRunAgain(handover.terms, facts);
        if (again) _runAgain(handover.task, handover.terms, facts, bill);
        else _conclude(handover, facts, result, transcript, bill.charged, ruling.rejected);
        PAYMENT.settle(_sessionOf(handover.task), bill.split, bill.dues);
        if (facts.revealed() != facts.committed() && _revealTookPlace(facts)) _slashUnopened(handover.openings, facts);
        if (facts.has(TaskFactsLib.WAITING)) POOL.retireDraw(handover.terms.model);
        else if (!handover.terms.rules.leased() || facts.has(TaskFactsLib.RERUN)) POOL.release(LeaseId.wrap(facts.lease()));
        if (again) POOL.announceDraw(handover.terms.model, uint40(block.number + SEED_DELAY));
    }

    /// @dev Asks the judge. The handover is passed on as it came: its inner offsets count from its start, wherever that lies.
    function _judgeApart(Handover calldata handover, uint256 seats) private view returns (Judging.Result memory) {
        bytes memory question;
        bytes4 selector = IJudge.judge.selector;
        assembly ("memory-safe") {
            let size := sub(calldatasize(), handover)
            question := mload(0x40)
            mstore(question, add(size, 68))
            mstore(add(question, 32), selector)
            mstore(add(question, 36), 64)
            mstore(add(question, 68), seats)
            calldatacopy(add(question, 100), handover, size)
            mstore(0x40, add(question, and(add(size, 131), not(31))))
        }
        return abi.decode(Address.functionStaticCall(address(JUDGE), question), (Judging.Result));
    }

    /// @dev What the validators found, where anybody asked them.
    function _ruling(Handover calldata handover, TaskFacts facts) private returns (IValidation.Ruling memory ruling) {
        TaskId task = handover.task;
        if (VALIDATION.stageOf(task) == IValidation.Stage.None) return ruling;
        uint256 nodes = 0;
        for (uint256 i = 0; i < handover.openings.length; ++i) {
            Opening calldata opening = handover.openings[i];
            nodes |= uint256(opening.node()) << (24 * opening.seat());
        }
        return VALIDATION.close(task, facts.revealed(), nodes);
    }

    function _mayRunAgain(TaskTerms calldata terms, TaskFacts facts) private pure returns (bool) {
        return terms.assurance.rerun() && !facts.has(TaskFactsLib.RERUN);
    }

    /// @dev The task begins again, for nodes that sat in no seat of it. What validators cost is paid from the part of the lock that
    /// was for this attempt's; the rest of that part is free again.
    function _runAgain(TaskId task, TaskTerms calldata terms, TaskFacts facts, Bill memory bill) private {
        uint256 flags = TaskFactsLib.WAITING | TaskFactsLib.RERUN;
        if (facts.has(TaskFactsLib.JUDGED)) flags |= TaskFactsLib.JUDGED;
        uint40 closeAt = Windows.endOf(facts.commitWindow());
        uint40 seedBlock = uint40(block.number + SEED_DELAY);
        TaskFacts next = _born(task, terms.rules, facts.lease(), seedBlock, closeAt, flags);
        bill.split.locked -= _locked(terms, next);
        _ring[_slot(task)] = next;
        _records[task] = _start(task, terms, next);
        emit TaskRerun(task, seedBlock, closeAt, bill.charged);
    }

    /// @dev Writes and tells the end of the task.
    function _conclude(
        Handover calldata handover,
        TaskFacts facts,
        Judging.Result memory result,
        bytes32 transcript,
        uint256 charged,
        uint256 rejected
    ) private {
        TaskId task = handover.task;
        Status status = result.agreed != 0 ? Status.Accepted : Status.Inconclusive;
        if (result.outcomes.length == 0 || (result.agreed != 0 && result.agreed == result.refused)) status = Status.Failed;
        _ring[_slot(task)] = facts.ended();
        _end(task, status, keccak256(abi.encode(transcript, keccak256(result.outcomes), charged)));
        for (uint256 i = 0; i < handover.changes.length; ++i) {
            bytes calldata changes = handover.changes[i];
            if (changes.length != 0) emit AnswersDiffer(task, uint8(handover.openings[i].seat()), changes);
        }
        // Where nothing was judged, no commitment need have bound the base: it is not evidence.
        bytes calldata base = result.outcomes.length == 0 ? handover.base[:0] : handover.base;
        emit TaskSettled(task, status, charged, facts.revealed() | (rejected << 12), result.outcomes, base);
    }

    /// @dev What a settlement pays. `charged` is what the session loses, base units.
    struct Bill {
        uint256 charged;
        ISessionPayment.Split split;
        Due[] dues;
    }

    /// @dev What every known seat is due, and how the lock is split: committed seats in commit order, the silent ones, then
    /// validators. Seats that differ nowhere are due the same, so their price is worked out once.
    function _bill(
        Handover calldata handover,
        TaskFacts facts,
        Judging.Result memory result,
        IValidation.Ruling memory ruling,
        address keeper
    ) private view returns (Bill memory bill) {
        TaskRules rules = handover.terms.rules;
        Opening[] calldata openings = handover.openings;
        uint256 known = _silentAreKnown(facts) ? facts.redundancy() + (facts.has(TaskFactsLib.STOOD_IN) ? 1 : 0) : openings.length;
        bill.dues = new Due[](known + ruling.dues.length);
        for (uint256 i = 0; i < ruling.dues.length; ++i) bill.dues[known + i] = ruling.dues[i];
        bill.split.locked = _locked(handover.terms, facts);
        bill.split.router = handover.terms.router;
        bill.split.keeper = _earner(handover.terms, facts, keeper);
        bill.charged = ruling.cost;
        if (result.agreed != 0) {
            bill.charged += rules.bounty();
            bill.split.bounty = uint128(rules.bounty());
        }
        Score.Conduct closed = _revealTookPlace(facts) ? Score.Conduct.Unopened : Score.Conduct.Excused;
        uint256 prompts = result.outcomes.length / 2 - result.differing - result.refusedByAll;
        Pay memory pay = _pay(result.tokens, rules);
        // The due of a seat that differs nowhere, but for its node.
        uint256 alike = Due.unwrap(NodeLedger.due(0, pay.net, prompts, 0, Score.Conduct.Opened));
        uint256 alikes = 0;
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 who = openings[i].who;
            uint256 own = result.own.length == 0 ? 0 : result.own[i];
            if (who >> 32 != 1) {
                bill.dues[i] = NodeLedger.due(uint24(who >> 8), 0, 0, 0, closed);
            } else if ((ruling.rejected >> uint8(who)) & 1 == 1) {
                bill.dues[i] = NodeLedger.due(uint24(who >> 8), 0, 0, 1, Score.Conduct.Opened);
            } else if (own == 0) {
                bill.dues[i] = Due.wrap(alike | (uint256(uint24(who >> 8)) << 96));
                ++alikes;
            } else {
                Pay memory mine = _pay(result.tokens + uint64(own), rules);
                _take(bill, mine, 1);
                uint256 accepted = prompts + uint16(own >> 64);
                bill.dues[i] = NodeLedger.due(uint24(who >> 8), mine.net, accepted, uint16(own >> 80), Score.Conduct.Opened);
            }
        }
        _take(bill, pay, alikes);
        if (openings.length != known) _addSilent(handover, facts, bill.dues);
    }

    /// @dev Who earns the bounty. The router that carries is not outrun: whoever settles in the first part of the reveal window earns
    /// it for the router.
    function _earner(TaskTerms calldata terms, TaskFacts facts, address keeper) private view returns (address) {
        address router = terms.router;
        if (router == address(0) || router == keeper) return keeper;
        uint40 exclusive = facts.commitsCloseAt() + uint40((uint256(facts.revealWindow()) * CARRIER_SHARE) / Price.BPS);
        return Windows.isPast(exclusive) ? keeper : router;
    }

    /// @dev One seat's pay, base units.
    struct Pay {
        uint256 gross;
        uint256 routerFee;
        uint256 protocolFee;
        uint256 net;
    }

    function _pay(uint256 tokens, TaskRules rules) private pure returns (Pay memory pay) {
        pay.gross = Price.gross(tokens, rules.price());
        pay.routerFee = Price.share(pay.gross, rules.routerFeeBps());
        pay.protocolFee = Price.share(pay.gross, rules.protocolFeeBps());
        pay.net = pay.gross - pay.routerFee - pay.protocolFee;
    }

    /// @dev Charges for `seats` equal payments and their fees.
    function _take(Bill memory bill, Pay memory pay, uint256 seats) private pure {
        bill.split.routerFee += uint128(pay.routerFee * seats);
        bill.split.protocolFee += uint128(pay.protocolFee * seats);
        bill.charged += pay.gross * seats;
    }

    /// @dev Who was silent is known as long as the seed is the one that the seats could see.
    function _silentAreKnown(TaskFacts facts) private view returns (bool) {
        if (facts.has(TaskFactsLib.WAITING)) return false;
        return facts.state() == TaskFactsLib.SEEDED || RANDOMNESS.isFirstSeed(facts.seed());
    }

    /// @dev Members whose seat is empty, or was taken by the standby.
    function _addSilent(Handover calldata handover, TaskFacts facts, Due[] memory dues) private view {
        Seat[] memory seats = _seats(_seeded(handover.task, facts), 0);
        Opening[] calldata openings = handover.openings;
        uint256 filled = openings.length;
        uint256 present = 0;
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 seat = openings[i].seat();
            if (seats[seat].node() == openings[i].node()) present |= 1 << seat;
        }
        for (uint256 seat = 0; seat < seats.length; ++seat) {
            if ((present >> seat) & 1 == 1) continue;
            dues[filled++] = NodeLedger.due(seats[seat].node(), 0, 0, 0, Score.Conduct.Silent);
        }
    }

    function _slashUnopened(Opening[] calldata openings, TaskFacts facts) private {
        uint40 closedAt = facts.commitsCloseAt();
        for (uint256 i = 0; i < openings.length; ++i) {
            if (openings[i].isOpened()) continue;
            POOL.slashUnopened(NodeId.wrap(openings[i].node()), closedAt, closedAt + facts.revealWindow());
        }
    }

    function _end(TaskId task, Status status, bytes32 decided) private {
        _records[task] = bytes32((uint256(status) << 248) | (uint256(decided) >> 8));
    }

    // --- derivations ---

    function _phaseOf(TaskId task, TaskFacts facts) private view returns (Phase) {
        if (!facts.isLive() || facts.generation() != _generation(task)) {
            return _records[task] == 0 ? Phase.None : Phase.Settled;
        }
        uint40 closeAt = facts.commitsCloseAt();
        if (!Windows.isPast(closeAt)) {
            if (facts.has(TaskFactsLib.WAITING)) return Phase.Queued;
            if (facts.state() == TaskFactsLib.UNSEEDED && block.number <= facts.seed()) return Phase.Queued;
            return Phase.Committing;
        }
        if (!_revealTookPlace(facts)) return Phase.Closed;
        closeAt += facts.revealWindow();
        if (facts.revealed() != facts.committed() && !Windows.isPast(closeAt)) return Phase.Revealing;
        return facts.has(TaskFactsLib.JUDGED) ? _verdictPhase(task, facts, closeAt) : Phase.Closed;
    }

    /// @dev Where validators are: nobody is asked about fewer openings than a quorum, nor after `ASK_WINDOW`.
    function _verdictPhase(TaskId task, TaskFacts facts, uint40 revealsCloseAt) private view returns (Phase) {
        IValidation.Stage stage = VALIDATION.stageOf(task);
        if (stage == IValidation.Stage.Final) return Phase.Closed;
        if (stage == IValidation.Stage.Appealable) return Phase.Appealable;
        if (stage != IValidation.Stage.None) return Phase.Validating;
        if (Sketch.seatCount(facts.revealed()) < facts.quorum()) return Phase.Closed;
        return Windows.isPast(revealsCloseAt + ASK_WINDOW) ? Phase.Closed : Phase.Validating;
    }

    /// @dev The standby may take a silent seat in the second half of the commit window, once.
    function _mayStandIn(TaskFacts facts) private view returns (bool) {
        if (!facts.has(TaskFactsLib.STANDBY) || facts.has(TaskFactsLib.STOOD_IN)) return false;
        return Windows.isPast(facts.commitsCloseAt() - facts.commitWindow() / 2);
    }

    function _attempt(TaskFacts facts) private pure returns (uint8) {
        return facts.has(TaskFactsLib.RERUN) ? 1 : 0;
    }

    /// @dev Too few commitments for a quorum: nobody is asked to open.
    function _revealTookPlace(TaskFacts facts) private pure returns (bool) {
        return Sketch.seatCount(facts.committed()) >= facts.quorum();
    }

    /// @dev The facts of a task that must be in the wanted phase.
    function _live(TaskId task, Phase wanted) private view returns (TaskFacts facts) {
        facts = _ring[_slot(task)];
        Phase found = _phaseOf(task, facts);
        if (found != wanted) revert SessionQueueWrongPhase(task, found, wanted);
    }

    function _fullSeed(TaskId task, TaskFacts facts) private view returns (bytes32) {
        return RANDOMNESS.seedOf(facts.seed(), bytes32(uint256(TaskId.unwrap(task))));
    }

    function _seeded(TaskId task, TaskFacts facts) private view returns (TaskFacts) {
        return facts.state() == TaskFactsLib.UNSEEDED ? facts.withSeed(_fullSeed(task, facts)) : facts;
    }

    function _seats(TaskFacts facts, uint8 more) private view returns (Seat[] memory) {
        return POOL.committee(LeaseId.wrap(facts.lease()), facts.seed(), facts.redundancy() + more);
    }

    function _born(
        TaskId task,
        TaskRules rules,
        uint32 lease,
        uint40 seedBlock,
        uint40 closeAt,
        uint256 flags
    ) private pure returns (TaskFacts) {
        return
            TaskFactsLib.born(
                TaskFactsLib.Birth({
                    seedBlock: seedBlock,
                    lease: lease,
                    closeAt: closeAt,
                    revealWindow: rules.revealWindow(),
                    commitWindow: rules.commitWindow(),
                    redundancy: rules.redundancy(),
                    quorum: rules.quorum(),
                    generation: _generation(task),
                    flags: flags
                })
            );
    }

    function _params(TaskTerms calldata terms) private pure returns (bytes32) {
        return CommitReveal.paramsHash(terms.manifest, terms.promptTokens, terms.rules.maxTokens());
    }

    function _termsHash(TaskId task, TaskTerms calldata terms) private pure returns (bytes32) {
        return
            keccak256(
                abi.encode(task, terms.model, terms.manifest, terms.rules, terms.assurance, terms.router, keccak256(terms.promptTokens))
            );
    }

    /// @dev Where a transcript begins: the terms, and of a second attempt that it is one.
    function _start(TaskId task, TaskTerms calldata terms, TaskFacts facts) private pure returns (bytes32 start) {
        start = _termsHash(task, terms);
        if (facts.has(TaskFactsLib.RERUN)) start = CommitReveal.extend(start, TaskFactsLib.RERUN, 0);
    }

    /// @dev What is locked for a task as it stands: the worst case of its answers, and what draws and verdicts to come may cost.
    function _locked(TaskTerms calldata terms, TaskFacts facts) private pure returns (uint128) {
        Assurance assurance = terms.assurance;
        uint256 extra = 0;
        if (Assurance.unwrap(assurance) != 0) {
            uint256 attempts = _mayRunAgain(terms, facts) ? 2 : 1;
            uint256 draws = attempts - (facts.has(TaskFactsLib.WAITING) ? 0 : 1);
            extra = attempts * assurance.mostForVerdicts() + draws * _hold(terms);
        }
        return (_worstCase(terms) + extra).toUint128();
    }

    /// @dev Price of the time of nodes that are drawn for one attempt.
    function _hold(TaskTerms calldata terms) private pure returns (uint256) {
        TaskRules rules = terms.rules;
        return terms.assurance.holdRate() * rules.redundancy() * (rules.commitWindow() + rules.revealWindow());
    }

    function _worstCase(TaskTerms calldata terms) private pure returns (uint256) {
        bytes calldata declared = terms.promptTokens;
        TaskRules rules = terms.rules;
        uint256 prompts = declared.length / 3;
        uint256 tokens = prompts * rules.maxTokens();
        unchecked {
            // Three-byte counts of at most 1,024 prompts: no sum comes near 2^256.
            for (uint256 i = 0; i < prompts; ++i) tokens += Answers.promptTokensAt(declared, i);
        }
        return Price.worstCase(tokens, rules.price(), rules.redundancy(), rules.bounty());
    }

    function _requireTranscript(TaskId task, bytes32 found) private view {
        bytes32 wanted = _records[task];
        if (found != wanted) revert SessionQueueTranscriptMismatch(task, found, wanted);
    }

    // --- numbers ---

    function _sessionOf(TaskId task) private pure returns (SessionId) {
        return SessionId.wrap(uint32(TaskId.unwrap(task) >> 32));
    }

    function _slot(TaskId task) private pure returns (uint256) {
        uint64 id = TaskId.unwrap(task);
        return (uint256(id >> 32) << 32) | (uint32(id) % RING);
    }

    function _generation(TaskId task) private pure returns (uint16) {
        return uint16(uint32(TaskId.unwrap(task)) / RING);
    }

    /// @dev The task of another generation in the same slot.
    function _occupant(TaskId task, uint16 generation) private pure returns (TaskId) {
        return TaskId.wrap(uint64(_slot(task) | (uint256(generation) * RING)));
    }
}
