// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Words} from "./Words.sol";

/// @title Sketch: agreement of answers by 256-bit sketches
/// @notice A sketch holds the signs of 256 fixed projections of an answer's embedding. The Hamming distance h of two sketches
/// estimates the angle between the embeddings: pi * h / 256.
/// @dev Pure and total: reverts on no input of up to 16 seats. `sketches` is as long as `digests`.
library Sketch {
    using Words for bytes32[];

    /// @dev More than fifteen distances can sum to.
    uint256 private constant NEAR = 4_096;

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
            x = x - ((x >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555);
            x =
                (x & 0x3333333333333333333333333333333333333333333333333333333333333333) +
                ((x >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            x = (x + (x >> 8)) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
            return (x * 0x0001000100010001000100010001000100010001000100010001000100010001) >> 240;
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
        (verdict.canonical, verdict.accepted) = canonicalOf(digests, sketches, limitOf(exact, threshold), quorum);
        verdict.agreed = verdict.accepted != 0;
    }

    /// @notice The least distance that does not agree; 0 where only equal digests do.
    function limitOf(bool exact, uint256 threshold) internal pure returns (uint256) {
        return exact ? 0 : threshold + 1;
    }

    /// @notice The same as `judge`, in two words.
    /// @dev The loops of a settlement run through here (bench/gas): counting is written out, and nothing is stored.
    /// @param limit see `limitOf`
    /// @return canonical index of the canonical answer; 0 unless agreed
    /// @return accepted bitmap of its group; 0 unless agreed
    function canonicalOf(
        bytes32[] memory digests,
        bytes32[] memory sketches,
        uint256 limit,
        uint256 quorum
    ) internal pure returns (uint256 canonical, uint256 accepted) {
        uint256 count = digests.length;
        // Lanes of 16 bits, one per answer: the bitmap of its group, and its rank. The rank is NEAR for every other member of the group,
        // less the distance to it; with at most 15 x 256 to take off, a larger group always ranks higher.
        uint256 groups = 0;
        uint256 ranks = 0;
        unchecked {
            // Indices and lanes of at most 16 answers. Without branches inside, because a jump costs more than what it would skip.
            if (limit == 0) (sketches, limit) = (digests, 1);
            for (uint256 i = 0; i < count; ++i) {
                bytes32 digest = digests.get(i);
                bytes32 sketch = sketches.get(i);
                uint256 lane = 16 * i;
                groups |= 1 << (lane + i);
                for (uint256 j = i + 1; j < count; ++j) {
                    uint256 apart = popcount(uint256(sketch ^ sketches.get(j))) * Words.flag(digest != digests.get(j));
                    uint256 near = Words.flag(apart < limit);
                    uint256 other = 16 * j;
                    groups |= (near << (lane + j)) | (near << (other + i));
                    near *= NEAR - apart;
                    ranks += (near << lane) + (near << other);
                }
            }
            uint256 highest = uint16(ranks);
            for (uint256 i = 1; i < count; ++i) {
                uint256 rank = uint16(ranks >> (16 * i));
                if (rank > highest) (canonical, highest) = (i, rank);
            }
            uint256 size = _sizeOf(highest);
            if (count == 0 || size < quorum) return (0, 0);
            accepted = uint16(groups >> (16 * canonical));
            // No two groups of more than half are disjoint.
            if (2 * size > count) return (canonical, accepted);
            for (uint256 i = 0; i < count; ++i) {
                uint256 lane = 16 * i;
                if (uint16(groups >> lane) & accepted == 0 && _sizeOf(uint16(ranks >> lane)) == size) return (0, 0);
            }
        }
    }

    /// @dev Members of a group, by its rank.
    function _sizeOf(uint256 rank) private pure returns (uint256) {
        unchecked {
            return 1 + (rank + NEAR - 1) / NEAR;
        }
    }
}
