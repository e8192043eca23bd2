// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Ending, IPoUW, Kind} from "../interfaces/IPoUW.sol";
import {Part, Parts} from "./Parts.sol";
import {Facts, RoundLib} from "./RoundLib.sol";
import {Score} from "./Score.sol";
import {Sketch} from "./Sketch.sol";
import {Verdicts} from "./Verdicts.sol";

/// @title RoundBook: what became of every member of a round
/// @notice From a round's facts and its validators' verdicts to one `Part` a member, and to what the pool does with it. Points: 2 for
/// topics, a question, scores near the median; 1 for a passed answer of a liveness round; the median usefulness for a passed answer of a
/// capability round.
library RoundBook {
    /// @dev As in `INodePool.finish`.
    uint256 internal constant PASSED = 1;
    uint256 internal constant FAILED = 2;
    uint256 internal constant WORK = 2;

    /// @notice What there is to conclude from.
    /// @param seated, judges, pace as in `Round`
    /// @param levels of creator (8 bits) and preparer (8); of answerers; of validators: 8 bits each, lowest first
    /// @param words verdicts by panel seat; of those that were not opened, anything
    struct Case {
        Facts facts;
        IPoUW.Rules rules;
        uint256 seated;
        uint256 judges;
        uint256 pace;
        uint256[3] levels;
        uint256[] words;
    }

    /// @param parts one a member, in the order of the roles and seats
    /// @param first place of the first answerer among them
    /// @param outcomes of the answerers, for the pool; level moves come from `IReputation.book`
    /// @param panelOutcomes of the validators, for the pool
    /// @param agreed bitmap of the canonical answer's group
    /// @param medians usefulness by seat, 4 bits each
    struct Result {
        Part[] parts;
        uint256 first;
        uint256 outcomes;
        uint256 panelOutcomes;
        uint16 agreed;
        uint256 medians;
    }

    /// @notice A creator or preparer that was late.
    function late(uint24 node, Parts.Role role, uint256 level) internal pure returns (Part) {
        return Parts.pack(node, role, Score.Conduct.Silent, Parts.Mark.Miss, level, Parts.Line.Health, 0);
    }

    /// @notice A validator of a panel that came to nothing.
    function validator(uint24 node, Score.Conduct conduct, uint256 level) internal pure returns (Part) {
        Parts.Mark mark = conduct == Score.Conduct.Silent ? Parts.Mark.Miss : Parts.Mark.None;
        return Parts.pack(node, Parts.Role.Validator, conduct, mark, level, Parts.Line.Health, 0);
    }

    /// @notice Concludes a round.
    function conclude(Case memory c) internal pure returns (Result memory result) {
        Facts memory f = c.facts;
        uint256 filled = 0;
        result.parts = new Part[]((f.createdBy == 0 ? 0 : 1) + (f.preparedBy == 0 ? 0 : 1) + f.seats + f.panelSize);
        if (f.createdBy != 0) result.parts[filled++] = _work(f.createdBy, Parts.Role.Creator, false, uint8(c.levels[0]));
        bool refused = c.facts.ending == Ending.ContentRefused;
        if (f.preparedBy != 0) result.parts[filled++] = _work(f.preparedBy, Parts.Role.Preparer, refused, uint8(c.levels[0] >> 8));
        result.first = filled;
        Verdicts.Outcome memory found = _outcome(c);
        result.medians = found.medians;
        if (f.canonical != RoundLib.NO_SEAT) result.agreed = f.agreed;
        _answers(c, found, result);
        _panel(c, found, result);
    }

    function _work(uint24 node, Parts.Role role, bool refused, uint256 level) private pure returns (Part) {
        Parts.Mark mark = refused ? Parts.Mark.Miss : Parts.Mark.Pass;
        return Parts.pack(node, role, Score.Conduct.Opened, mark, level, Parts.Line.Health, refused ? 0 : WORK);
    }

    /// @dev What the panel found; undecided where too few opened.
    function _outcome(Case memory c) private pure returns (Verdicts.Outcome memory) {
        uint256[] memory opened = new uint256[](Sketch.seatCount(c.facts.opened));
        uint256 count = 0;
        for (uint256 seat = 0; seat < c.words.length; ++seat) {
            if ((c.facts.opened >> seat) & 1 == 1) opened[count++] = c.words[seat];
        }
        return Verdicts.outcome(opened, c.facts.revealed, RoundLib.panelQuorum(c.rules), c.rules.bar);
    }

    function _answers(Case memory c, Verdicts.Outcome memory found, Result memory result) private pure {
        Facts memory f = c.facts;
        bool opens = Sketch.seatCount(f.committed) >= c.rules.quorum;
        Parts.Line line = f.kind == Kind.Liveness ? Parts.Line.Liveness : Parts.Line.Health;
        for (uint256 seat = 0; seat < f.seats; ++seat) {
            uint256 level = uint8(c.levels[1] >> (8 * seat));
            Score.Conduct conduct = _conduct(f.committed, f.revealed, seat, opens);
            Parts.Mark mark = Parts.Mark.None;
            uint256 points = 0;
            if (conduct == Score.Conduct.Silent || conduct == Score.Conduct.Unopened) {
                mark = Parts.Mark.Miss;
                result.outcomes |= FAILED << (4 * seat);
            } else if (conduct == Score.Conduct.Opened && c.facts.ending == Ending.Judged) {
                bool good;
                (mark, good, points) = _judged(c, found, result.agreed, seat, level);
                if (mark != Parts.Mark.None) result.outcomes |= (good ? PASSED : FAILED) << (4 * seat);
            }
            uint24 node = RoundLib.memberAt(c.seated, seat);
            result.parts[result.first + seat] = Parts.pack(node, Parts.Role.Answerer, conduct, mark, level, line, points);
        }
    }

    /// @dev An opened answer of a round that was judged. `good`: keeps or gets its pass; a useful answer that is too slow for its node's level
    /// is good and yet a miss. Where neither sketches nor validators said anything, there is no mark.
    function _judged(
        Case memory c,
        Verdicts.Outcome memory found,
        uint256 agreed,
        uint256 seat,
        uint256 level
    ) private pure returns (Parts.Mark mark, bool good, uint256 points) {
        bool liveness = c.facts.kind == Kind.Liveness;
        bool grouped = agreed != 0 && (liveness || c.rules.validators == 0);
        if (!grouped && !found.decided) return (Parts.Mark.None, false, 0);
        good = (!grouped || (agreed >> seat) & 1 == 1) && (!found.decided || (found.rejected >> seat) & 1 == 0);
        if (!good) return (Parts.Mark.Miss, false, 0);
        if (liveness) return (Parts.Mark.Pass, true, 1);
        points = found.decided ? (found.medians >> (4 * seat)) & 0xf : 1;
        // Output tokens per 1,000 seconds from draw to commitment against the level's; anything will do at level 0.
        uint256 pace = c.pace >> (32 * seat);
        bool fast = uint256(uint16(pace >> 16)) * 1_000 >= uint256(c.rules.speed) * level * uint16(pace);
        mark = fast ? Parts.Mark.Capable : Parts.Mark.Miss;
    }

    function _panel(Case memory c, Verdicts.Outcome memory found, Result memory result) private pure {
        Facts memory f = c.facts;
        bool opens = Sketch.seatCount(f.scored) >= RoundLib.panelQuorum(c.rules);
        for (uint256 seat = 0; seat < f.panelSize; ++seat) {
            Score.Conduct conduct = _conduct(f.scored, f.opened, seat, opens);
            Parts.Mark mark = Parts.Mark.None;
            uint256 points = 0;
            if (conduct == Score.Conduct.Silent || conduct == Score.Conduct.Unopened) {
                mark = Parts.Mark.Miss;
                result.panelOutcomes |= FAILED << (4 * seat);
            } else if (conduct == Score.Conduct.Opened && found.decided) {
                (uint256 near, uint256 far) = Verdicts.standing(c.words[seat], found, f.revealed);
                (mark, points) = near >= far ? (Parts.Mark.Pass, WORK) : (Parts.Mark.Miss, 0);
            }
            uint24 node = RoundLib.memberAt(c.judges, seat);
            uint256 level = uint8(c.levels[2] >> (8 * seat));
            result.parts[result.first + f.seats + seat] = Parts.pack(
                node,
                Parts.Role.Validator,
                conduct,
                mark,
                level,
                Parts.Line.Health,
                points
            );
        }
    }

    function _conduct(uint256 committed, uint256 revealed, uint256 seat, bool opens) private pure returns (Score.Conduct) {
        if ((committed >> seat) & 1 == 0) return Score.Conduct.Silent;
        if ((revealed >> seat) & 1 == 1) return Score.Conduct.Opened;
        return opens ? Score.Conduct.Unopened : Score.Conduct.Excused;
    }
}
