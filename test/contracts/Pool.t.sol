// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool, LeaseId, NodeId, Seat as Taken} from "../../contracts/interfaces/INodePool.sol";
import {IRandomness} from "../../contracts/interfaces/IRandomness.sol";
import {ISession, SessionId} from "../../contracts/interfaces/ISession.sol";
import {ISessionPayment} from "../../contracts/interfaces/ISessionPayment.sol";
import {Comparison} from "../../contracts/interfaces/ISessionQueue.sol";
import {Network} from "./Network.sol";

/// @notice Nodes, draws, stake, leases and reputation, without tasks.
contract PoolTest is Network {
    uint256 private constant NODES = 10;
    /// @dev By lease: whether it is not collected. Lease 0 is none.
    bool[] private _held;

    function setUp() public {
        build(NODES);
    }

    // --- D: draws ---

    /// The dense lists hold exactly the eligible nodes, each once and where it says, after any sequence of calls.
    function testFuzz_D6_listsAreTheEligibleNodes(uint256[24] memory dice) public {
        _held.push(false);
        for (uint256 i = 0; i < dice.length; ++i) {
            // The fuzzer likes small numbers; the game wants even dice.
            actRandomly(uint256(keccak256(abi.encode(dice[i], i))));
            checkLists();
            checkLeases();
            checkStake();
        }
    }

    /// Drawn nodes are distinct, were eligible, serve the model, and are in this lease and no other.
    function testFuzz_D1_drawnNodesAreDistinctAndWereEligible(bytes32 seed, uint8 firstSize, uint8 secondSize) public {
        uint8 first = uint8(bound(firstSize, 1, 10));
        uint8 second = uint8(bound(secondSize, 1, 10));
        uint240 drawn = drawChecked(seed, first);
        bytes memory again = abi.encodeCall(INodePool.lease, (wanted(MODEL, second), seed, clock() + 60));
        if (second > NODES - first) {
            refuses(address(queue), address(pool), again, INodePool.NodePoolTooFewNodes.selector, "more than there are");
            return;
        }
        uint240 others = drawChecked(keccak256(abi.encode(seed)), second);
        for (uint256 i = 0; i < first; ++i) {
            for (uint256 j = 0; j < second; ++j) {
                vm.assertTrue(uint24(drawn >> (24 * i)) != uint24(others >> (24 * j)), "in two leases");
            }
        }
    }

    /// D1: a task that is settled after its lease was collected frees nobody who has been drawn again since.
    function testFuzz_D1_lateReleaseFreesNobodyElse(bytes32 seed, uint8 sizePick, uint32 wait) public {
        vm.prank(address(queue));
        LeaseId first = pool.lease(wanted(MODEL, uint8(bound(sizePick, 1, 10))), seed, clock() + 60);
        pass(1, 61 + (wait % 1_000));
        pool.collect(first);
        vm.prank(address(session));
        LeaseId second = pool.lease(wanted(MODEL, 10), seed, clock() + 60);
        vm.prank(address(queue));
        pool.release(first);
        vm.assertEq(pool.eligibleCount(MODEL), 0, "all are held still");
        for (uint24 i = 1; i <= NODES; ++i) {
            vm.assertEq(LeaseId.unwrap(pool.nodeOf(NodeId.wrap(i)).lease), LeaseId.unwrap(second), "by the second lease");
        }
    }

    /// D3: members are a function of seed, list and scores alone: weighted rolls, then places in a row.
    function testFuzz_D3_drawIsAFunctionOfSeedAndList(bytes32 seed, uint8 sizePick, uint32 wait, address caller) public {
        uint8 size = uint8(bound(sizePick, 1, 10));
        NodeId[] memory list = pool.eligible(MODEL, 0, NODES);
        pass(wait % 300, wait);
        bytes memory call = abi.encodeCall(INodePool.lease, (wanted(MODEL, size), seed, clock() + 60));
        vm.assume(caller != address(queue) && caller != address(session));
        refuses(caller, address(pool), call, INodePool.NodePoolUnauthorized.selector, "a stranger's draw");
        LeaseId id = abi.decode(accepts(wait % 2 == 0 ? address(queue) : address(session), address(pool), call, "draw"), (LeaseId));
        (uint240 members, uint8 found, uint40 until) = pool.leaseOf(id);
        vm.assertEq(found, size, "size");
        vm.assertEq(until, clock() + 60, "until");
        vm.assertEq(members, modelDraw(seed, size, list), "members");
    }

    /// @dev The rules of a draw again. A node that nothing is known about has score 1,000 of 10,000, so 11,000 of 20,000 rolls take it.
    function modelDraw(bytes32 seed, uint256 size, NodeId[] memory list) private pure returns (uint240 members) {
        uint256 drawn = 0;
        uint256 taken = 0;
        for (uint256 i = 0; i < size * 8 && drawn < size; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint256 place = (dice % (1 << 128)) % list.length;
            if ((dice >> 128) % 20_000 >= 11_000 || (taken >> place) & 1 == 1) continue;
            taken |= 1 << place;
            members |= uint240(NodeId.unwrap(list[place])) << uint240(24 * drawn++);
        }
        uint256 from = (uint256(keccak256(abi.encode(seed, size * 8))) % (1 << 128)) % list.length;
        for (uint256 i = from; drawn < size; ++i) {
            uint256 place = i % list.length;
            if ((taken >> place) & 1 == 1) continue;
            members |= uint240(NodeId.unwrap(list[place])) << uint240(24 * drawn++);
        }
    }

    /// D1: a committee is made of distinct members of its lease, and a single seat is what the whole list says.
    function testFuzz_D1_committeesAreDistinctMembers(bytes32 seed, uint96 taskSeed, uint8 sizePick, uint8 seatsPick) public {
        uint8 size = uint8(bound(sizePick, 1, 10));
        uint8 count_ = uint8(bound(seatsPick, 1, size));
        vm.prank(address(session));
        LeaseId id = pool.lease(wanted(MODEL, size), seed, clock() + 60);
        uint256 left = membersOf(id);
        Taken[] memory taken = pool.committee(id, taskSeed, count_);
        vm.assertEq(taken.length, count_, "seats");
        for (uint8 seat = 0; seat < count_; ++seat) {
            uint24 node = taken[seat].node();
            vm.assertEq((left >> node) & 1, 1, "of the lease, and once");
            left ^= 1 << node;
            Taken single = pool.seatOf(id, taskSeed, count_, seat);
            vm.assertEq(Taken.unwrap(single), Taken.unwrap(taken[seat]), "one seat");
            vm.assertEq(single.operator(), operatorOf(node - 1), "operator");
        }
        if (size == 10) return;
        bytes memory more = abi.encodeCall(INodePool.committee, (id, taskSeed, size + 1));
        refuses(STRANGER, address(pool), more, INodePool.NodePoolNoLease.selector, "more seats than members");
    }

    /// @dev The members of a lease as a bitmap of node numbers.
    function membersOf(LeaseId id) private view returns (uint256 members) {
        (uint240 packed, uint8 size, ) = pool.leaseOf(id);
        for (uint256 i = 0; i < size; ++i) members |= 1 << uint24(packed >> (24 * i));
    }

    /// D5, G3: a seed is that of the block fixed by the request for 256 blocks, and then of the block whole windows later,
    /// the same for every caller at every time inside the window.
    function testFuzz_D5_G3_seedIsFixedInsideItsWindow(uint16 firstAge, uint16 secondAge, bytes32 salt) public {
        uint256 asked = height() + SEED_DELAY;
        pass(SEED_DELAY, 1);
        bytes memory read = abi.encodeCall(IRandomness.seedOf, (asked, salt));
        refuses(STRANGER, address(randomness), read, IRandomness.RandomnessNotReady.selector, "in the block itself");
        vm.assertTrue(!randomness.isReady(asked) && !randomness.isFirstSeed(asked), "not ready");
        // Around the edges of the windows more often than not.
        uint256[2] memory ages = [bound(firstAge, 1, 700), bound(secondAge, 1, 700)];
        if (firstAge % 4 != 0) ages[0] = [uint256(1), 256, 257, 512][firstAge % 4];
        if (secondAge % 4 != 0) ages[1] = [uint256(255), 256, 257, 513][secondAge % 4];
        if (ages[0] > ages[1]) (ages[0], ages[1]) = (ages[1], ages[0]);
        bytes32[2] memory found;
        for (uint256 i = 0; i < 2; ++i) {
            pass(asked + ages[i] - height(), 1);
            found[i] = randomness.seedOf(asked, salt);
            uint256 deciding = asked + ((ages[i] - 1) / 256) * 256;
            vm.assertEq(found[i], keccak256(abi.encode(keccak256(abi.encode("block", deciding)), salt)), "seed");
            vm.assertTrue(randomness.isFirstSeed(asked) == (ages[i] <= 256), "first");
        }
        vm.assertTrue((found[0] == found[1]) == ((ages[0] - 1) / 256 == (ages[1] - 1) / 256), "once a window");
    }

    // --- E: stake ---

    /// H6: a new node takes the penalty and the thaw in force, and keeps them.
    function testFuzz_E3_H6_newNodesTakeTheParametersInForce(uint96 penalty, uint32 thaw, uint96 later) public {
        thaw = uint32(bound(thaw, 1 days, 365 days));
        govern(MIN_STAKE, penalty, thaw);
        NodeId node = enter(NODES, MIN_STAKE);
        govern(MIN_STAKE, later, 1 days);
        vm.prank(address(queue));
        vm.assertEq(pool.slashUnopened(node, clock(), clock() + 60), penalty < MIN_STAKE ? penalty : MIN_STAKE, "penalty");
        vm.prank(ownerOf(NODES));
        pool.requestExit(node);
        vm.assertEq(pool.nodeOf(node).exitAt, clock() + thaw, "thaw");
    }

    /// Slashing takes the penalty that was in force when the node registered, or what is left, never more, and divides by nothing.
    function testFuzz_E3_H6_slashSaturates(uint96 later, uint96 extra, uint8 times) public {
        extra = uint96(bound(extra, 0, 1e24));
        pool.setParameters(poolParameters(MIN_STAKE, later));
        NodeId node = NodeId.wrap(1);
        token.transfer(ownerOf(0), extra);
        vm.prank(ownerOf(0));
        pool.addStake(node, extra);
        uint256 stake = uint256(MIN_STAKE) + extra;
        uint256 total = 0;
        for (uint256 i = 0; i < times % 8; ++i) {
            vm.prank(address(queue));
            uint256 taken = pool.slashUnopened(node, clock(), clock() + 60);
            vm.assertEq(taken, stake < PENALTY ? stake : PENALTY, "taken");
            stake -= taken;
            total += taken;
            vm.assertEq(pool.nodeOf(node).stake, stake, "left");
            vm.assertTrue(pool.isEligible(node) == (stake >= MIN_STAKE), "below the minimum it is not drawn");
        }
        (uint256 staked, uint256 slashed) = pool.totals();
        vm.assertEq(slashed, total, "slashed");
        vm.assertEq(staked, (NODES - 1) * uint256(MIN_STAKE) + stake, "staked");
        pool.sweepSlashed(TREASURY);
        vm.assertEq(token.balanceOf(TREASURY), total, "swept: exactly what was slashed");
        checkStake();
        bytes memory steal = abi.encodeCall(INodePool.slashUnopened, (node, clock(), clock() + 60));
        refuses(address(this), address(pool), steal, INodePool.NodePoolUnauthorized.selector, "governance cannot slash");
    }

    /// E4, E5: stake stays slashable until it leaves, leaves not a second before the thaw, and whatever is left leaves.
    function testFuzz_E4_E5_stakeThawsAndStaysSlashable(uint32 wait, uint8 slashes) public {
        NodeId node = NodeId.wrap(2);
        address owner = ownerOf(1);
        bytes memory withdraw = abi.encodeCall(INodePool.withdrawStake, (node, owner));
        refuses(owner, address(pool), withdraw, INodePool.NodePoolExitState.selector, "withdrawal without exit");
        bytes memory exit = abi.encodeCall(INodePool.requestExit, (node));
        refuses(STRANGER, address(pool), exit, INodePool.NodePoolUnauthorized.selector, "another's exit");
        accepts(owner, address(pool), exit, "exit");
        refuses(owner, address(pool), exit, INodePool.NodePoolExitState.selector, "second exit");
        vm.assertTrue(!pool.isEligible(node), "no longer drawn");
        uint40 exitAt = clock() + THAW;
        vm.assertEq(pool.nodeOf(node).exitAt, exitAt, "thaw");
        uint256 left = MIN_STAKE;
        for (uint256 i = 0; i < slashes % 6; ++i) {
            vm.prank(address(queue));
            left -= pool.slashUnopened(node, clock(), clock() + 60);
        }
        vm.warp(exitAt - 1);
        refuses(owner, address(pool), withdraw, INodePool.NodePoolTooEarly.selector, "in the last second of the thaw");
        vm.warp(uint256(exitAt) + wait);
        refuses(STRANGER, address(pool), withdraw, INodePool.NodePoolUnauthorized.selector, "another's withdrawal");
        accepts(owner, address(pool), withdraw, "withdrawal");
        vm.assertEq(token.balanceOf(owner), left, "what is left");
        vm.prank(address(queue));
        vm.assertEq(pool.slashUnopened(node, clock(), clock() + 60), 0, "nothing is left to slash, and it does not revert");
        vm.assertTrue(!pool.isEligible(node), "gone");
        vm.assertEq(NodeId.unwrap(pool.nodeOfOperator(operatorOf(1))), 0, "the operator's key is free");
        checkLists();
        checkStake();
    }

    /// E4, E6: a leased node may ask to leave, which nobody can put off by drawing it again; its stake thaws from the lease's end.
    function testFuzz_E4_E6_leasedNodesLeaveAfterTheirLease(uint32 length, uint32 wait) public {
        length = uint32(bound(length, 0, 1 days));
        vm.prank(address(queue));
        LeaseId id = pool.lease(wanted(MODEL, 10), 0, clock() + length);
        uint40 until = clock() + length;
        bytes4 leased = INodePool.NodePoolLeased.selector;
        NodeId node = NodeId.wrap(1);
        bytes memory other = abi.encodeCall(INodePool.serve, (node, SECOND_MODEL, true));
        refuses(operatorOf(0), address(pool), other, leased, "another model while leased");
        accepts(operatorOf(0), address(pool), abi.encodeCall(INodePool.serve, (node, MODEL, false)), "switched off while leased");
        accepts(operatorOf(0), address(pool), abi.encodeCall(INodePool.serve, (node, MODEL, true)), "and on");
        pass(1, wait % (3 days));
        accepts(ownerOf(0), address(pool), abi.encodeCall(INodePool.requestExit, (node)), "exit while leased");
        uint40 exitAt = (clock() > until ? clock() : until) + THAW;
        vm.assertEq(pool.nodeOf(node).exitAt, exitAt, "thaw from the end of the lease");
        bytes memory withdraw = abi.encodeCall(INodePool.withdrawStake, (node, ownerOf(0)));
        vm.warp(exitAt);
        uint256 locked = pool.nodeOf(node).assignmentLock;
        accepts(ownerOf(0), address(pool), withdraw, "withdrawal of all that the lease does not lock");
        vm.assertEq(pool.nodeOf(node).stake, locked, "E2: what it locks stays");
        refuses(ownerOf(0), address(pool), withdraw, INodePool.NodePoolNothingOwed.selector, "withdrawal of what is locked");
        accepts(STRANGER, address(pool), abi.encodeCall(INodePool.collect, (id)), "collected");
        vm.assertTrue(!pool.isEligible(node), "in no further draw");
        vm.assertEq(pool.eligibleCount(MODEL), NODES - 1, "the others are");
        accepts(ownerOf(0), address(pool), withdraw, "withdrawal");
        checkLists();
        checkStake();
    }

    /// H6: nobody's minimum is raised over their head.
    function test_H6_nodesKeepTheirMinimum() public {
        vm.prank(address(queue));
        LeaseId id = pool.lease(wanted(MODEL, 10), 0, clock() + 60);
        pool.setParameters(poolParameters(MIN_STAKE * 10, PENALTY));
        vm.prank(address(queue));
        pool.release(id);
        vm.assertEq(pool.eligibleCount(MODEL), NODES, "nodes keep the minimum they entered with");
        vm.prank(address(queue));
        pool.release(id);
        vm.assertEq(pool.eligibleCount(MODEL), NODES, "a second release does nothing");
        vm.prank(ownerOf(0));
        token.approve(address(pool), type(uint256).max);
        bytes memory enter_ = abi.encodeCall(INodePool.register, (operatorOf(77), MODEL, MIN_STAKE, ""));
        refuses(ownerOf(0), address(pool), enter_, INodePool.NodePoolStakeTooLow.selector, "a new node needs the new minimum");
    }

    /// E6: only the owner touches a node's stake and exit.
    function testFuzz_E6_nobodyElseTouchesANode(address caller, uint8 nodePick, uint128 amount) public {
        uint256 i = nodePick % NODES;
        NodeId node = NodeId.wrap(uint24(i + 1));
        vm.assume(caller != address(0) && caller != ownerOf(i) && caller != operatorOf(i));
        bytes[6] memory calls = [
            abi.encodeCall(INodePool.addStake, (node, amount)),
            abi.encodeCall(INodePool.requestExit, (node)),
            abi.encodeCall(INodePool.withdrawStake, (node, caller)),
            abi.encodeCall(INodePool.proposeOperator, (node, caller)),
            abi.encodeCall(INodePool.acceptOperator, (node)),
            abi.encodeCall(INodePool.serve, (node, MODEL, false))
        ];
        for (uint256 j = 0; j < 6; ++j)
            refuses(caller, address(pool), calls[j], INodePool.NodePoolUnauthorized.selector, "a stranger's verb");
    }

    // --- leases of sessions ---

    /// The reservation's edges: drawn from the block after its seed on, cancelled from the second after its window on, paid in full.
    function testFuzz_A5_leaseIsPaidToTheUnit(uint32 duration, uint8 nodesPick, uint64 rate) public {
        uint8 size = uint8(bound(nodesPick, 3, 10));
        duration = uint32(bound(duration, uint256(COMMIT_WINDOW) + REVEAL_WINDOW + 1, 1 days));
        rate = uint64(bound(rate, 0, 1e15));
        ISession.Parameters memory rules = sessionParameters();
        rules.leaseRate = rate;
        session.setParameters(rules);
        SessionId id = openFunded(requester(0), termsOf(ISession.Mode.Leased, 3, size, Comparison.Exact));
        uint256 price = uint256(rate) * size * duration;
        bytes memory reserve = abi.encodeCall(ISession.reserve, (id, duration, 0));
        if (price > FUNDS) {
            refuses(requester(0), address(session), reserve, ISessionPayment.SessionPaymentInsufficient.selector, "unfunded");
            return;
        }
        refuses(STRANGER, address(session), reserve, ISession.SessionUnauthorized.selector, "a stranger's reservation");
        accepts(requester(0), address(session), reserve, "reservation");
        vm.assertEq(payment.balanceOf(id).locked, price, "locked");
        bytes memory draw = abi.encodeCall(ISession.drawLease, (id));
        pass(SEED_DELAY, 1);
        refuses(STRANGER, address(session), draw, ISession.SessionSeedNotMined.selector, "in the seed block");
        pass(1, 0);
        accepts(STRANGER, address(session), draw, "draw");
        vm.assertEq(session.sessionOf(id).leaseUntil, clock() + duration, "until");
        refuses(STRANGER, address(session), draw, ISession.SessionReservation.selector, "second draw");
        uint256 owed = 0;
        for (uint24 i = 1; i <= NODES; ++i) owed += payment.owedToNode(NodeId.wrap(i));
        vm.assertEq(owed, (price / size) * size, "owed to the members");
        vm.assertEq(payment.balanceOf(id).available, FUNDS - owed, "the rest is back");
        vm.assertEq(payment.balanceOf(id).locked, 0, "nothing stays locked");
    }

    function test_G1_reservationWithoutNodesIsCancelled() public {
        SessionId one = openFunded(requester(0), termsOf(ISession.Mode.Leased, 9, 9, Comparison.Exact));
        SessionId two = openFunded(requester(1), termsOf(ISession.Mode.Leased, 9, 9, Comparison.Exact));
        drawFor(one, 1_000);
        vm.prank(requester(1));
        session.reserve(two, 500, 0);
        uint40 by = clock() + 10 minutes;
        pass(3, 12);
        bytes4 pending = ISession.SessionReservation.selector;
        refuses(requester(1), address(session), abi.encodeCall(ISession.reserve, (two, 500, 0)), pending, "a second reservation");
        refuses(requester(1), address(session), abi.encodeCall(ISession.close, (two)), pending, "closed while a draw is pending");
        ISession.Terms memory terms = termsOf(ISession.Mode.PerTask, 3, 0, Comparison.Exact);
        refuses(requester(1), address(session), abi.encodeCall(ISession.update, (two, terms)), pending, "other terms meanwhile");
        bytes memory draw = abi.encodeCall(ISession.drawLease, (two));
        refuses(STRANGER, address(session), draw, INodePool.NodePoolTooFewNodes.selector, "no nodes");
        bytes memory cancel = abi.encodeCall(ISession.cancelReservation, (two));
        vm.warp(by);
        refuses(STRANGER, address(session), cancel, ISession.SessionTooEarly.selector, "in the last second");
        vm.warp(by + 1);
        accepts(STRANGER, address(session), cancel, "cancelled");
        vm.assertEq(payment.balanceOf(two).available, FUNDS, "released");
        refuses(STRANGER, address(session), cancel, pending, "cancelled twice");
        accepts(requester(1), address(session), abi.encodeCall(ISession.update, (two, terms)), "other terms");
        bytes memory again = abi.encodeCall(ISession.reserve, (two, 500, 0));
        refuses(requester(1), address(session), again, ISession.SessionNotLeased.selector, "nothing to reserve");
        accepts(requester(1), address(session), abi.encodeCall(ISession.close, (two)), "closed");
        refuses(requester(1), address(session), again, ISession.SessionIsClosed.selector, "closed for work");
        accepts(requester(1), address(session), abi.encodeCall(ISession.refund, (two, requester(1), 1)), "open for refunds");
    }

    // --- what the tests share ---

    function drawChecked(bytes32 seed, uint8 size) private returns (uint240 members) {
        bool[] memory eligible = new bool[](NODES + 1);
        for (uint24 i = 1; i <= NODES; ++i) eligible[i] = pool.isEligible(NodeId.wrap(i));
        vm.prank(address(session));
        LeaseId id = pool.lease(wanted(MODEL, size), seed, clock() + 60);
        uint8 found;
        (members, found, ) = pool.leaseOf(id);
        vm.assertEq(found, size, "size");
        uint256 seen = 0;
        for (uint256 i = 0; i < size; ++i) {
            uint24 node = uint24(members >> (24 * i));
            vm.assertTrue(eligible[node], "was eligible");
            vm.assertEq((seen >> node) & 1, 0, "distinct");
            seen |= 1 << node;
            vm.assertTrue(LeaseId.unwrap(pool.nodeOf(NodeId.wrap(node)).lease) == LeaseId.unwrap(id), "in this lease");
            vm.assertTrue(!pool.isEligible(NodeId.wrap(node)), "no longer eligible");
        }
        vm.assertEq(uint256(members) >> (24 * uint256(size)), 0, "nothing behind the last");
        checkLists();
    }

    /// @dev One call, by somebody who may or may not make it; refusals are part of the game.
    function actRandomly(uint256 dice) private {
        uint256 i = (dice >> 8) % NODES;
        NodeId node = NodeId.wrap(uint24(i + 1));
        bytes32 model = (dice >> 16) % 2 == 0 ? MODEL : SECOND_MODEL;
        uint256 verb = dice % 13;
        if (verb == 0) attempt(operatorOf(i), address(pool), abi.encodeCall(INodePool.serve, (node, model, true)));
        if (verb == 1) attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.serve, (node, model, false)));
        if (verb == 2) attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.requestExit, (node)));
        if (verb == 3) attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.withdrawStake, (node, ownerOf(i))));
        if (verb == 4) attempt(address(this), address(pool), abi.encodeCall(INodePool.admit, (node, (dice >> 24) % 2 == 0)));
        if (verb == 5 || verb == 6) {
            bytes memory draw = abi.encodeCall(INodePool.lease, (wanted(model, uint8((dice >> 24) % 6)), bytes32(dice), clock() + 60));
            (bool ok, ) = attempt(address(queue), address(pool), draw);
            if (ok) _held.push(true);
        }
        if (verb == 7 || verb == 8) {
            LeaseId id = LeaseId.wrap(uint32((dice >> 24) % 6));
            bytes memory end = abi.encodeCall(INodePool.release, (id));
            if (verb == 7) end = abi.encodeCall(INodePool.collect, (id));
            (bool ok, ) = attempt(address(queue), address(pool), end);
            if (ok && LeaseId.unwrap(id) < _held.length) _held[LeaseId.unwrap(id)] = false;
        }
        if (verb == 9) attempt(address(queue), address(pool), abi.encodeCall(INodePool.slashUnopened, (node, clock(), clock() + 60)));
        if (verb == 10) {
            token.transfer(ownerOf(i), PENALTY);
            attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.addStake, (node, PENALTY)));
        }
        if (verb == 11) {
            address next = operatorOf((dice >> 24) % (2 * NODES));
            attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.proposeOperator, (node, next)));
            attempt(next, address(pool), abi.encodeCall(INodePool.acceptOperator, (node)));
        }
        if (verb == 12) pass(1, (dice >> 24) % 3 == 0 ? THAW : 30);
    }

    function checkLists() private view {
        uint256 wanted = 0;
        for (uint24 i = 1; i <= NODES; ++i) {
            NodeId id = NodeId.wrap(i);
            INodePool.Node memory node = pool.nodeOf(id);
            bool eligible = node.operator != address(0) && node.admitted && node.available && node.exitAt == 0;
            eligible = eligible && node.stake >= node.minStake && LeaseId.unwrap(node.lease) == 0;
            vm.assertTrue(pool.isEligible(id) == eligible, "predicate");
            vm.assertTrue((node.listedAt != 0) == eligible, "listed where eligible");
            if (!eligible) continue;
            ++wanted;
            NodeId[] memory page = pool.eligible(node.model, node.listedAt - 1, 1);
            vm.assertTrue(page.length == 1 && page[0] == id, "where it says");
        }
        vm.assertEq(pool.eligibleCount(MODEL) + pool.eligibleCount(SECOND_MODEL), wanted, "and nobody else");
    }

    /// @dev A node is in the lease that drew it until that is collected, and in no other.
    function checkLeases() private view {
        uint256 members = 0;
        for (uint32 id = 1; id < _held.length; ++id) {
            if (!_held[id]) continue;
            uint256 mine = membersOf(LeaseId.wrap(id));
            vm.assertEq(mine & members, 0, "in two leases");
            members |= mine;
            for (uint24 i = 1; i <= NODES; ++i) {
                bool held = LeaseId.unwrap(pool.nodeOf(NodeId.wrap(i)).lease) == id;
                vm.assertTrue(held == ((mine >> i) & 1 == 1), "held by its lease");
            }
        }
        for (uint24 i = 1; i <= NODES; ++i) {
            bool held = LeaseId.unwrap(pool.nodeOf(NodeId.wrap(i)).lease) != 0;
            vm.assertTrue(held == ((members >> i) & 1 == 1), "held by a lease that is not collected");
        }
    }

    function checkStake() private view {
        uint256 sum = 0;
        for (uint24 i = 1; i <= NODES; ++i) sum += pool.nodeOf(NodeId.wrap(i)).stake;
        (uint256 staked, uint256 slashed) = pool.totals();
        vm.assertEq(staked, sum, "staked");
        vm.assertEq(token.balanceOf(address(pool)), staked + slashed, "held");
    }
}
