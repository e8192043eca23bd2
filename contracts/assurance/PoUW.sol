// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {NodeId} from "../interfaces/INodePool.sol";
import {Awaits, Ending, IPoUW, Kind, Phase, RoundId} from "../interfaces/IPoUW.sol";
import {CommitReveal} from "../libraries/CommitReveal.sol";
import {Facts, Round, RoundLib, Step} from "../libraries/RoundLib.sol";
import {Verdicts} from "../libraries/Verdicts.sol";
import {Windows} from "../libraries/Windows.sol";
import {RoundDesk} from "./RoundDesk.sol";
import {RoundStore} from "./RoundStore.sol";

/// @title PoUW
contract PoUW is IPoUW, RoundStore, EIP712 {
    using RoundLib for Facts;

    /// @dev Runs the calls that open, advance and end rounds.
    address public immutable DESK;

    constructor(
        address authority,
        Wiring memory wiring,
        Parameters memory initial,
        Rules[2] memory rules,
        bytes32[2] memory templates
    ) RoundStore(authority, wiring) EIP712("Corroborate", "1") {
        DESK = address(new RoundDesk(authority, wiring));
        Address.functionDelegateCall(DESK, abi.encodeCall(RoundDesk.initialise, (initial, rules, templates)));
    }

    /// @inheritdoc IPoUW
    function claim(RoundId round) external {
        (Round storage r, Facts memory f) = _require(round, Awaits.Claim, Phase.Request);
        _requireOperator(round, f.createdBy);
        f.claimed = true;
        f.deadline = Windows.endOf(r.rules.createWindow);
        _save(r, f);
        emit RoundClaimed(round, NodeId.wrap(f.createdBy), f.deadline);
    }

    /// @inheritdoc IPoUW
    function create(RoundId round, bytes32 topics) external {
        (Round storage r, Facts memory f, Awaits awaits, ) = _live(round);
        if (awaits != Awaits.Claim && awaits != Awaits.Topics) revert PoUWWrongPhase(round, f.phase(), Phase.Create);
        _requireOperator(round, f.createdBy);
        if (topics == 0) revert PoUWEmpty(round);
        r.topics = topics;
        emit TopicsCreated(round, NodeId.wrap(f.createdBy), topics);
        f.step = Step.DrawPreparer;
        _awaitDraw(r, f);
    }

    /// @inheritdoc IPoUW
    function prepare(RoundId round, bytes32 questions) external {
        (Round storage r, Facts memory f) = _require(round, Awaits.Questions, Phase.Prepare);
        _requireOperator(round, f.preparedBy);
        if (questions == 0) revert PoUWEmpty(round);
        r.questions = questions;
        emit QuestionsPrepared(round, NodeId.wrap(f.preparedBy), questions);
        f.step = Step.DrawAnswerers;
        _awaitDraw(r, f);
    }

    /// @inheritdoc IPoUW
    function commit(RoundId round, uint8 seat, bytes32 commitment) external {
        (Round storage r, Facts memory f, Awaits awaits, ) = _live(round);
        uint256 members = f.step == Step.Score ? r.judges : r.seated;
        bytes memory refusal = _refusal(f, awaits, members, seat, commitment, msg.sender);
        if (refusal.length != 0) {
            assembly ("memory-safe") {
                revert(add(refusal, 32), mload(refusal))
            }
        }
        _record(r, f, members, seat, commitment);
        _save(r, f);
    }

    /// @inheritdoc IPoUW
    function commitMany(Carried[] calldata carried) external {
        for (uint256 i = 0; i < carried.length; ++i) _commitCarried(carried[i].round, carried[i].commitments);
    }

    /// @inheritdoc IPoUW
    function reveal(RoundId round, Opening[] calldata openings) external {
        (Round storage r, Facts memory f) = _require(round, Awaits.Openings, Phase.Reveal);
        uint256 place = f.id % RING;
        uint256 seated = r.seated;
        uint256 pace = r.pace;
        uint256 most = r.rules.maxTokens;
        if (most > type(uint16).max) most = type(uint16).max;
        for (uint256 i = 0; i < openings.length; ++i) {
            Opening calldata opening = openings[i];
            uint8 seat = opening.seat;
            if (!_mayOpen(round, seat, f.seats, f.committed, f.revealed)) continue;
            NodeId node = NodeId.wrap(RoundLib.memberAt(seated, seat));
            _requireMatch(round, seat, commitmentOf(round, node, opening), _sealed[place][seat]);
            f.revealed |= uint16(1 << seat);
            (_digests[place][seat], _sketches[place][seat]) = (opening.digest, opening.sketch);
            pace |= (opening.tokens < most ? opening.tokens : most) << (32 * seat + 16);
            emit AnswerRevealed(round, seat, node, opening);
        }
        r.pace = pace;
        _save(r, f);
        if (f.revealed == f.committed) _close(round);
    }

    /// @inheritdoc IPoUW
    function revealScores(RoundId round, ScoreOpening[] calldata openings) external {
        (Round storage r, Facts memory f) = _require(round, Awaits.ScoreOpenings, Phase.Score);
        uint256 place = f.id % RING;
        for (uint256 i = 0; i < openings.length; ++i) {
            ScoreOpening calldata opening = openings[i];
            uint8 seat = opening.seat;
            if (!_mayOpen(round, seat, f.panelSize, f.scored, f.opened)) continue;
            if (!Verdicts.isWellFormed(opening.verdict)) revert PoUWMalformed(round, seat, opening.verdict);
            NodeId node = NodeId.wrap(RoundLib.memberAt(r.judges, seat));
            _requireMatch(round, seat, scoreCommitmentOf(round, node, opening), _sealed[place][PANEL + seat]);
            _sealed[place][PANEL + seat] = bytes32(opening.verdict);
            f.opened |= uint16(1 << seat);
            emit ScoreRevealed(round, seat, node, opening.verdict, opening.evidence);
        }
        _save(r, f);
        if (f.opened == f.scored) _close(round);
    }

    /// @inheritdoc IPoUW
    function phaseOf(RoundId round) external view returns (Phase) {
        return _phaseOf(round);
    }

    /// @inheritdoc IPoUW
    function roundOf(RoundId round) external view returns (View memory v) {
        Round memory r = _rounds[RoundId.unwrap(round) % RING];
        Facts memory f = r.facts;
        (v.round, v.phase) = (round, _phaseOf(round));
        uint256 ending = _endingOf(round);
        if (ending != 0) v.ending = Ending(ending - 1);
        if (f.id != RoundId.unwrap(round)) return v;
        (v.kind, v.tier, v.model, v.template, v.rules) = (f.kind, f.tier, r.model, r.template, r.rules);
        (v.awaits, v.deadline) = f.awaits(r.rules);
        if (RoundLib.isDraw(f.step)) v.seedBlock = f.seedBlock;
        (v.createdBy, v.preparedBy) = (NodeId.wrap(f.createdBy), NodeId.wrap(f.preparedBy));
        // What an earlier round left in this place is not this round's.
        if (f.preparedBy != 0 || f.step == Step.DrawPreparer) v.topics = r.topics;
        if (f.seats != 0 || f.step == Step.DrawAnswerers) v.questions = r.questions;
        if (f.seats != 0) (v.answerers, v.startedAt) = (uint240(r.seated), f.startedAt);
        if (f.panelSize != 0) v.validators = uint240(r.judges);
        (v.committed, v.revealed, v.scored, v.opened, v.replaced) = (f.committed, f.revealed, f.scored, f.opened, f.replaced);
    }

    /// @inheritdoc IPoUW
    function answerOf(RoundId round, uint8 seat) external view returns (bytes32 digest, bytes32 sketch, uint256 tokens, uint256 seconds_) {
        uint256 place = RoundId.unwrap(round) % RING;
        Round storage r = _rounds[place];
        if (r.facts.id != RoundId.unwrap(round) || (r.facts.revealed >> seat) & 1 == 0) return (0, 0, 0, 0);
        uint256 pace = r.pace >> (32 * seat);
        return (_digests[place][seat], _sketches[place][seat], uint16(pace >> 16), uint16(pace));
    }

    /// @inheritdoc IPoUW
    function commitmentOf(RoundId round, NodeId node, Opening calldata opening) public view returns (bytes32) {
        Round storage r = _rounds[RoundId.unwrap(round) % RING];
        bytes32 answers = keccak256(abi.encodePacked(opening.digest, opening.sketch, opening.tokens, opening.finish));
        bytes32 params = CommitReveal.roundParams(r.questions, r.template, r.rules.maxTokens);
        bytes memory form = CommitReveal.form(RoundId.unwrap(round), 0, r.model, params);
        bytes32 payload = CommitReveal.payloadDigest(answers, opening.claim);
        return CommitReveal.digestOf(form, _domainSeparatorV4(), NodeId.unwrap(node), payload, opening.salt);
    }

    /// @inheritdoc IPoUW
    function scoreCommitmentOf(RoundId round, NodeId node, ScoreOpening calldata opening) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                CommitReveal.verdictHash(RoundId.unwrap(round), 0, NodeId.unwrap(node), opening.verdict, opening.evidence, opening.salt)
            );
    }

    /// @inheritdoc IPoUW
    function rulesOf(Kind kind) external view returns (Rules memory rules, bytes32 template) {
        return (_rules[kind], _templates[kind]);
    }

    /// @inheritdoc IPoUW
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IPoUW
    function roundCount() external view returns (RoundId last, uint256 running) {
        return (RoundId.wrap(_last), _running);
    }

    /// @inheritdoc IPoUW
    function nextOpenAt() external view returns (uint40) {
        return _nextOpenAt();
    }

    /// @inheritdoc IPoUW
    function bountyOf(address account) external view returns (uint256) {
        return _bounties[account];
    }

    /// @dev Why a commitment cannot be recorded, as an encoded error; empty where it can.
    function _refusal(
        Facts memory f,
        Awaits awaits,
        uint256 members,
        uint8 seat,
        bytes32 commitment,
        address key
    ) private view returns (bytes memory) {
        RoundId round = RoundId.wrap(f.id);
        bool scores = awaits == Awaits.Scores;
        if (!scores && awaits != Awaits.Commitments) {
            return abi.encodeWithSelector(PoUWWrongPhase.selector, round, f.phase(), Phase.Commit);
        }
        (uint8 seats, uint256 taken) = scores ? (f.panelSize, f.scored) : (f.seats, f.committed);
        if (seat >= seats) return abi.encodeWithSelector(PoUWNoSeat.selector, round, seat, seats);
        if ((taken >> seat) & 1 == 1) return abi.encodeWithSelector(PoUWCommitted.selector, round, seat, true);
        if (commitment == 0) return abi.encodeWithSelector(PoUWEmpty.selector, round);
        NodeId node = NodeId.wrap(RoundLib.memberAt(members, seat));
        if (_signsFor(node, key)) return "";
        return abi.encodeWithSelector(PoUWNotOperator.selector, round, key, POOL.operatorOf(node));
    }

    /// @dev Changes `f`, which the caller stores.
    function _record(Round storage r, Facts memory f, uint256 members, uint8 seat, bytes32 commitment) private {
        RoundId round = RoundId.wrap(f.id);
        NodeId node = NodeId.wrap(RoundLib.memberAt(members, seat));
        uint40 time = Windows.clock();
        bool full;
        if (f.step == Step.Score) {
            f.scored |= uint16(1 << seat);
            _sealed[f.id % RING][PANEL + seat] = commitment;
            emit ScoreCommitted(round, seat, node, commitment);
            full = uint256(f.scored) + 1 == 1 << f.panelSize;
        } else {
            f.committed |= uint16(1 << seat);
            _sealed[f.id % RING][seat] = commitment;
            uint256 elapsed = time - f.startedAt;
            r.pace |= (elapsed > type(uint16).max ? type(uint16).max : elapsed) << (32 * seat);
            emit AnswerCommitted(round, seat, node, commitment);
            full = uint256(f.committed) + 1 == 1 << f.seats;
        }
        // Openings begin in the next second at the earliest.
        if (full) f.deadline = time;
    }

    function _commitCarried(RoundId round, SignedCommitment[] calldata list) private {
        Round storage r = _rounds[RoundId.unwrap(round) % RING];
        Facts memory f = r.facts;
        bool live = _isLive(f, round);
        (Awaits awaits, ) = f.awaits(r.rules);
        uint256 members = f.step == Step.Score ? r.judges : r.seated;
        for (uint256 i = 0; i < list.length; ++i) {
            SignedCommitment calldata given = list[i];
            bytes memory refusal;
            if (live) {
                uint24 member = RoundLib.memberAt(members, given.seat);
                bytes32 digest = CommitReveal.commitDigest(_domainSeparatorV4(), f.id, member, given.commitment);
                (address signer, , ) = ECDSA.tryRecover(digest, given.r, given.vs);
                refusal = _refusal(f, awaits, members, given.seat, given.commitment, signer);
            } else {
                refusal = abi.encodeWithSelector(PoUWWrongPhase.selector, round, _phaseOf(round), Phase.Commit);
            }
            if (refusal.length == 0) _record(r, f, members, given.seat, given.commitment);
            else emit CommitmentSkipped(round, given.seat, refusal);
        }
        if (live) _save(r, f);
    }

    function _signsFor(NodeId node, address key) private view returns (bool) {
        return key != address(0) && (key == POOL.operatorOf(node) || key == POOL.formerOperatorOf(node));
    }

    /// @dev Whether a seat's opening is still to be taken; reverts where it never committed.
    function _mayOpen(RoundId round, uint8 seat, uint8 seats, uint256 committed, uint256 opened) private pure returns (bool) {
        if (seat >= seats) revert PoUWNoSeat(round, seat, seats);
        if ((committed >> seat) & 1 == 0) revert PoUWCommitted(round, seat, false);
        return (opened >> seat) & 1 == 0;
    }

    function _requireMatch(RoundId round, uint8 seat, bytes32 found, bytes32 wanted) private pure {
        if (found != wanted) revert PoUWMismatch(round, seat, found, wanted);
    }

    function _require(RoundId round, Awaits wanted, Phase phase) private view returns (Round storage r, Facts memory f) {
        Awaits awaits;
        (r, f, awaits, ) = _live(round);
        if (awaits != wanted) revert PoUWWrongPhase(round, f.phase(), phase);
    }

    function _requireOperator(RoundId round, uint24 node) private view {
        if (!_signsFor(NodeId.wrap(node), msg.sender)) {
            revert PoUWNotOperator(round, msg.sender, POOL.operatorOf(NodeId.wrap(node)));
        }
    }

    // --- at the desk ---

    /// @inheritdoc IPoUW
    function open(bytes32 model, Kind kind, uint8 tier) external returns (RoundId round) {
        return abi.decode(_desk(abi.encodeCall(RoundDesk.open, (model, kind, tier))), (RoundId));
    }

    /// @inheritdoc IPoUW
    function advance(RoundId round) external {
        _desk(abi.encodeCall(RoundDesk.advance, (round)));
    }

    /// @inheritdoc IPoUW
    function withdrawBounty(address to) external returns (uint256 amount) {
        return abi.decode(_desk(abi.encodeCall(RoundDesk.withdrawBounty, (to))), (uint256));
    }

    /// @inheritdoc IPoUW
    function setRules(Kind kind, Rules calldata rules, bytes32 template) external {
        _desk(abi.encodeCall(RoundDesk.setRules, (kind, rules, template)));
    }

    /// @inheritdoc IPoUW
    function setParameters(Parameters calldata next) external {
        _desk(abi.encodeCall(RoundDesk.setParameters, (next)));
    }

    function _close(RoundId round) private {
        _desk(abi.encodeCall(RoundDesk.close, (round)));
    }

    /// @dev Hands the call on, and its answer or its revert back.
    function _desk(bytes memory call) private returns (bytes memory) {
        return Address.functionDelegateCall(DESK, call);
    }
}
