// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Score: how a node's reputation moves
/// @dev Bounded by 0 and MAX; one step moves it by at most a quarter of MAX. Rounded towards no change.
library Score {
    uint16 internal constant MAX = 10_000;
    /// @notice Score of a node that nothing is known about, and what every score decays to.
    uint16 internal constant FLOOR = 1_000;
    /// @notice Time in which the distance to the floor halves, seconds.
    uint256 internal constant HALF_LIFE = 30 days;

    /// @notice How a node behaved in a task. `Excused`: it committed, and no reveal phase took place.
    enum Conduct {
        Silent,
        Unopened,
        Opened,
        Excused
    }

    /// @notice The score after one task: accepted on more prompts than outlier, up by 1/16 of what is missing to MAX; opened but
    /// more often the outlier, down by 1/8; silent, down by 1/8; committed and not opened, down by 1/4.
    function step(uint256 score, Conduct conduct, uint256 accepted, uint256 outliers) internal pure returns (uint256) {
        unchecked {
            // A score is at most MAX: nothing here can wrap.
            if (conduct == Conduct.Silent) return score - score / 8;
            if (conduct == Conduct.Unopened) return score - score / 4;
            if (accepted > outliers) return score + (MAX - score) / 16;
            if (outliers > accepted) return score - score / 8;
            return score;
        }
    }

    /// @notice The score `elapsed` seconds later.
    function decayed(uint256 score, uint256 elapsed) internal pure returns (uint256) {
        if (elapsed < HALF_LIFE) return score;
        unchecked {
            uint256 halvings = elapsed / HALF_LIFE;
            if (score >= FLOOR) return FLOOR + ((score - FLOOR) >> halvings);
            return FLOOR - ((FLOOR - score) >> halvings);
        }
    }
}
