// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Verdicts: what a panel of validators found, from its members' verdict words
/// @notice A verdict word holds, per miner's seat and from the lowest bit, 22 bits: finding 2 (see `FINDINGS`), usefulness 4 (0 to 10)
/// and measured deviation 16 (mean |delta| of the log-probabilities, thousandths of a nat). Nine seats fill 198 bits.
/// @dev Pure and total: reverts on no words, and gives the same for every order of them. Usefulness is pooled by the lower median, which
/// one outlier of three or more moves at most to its neighbour.
library Verdicts {
    uint256 internal constant SEAT_BITS = 22;
    uint256 internal constant SEATS = 9;
    uint256 internal constant MAX_SCORE = 10;
    /// @notice A score farther than this from the median counts as far.
    uint256 internal constant TOLERANCE = 3;

    uint256 internal constant GENUINE = 0;
    uint256 internal constant NOT_GENUINE = 1;
    uint256 internal constant MISMATCH = 2;
    uint256 internal constant UNAVAILABLE = 3;

    /// @notice What a panel found; all are bitmaps of miners' seats but `medians`.
    /// @param decided whether a quorum opened; else nothing was found
    /// @param rejected seats that are not paid: found bad by a quorum, or below the bar
    /// @param bad found bad by a quorum, whatever the kind
    /// @param genuine found genuine by a quorum
    /// @param notGenuine found not to come from the model by a quorum (mismatches count too)
    /// @param mismatch found by a quorum to have committed a sketch or digest that the content does not have
    /// @param medians usefulness, 4 bits a seat
    struct Outcome {
        bool decided;
        uint256 rejected;
        uint256 bad;
        uint256 genuine;
        uint256 notGenuine;
        uint256 mismatch;
        uint256 medians;
    }

    /// @notice The verdict of a panel.
    /// @param words of those who opened
    /// @param seats bitmap of the miners' seats that are judged
    /// @param quorum openings that are needed, and votes for a finding; at least 1
    /// @param bar lowest median that is paid; 0: none
    function outcome(uint256[] memory words, uint256 seats, uint256 quorum, uint256 bar) internal pure returns (Outcome memory found) {
        if (words.length < quorum) return found;
        found.decided = true;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            if ((seats >> seat) & 1 == 0) continue;
            uint256 bit = 1 << seat;
            // Votes for each finding, 8 bits each.
            uint256 votes = 0;
            for (uint256 i = 0; i < words.length; ++i) votes += 1 << (8 * findingOf(words[i], seat));
            uint256 mismatches = (votes >> 16) & 0xff;
            uint256 untrue = ((votes >> 8) & 0xff) + mismatches;
            if (votes & 0xff >= quorum) found.genuine |= bit;
            if (untrue >= quorum) found.notGenuine |= bit;
            if (mismatches >= quorum) found.mismatch |= bit;
            if (untrue + ((votes >> 24) & 0xff) >= quorum) found.bad |= bit;
            uint256 median = medianOf(words, seat);
            found.medians |= median << (4 * seat);
            if (median < bar) found.rejected |= bit;
        }
        found.rejected |= found.bad;
    }

    /// @notice How far one validator was from its panel: seats on which it agreed, and seats on which its finding was another than the
    /// panel's (good or bad), or its score farther than `TOLERANCE` from the median.
    function standing(uint256 word, Outcome memory found, uint256 seats) internal pure returns (uint256 near, uint256 far) {
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            if ((seats >> seat) & 1 == 0) continue;
            bool bad = (found.bad >> seat) & 1 == 1;
            uint256 score = scoreOf(word, seat);
            uint256 median = (found.medians >> (4 * seat)) & 0xf;
            uint256 apart = score > median ? score - median : median - score;
            if ((findingOf(word, seat) != GENUINE) != bad || apart > TOLERANCE) ++far;
            else ++near;
        }
    }

    /// @notice The seats that a single verdict would reject.
    function rejectedBy(uint256 word, uint256 seats, uint256 bar) internal pure returns (uint256 rejected) {
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            if ((seats >> seat) & 1 == 0) continue;
            if (findingOf(word, seat) != GENUINE || scoreOf(word, seat) < bar) rejected |= 1 << seat;
        }
    }

    function findingOf(uint256 word, uint256 seat) internal pure returns (uint256) {
        return (word >> (SEAT_BITS * seat)) & 3;
    }

    function scoreOf(uint256 word, uint256 seat) internal pure returns (uint256) {
        return (word >> (SEAT_BITS * seat + 2)) & 0xf;
    }

    /// @notice Whether every score is at most `MAX_SCORE` and nothing lies beyond the last seat.
    function isWellFormed(uint256 word) internal pure returns (bool) {
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            if (scoreOf(word, seat) > MAX_SCORE) return false;
        }
        return word >> (SEAT_BITS * SEATS) == 0;
    }

    /// @notice The lower median of the scores of a seat.
    function medianOf(uint256[] memory words, uint256 seat) internal pure returns (uint256) {
        uint256 rank = (words.length - 1) / 2;
        for (uint256 value = 0; value < MAX_SCORE; ++value) {
            uint256 most = 0;
            for (uint256 i = 0; i < words.length; ++i) {
                if (scoreOf(words[i], seat) <= value) ++most;
            }
            if (most > rank) return value;
        }
        return MAX_SCORE;
    }
}
