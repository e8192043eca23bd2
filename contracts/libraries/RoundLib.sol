// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Awaits, Ending, IPoUW, Kind, Phase} from "../interfaces/IPoUW.sol";
import {LeaseId} from "../interfaces/INodePool.sol";
import {Sketch} from "./Sketch.sol";
import {Windows} from "./Windows.sol";

/// @dev How far a round has come. The phase is derived from it and the clock.
enum Step {
    None,
    DrawCreator,
    Create,
    DrawPreparer,
    Prepare,
    DrawAnswerers,
    Answer,
    DrawPanel,
    Score
}

/// @dev The small facts of a round that runs; three slots.
/// @param since when the last draw was announced, seconds
/// @param deadline last second of the step; of Answer and Score: last second to commit, moved to now when the last seat commits
/// @param seedBlock block that decides the awaited draw
/// @param threshold largest Hamming distance that agrees
/// @param claimed whether type 1 claimed
/// @param seats how many answerers were drawn
/// @param committed, revealed bitmaps of their seats
/// @param scored, opened bitmaps of the panel's seats
/// @param canonical, agreed what the answers' sketches said (see `Sketch.judge`); 255 where no group stood alone
/// @param ending how it ended, once it has
/// @param late nodes that were replaced, 24 bits each, at most eight
struct Facts {
    uint64 id;
    Kind kind;
    uint8 tier;
    Step step;
    uint8 replaced;
    uint40 since;
    uint40 deadline;
    uint40 seedBlock;
    uint16 threshold;
    bool claimed;
    uint8 seats;
    LeaseId creator;
    LeaseId preparer;
    LeaseId answerers;
    LeaseId panel;
    uint16 committed;
    uint16 revealed;
    uint16 scored;
    uint16 opened;
    uint40 startedAt;
    uint8 panelSize;
    uint8 canonical;
    uint8 agreed;
    uint192 late;
    uint24 createdBy;
    uint24 preparedBy;
    uint8 lates;
    Ending ending;
}

/// @dev A round in its place of the ring.
/// @param seated, judges answerers and validators, 24 bits each by seat
/// @param pace by seat, 32 bits each: seconds from draw to commitment (16, low), output tokens (16); both saturate
struct Round {
    Facts facts;
    IPoUW.Rules rules;
    bytes32 model;
    bytes32 template;
    bytes32 topics;
    bytes32 questions;
    uint256 seated;
    uint256 judges;
    uint256 pace;
}

/// @title RoundLib: what may be said of a round from its facts and the clock
library RoundLib {
    /// @notice Most replacements and repeated draws of a round.
    uint256 internal constant MAX_REPLACED = 3;
    /// @notice Most answerers and validators of a round.
    uint256 internal constant MAX_ANSWERERS = 7;
    uint256 internal constant MAX_VALIDATORS = 4;
    /// @notice Longest life of a round, seconds.
    uint256 internal constant MAX_LIFE = 1 days;
    /// @notice `Facts.canonical` where no group stood alone.
    uint8 internal constant NO_SEAT = type(uint8).max;

    /// @notice Most seconds from a round's opening to the moment from which anyone can end it: every wait once, and each as often again
    /// as members may be replaced.
    function life(IPoUW.Rules memory r) internal pure returns (uint256) {
        uint256 once =
            4 * uint256(r.drawWindow) +
                r.claimWindow +
                r.createWindow +
                r.prepareWindow +
                r.commitWindow +
                r.revealWindow +
                2 * uint256(r.scoreWindow);
        return once * (1 + MAX_REPLACED);
    }

    /// @notice More than half of the validators that were to be drawn.
    function panelQuorum(IPoUW.Rules memory r) internal pure returns (uint256) {
        return r.validators / 2 + 1;
    }

    /// @notice What the round waits for, and the last second of that wait.
    function awaits(Facts memory f, IPoUW.Rules memory r) internal view returns (Awaits, uint40 deadline) {
        Step step = f.step;
        deadline = f.deadline;
        if (step == Step.None) return (Awaits.Nothing, 0);
        bool past = Windows.isPast(deadline);
        if (isDraw(step)) return (past || block.number > f.seedBlock ? Awaits.Advance : Awaits.Seed, deadline);
        bool answers = step == Step.Answer;
        if (!answers && step != Step.Score) {
            if (past) return (Awaits.Advance, deadline);
            if (step == Step.Prepare) return (Awaits.Questions, deadline);
            return (f.claimed ? Awaits.Topics : Awaits.Claim, deadline);
        }
        if (!past) return (answers ? Awaits.Commitments : Awaits.Scores, deadline);
        uint256 sealed_ = answers ? f.committed : f.scored;
        uint256 open = answers ? f.revealed : f.opened;
        uint256 quorum = answers ? r.quorum : panelQuorum(r);
        if (Sketch.seatCount(sealed_) < quorum) return (Awaits.Advance, deadline);
        deadline += answers ? r.revealWindow : r.scoreWindow;
        if (sealed_ == open || Windows.isPast(deadline)) return (Awaits.Advance, deadline);
        return (answers ? Awaits.Openings : Awaits.ScoreOpenings, deadline);
    }

    /// @notice The phase of a round that runs.
    function phase(Facts memory f) internal view returns (Phase) {
        Step step = f.step;
        if (step == Step.DrawCreator) return Phase.Request;
        if (step == Step.Create) return f.claimed ? Phase.Create : Phase.Request;
        if (step == Step.DrawPreparer || step == Step.Prepare) return Phase.Prepare;
        if (step == Step.DrawAnswerers) return Phase.Start;
        if (step != Step.Answer) return Phase.Score;
        return Windows.isPast(f.deadline) ? Phase.Reveal : Phase.Commit;
    }

    function isDraw(Step step) internal pure returns (bool) {
        return step == Step.DrawCreator || step == Step.DrawPreparer || step == Step.DrawAnswerers || step == Step.DrawPanel;
    }

    function memberAt(uint256 members, uint256 i) internal pure returns (uint24) {
        return i > 9 ? 0 : uint24(members >> (24 * i));
    }

    /// @notice Notes a node that was replaced, so that it is not drawn again: the first eight.
    function shunLate(Facts memory f, uint24 node) internal pure {
        if (f.lates == 8) return;
        f.late |= uint192(node) << uint192(24 * f.lates++);
    }
}
