// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool, LeaseId, NodeId} from "../../contracts/interfaces/INodePool.sol";
import {Awaits, IPoUW, Kind, Phase as RoundPhase, RoundId} from "../../contracts/interfaces/IPoUW.sol";
import {ISession, SessionId} from "../../contracts/interfaces/ISession.sol";
import {Comparison} from "../../contracts/interfaces/ISessionQueue.sol";
import {Network} from "./Network.sol";

/// @notice Rounds under any sequence of calls: members that do their part, members that do not, strangers, and sessions beside them.
contract RoundsTest is Network {
    uint256 private constant NODES = 9;
    /// @dev Most steps that a round may take a stranger from anywhere.
    uint256 private constant TRIES = 80;
    SessionId private _session;

    function setUp() public {
        build(NODES);
        token.transfer(address(rewards), 1_000e18);
        token.transfer(address(pouw), 1e18);
        address owner = requester(0);
        _session = openFunded(owner, termsOf(ISession.Mode.Leased, 3, 3, Comparison.Semantic));
    }

    /// From every reachable state any stranger ends every round, by `advance` and the clock alone.
    function testFuzz_G1_anyStrangerEndsEveryRound(uint256[24] memory dice) public {
        for (uint256 i = 0; i < dice.length; ++i) {
            actRandomly(uint256(keccak256(abi.encode(dice[i], i))));
            checkMembers();
            checkRewards();
        }
        (RoundId last, ) = pouw.roundCount();
        for (uint64 id = 1; id <= RoundId.unwrap(last); ++id) endByStranger(RoundId.wrap(id));
        (, uint256 running) = pouw.roundCount();
        vm.assertEq(running, 0, "nothing runs");
        checkMembers();
        checkRewards();
    }

    /// A round's members are in no other round and no session, and draws of sessions never reach them.
    function testFuzz_D2_nobodyIsInTwoPlaces(uint256[16] memory dice) public {
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 roll = uint256(keccak256(abi.encode(dice[i], "places", i)));
            if (roll % 3 == 0) drawSession(roll >> 8);
            else actRandomly(roll >> 8);
            checkMembers();
        }
    }

    // --- acts ---

    function actRandomly(uint256 roll) private {
        uint256 act = roll % 12;
        uint256 rest = roll >> 8;
        if (act < 2) {
            attempt(STRANGER, address(pouw), abi.encodeCall(IPoUW.open, (MODEL, rest % 2 == 0 ? Kind.Liveness : Kind.Capability, 0)));
        } else if (act < 7) {
            doItsPart(pickRound(rest), rest >> 8);
        } else if (act == 7) {
            attempt(STRANGER, address(pouw), abi.encodeCall(IPoUW.advance, (pickRound(rest))));
            pass(1, rest % 90);
        } else if (act == 8) {
            pass(rest % 7 == 0 ? 300 : 2, rest % 50);
        } else if (act == 9) {
            meddle(rest);
        } else if (act == 10) {
            drawSession(rest);
        } else {
            attempt(STRANGER, address(pool), abi.encodeCall(INodePool.collect, (LeaseId.wrap(uint32(rest % 40)))));
            attempt(STRANGER, address(pool), abi.encodeCall(INodePool.enlist, (NodeId.wrap(uint24(1 + (rest % NODES))))));
        }
    }

    function pickRound(uint256 roll) private view returns (RoundId) {
        (RoundId last, ) = pouw.roundCount();
        return RoundId.wrap(uint64(roll % (uint256(RoundId.unwrap(last)) + 1)));
    }

    /// @dev What the round waits for, done by those whose turn it is; some of them are missing.
    function doItsPart(RoundId round, uint256 roll) private {
        IPoUW.View memory v = pouw.roundOf(round);
        Awaits awaits = v.awaits;
        if (awaits == Awaits.Seed) pass(SEED_DELAY + 1, 1);
        else if (awaits == Awaits.Advance) attempt(STRANGER, address(pouw), abi.encodeCall(IPoUW.advance, (round)));
        else if (awaits == Awaits.Claim) attempt(operatorOfNode(v.createdBy), address(pouw), abi.encodeCall(IPoUW.claim, (round)));
        else if (awaits == Awaits.Topics) {
            accepts(operatorOfNode(v.createdBy), address(pouw), abi.encodeCall(IPoUW.create, (round, bytes32(roll | 1))), "create");
        } else if (awaits == Awaits.Questions) {
            accepts(operatorOfNode(v.preparedBy), address(pouw), abi.encodeCall(IPoUW.prepare, (round, bytes32(roll | 1))), "prepare");
        } else if (awaits == Awaits.Commitments || awaits == Awaits.Scores) {
            commitSome(round, v, awaits == Awaits.Scores, roll);
        } else if (awaits == Awaits.Openings) {
            revealSome(round, v, roll);
        } else if (awaits == Awaits.ScoreOpenings) {
            scoreSome(round, v, roll);
        }
    }

    function commitSome(RoundId round, IPoUW.View memory v, bool scores, uint256 roll) private {
        uint240 members = scores ? v.validators : v.answerers;
        uint16 taken = scores ? v.scored : v.committed;
        for (uint8 seat = 0; members >> (24 * seat) != 0; ++seat) {
            if ((taken >> seat) & 1 == 1 || (roll >> seat) % 4 == 0) continue;
            NodeId node = NodeId.wrap(uint24(members >> (24 * seat)));
            bytes32 commitment =
                scores ? pouw.scoreCommitmentOf(round, node, scoreOf(round, seat)) : pouw.commitmentOf(round, node, openingOf(round, seat));
            accepts(operatorOfNode(node), address(pouw), abi.encodeCall(IPoUW.commit, (round, seat, commitment)), "commit");
            if (uint256(taken) + (1 << seat) + 1 == 1 << seatsIn(members)) break;
            taken |= uint16(1 << seat);
        }
        pass(1, 1 + (roll % 3));
    }

    function revealSome(RoundId round, IPoUW.View memory v, uint256 roll) private {
        for (uint8 seat = 0; seat < 7; ++seat) {
            if ((v.committed >> seat) & 1 == 0 || (v.revealed >> seat) & 1 == 1 || (roll >> seat) % 5 == 0) continue;
            IPoUW.Opening[] memory openings = new IPoUW.Opening[](1);
            openings[0] = openingOf(round, seat);
            accepts(STRANGER, address(pouw), abi.encodeCall(IPoUW.reveal, (round, openings)), "reveal");
        }
        pass(1, roll % 20);
    }

    function scoreSome(RoundId round, IPoUW.View memory v, uint256 roll) private {
        for (uint8 seat = 0; seat < 4; ++seat) {
            if ((v.scored >> seat) & 1 == 0 || (v.opened >> seat) & 1 == 1 || (roll >> seat) % 5 == 0) continue;
            IPoUW.ScoreOpening[] memory openings = new IPoUW.ScoreOpening[](1);
            openings[0] = scoreOf(round, seat);
            accepts(STRANGER, address(pouw), abi.encodeCall(IPoUW.revealScores, (round, openings)), "score");
        }
        pass(1, roll % 20);
    }

    /// @dev Calls that have no business there; most are refused, none does harm.
    function meddle(uint256 roll) private {
        uint256 i = roll % NODES;
        RoundId round = pickRound(roll >> 8);
        address who = operatorOf(i);
        NodeId node = NodeId.wrap(uint24(i + 1));
        uint256 act = (roll >> 16) % 6;
        if (act == 0) attempt(who, address(pool), abi.encodeCall(INodePool.serve, (node, MODEL, (roll >> 24) % 2 == 0)));
        if (act == 1) attempt(who, address(pool), abi.encodeCall(INodePool.setRoles, (node, uint8((roll >> 24) % 4))));
        if (act == 2) attempt(who, address(pouw), abi.encodeCall(IPoUW.commit, (round, uint8(roll >> 24), bytes32(roll))));
        if (act == 3) attempt(who, address(pouw), abi.encodeCall(IPoUW.create, (round, bytes32(roll))));
        if (act == 4 && (roll >> 24) % 4 == 0) attempt(ownerOf(i), address(pool), abi.encodeCall(INodePool.requestExit, (node)));
        if (act == 5) {
            IPoUW.Opening[] memory openings = new IPoUW.Opening[](1);
            openings[0] = openingOf(round, uint8(roll >> 24) % 8);
            openings[0].tokens += 1;
            (bool ok, ) = attempt(STRANGER, address(pouw), abi.encodeCall(IPoUW.reveal, (round, openings)));
            vm.assertTrue(!ok || pouw.roundOf(round).revealed != 0, "an opening that was not committed is never the first");
        }
    }

    function drawSession(uint256 roll) private {
        address owner = requester(0);
        if (roll % 2 == 0) attempt(owner, address(session), abi.encodeCall(ISession.reserve, (_session, uint32(300 + (roll % 900)), 0)));
        pass(SEED_DELAY + 1, 1);
        attempt(STRANGER, address(session), abi.encodeCall(ISession.drawLease, (_session)));
    }

    function endByStranger(RoundId round) private {
        for (uint256 i = 0; i < TRIES; ++i) {
            RoundPhase phase = pouw.phaseOf(round);
            if (phase == RoundPhase.None || phase == RoundPhase.Ended || phase == RoundPhase.Aborted) return;
            pass(SEED_DELAY + 1, i % 2 == 0 ? 1 : 121);
            attempt(STRANGER, address(pouw), abi.encodeCall(IPoUW.advance, (round)));
        }
        vm.assertTrue(false, "a stranger could not end the round");
    }

    // --- what holds ---

    /// @dev Members of running rounds: each in its round's lease, in one role of one round.
    function checkMembers() private view {
        uint256 seen = 0;
        (RoundId last, ) = pouw.roundCount();
        for (uint64 id = 1; id <= RoundId.unwrap(last); ++id) {
            IPoUW.View memory v = pouw.roundOf(RoundId.wrap(id));
            if (v.phase == RoundPhase.None || v.phase == RoundPhase.Ended || v.phase == RoundPhase.Aborted) continue;
            seen = noteMember(seen, NodeId.unwrap(v.createdBy));
            seen = noteMember(seen, NodeId.unwrap(v.preparedBy));
            for (uint256 i = 0; i < 7; ++i) seen = noteMember(seen, uint24(v.answerers >> (24 * i)));
            for (uint256 i = 0; i < 4; ++i) seen = noteMember(seen, uint24(v.validators >> (24 * i)));
        }
        ISession.Record memory found = session.sessionOf(_session);
        if (LeaseId.unwrap(found.lease) == 0) return;
        (uint240 members, uint8 size, ) = pool.leaseOf(found.lease);
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            bool held = LeaseId.unwrap(pool.nodeOf(node).lease) == LeaseId.unwrap(found.lease);
            vm.assertTrue(!held || (seen >> NodeId.unwrap(node)) & 1 == 0, "a leased node is in no round");
        }
    }

    function noteMember(uint256 seen, uint24 node) private view returns (uint256) {
        if (node == 0) return seen;
        vm.assertTrue((seen >> node) & 1 == 0, "nobody is in two roles");
        INodePool.Node memory entry = pool.nodeOf(NodeId.wrap(node));
        vm.assertTrue(LeaseId.unwrap(entry.lease) != 0 && entry.listedAt == 0, "a member is leased and in no list");
        return seen | (1 << node);
    }

    function checkRewards() private view {
        vm.assertLe(rewards.promised(), token.balanceOf(address(rewards)), "nothing is promised that is not held");
    }

    // --- contents ---

    function openingOf(RoundId round, uint8 seat) private pure returns (IPoUW.Opening memory) {
        uint256 mix = uint256(keccak256(abi.encode(round, seat)));
        // Most agree; some lie far off.
        bytes32 sketch = mix % 4 == 0 ? bytes32(mix) : bytes32(0);
        return IPoUW.Opening(seat, bytes32(mix % 7 == 0 ? 1 : mix), sketch, uint24(mix % 200), 0, bytes32(mix), bytes32(mix));
    }

    function scoreOf(RoundId round, uint8 seat) private pure returns (IPoUW.ScoreOpening memory) {
        uint256 mix = uint256(keccak256(abi.encode(round, seat, "score")));
        uint256 verdict = 0;
        for (uint256 i = 0; i < 3; ++i) verdict |= ((mix >> (8 * i)) % 11) << (22 * i + 2);
        return IPoUW.ScoreOpening(seat, verdict, bytes32(mix), bytes32(mix));
    }

    function operatorOfNode(NodeId node) private pure returns (address) {
        return operatorOf(NodeId.unwrap(node) - 1);
    }

    function seatsIn(uint240 members) private pure returns (uint256 seats) {
        while (members >> (24 * seats) != 0) ++seats;
    }
}
