// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Words: lists in memory without the bounds check
/// @notice For the loops of judging, whose indices run below the length of the lists they walk: there the check costs more than the
/// work (bench/gas).
/// @dev The caller keeps `i` below the list's length; nothing here looks.
library Words {
    function get(uint256[] memory list, uint256 i) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(list, 32), shl(5, i)))
        }
    }

    function get(bytes32[] memory list, uint256 i) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(add(add(list, 32), shl(5, i)))
        }
    }

    function set(uint256[] memory list, uint256 i, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(list, 32), shl(5, i)), value)
        }
    }

    function set(bytes32[] memory list, uint256 i, bytes32 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(list, 32), shl(5, i)), value)
        }
    }

    /// @notice 1 for true, 0 for false.
    function flag(bool condition) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := condition
        }
    }
}
