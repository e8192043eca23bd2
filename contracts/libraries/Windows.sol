// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Windows: all time arithmetic
/// @dev Deadlines are inclusive: a thing due at `deadline` may be done in that second, and is late in the next.
library Windows {
    /// @notice Now, seconds.
    function clock() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    /// @notice Whether the last second has gone by.
    function isPast(uint40 deadline) internal view returns (bool) {
        return clock() > deadline;
    }

    /// @notice The last second of a window that starts now.
    function endOf(uint256 window) internal view returns (uint40) {
        return uint40(block.timestamp + window);
    }
}
