// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Part, Parts} from "./Parts.sol";
import {Score} from "./Score.sol";

/// @dev What a node was asked and delivered in rounds of network work; one slot. Counters saturate.
/// @param createsAsked rounds it was to create, and
/// @param creates created
/// @param preparesAsked rounds it was to prepare, and
/// @param prepares prepared
/// @param scoresAsked panels it sat in, and
/// @param scores in which its scores were opened
/// @param answersAsked rounds it was to answer in,
/// @param commits committed in,
/// @param reveals opened in, or was never asked to,
/// @param passes and passed
/// @param streak capable passes in a row at its level
/// @param misses misses at its level since it last rose or fell
/// @param score as of `updatedAt`, see `Score`
/// @param updatedAt time of the last part, seconds; 0 for none
struct Standing {
    uint16 createsAsked;
    uint16 creates;
    uint16 preparesAsked;
    uint16 prepares;
    uint16 scoresAsked;
    uint16 scores;
    uint24 answersAsked;
    uint24 commits;
    uint24 reveals;
    uint24 passes;
    uint8 streak;
    uint8 misses;
    uint16 score;
    uint32 updatedAt;
}

/// @title StandingLib: how a part in a round moves a node's standing and level
/// @dev Pure and total.
library StandingLib {
    uint256 internal constant STAYS = 0;
    /// @dev As in `INodePool.finish`.
    uint256 internal constant RISES = 4;
    uint256 internal constant FALLS = 8;

    /// @notice The standing after one part. Answers alone move the level: up after `passesUp` capable passes in a row, down after
    /// `missesDown` misses; either way both counts begin again.
    function after_(
        Standing memory s,
        Part part,
        uint256 passesUp,
        uint256 missesDown,
        uint256 time
    ) internal pure returns (Standing memory, uint256 move) {
        Parts.Role role = part.role();
        Score.Conduct conduct = part.conduct();
        Parts.Mark mark = part.mark();
        s.score = uint16(_step(scoreOf(s, time), conduct, mark));
        s.updatedAt = uint32(time);
        uint256 done = conduct == Score.Conduct.Opened ? 1 : 0;
        if (role == Parts.Role.Creator) {
            (s.createsAsked, s.creates) = (_add(s.createsAsked, 1), _add(s.creates, done));
        } else if (role == Parts.Role.Preparer) {
            (s.preparesAsked, s.prepares) = (_add(s.preparesAsked, 1), _add(s.prepares, done));
        } else if (role == Parts.Role.Validator) {
            (s.scoresAsked, s.scores) = (_add(s.scoresAsked, 1), _add(s.scores, done));
        } else {
            move = _answered(s, conduct, mark, passesUp, missesDown);
        }
        return (s, move);
    }

    /// @notice The score at a time, decayed; the floor where nothing is known.
    function scoreOf(Standing memory s, uint256 time) internal pure returns (uint256) {
        return s.updatedAt == 0 ? Score.FLOOR : Score.decayed(s.score, time - s.updatedAt);
    }

    function _answered(
        Standing memory s,
        Score.Conduct conduct,
        Parts.Mark mark,
        uint256 passesUp,
        uint256 missesDown
    ) private pure returns (uint256) {
        s.answersAsked = _more(s.answersAsked, 1);
        s.commits = _more(s.commits, conduct == Score.Conduct.Silent ? 0 : 1);
        bool opened = conduct == Score.Conduct.Opened || conduct == Score.Conduct.Excused;
        s.reveals = _more(s.reveals, opened ? 1 : 0);
        bool passed = mark == Parts.Mark.Pass || mark == Parts.Mark.Capable;
        s.passes = _more(s.passes, passed ? 1 : 0);
        if (mark == Parts.Mark.Capable) {
            if (uint256(s.streak) + 1 < passesUp) {
                ++s.streak;
                return STAYS;
            }
            (s.streak, s.misses) = (0, 0);
            return RISES;
        }
        if (mark != Parts.Mark.Miss) return STAYS;
        s.streak = 0;
        if (uint256(s.misses) + 1 < missesDown) {
            ++s.misses;
            return STAYS;
        }
        s.misses = 0;
        return FALLS;
    }

    /// @dev Who delivered and was not marked has done well: creators and preparers.
    function _step(uint256 score, Score.Conduct conduct, Parts.Mark mark) private pure returns (uint256) {
        if (conduct == Score.Conduct.Excused) return score;
        return Score.step(score, conduct, mark == Parts.Mark.Miss ? 0 : 1, mark == Parts.Mark.Miss ? 1 : 0);
    }

    function _add(uint16 count, uint256 by) private pure returns (uint16) {
        return count == type(uint16).max ? count : uint16(count + by);
    }

    function _more(uint24 count, uint256 by) private pure returns (uint24) {
        return count == type(uint24).max ? count : uint24(count + by);
    }
}
