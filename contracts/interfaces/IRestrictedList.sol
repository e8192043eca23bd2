// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IRestrictedList: whom the network does no new business with
/// @notice Governance, through its timelock, lists addresses that may not stake anew, use an allowance, or be paid by the treasury.
/// @dev Listing takes nothing and traps nothing: unstaking, claiming, refunds, exits and withdrawals never ask this list, and COR moves
/// as for everybody. There is no fast path for a guardian.
interface IRestrictedList {
    /// @notice An address was listed or taken off the list.
    event RestrictionChanged(address indexed account, bool restricted);

    /// @notice The address is listed.
    error RestrictedAccount(address account);

    /// @notice Governance: lists addresses, or takes them off.
    function setRestricted(address[] calldata accounts, bool restricted) external;

    /// @notice Whether the address is listed.
    function isRestricted(address account) external view returns (bool);

    /// @notice Reverts with `RestrictedAccount` where the address is listed.
    function requireUnrestricted(address account) external view;
}
