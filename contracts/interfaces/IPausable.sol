// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IPausable: what a guardian may do to a contract
/// @notice A guardian can hold back new work for at most 14 days, and not again within 30 days of the end of that. The pause ends by
/// itself. It stops what the contract's interface names and nothing else: commitments, reveals, settlements, refunds, exits, claims and
/// withdrawals never look at it.
interface IPausable {
    /// @notice New work is held back through the second `until`; a time that is past says that a pause was lifted.
    event PauseChanged(uint40 until);

    /// @notice Guardian: holds new work back for so many seconds, at most 14 days; 0 lifts the pause that lasts.
    /// @dev Reverts with `PauseTooLong`, `PauseTooEarly`, `PauseNotActive`.
    function pause(uint40 duration) external;

    /// @notice Last second of the pause, whether it lasts or is over; 0 where there never was one.
    function pausedUntil() external view returns (uint40);
}
