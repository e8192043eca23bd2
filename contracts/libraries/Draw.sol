// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Score} from "./Score.sol";

/// @title Draw: picks by seed
/// @dev Modulo bias is below 2^-100 for any list that fits on chain: a place takes the lower half of a roll, the weight the upper.
library Draw {
    /// @notice The i-th roll of a draw.
    function roll(bytes32 seed, uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }

    /// @notice The place that a roll names among `count`.
    function place(uint256 rolled, uint256 count) internal pure returns (uint256) {
        return uint128(rolled) % count;
    }

    /// @notice Whether a candidate with this score is taken by this roll: with a chance of a half at score 0, and always at the highest.
    function accepts(uint256 rolled, uint256 score) internal pure returns (bool) {
        return (rolled >> 128) % (2 * uint256(Score.MAX)) < Score.MAX + score;
    }

    /// @notice The first `count` places of a permutation of 0..size-1 (Fisher-Yates), packed four bits each, lowest first.
    /// @dev `size` is at most 10. One hash gives all picks: pick i takes the seed's hash, divided by the products of the earlier sizes.
    function permutation(uint96 seed, uint256 size, uint256 count) internal pure returns (uint256 places) {
        uint256 rest = uint256(keccak256(abi.encode(seed)));
        uint256 deck = 0x9876543210;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 left = size - i;
                uint256 shift = (rest % left) * 4;
                rest /= left;
                uint256 last = (left - 1) * 4;
                uint256 picked = (deck >> shift) & 0xf;
                // The last place moves into the gap, so that the deck stays dense.
                uint256 moved = (deck >> last) & 0xf;
                deck = (deck & ~(uint256(0xf) << shift)) | (moved << shift);
                places |= picked << (4 * i);
            }
        }
    }
}
