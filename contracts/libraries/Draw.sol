// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Draw: picks by seed
/// @dev Modulo bias is below 2^-200 for any list that fits on chain.
library Draw {
    /// @notice The i-th pick out of `size` remaining places.
    function pick(bytes32 seed, uint256 i, uint256 size) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i))) % size;
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
