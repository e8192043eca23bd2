// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Pause: new work stops for a while, and begins again by itself
/// @notice The one rule of all pauses: at most 14 days, never again within 30 days of the end of the last. Contracts keep one word-part,
/// the last second of the pause, beside what the functions that a pause stops read anyway.
/// @dev Only functions that bring new work or new money in may look at it. Nothing that ends work or pays out ever does.
library Pause {
    /// @notice Longest pause, seconds.
    uint40 internal constant LONGEST = 14 days;
    /// @notice Time from the end of a pause in which no other may begin, seconds.
    uint40 internal constant COOL_DOWN = 30 days;

    /// @notice New work is paused through the second `until`; what runs goes on, and money leaves as ever.
    error PauseActive(uint40 until);
    /// @notice The pause would be longer than any may be, seconds.
    error PauseTooLong(uint256 found, uint256 most);
    /// @notice Too early for another pause: `found` is now.
    error PauseTooEarly(uint256 found, uint256 wanted);
    /// @notice There is no pause to lift.
    error PauseNotActive(uint40 until);

    /// @dev Reverts while the pause lasts.
    function requireOff(uint40 until) internal view {
        if (block.timestamp <= until) revert PauseActive(until);
    }

    /// @dev The last second of a pause that begins now; of `duration` 0: the second before now, so that the pause is over.
    /// @param until last second of the last pause; 0 where there was none
    function next(uint40 until, uint40 duration) internal view returns (uint40) {
        uint40 time = uint40(block.timestamp);
        if (duration == 0) {
            if (time > until) revert PauseNotActive(until);
            return time - 1;
        }
        if (duration > LONGEST) revert PauseTooLong(duration, LONGEST);
        if (until != 0 && time <= until + COOL_DOWN) revert PauseTooEarly(time, until + COOL_DOWN + 1);
        return time + duration - 1;
    }
}
