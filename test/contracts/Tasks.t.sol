// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool, LeaseId, NodeId} from "../../contracts/interfaces/INodePool.sol";
import {ISession, SessionId} from "../../contracts/interfaces/ISession.sol";
import {ISessionPayment} from "../../contracts/interfaces/ISessionPayment.sol";
import {Comparison, ISessionQueue, Phase, Status, TaskId, TaskTerms} from "../../contracts/interfaces/ISessionQueue.sol";
import {TaskRules} from "../../contracts/libraries/TaskRules.sol";
import {Network} from "./Network.sol";
import {Vm} from "./Test.sol";

/// @notice One task at a time: who may do what in which second and block, what a commitment binds, and what an end pays.
contract TasksTest is Network {
    SessionId private _leased;
    SessionId private _single;

    uint256 private constant NODES = 12;
    uint256 private constant SKETCH = 0x1234;
    bytes4 private constant WRONG_PHASE = ISessionQueue.SessionQueueWrongPhase.selector;
    bytes4 private constant MISMATCH = ISessionQueue.SessionQueueTranscriptMismatch.selector;

    function setUp() public {
        build(NODES);
        _leased = openFunded(requester(0), termsOf(ISession.Mode.Leased, 3, 4, Comparison.Semantic));
        _single = openFunded(requester(1), termsOf(ISession.Mode.PerTask, 3, 0, Comparison.Semantic));
        drawFor(_leased, 10_000);
    }

    // --- A: money ---

    /// Every verdict of the settlement is that of the naive model, and every unit of the lock goes where it says.
    function testFuzz_A5_B4_settlementPaysWhatTheModelPays(uint256 seed, uint8 mask, uint8 redundancyPick, uint8 prompts) public {
        uint8 redundancy = uint8(bound(redundancyPick, 1, 7));
        SessionId id = openFunded(requester(2), termsOf(ISession.Mode.PerTask, redundancy, 0, Comparison(seed & 1)));
        TaskId task = submitted(id, requestOf(bound(prompts, 1, 3), 100, 300, seed));
        pass(SEED_DELAY + 1, 5);
        assignNow(task);
        for (uint8 seat = 0; seat < redundancy; ++seat) commitAs(task, seat, randomAnswers(task, seed, seat));
        pass(1, 1);
        uint256[] memory owed = owedToNodes();
        uint16 opened = mask & books[task].committed;
        if (opened != 0) queue.reveal(handoverOf(task, opened, randomAnswers(task, seed, 99)));
        if (opened != books[task].committed) {
            pass(1, REVEAL_WINDOW);
            queue.settle(handoverOf(task, opened));
        }
        checkPaid(task, id, opened, owed);
    }

    /// Anything that fits in an answer settles: no bytes of a node's can hold up the end of a task.
    function testFuzz_G2_anyAnswersSettle(bytes32[9] memory words, uint16 thresholdSeed) public {
        TaskId task = seededTask(3, thresholdSeed);
        for (uint8 seat = 0; seat < 3; ++seat) {
            bytes memory answers;
            for (uint256 i = 0; i < 3; ++i) {
                bytes32 w = words[seat * 3 + i];
                answers = bytes.concat(answers, w, keccak256(abi.encode(w)), bytes4(w));
            }
            commitAs(task, seat, answers);
        }
        pass(1, 1);
        queue.reveal(handoverOf(task, 7));
        vm.assertTrue(statusOf(task) > Status.Open, "settled");
    }

    // --- B: the machine ---

    /// Which verb is taken in which phase, in both modes; what is refused changes nothing.
    function testFuzz_B1_verbsHavePhases(uint8 phasePick, bool leased) public {
        Phase[5] memory phases = [Phase.Queued, Phase.Committing, Phase.Revealing, Phase.Closed, Phase.Settled];
        Phase wanted = phases[phasePick % 5];
        TaskId task = taskIn(wanted, leased);
        vm.assertTrue(queue.phaseOf(task) == wanted && bookPhase(books[task]) == wanted, "phase");
        bytes32 before = recordHash(task);
        bool assigned = LeaseId.unwrap(factsOf(task).lease) != 0;
        address operator = wanted == Phase.Queued ? STRANGER : vm.addr(signerOf(seats[task][2].node));
        bytes[5] memory verbs = [
            abi.encodeCall(ISession.cancel, (task, termsIn(task))),
            abi.encodeCall(ISessionQueue.assign, (task, termsIn(task))),
            abi.encodeCall(ISessionQueue.commit, (task, 2, seats[task][2].commitment)),
            abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, books[task].committed))),
            abi.encodeCall(ISessionQueue.settle, (handoverOf(task, books[task].revealed)))
        ];
        Phase[5] memory homes = [Phase.Queued, Phase.Queued, Phase.Committing, Phase.Revealing, Phase.Closed];
        // In phase Closed an opening is taken as a settlement: here with seats that were not revealed.
        bytes4 missing = ISessionQueue.SessionQueueOpeningsMissing.selector;
        for (uint256 i = 0; i < 5; ++i) {
            // A leased task is never assigned: its committee is computed; and a task that awaits its draw has no commitment.
            if (i == 1 && (leased || assigned) && wanted == Phase.Queued) continue;
            if (homes[i] == wanted) continue;
            address caller =
                i == 0
                    ? session.sessionOf(books[task].session).owner
                    : i == 2
                        ? operator
                        : STRANGER;
            bytes4 wrong = i == 3 && wanted == Phase.Closed ? missing : WRONG_PHASE;
            refuses(caller, i == 0 ? address(session) : address(queue), verbs[i], wrong, "verb outside its phase");
        }
        vm.assertEq(recordHash(task), before, "a refused verb changed the task");
        if (wanted == Phase.Queued) accepts(session.sessionOf(books[task].session).owner, address(session), verbs[0], "cancel at home");
        else if (wanted == Phase.Committing) accepts(operator, address(queue), verbs[2], "commitment at home");
        else if (wanted == Phase.Revealing) accepts(STRANGER, address(queue), verbs[3], "opening at home");
        else if (wanted == Phase.Closed) accepts(STRANGER, address(queue), verbs[4], "settlement at home");
    }

    /// An ended task takes no verb, whatever time does, and its record stays what it was.
    function testFuzz_B2_endedTasksNeverChange(uint8 ending, uint32 later) public {
        TaskId task = taskIn(Phase.Committing, true);
        uint16 opened = [0, 1, 3, 7][ending % 4];
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(task, seat, uniform(task, seat % 2, SKETCH, 7));
        pass(1, 1);
        if (opened != 0) queue.reveal(handoverOf(task, opened));
        if (opened != 7) {
            pass(1, REVEAL_WINDOW);
            queue.settle(handoverOf(task, opened));
        }
        bytes32 ended = recordHash(task);
        vm.assertTrue(statusOf(task) > Status.Open, "ended");
        pass(later % 300, later);
        vm.assertTrue(queue.phaseOf(task) == Phase.Settled, "settled for ever");
        bytes memory handover = abi.encodeCall(ISessionQueue.settle, (handoverOf(task, opened)));
        refuses(STRANGER, address(queue), handover, WRONG_PHASE, "second settlement");
        handover = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 7)));
        refuses(STRANGER, address(queue), handover, WRONG_PHASE, "opening after the end");
        bytes memory commitment = abi.encodeCall(ISessionQueue.commit, (task, 1, bytes32("late")));
        refuses(operatorOf(1), address(queue), commitment, WRONG_PHASE, "commitment after the end");
        vm.assertEq(recordHash(task), ended, "record");
    }

    /// B2, B8: a session has 64 places; one that is taken is refused, one that is free is used again without touching what ended.
    function testFuzz_B2_B8_ringIsReusedOnlyAfterTheEnd(uint8 pick) public {
        vm.prank(requester(1));
        payment.deposit(_single, 0);
        TaskId[] memory first = new TaskId[](64);
        for (uint256 i = 0; i < 64; ++i) first[i] = submitted(_single, requestOf(1, 1, 1, i));
        bytes memory more = abi.encodeCall(ISession.submit, (_single, requestOf(1, 1, 1, 64)));
        refuses(requester(1), address(session), more, ISessionQueue.SessionQueueRingFull.selector, "no place");
        // The next number takes the place of the first task, so ending another one does not help.
        TaskId other = first[1 + (pick % 63)];
        accepts(requester(1), address(session), abi.encodeCall(ISession.cancel, (other, termsIn(other))), "cancel");
        refuses(requester(1), address(session), more, ISessionQueue.SessionQueueRingFull.selector, "not that place");
        accepts(requester(1), address(session), abi.encodeCall(ISession.cancel, (first[0], termsIn(first[0]))), "cancel");
        bytes32 ended = queue.recordOf(first[0]);
        TaskId next = submitted(_single, requestOf(1, 1, 1, 64));
        vm.assertEq(uint32(TaskId.unwrap(next)), 65, "numbers ascend");
        vm.assertEq(queue.recordOf(first[0]), ended, "the former task's record");
        vm.assertTrue(statusOf(first[0]) == Status.Cancelled && queue.phaseOf(first[0]) == Phase.Settled, "is ended still");
        vm.assertTrue(factsOf(first[0]).state == ISessionQueue.State.Empty, "has no facts any more");
        vm.assertTrue(queue.phaseOf(next) == Phase.Queued && statusOf(next) == Status.Open, "the new one runs");
        pass(SEED_DELAY + 1, 1);
        bytes memory old = abi.encodeCall(ISessionQueue.assign, (first[0], termsIn(first[0])));
        refuses(STRANGER, address(queue), old, WRONG_PHASE, "the former task cannot be assigned through the new one");
        assignNow(next);
        bytes memory commitment = abi.encodeCall(ISessionQueue.commit, (first[0], 0, keccak256("x")));
        for (uint256 i = 0; i < NODES; ++i) refuses(operatorOf(i), address(queue), commitment, WRONG_PHASE, "nor committed to");
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(next, seat, uniform(next, 1, SKETCH, 1));
        pass(1, 1);
        queue.reveal(handoverOf(next, 7));
        vm.assertTrue(statusOf(next) == Status.Accepted, "accepted");
        vm.assertEq(queue.recordOf(first[0]), ended, "the former task's record stays");
    }

    /// B6: a session opens only on terms inside their bounds, one term at a time.
    function testFuzz_B6_termsOutOfBoundsAreRefused(uint8 which, uint24 raw) public {
        ISession.Terms memory terms = termsOf(ISession.Mode.PerTask, 3, 0, Comparison.Exact);
        which %= 9;
        bool fits;
        if (which == 0) (terms.redundancy, terms.quorum, fits) = (uint8(raw), uint8(raw) / 2 + 1, uint8(raw) >= 1 && uint8(raw) <= 9);
        if (which == 1) (terms.quorum, fits) = (uint8(raw % 6), raw % 6 == 2 || raw % 6 == 3);
        if (which == 2) (terms.commitWindow, fits) = (uint16(raw), uint16(raw) >= MIN_WINDOW && uint16(raw) <= 7 hours);
        if (which == 3) (terms.revealWindow, fits) = (uint16(raw), uint16(raw) >= MIN_WINDOW && uint16(raw) <= 7 hours);
        if (which == 4) (terms.queueWindow, fits) = (uint16(raw), uint16(raw) >= MIN_WINDOW && uint16(raw) <= 7 hours);
        if (which == 5) (terms.maxPrompts, fits) = (uint16(raw % 700), raw % 700 >= 1 && raw % 700 <= 341);
        if (which == 6) (terms.maxTokens, fits) = (raw % 8_192, raw % 8_192 >= 1 && raw % 8_192 <= CONTEXT);
        if (which == 7) (terms.maxPromptTokens, fits) = (raw % 8_192, raw % 8_192 >= 1 && raw % 8_192 <= CONTEXT);
        if (which == 8) (terms.mode, terms.leaseNodes, fits) = (ISession.Mode.Leased, uint8(raw), uint8(raw) >= 3 && uint8(raw) <= 10);
        bytes memory open = abi.encodeCall(ISession.open, (terms));
        if (fits) accepts(requester(2), address(session), open, "open");
        else refuses(requester(2), address(session), open, ISession.SessionTermOutOfRange.selector, "out of bounds");
        terms = termsOf(ISession.Mode.PerTask, 3, 0, Comparison.Exact);
        terms.priceCeiling = raw % 2 == 0 ? PRICE : PRICE - 1;
        open = abi.encodeCall(ISession.open, (terms));
        if (raw % 2 == 0) accepts(requester(2), address(session), open, "at the ceiling");
        else refuses(requester(2), address(session), open, ISession.SessionPriceAboveCeiling.selector, "above the ceiling");
    }

    /// Cancelling: in the seed block still, in the next no more; only owner and routers; everything comes back.
    function testFuzz_B7_cancelUntilTheSeedBlock(bool leased, uint8 blocks) public {
        SessionId id = leased ? _leased : _single;
        ISessionPayment.Balance memory before = payment.balanceOf(id);
        TaskId task = submitted(id, requestOf(2, 50, 100, blocks));
        bytes memory cancel = abi.encodeCall(ISession.cancel, (task, termsIn(task)));
        pass(blocks % 5, 3);
        refuses(STRANGER, address(session), cancel, ISession.SessionUnauthorized.selector, "stranger's cancel");
        address owner = session.sessionOf(id).owner;
        if (blocks % 5 <= SEED_DELAY) {
            TaskTerms memory other = termsIn(task);
            other.rules = TaskRules.wrap(TaskRules.unwrap(other.rules) + (1 << 96));
            bytes memory forged = abi.encodeCall(ISession.cancel, (task, other));
            refuses(owner, address(session), forged, MISMATCH, "cancel with other terms");
            accepts(owner, address(session), cancel, "cancel");
            vm.assertTrue(statusOf(task) == Status.Cancelled, "cancelled");
            ISessionPayment.Balance memory afterwards = payment.balanceOf(id);
            vm.assertEq(afterwards.available, before.available, "all of it is available again");
            vm.assertEq(afterwards.locked, before.locked, "nothing stays locked");
            refuses(owner, address(session), cancel, WRONG_PHASE, "second cancel");
        } else {
            bytes4 late = leased ? WRONG_PHASE : ISessionQueue.SessionQueueTooLateToCancel.selector;
            refuses(owner, address(session), cancel, late, "cancel after the seed block");
        }
    }

    /// B5: the last second of every window is inside, the next is outside; a window never grows.
    function test_B5_C1_windowEdgesOfLeasedTasks() public {
        TaskId task = submitted(_leased, requestOf(1, 50, 100, 1));
        uint40 closeAt = books[task].closeAt;
        pass(SEED_DELAY, 5);
        vm.assertTrue(queue.phaseOf(task) == Phase.Queued, "in the seed block");
        pass(1, 0);
        vm.assertTrue(queue.phaseOf(task) == Phase.Committing, "one block later");
        commitAs(task, 0, uniform(task, 1, SKETCH, 5));
        vm.warp(closeAt);
        commitAs(task, 1, uniform(task, 1, SKETCH, 5));
        bytes memory reveal = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 1)));
        refuses(STRANGER, address(queue), reveal, WRONG_PHASE, "opening in the last second of the commit window");
        bytes32 third = prepare(task, 2, uniform(task, 1, SKETCH, 5));
        vm.warp(closeAt + 1);
        bytes memory late = abi.encodeCall(ISessionQueue.commit, (task, 2, third));
        refuses(vm.addr(signerOf(seats[task][2].node)), address(queue), late, WRONG_PHASE, "late commitment");
        vm.assertEq(factsOf(task).commitsCloseAt, closeAt, "the window is what it was");
        vm.warp(closeAt + REVEAL_WINDOW);
        bytes memory settle = abi.encodeCall(ISessionQueue.settle, (handoverOf(task, 0)));
        refuses(STRANGER, address(queue), settle, WRONG_PHASE, "settlement in the last second of the reveal window");
        accepts(STRANGER, address(queue), reveal, "opening in the last second");
        books[task].revealed = 1;
        vm.warp(closeAt + REVEAL_WINDOW + 1);
        reveal = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 3)));
        bytes4 missing = ISessionQueue.SessionQueueOpeningsMissing.selector;
        refuses(STRANGER, address(queue), reveal, missing, "late opening");
        settle = abi.encodeCall(ISessionQueue.settle, (handoverOf(task, 1)));
        accepts(STRANGER, address(queue), settle, "settlement one second after");
    }

    function test_B5_C1_windowEdgesOfSingleTasks() public {
        TaskId task = submitted(_single, requestOf(1, 50, 100, 2));
        bytes memory assign = abi.encodeCall(ISessionQueue.assign, (task, termsIn(task)));
        pass(SEED_DELAY, 5);
        refuses(STRANGER, address(queue), assign, ISessionQueue.SessionQueueSeedNotMined.selector, "assignment in the seed block");
        pass(1, 0);
        vm.warp(books[task].closeAt + 1);
        refuses(STRANGER, address(queue), assign, WRONG_PHASE, "late assignment");
        vm.warp(books[task].closeAt);
        accepts(STRANGER, address(queue), assign, "assignment in the last second");
        vm.assertEq(factsOf(task).commitsCloseAt, clock() + COMMIT_WINDOW, "a full commit window");
        refuses(STRANGER, address(queue), assign, WRONG_PHASE, "second assignment");
        noteAssign(task);
        vm.warp(books[task].closeAt);
        commitAs(task, 1, uniform(task, 1, SKETCH, 5));
        vm.warp(books[task].closeAt + 1);
        bytes memory settle = abi.encodeCall(ISessionQueue.settle, (handoverOf(task, 0)));
        accepts(STRANGER, address(queue), settle, "no quorum of commitments: closed at once");
        vm.assertTrue(statusOf(task) == Status.Failed, "failed");
    }

    /// A task is refused unless its last second lies inside the lease.
    function test_B5_submissionEndsWithTheLease() public {
        uint40 until = session.sessionOf(_leased).leaseUntil;
        uint256 needed = uint256(COMMIT_WINDOW) + REVEAL_WINDOW;
        vm.warp(until - needed);
        bytes memory submit = abi.encodeCall(ISession.submit, (_leased, requestOf(1, 50, 100, 3)));
        refuses(requester(0), address(session), submit, ISession.SessionLeaseTooShort.selector, "ends with the lease");
        vm.warp(until - needed - 1);
        TaskId task = submitted(_leased, requestOf(1, 50, 100, 3));
        pass(SEED_DELAY + 1, COMMIT_WINDOW);
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(task, seat, uniform(task, 1, SKETCH, 5));
        LeaseId lease = books[task].lease;
        bytes memory collect = abi.encodeCall(INodePool.collect, (lease));
        vm.warp(until);
        refuses(STRANGER, address(pool), collect, INodePool.NodePoolTooEarly.selector, "collected in its last second");
        vm.warp(until + 1);
        vm.assertTrue(queue.phaseOf(task) == Phase.Closed, "nothing of the task is left when the lease may be collected");
        accepts(STRANGER, address(pool), collect, "collected");
        refuses(STRANGER, address(pool), collect, INodePool.NodePoolNoLease.selector, "collected twice");
        accepts(STRANGER, address(queue), abi.encodeCall(ISessionQueue.settle, (handoverOf(task, 0))), "late settlement");
    }

    // --- C: commit and reveal ---

    /// Nobody but the seat's operator commits; a carried commitment needs the operator's signature.
    function testFuzz_C1_onlyTheSeatsOperatorCommits(uint8 seatPick, uint8 otherPick, bool leased, bool carried) public {
        TaskId task = taskIn(Phase.Committing, leased);
        uint8 seat = seatPick % 3;
        bytes32 commitment = prepare(task, seat, uniform(task, 1, SKETCH, 5));
        uint256 key = signerOf(seats[task][seat].node);
        uint256 other = keyOf(otherPick % 20);
        if (other == key) other = keyOf(20);
        if (carried) {
            vm.assertTrue(!carry(task, seat, commitment, other), "carried with another's signature");
            vm.assertTrue(!carry(task, 3, commitment, key), "carried for no seat");
            vm.assertTrue(!carry(task, seat, 0, key), "carried empty");
            vm.assertTrue(carry(task, seat, commitment, key), "carried");
        } else {
            bytes memory call = abi.encodeCall(ISessionQueue.commit, (task, seat, commitment));
            refuses(vm.addr(other), address(queue), call, ISessionQueue.SessionQueueNotOperator.selector, "another's commitment");
            accepts(vm.addr(key), address(queue), call, "commitment");
        }
        vm.assertEq(factsOf(task).committed, 1 << seat, "one seat");
    }

    /// H5: a signature carries one commitment of one author for one task on one chain, and nothing else that the key has signed.
    function testFuzz_C1_H5_signatureIsForOneTaskAndAuthor(uint8 kind, uint8 seatPick) public {
        TaskId task = taskIn(Phase.Committing, true);
        uint8 seat = seatPick % 3;
        bytes32 commitment = prepare(task, seat, uniform(task, 1, SKETCH, 5));
        NodeId author = seats[task][seat].node;
        bytes32[5] memory digests = [
            commitment,
            carriedDigest(TaskId.wrap(TaskId.unwrap(task) + 1), author, commitment),
            carriedDigest(task, NodeId.wrap(NodeId.unwrap(author) + 1), commitment),
            carriedDigest(task, author, keccak256("another")),
            carriedDigest(task, author, commitment)
        ];
        kind %= 5;
        ISessionQueue.CarriedCommitments[] memory list = new ISessionQueue.CarriedCommitments[](1);
        list[0].task = task;
        list[0].commitments = new ISessionQueue.SignedCommitment[](1);
        (bytes32 r, bytes32 vs) = vm.signCompact(signerOf(author), digests[kind]);
        list[0].commitments[0] = ISessionQueue.SignedCommitment(seat, commitment, r, vs);
        vm.assertTrue(carry(list, task, 0) == (kind == 4), "carried");
    }

    /// The digest is EIP-712 over exactly the declared fields, under this chain and this contract.
    function testFuzz_C2_commitmentIsTheTypedHash(
        bytes memory answers,
        bytes memory tokens,
        uint64 task,
        uint24 author,
        uint32 chain
    ) public {
        vm.chainId(uint256(chain) + 1);
        TaskTerms memory terms;
        terms.model = keccak256(abi.encode(answers, "model"));
        terms.manifest = keccak256(abi.encode(answers, "manifest"));
        terms.promptTokens = tokens;
        terms.rules = TaskRules.wrap(uint256(keccak256(abi.encode(answers, "rules"))));
        bytes32 found = queue.commitmentOf(
            TaskId.wrap(task),
            0,
            NodeId.wrap(author),
            terms,
            answers,
            keccak256(tokens),
            keccak256(answers)
        );
        vm.assertEq(found, typedHash(uint256(chain) + 1, task, author, terms, answers), "EIP-712");
        vm.chainId(31337);
    }

    /// @dev Written out from the specification.
    function typedHash(
        uint256 chain,
        uint64 task,
        uint24 author,
        TaskTerms memory terms,
        bytes memory answers
    ) private view returns (bytes32) {
        bytes32 params = keccak256(
            abi.encode(terms.manifest, keccak256(terms.promptTokens), uint256(uint24(TaskRules.unwrap(terms.rules) >> 96)))
        );
        bytes32 payload = keccak256(abi.encode(keccak256(answers), keccak256(terms.promptTokens)));
        bytes32 result = keccak256(
            abi.encode(
                keccak256("Result(uint64 task,uint8 attempt,uint24 author,bytes32 model,bytes32 params,bytes32 payload,bytes32 salt)"),
                task,
                uint8(0),
                author,
                terms.model,
                params,
                payload,
                keccak256(answers)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domainOf(address(queue), chain), result));
    }

    /// Change any field of a valid opening, or the chain's id, and it is refused; unchanged it is taken.
    function testFuzz_C2_anyChangedFieldIsRefused(uint8 field, uint8 seatPick, uint256 salt) public {
        TaskId task = taskIn(Phase.Revealing, true);
        TaskId other = submitted(_leased, requestOf(1, 50, 100, 77));
        uint8 seat = seatPick % 3;
        ISessionQueue.Handover memory handover = handoverOf(task, uint16(1 << seat));
        ISessionQueue.Opening memory opening;
        for (uint256 i = 0; i < 3; ++i) if (uint8(handover.openings[i].who) == seat) opening = handover.openings[i];
        bytes32 flip = bytes32(uint256(1) << (salt % 256));
        field = uint8(bound(field, 0, 14));
        if (field == 0) opening.secret ^= flip;
        else if (field == 1) opening.claim ^= flip;
        else if (field == 2) opening.who ^= uint256(1) << (8 + (salt % 24));
        else if (field == 3) opening.who = (opening.who & ~uint256(0xff)) | ((seat + 1) % 3);
        else if (field == 4) handover.base[salt % 68] ^= bytes1(uint8(1 << (salt % 8)));
        else if (field == 5) handover.terms.model ^= flip;
        else if (field == 6) handover.terms.manifest ^= flip;
        else if (field == 7) handover.terms.promptTokens[salt % 3] ^= 0x01;
        else if (field == 8) handover.terms.rules = TaskRules.wrap(TaskRules.unwrap(handover.terms.rules) ^ uint256(flip));
        else if (field == 9) handover.terms.router = STRANGER;
        else if (field == 10) (handover.openings[0], handover.openings[2]) = (handover.openings[2], handover.openings[0]);
        else if (field == 11) handover.changes = changeOf(task, handover, seat);
        else if (field == 12) handover.task = other;
        else if (field == 13) opening.who &= type(uint32).max;
        else vm.chainId(1);
        bytes4 wanted = field == 12 ? WRONG_PHASE : MISMATCH;
        refuses(STRANGER, address(queue), abi.encodeCall(ISessionQueue.reveal, (handover)), wanted, "changed opening");
        vm.chainId(31337);
        bytes memory valid = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, uint16(1 << seat))));
        accepts(STRANGER, address(queue), valid, "opening");
    }

    /// @dev A list of changes in which one seat answers something else.
    function changeOf(TaskId task, ISessionQueue.Handover memory handover, uint8 seat) private view returns (bytes[] memory changes) {
        changes = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            if (uint8(handover.openings[i].who) == seat) changes[i] = bytes.concat(bytes2(0), uniform(task, 9, 9, 9));
        }
    }

    /// A change that is cut off, out of order or out of range, or a list of another length, is refused by its name.
    function testFuzz_C2_malformedChangesAreRefused(uint8 kind, uint8 length, uint16 prompt) public {
        TaskId task = submitted(_leased, requestOf(3, 50, 100, 5));
        pass(SEED_DELAY + 1, 5);
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(task, seat, uniform(task, seat, SKETCH, 9));
        pass(1, 1);
        ISessionQueue.Handover memory handover = handoverOf(task, 7);
        bytes memory good = handover.changes[1];
        bytes4 malformed = ISessionQueue.SessionQueueChangesMalformed.selector;
        kind %= 5;
        if (kind == 0) {
            handover.changes[1] = cut(good, 0, bound(length, 1, 69) + 70 * (length % 3));
        } else if (kind == 1) {
            handover.changes[1] = bytes.concat(cut(good, 70, 70), cut(good, 0, 70));
        } else if (kind == 2) {
            handover.changes[1] = bytes.concat(bytes2(uint16(bound(prompt, 3, type(uint16).max))), cut(good, 2, 68));
        } else if (kind == 3) {
            // Evidence against a seat that has not opened would be anybody's word.
            handover = handoverOf(task, 3);
            handover.changes[2] = good;
        } else {
            handover.changes = new bytes[](length == 3 || length == 0 ? 4 : length);
            malformed = ISessionQueue.SessionQueueChangesCount.selector;
        }
        refuses(STRANGER, address(queue), abi.encodeCall(ISessionQueue.reveal, (handover)), malformed, "malformed");
        accepts(STRANGER, address(queue), abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 7))), "well formed");
    }

    /// Another contract of the same code on the same chain gives another digest.
    function test_C2_otherContractOtherCommitment() public {
        TaskId task = taskIn(Phase.Committing, true);
        ISessionQueue twin = ISessionQueue(
            deploy("SessionQueue", abi.encode(session, payment, pool, randomness, validation, TREASURY, SEED_DELAY))
        );
        bytes32 here = queue.commitmentOf(task, 0, NodeId.wrap(1), termsIn(task), "", 0, 0);
        vm.assertTrue(here != twin.commitmentOf(task, 0, NodeId.wrap(1), termsIn(task), "", 0, 0), "bound to the contract");
    }

    /// A seat that copies a commitment can never open it: not as itself, not as the author.
    function testFuzz_C3_copiedCommitmentCannotBeOpened(uint8 authorPick, uint8 copierPick, bool leased, uint256 tokens) public {
        TaskId task = taskIn(Phase.Committing, leased);
        uint8 author = authorPick % 3;
        uint8 copier = (author + 1 + (copierPick % 2)) % 3;
        commitAs(task, author, uniform(task, 4, SKETCH, tokens % 1_000));
        prepare(task, copier, seats[task][author].answers);
        Seat storage copy = seats[task][copier];
        Seat storage origin = seats[task][author];
        copy.commitment = origin.commitment;
        copy.salt = origin.salt;
        bytes memory call = abi.encodeCall(ISessionQueue.commit, (task, copier, copy.commitment));
        accepts(vm.addr(signerOf(copy.node)), address(queue), call, "a copy can be committed");
        noteCommit(task, copier);
        pass(1, COMMIT_WINDOW + 1);
        queue.reveal(handoverOf(task, uint16(1 << author)));
        ISessionQueue.Handover memory handover = handoverOf(task, uint16((1 << author) | (1 << copier)));
        bytes memory open = abi.encodeCall(ISessionQueue.reveal, (handover));
        refuses(STRANGER, address(queue), open, MISMATCH, "the copy opened as the copier's");
        for (uint256 i = 0; i < 2; ++i) {
            if (uint8(handover.openings[i].who) == copier) handover.openings[i].who = whoOf(copier, origin.node) | (1 << 32);
        }
        open = abi.encodeCall(ISessionQueue.reveal, (handover));
        refuses(STRANGER, address(queue), open, MISMATCH, "the copy opened as the author's");
    }

    /// A seat commits once and opens once, by whatever way.
    function testFuzz_C4_noSecondCommitmentAndNoSecondOpening(uint8 seatPick, bool first, bool second, bytes32 other) public {
        vm.assume(other != 0);
        TaskId task = taskIn(Phase.Committing, true);
        uint8 seat = seatPick % 3;
        bytes32 commitment = prepare(task, seat, uniform(task, 4, SKETCH, 9));
        uint256 key = signerOf(seats[task][seat].node);
        if (first) vm.assertTrue(carry(task, seat, commitment, key), "carried");
        else accepts(vm.addr(key), address(queue), abi.encodeCall(ISessionQueue.commit, (task, seat, commitment)), "commitment");
        noteCommit(task, seat);
        bytes32 before = recordHash(task);
        bytes4 already = ISessionQueue.SessionQueueAlreadyCommitted.selector;
        if (second) vm.assertTrue(!carry(task, seat, other, key), "second commitment, carried");
        else refuses(vm.addr(key), address(queue), abi.encodeCall(ISessionQueue.commit, (task, seat, other)), already, "second");
        vm.assertEq(recordHash(task), before, "the first stands");
        vm.assertEq(queue.recordOf(task), books[task].transcript, "transcript");
        commitAs(task, (seat + 1) % 3, uniform(task, 4, SKETCH, 9));
        pass(1, COMMIT_WINDOW);
        queue.reveal(handoverOf(task, uint16(1 << seat)));
        bytes memory again = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, uint16(1 << seat))));
        refuses(STRANGER, address(queue), again, ISessionQueue.SessionQueueNothingToReveal.selector, "second opening");
    }

    /// Two entries for one seat in one carried list: the first counts.
    function test_C4_oneListCannotCommitTwice() public {
        TaskId task = taskIn(Phase.Committing, true);
        bytes32 commitment = prepare(task, 0, uniform(task, 4, SKETCH, 9));
        uint256 key = signerOf(seats[task][0].node);
        ISessionQueue.CarriedCommitments[] memory list = new ISessionQueue.CarriedCommitments[](1);
        list[0].task = task;
        list[0].commitments = new ISessionQueue.SignedCommitment[](2);
        list[0].commitments[0] = signed(task, 0, commitment, key);
        list[0].commitments[1] = signed(task, 0, keccak256("another"), key);
        queue.commitMany(list);
        noteCommit(task, 0);
        vm.assertEq(queue.recordOf(task), books[task].transcript, "only the first");
    }

    /// Openings wait for the second after the commit window, also where the last seat closes it early.
    function testFuzz_C5_noOpeningBeforeCommitsClose(uint8 wait) public {
        TaskId task = taskIn(Phase.Committing, true);
        commitAs(task, 2, uniform(task, 4, SKETCH, 9));
        commitAs(task, 1, uniform(task, 4, SKETCH, 9));
        pass(1, wait % 40);
        bytes memory open = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 6)));
        refuses(STRANGER, address(queue), open, WRONG_PHASE, "opening while commitments are taken");
        commitAs(task, 0, uniform(task, 4, SKETCH, 9));
        vm.assertEq(factsOf(task).commitsCloseAt, clock(), "closed with the last commitment");
        open = abi.encodeCall(ISessionQueue.reveal, (handoverOf(task, 7)));
        refuses(STRANGER, address(queue), open, WRONG_PHASE, "opening in the second of the last commitment");
        vm.warp(clock() + 1);
        accepts(STRANGER, address(queue), open, "opening one second later");
        vm.assertTrue(statusOf(task) == Status.Accepted, "accepted");
    }

    /// Committed and not opened costs exactly the penalty; silent or opened costs nothing; without a reveal phase nobody pays.
    function testFuzz_C6_E3_H6_exactPenalties(uint8 committed, uint8 opened, bool leased, uint96 later) public {
        committed %= 8;
        opened &= committed;
        pool.setParameters(poolParameters(MIN_STAKE, later));
        TaskId task = taskIn(Phase.Committing, leased);
        (NodeId[] memory nodes, ) = queue.committeeOf(task);
        for (uint8 seat = 0; seat < 3; ++seat) {
            if ((committed >> seat) & 1 == 1) commitAs(task, seat, uniform(task, 4, SKETCH, 9));
        }
        pass(1, clock() > books[task].closeAt ? 1 : books[task].closeAt - clock() + 1);
        bool heard = count(committed) >= 2;
        if (!heard) opened = 0;
        if (opened != 0) queue.reveal(handoverOf(task, opened));
        if (opened != committed || !heard) {
            pass(1, REVEAL_WINDOW);
            queue.settle(handoverOf(task, opened));
        }
        uint256 taken = PENALTY;
        uint256 slashed = 0;
        for (uint256 seat = 0; seat < 3; ++seat) {
            bool pays = heard && ((committed & ~opened) >> seat) & 1 == 1;
            if (pays) slashed += taken;
            vm.assertEq(pool.nodeOf(nodes[seat]).stake, MIN_STAKE - (pays ? taken : 0), "stake after");
        }
        (uint256 staked, uint256 total) = pool.totals();
        vm.assertEq(total, slashed, "slashed stake is counted");
        vm.assertEq(staked, NODES * uint256(MIN_STAKE) - slashed, "what is left is counted");
        vm.assertEq(token.balanceOf(address(pool)), NODES * uint256(MIN_STAKE), "and none of it has moved");
    }

    /// A settlement hands over exactly the seats that were revealed: none is left out, and none is opened after the window.
    function testFuzz_B4_C6_settlementTakesExactlyTheRevealed(uint8 revealedPick, uint8 handedPick) public {
        TaskId task = taskIn(Phase.Revealing, true);
        uint16 revealed = uint16(bound(revealedPick, 1, 6));
        uint16 handed = uint16(bound(handedPick, 0, 7));
        queue.reveal(handoverOf(task, revealed));
        pass(1, REVEAL_WINDOW);
        bytes memory settle = abi.encodeCall(ISessionQueue.settle, (handoverOf(task, handed)));
        if (handed == revealed) accepts(STRANGER, address(queue), settle, "settlement");
        else refuses(STRANGER, address(queue), settle, ISessionQueue.SessionQueueOpeningsMissing.selector, "other seats");
    }

    /// H6: new terms reach no task that exists; a session with new terms starts without the lease that was drawn for the old ones.
    function test_B6_H6_newTermsStartWithoutALease() public {
        TaskId task = submitted(_leased, requestOf(1, 50, 100, 1));
        bytes32 before = recordHash(task);
        ISession.Terms memory terms = termsOf(ISession.Mode.Leased, 2, 4, Comparison.Exact);
        terms.model = SECOND_MODEL;
        accepts(requester(0), address(session), abi.encodeCall(ISession.update, (_leased, terms)), "update");
        bytes memory submit = abi.encodeCall(ISession.submit, (_leased, requestOf(1, 50, 100, 2)));
        refuses(requester(0), address(session), submit, ISession.SessionLeaseTooShort.selector, "without a lease");
        vm.assertEq(recordHash(task), before, "the task is as it was born");
        pass(SEED_DELAY + 1, 5);
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(task, seat, uniform(task, seat / 2, SKETCH, 9));
        pass(1, 1);
        queue.reveal(handoverOf(task, 7));
        vm.assertEq(queue.recordOf(task), finalRecord(task, modelEnd(task, 7)), "and ends by its own terms");
    }

    /// H4: routers act while their owner has the session, and not for the next one.
    function test_H4_routersAreTheOwners() public {
        bytes memory submit = abi.encodeCall(ISession.submit, (_single, requestOf(1, 50, 100, 1)));
        bytes4 unauthorized = ISession.SessionUnauthorized.selector;
        refuses(ROUTER, address(session), submit, unauthorized, "not named yet");
        vm.prank(requester(1));
        session.setRouter(_single, ROUTER, true, "https://router.invalid");
        accepts(ROUTER, address(session), submit, "router");
        refuses(ROUTER, address(session), abi.encodeCall(ISession.refund, (_single, ROUTER, 1)), unauthorized, "a router's refund");
        refuses(ROUTER, address(session), abi.encodeCall(ISession.close, (_single)), unauthorized, "a router's close");
        vm.prank(requester(1));
        session.setRouter(_single, STRANGER, true, "");
        accepts(ROUTER, address(session), submit, "the earlier router");
        vm.prank(requester(1));
        session.setRouter(_single, STRANGER, false, "");
        refuses(STRANGER, address(session), submit, unauthorized, "no longer a router");
        vm.prank(requester(1));
        session.setRouter(_single, ROUTER, true, "named last");
        vm.prank(requester(1));
        session.transfer(_single, requester(2));
        refuses(ROUTER, address(session), submit, unauthorized, "the former owner's router");
        refuses(requester(1), address(session), submit, unauthorized, "the former owner");
        accepts(requester(2), address(session), submit, "the owner");
    }

    /// A signature counts in its canonical form alone.
    function test_H5_malleatedSignatureIsRefused() public {
        TaskId task = taskIn(Phase.Committing, true);
        bytes32 commitment = prepare(task, 0, uniform(task, 4, SKETCH, 9));
        ISessionQueue.CarriedCommitments[] memory list = new ISessionQueue.CarriedCommitments[](1);
        list[0].task = task;
        list[0].commitments = new ISessionQueue.SignedCommitment[](1);
        list[0].commitments[0] = signed(task, 0, commitment, signerOf(seats[task][0].node));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        uint256 vs = uint256(list[0].commitments[0].vs);
        uint256 s = vs & (type(uint256).max >> 1);
        list[0].commitments[0].vs = bytes32(((order - s) & (type(uint256).max >> 1)) | (~vs & (1 << 255)));
        queue.commitMany(list);
        vm.assertEq(factsOf(task).committed, 0, "not recorded");
    }

    // --- G: liveness ---

    /// However old the seed block is, the task ends, and nobody is blamed whose committee cannot be known any more.
    function testFuzz_G3_oldSeedBlocksStillEnd(uint16 age, bool leased) public {
        SessionId id = leased ? _leased : _single;
        TaskId task = submitted(id, requestOf(1, 50, 100, age));
        pass(bound(age, 1, 9_000), 10);
        if (!leased && height() > books[task].seedBlock) assignNow(task);
        bool committed = age % 2 == 0 && queue.phaseOf(task) == Phase.Committing;
        if (committed) commitAs(task, 0, uniform(task, 4, SKETCH, 9));
        pass(1, 2 * uint256(QUEUE_WINDOW + COMMIT_WINDOW));
        ISessionQueue.Handover memory handover = handoverOf(task, 0);
        if (!committed) handover.base = "nothing has bound these bytes";
        vm.recordLogs();
        accepts(STRANGER, address(queue), abi.encodeCall(ISessionQueue.settle, (handover)), "settlement");
        vm.assertTrue(statusOf(task) == Status.Failed && toldBase() == 0, "failed, and no answers are told");
        bytes memory who = abi.encodeCall(ISessionQueue.committeeOf, (task));
        if (committed) accepts(STRANGER, address(queue), who, "its committee is known still");
        else refuses(STRANGER, address(queue), who, WRONG_PHASE, "its seed is forgotten");
        vm.assertEq(payment.balanceOf(id).locked, 0, "nothing stays locked");
    }

    // --- what the tests share ---

    /// @dev Length of the base in the one `TaskSettled` that was recorded.
    function toldBase() private returns (uint256 length) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bool told = false;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != ISessionQueue.TaskSettled.selector) continue;
            vm.assertTrue(!told, "told once");
            told = true;
            (, , , bytes memory base) = abi.decode(logs[i].data, (uint256, uint256, bytes, bytes));
            length = base.length;
        }
        vm.assertTrue(told, "told");
    }

    function seededTask(uint256 prompts, uint256 mark) private returns (TaskId task) {
        task = submitted(_leased, requestOf(prompts, 50, 100, mark));
        pass(SEED_DELAY + 1, 5);
    }

    function assignNow(TaskId task) private {
        accepts(STRANGER, address(queue), abi.encodeCall(ISessionQueue.assign, (task, termsIn(task))), "assignment");
        noteAssign(task);
    }

    function noteAssign(TaskId task) private {
        books[task].lease = factsOf(task).lease;
        books[task].closeAt = clock() + COMMIT_WINDOW;
    }

    function taskIn(Phase wanted, bool leased) private returns (TaskId task) {
        task = submitted(leased ? _leased : _single, requestOf(1, 50, 100, uint256(wanted)));
        if (wanted == Phase.Queued) return task;
        pass(SEED_DELAY + 1, 5);
        if (!leased) assignNow(task);
        prepare(task, 2, uniform(task, 2, SKETCH, 9));
        if (wanted == Phase.Committing) return task;
        for (uint8 seat = 0; seat < 3; ++seat) commitAs(task, seat, uniform(task, seat / 2, SKETCH, 9));
        pass(1, 1);
        if (wanted == Phase.Revealing) return task;
        if (wanted == Phase.Settled) {
            queue.reveal(handoverOf(task, 7));
            books[task].status = statusOf(task);
            books[task].revealed = 7;
        } else {
            pass(1, REVEAL_WINDOW);
        }
    }

    function signed(TaskId task, uint8 seat, bytes32 commitment, uint256 key) private view returns (ISessionQueue.SignedCommitment memory) {
        NodeId author = seat < 3 ? seats[task][seat].node : NodeId.wrap(1);
        (bytes32 r, bytes32 vs) = vm.signCompact(key, carriedDigest(task, author, commitment));
        return ISessionQueue.SignedCommitment(seat, commitment, r, vs);
    }

    /// @dev Carries one commitment; tells whether it was recorded.
    function carry(TaskId task, uint8 seat, bytes32 commitment, uint256 key) private returns (bool) {
        uint16 before = factsOf(task).committed;
        ISessionQueue.CarriedCommitments[] memory list = new ISessionQueue.CarriedCommitments[](1);
        list[0].task = task;
        list[0].commitments = new ISessionQueue.SignedCommitment[](1);
        list[0].commitments[0] = signed(task, seat, commitment, key);
        return carry(list, task, before);
    }

    function carry(ISessionQueue.CarriedCommitments[] memory list, TaskId task, uint16 before) private returns (bool) {
        vm.prank(STRANGER);
        queue.commitMany(list);
        return factsOf(task).committed != before;
    }

    /// @dev Few digests and near sketches, so that groups of every size come up.
    function randomAnswers(TaskId task, uint256 seed, uint256 seat) private view returns (bytes memory answers) {
        uint256 prompts = termsIn(task).promptTokens.length / 3;
        for (uint256 i = 0; i < prompts; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, seat, i)));
            uint256 sketch = uint256(keccak256(abi.encode(seed, i, dice % 2)));
            // Between 0 and 60 bits away from one of two centres.
            sketch ^= (1 << ((dice >> 8) % 61)) - 1;
            answers = bytes.concat(answers, answerOf((dice >> 16) % 5, sketch, (dice >> 24) % 400));
        }
    }

    function owedToNodes() private view returns (uint256[] memory owed) {
        owed = new uint256[](NODES);
        for (uint24 i = 0; i < NODES; ++i) owed[i] = payment.owedToNode(NodeId.wrap(i + 1));
    }

    /// @dev Compares an end with the naive model, to the unit.
    function checkPaid(TaskId task, SessionId id, uint16 opened, uint256[] memory owedBefore) private view {
        End memory end = modelEnd(task, opened);
        vm.assertTrue(statusOf(task) == end.status, "status");
        vm.assertEq(queue.recordOf(task), finalRecord(task, end), "record: outcomes and charge");
        bool accepted = end.status == Status.Accepted;
        uint256 fees = 0;
        for (uint256 seat = 0; seat < end.tokens.length; ++seat) {
            uint256 gross = (end.tokens[seat] * PRICE) / 1_000;
            uint256 fee = (gross * PROTOCOL_BPS) / 10_000;
            NodeId node = seats[task][seat].node;
            vm.assertEq(payment.owedToNode(node) - owedBefore[NodeId.unwrap(node) - 1], gross - fee, "pay of a seat");
            vm.assertEq(reputation.recordOf(node).accepted, end.accepted[seat], "accepted prompts");
            vm.assertEq(reputation.recordOf(node).outliers, end.outliers[seat], "outlying prompts");
            fees += fee;
        }
        vm.assertEq(payment.accountOf(address(this)).fees, fees, "fees of the protocol");
        vm.assertEq(payment.owedTo(address(this)), accepted ? uint256(BOUNTY) * 1e12 : 0, "bounty");
        vm.assertEq(payment.balanceOf(id).locked, 0, "nothing stays locked");
        uint256 hold = holdOf(termsIn(task));
        hold -= hold % books[task].redundancy;
        vm.assertEq(payment.balanceOf(id).available, FUNDS - chargeOf(task, end) - hold, "the rest is the session's");
    }
}
