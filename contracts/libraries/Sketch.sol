// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Words} from "./Words.sol";

/// @title Sketch: agreement of answers by 256-bit sketches
/// @notice A sketch holds the signs of 256 fixed projections of an answer's embedding. The Hamming distance h of two sketches
/// estimates the angle between the embeddings: pi * h / 256.
/// @dev Pure and total: reverts on no input of up to 16 seats. `sketches` is as long as `digests`.
library Sketch {
    using Words for bytes32[];

    /// @notice What a comparison found.
    /// @param canonical seat (index) of the canonical answer; only meaningful when `agreed`
    /// @param accepted bitmap of the canonical answer's group; 0 unless agreed
    /// @param agreed whether a group of at least the quorum stands alone at the top
    struct Verdict {
        uint256 canonical;
        uint256 accepted;
        bool agreed;
    }

    /// @notice Number of differing bits, 0 to 256.
    function distance(bytes32 a, bytes32 b) internal pure returns (uint256) {
        return popcount(uint256(a ^ b));
    }

    /// @notice Number of set bits.
    /// @dev Parallel counting (Warren, Hacker's Delight, 5-1), on 256 bits.
    function popcount(uint256 x) internal pure returns (uint256) {
        unchecked {
            if (x == type(uint256).max) return 256;
            x = x - ((x >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555);
            x =
                (x & 0x3333333333333333333333333333333333333333333333333333333333333333) +
                ((x >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            return (x * 0x0101010101010101010101010101010101010101010101010101010101010101) >> 248;
        }
    }

    /// @notice Number of set bits among the lowest 16: seats in a bitmap.
    function seatCount(uint256 x) internal pure returns (uint256) {
        unchecked {
            x = x - ((x >> 1) & 0x5555);
            x = (x & 0x3333) + ((x >> 2) & 0x3333);
            x = (x + (x >> 4)) & 0x0f0f;
            return (x + (x >> 8)) & 0x1f;
        }
    }

    /// @notice Groups answers and picks the canonical one.
    /// @dev The group of i is every j with an equal digest, or (unless `exact`) a sketch within `threshold`. Canonical is the i
    /// with the largest group of at least `quorum`, then the smallest sum of distances to its group, then the lowest index.
    /// A second group of the same size without a common member makes it undecided. Answers with equal digests are at distance 0.
    /// @param digests result digests, one per opened seat
    /// @param sketches their sketches
    function judge(
        bytes32[] memory digests,
        bytes32[] memory sketches,
        bool exact,
        uint256 threshold,
        uint256 quorum
    ) internal pure returns (Verdict memory verdict) {
        uint256 count = digests.length;
        // Lanes of 16 bits, one per answer: the bitmap of its group, and the sum of distances within it (at most 15 x 256).
        uint256 groups = 0;
        uint256 sums = 0;
        unchecked {
            // Indices and lanes of at most 16 answers.
            for (uint256 i = 0; i < count; ++i) {
                groups |= 1 << (17 * i);
                for (uint256 j = i + 1; j < count; ++j) {
                    uint256 apart = 0;
                    if (digests.get(i) != digests.get(j)) {
                        if (exact) continue;
                        apart = distance(sketches.get(i), sketches.get(j));
                        if (apart > threshold) continue;
                    }
                    groups |= (1 << (16 * i + j)) | (1 << (16 * j + i));
                    sums += (apart << (16 * i)) + (apart << (16 * j));
                }
            }
            uint256 best = 0;
            uint256 bestSize = 0;
            for (uint256 i = 0; i < count; ++i) {
                uint256 size = seatCount(_lane(groups, i));
                if (size > bestSize || (size == bestSize && _lane(sums, i) < _lane(sums, best))) (best, bestSize) = (i, size);
            }
            if (bestSize == 0 || bestSize < quorum) return verdict;
            uint256 group = _lane(groups, best);
            for (uint256 i = 0; i < count; ++i) {
                uint256 other = _lane(groups, i);
                if (other & group == 0 && seatCount(other) == bestSize) return verdict;
            }
            return Verdict({canonical: best, accepted: group, agreed: true});
        }
    }

    function _lane(uint256 lanes, uint256 i) private pure returns (uint256) {
        return (lanes >> (16 * i)) & 0xffff;
    }
}
