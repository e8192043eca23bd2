// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LeaseId, NodeId} from "../interfaces/INodePool.sol";
import {Awaits, Ending, IPoUW, Kind, RoundId} from "../interfaces/IPoUW.sol";
import {Part, Parts} from "../libraries/Parts.sol";
import {RoundBook} from "../libraries/RoundBook.sol";
import {Facts, Round, RoundLib, Step} from "../libraries/RoundLib.sol";
import {Score} from "../libraries/Score.sol";
import {Sketch} from "../libraries/Sketch.sol";
import {Verdicts} from "../libraries/Verdicts.sol";
import {Windows} from "../libraries/Windows.sol";
import {RoundStore} from "./RoundStore.sol";

/// @title RoundDesk: opens, advances and ends rounds
/// @notice Described in `IPoUW`. Runs on PoUW's storage, by delegatecall from PoUW, which made it at its own deployment and can run no
/// other. Called directly, it works on its own storage, which is empty, and no other module knows it.
contract RoundDesk is RoundStore {
    using RoundLib for Facts;
    using SafeERC20 for IERC20;

    constructor(address authority, Wiring memory wiring) RoundStore(authority, wiring) {}

    /// @notice PoUW's constructor: the first parameters. Not reachable through PoUW.
    function initialise(IPoUW.Parameters calldata initial, IPoUW.Rules[2] calldata rules, bytes32[2] calldata templates) external {
        _setParameters(initial);
        _setRules(Kind.Liveness, rules[0], templates[0]);
        _setRules(Kind.Capability, rules[1], templates[1]);
    }

    /// @notice PoUW, when the last opening has come in: what `advance` would do, without a bounty. Not reachable through PoUW.
    function close(RoundId round) external {
        (Round storage r, Facts memory f, , ) = _live(round);
        if (f.step == Step.Answer) _closeAnswers(r, f);
        else _closeScores(r, f);
    }

    function open(bytes32 model, Kind kind, uint8 tier) external returns (RoundId round) {
        IPoUW.Rules memory rules = _rules[kind];
        if (rules.answerers == 0) revert IPoUW.PoUWNoKind(kind);
        uint256 highest = kind == Kind.Liveness ? 0 : 2;
        if (tier > highest) revert IPoUW.PoUWOutOfRange(0, tier, highest);
        uint40 due = _nextOpenAt();
        if (Windows.clock() < due) revert IPoUW.PoUWTooEarly(Windows.clock(), due);
        _requireTurn(due);
        if (_running >= _parameters.most) revert IPoUW.PoUWTooManyRounds(_running, _parameters.most);
        if (!MODELS.isCurrent(model)) revert IPoUW.PoUWModelUnavailable(model);
        uint64 id = _last + 1;
        // Fewer rounds run than there are places.
        while (_rounds[id % RING].facts.step != Step.None) ++id;
        _last = id;
        ++_running;
        _openedAt = Windows.clock();
        round = RoundId.wrap(id);
        Round storage r = _rounds[id % RING];
        (r.model, r.template, r.rules) = (model, _templates[kind], rules);
        Facts memory f;
        (f.id, f.kind, f.tier, f.canonical) = (id, kind, tier, RoundLib.NO_SEAT);
        f.threshold = MODELS.modelOf(model).agreement;
        emit IPoUW.RoundOpened(round, kind, model, tier, r.template, f.threshold, rules, uint40(block.number + SEED_DELAY));
        f.step = Step.DrawCreator;
        _awaitDraw(r, f);
        _earn();
    }

    function advance(RoundId round) external {
        (Round storage r, Facts memory f, Awaits awaits, uint40 deadline) = _live(round);
        if (awaits != Awaits.Advance) revert IPoUW.PoUWNotDue(round, awaits, deadline);
        Step step = f.step;
        bool isDraw = RoundLib.isDraw(step);
        _requireTurn(isDraw ? f.since : deadline);
        if (isDraw) _draw(r, f);
        else if (step == Step.Answer) _closeAnswers(r, f);
        else if (step == Step.Score) _closeScores(r, f);
        else _replaceOne(r, f);
        _earn();
    }

    function withdrawBounty(address to) external returns (uint256 amount) {
        amount = _bounties[msg.sender];
        if (amount == 0) revert IPoUW.PoUWNothingOwed();
        _bounties[msg.sender] = 0;
        _owed -= uint128(amount);
        emit IPoUW.BountyPaid(msg.sender, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    function setRules(Kind kind, IPoUW.Rules calldata rules, bytes32 template) external restricted {
        _setRules(kind, rules, template);
    }

    function setParameters(IPoUW.Parameters calldata next) external restricted {
        _setParameters(next);
    }

    function _draw(Round storage r, Facts memory f) private {
        bool expired = Windows.isPast(f.deadline);
        if (!expired && RANDOMNESS.isFirstSeed(f.seedBlock)) {
            _take(r, f, r.rules);
            return;
        }
        POOL.retireDraw(r.model);
        if (!expired && f.replaced < RoundLib.MAX_REPLACED) {
            // The deciding hash is gone: another block decides, and that counts.
            ++f.replaced;
            _awaitDraw(r, f);
        } else {
            f.ending = f.step == Step.DrawPanel ? _unscored(f) : Ending.NoNodes;
            _end(r, f);
        }
    }

    function _take(Round storage r, Facts memory f, IPoUW.Rules memory rules) private {
        Step step = f.step;
        (uint256 least, uint256 most) = (1, 1);
        if (step == Step.DrawAnswerers) (least, most) = (rules.quorum, rules.answerers);
        if (step == Step.DrawPanel) (least, most) = (RoundLib.panelQuorum(rules), rules.validators);
        bytes32 model = r.model;
        bytes32 seed = RANDOMNESS.seedOf(f.seedBlock, keccak256(abi.encode("round", f.id, step, f.replaced)));
        (uint240 members, uint256 drawn) = REFEREE.draw(f, model, r.seated, most, seed);
        if (drawn < least) revert IPoUW.PoUWTooFewNodes(RoundId.wrap(f.id), drawn, least);
        uint8 size = uint8(drawn);
        LeaseId lease = POOL.take(model, members, size, seed, Windows.endOf(RoundLib.life(rules)));
        POOL.retireDraw(model);
        uint256 window = rules.claimWindow;
        f.step = Step(uint8(step) + 1);
        if (step == Step.DrawCreator) {
            (f.creator, f.createdBy) = (lease, RoundLib.memberAt(members, 0));
        } else if (step == Step.DrawPreparer) {
            (f.preparer, f.preparedBy) = (lease, RoundLib.memberAt(members, 0));
            window = rules.prepareWindow;
        } else if (step == Step.DrawAnswerers) {
            (f.answerers, f.seats, f.startedAt) = (lease, size, Windows.clock());
            (r.seated, r.pace) = (members, 0);
            window = rules.commitWindow;
        } else {
            (f.panel, f.panelSize) = (lease, size);
            r.judges = members;
            window = rules.scoreWindow;
        }
        f.deadline = Windows.endOf(window);
        _save(r, f);
        emit IPoUW.RoleDrawn(RoundId.wrap(f.id), _roleOf(step), lease, members, size, f.deadline);
    }

    /// @dev Type 1 or 2 was late: books it, frees it, draws another as often as may be.
    function _replaceOne(Round storage r, Facts memory f) private {
        bool creator = f.step == Step.Create;
        (uint24 node, LeaseId lease) = creator ? (f.createdBy, f.creator) : (f.preparedBy, f.preparer);
        f.shunLate(node);
        if (creator) (f.createdBy, f.creator, f.claimed) = (0, LeaseId.wrap(0), false);
        else (f.preparedBy, f.preparer) = (0, LeaseId.wrap(0));
        Part[] memory parts = new Part[](1);
        parts[0] = RoundBook.late(node, creator ? Parts.Role.Creator : Parts.Role.Preparer, POOL.levelsOf(lease));
        emit IPoUW.MembersReplaced(RoundId.wrap(f.id), creator ? 0 : 1, node);
        _book(r, f, parts);
        POOL.finish(lease, RoundBook.FAILED);
        if (f.replaced == RoundLib.MAX_REPLACED) {
            f.ending = creator ? Ending.NoCreator : Ending.NoPreparer;
            _end(r, f);
            return;
        }
        ++f.replaced;
        f.step = creator ? Step.DrawCreator : Step.DrawPreparer;
        _awaitDraw(r, f);
    }

    /// @dev Too few of a panel committed: books them, frees them, draws another panel.
    function _replacePanel(Round storage r, Facts memory f) private {
        (uint256 size, uint256 judges, LeaseId lease) = (f.panelSize, r.judges, f.panel);
        Part[] memory parts = new Part[](size);
        uint256 levels = POOL.levelsOf(lease);
        uint256 outcomes = 0;
        for (uint256 seat = 0; seat < size; ++seat) {
            uint24 node = RoundLib.memberAt(judges, seat);
            bool silent = (f.scored >> seat) & 1 == 0;
            if (silent) outcomes |= RoundBook.FAILED << (4 * seat);
            parts[seat] = RoundBook.validator(node, silent ? Score.Conduct.Silent : Score.Conduct.Excused, levels >> (8 * seat));
            f.shunLate(node);
        }
        emit IPoUW.MembersReplaced(RoundId.wrap(f.id), 3, uint240(judges));
        (f.panel, f.panelSize, f.scored) = (LeaseId.wrap(0), 0, 0);
        _book(r, f, parts);
        POOL.finish(lease, outcomes);
        ++f.replaced;
        f.step = Step.DrawPanel;
        _awaitDraw(r, f);
    }

    /// @dev Commitments and openings are over: too few, agreed or not; then validators are drawn, where the rules have any.
    function _closeAnswers(Round storage r, Facts memory f) private {
        IPoUW.Rules memory rules = r.rules;
        uint256 count = Sketch.seatCount(f.revealed);
        bool opens = Sketch.seatCount(f.committed) >= rules.quorum;
        if (opens) _slashUnopened(r.seated, f.committed & ~f.revealed, f.deadline, rules.revealWindow);
        if (!opens) f.ending = Ending.TooFewCommitments;
        else if (count < rules.quorum) f.ending = Ending.TooFewOpenings;
        else if (_group(f, count, rules.quorum)) f.ending = Ending.ContentRefused;
        else if (rules.validators != 0) f.step = Step.DrawPanel;
        else f.ending = f.canonical == RoundLib.NO_SEAT ? Ending.Undecided : Ending.Judged;
        if (f.step == Step.DrawPanel) _awaitDraw(r, f);
        else _end(r, f);
    }

    /// @dev Groups the opened answers; says whether the group holds that the question cannot be answered.
    function _group(Facts memory f, uint256 count, uint256 quorum) private view returns (bool refused) {
        bytes32[] memory digests = new bytes32[](count);
        bytes32[] memory sketches = new bytes32[](count);
        uint256 place = f.id % RING;
        uint256 found = 0;
        for (uint256 seat = 0; seat < f.seats; ++seat) {
            if ((f.revealed >> seat) & 1 == 0) continue;
            (digests[found], sketches[found]) = (_digests[place][seat], _sketches[place][seat]);
            ++found;
        }
        (f.canonical, f.agreed, refused) = REFEREE.group(f.revealed, digests, sketches, f.threshold, quorum);
    }

    /// @dev Scores are over. Too few commitments: a fresh panel, as often as may be.
    function _closeScores(Round storage r, Facts memory f) private {
        uint256 quorum = RoundLib.panelQuorum(r.rules);
        bool few = Sketch.seatCount(f.scored) < quorum;
        if (few && f.replaced < RoundLib.MAX_REPLACED) {
            _replacePanel(r, f);
            return;
        }
        if (!few) _slashUnopened(r.judges, f.scored & ~f.opened, f.deadline, r.rules.scoreWindow);
        f.ending = Sketch.seatCount(f.opened) < quorum ? _unscored(f) : Ending.Judged;
        _end(r, f);
    }

    /// @dev Takes the penalty from the members of these seats, who kept back what they had committed.
    function _slashUnopened(uint256 members, uint256 seats, uint40 closedAt, uint40 window) private {
        for (uint256 seat = 0; seat < RoundLib.MAX_ANSWERERS; ++seat) {
            if ((seats >> seat) & 1 == 0) continue;
            POOL.slashUnopened(NodeId.wrap(RoundLib.memberAt(members, seat)), closedAt, closedAt + window);
        }
    }

    /// @dev Without validators, a liveness round is judged by its answers' sketches alone.
    function _unscored(Facts memory f) private pure returns (Ending) {
        return f.kind == Kind.Liveness && f.canonical != RoundLib.NO_SEAT ? Ending.Judged : Ending.Undecided;
    }

    /// @dev The one way out: tells what became of everybody, and frees all.
    function _end(Round storage r, Facts memory f) private {
        RoundBook.Case memory given;
        (given.facts, given.rules) = (f, r.rules);
        (given.seated, given.judges, given.pace) = (r.seated, r.judges, r.pace);
        given.words = new uint256[](f.panelSize);
        uint256 place = f.id % RING;
        for (uint256 seat = 0; seat < f.panelSize; ++seat) given.words[seat] = uint256(_sealed[place][PANEL + seat]);
        LeaseId[4] memory leases = [f.creator, f.preparer, f.answerers, f.panel];
        given.levels[0] = _levels(leases[0]) | (_levels(leases[1]) << 8);
        given.levels[1] = _levels(leases[2]);
        given.levels[2] = _levels(leases[3]);
        RoundBook.Result memory result = REFEREE.conclude(given);
        f.step = Step.None;
        _save(r, f);
        --_running;
        _endings[f.id / 64] |= (uint256(f.ending) + 1) << (ENDING_BITS * (f.id % 64));
        emit IPoUW.RoundClosed(RoundId.wrap(f.id), f.ending, f.canonical, result.agreed, result.medians, result.parts);
        uint256 moves = _book(r, f, result.parts);
        uint256[4] memory outcomes = [0, 0, result.outcomes | (moves >> (4 * result.first)), result.panelOutcomes];
        for (uint256 i = 0; i < 4; ++i) {
            if (LeaseId.unwrap(leases[i]) != 0) POOL.finish(leases[i], outcomes[i]);
        }
    }

    function _levels(LeaseId lease) private view returns (uint256) {
        return LeaseId.unwrap(lease) == 0 ? 0 : POOL.levelsOf(lease);
    }

    function _book(Round storage r, Facts memory f, Part[] memory parts) private returns (uint256 moves) {
        if (parts.length == 0) return 0;
        moves = REPUTATION.book(f.id, parts, r.rules.passesUp, r.rules.missesDown);
        REWARDS.count(parts);
    }

    function _requireTurn(uint40 dueAt) private {
        if (!ORACLES.mayAct(msg.sender, dueAt)) revert IPoUW.PoUWLeaderFirst(msg.sender, ORACLES.leader());
        ORACLES.note(msg.sender);
    }

    /// @dev Pays what is there and not owed yet; never reverts for want of it.
    function _earn() private {
        uint256 bounty = _parameters.bounty;
        if (bounty == 0 || TOKEN.balanceOf(address(this)) < _owed + bounty) return;
        _owed += uint128(bounty);
        _bounties[msg.sender] += bounty;
        emit IPoUW.BountyEarned(msg.sender, bounty);
    }

    function _setRules(Kind kind, IPoUW.Rules memory r, bytes32 template) private {
        if (kind == Kind.None) revert IPoUW.PoUWNoKind(kind);
        if (r.answerers < 2 || r.answerers > RoundLib.MAX_ANSWERERS) revert IPoUW.PoUWOutOfRange(0, r.answerers, RoundLib.MAX_ANSWERERS);
        if (r.quorum < 2 || r.quorum > r.answerers) revert IPoUW.PoUWOutOfRange(1, r.quorum, r.answerers);
        if (r.validators > RoundLib.MAX_VALIDATORS) revert IPoUW.PoUWOutOfRange(2, r.validators, RoundLib.MAX_VALIDATORS);
        if (r.bar > Verdicts.MAX_SCORE) revert IPoUW.PoUWOutOfRange(3, r.bar, Verdicts.MAX_SCORE);
        if (r.passesUp == 0) revert IPoUW.PoUWOutOfRange(4, 0, type(uint8).max);
        if (r.missesDown == 0) revert IPoUW.PoUWOutOfRange(5, 0, type(uint8).max);
        if (RoundLib.life(r) > RoundLib.MAX_LIFE) revert IPoUW.PoUWOutOfRange(6, RoundLib.life(r), RoundLib.MAX_LIFE);
        (_rules[kind], _templates[kind]) = (r, template);
        emit IPoUW.RulesChanged(kind, r, template);
    }

    function _setParameters(IPoUW.Parameters memory next) private {
        if (next.most == 0 || next.most > RING) revert IPoUW.PoUWOutOfRange(1, next.most, RING);
        _parameters = next;
        emit IPoUW.RoundParametersChanged(next);
    }
}
