// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IOracleMembership: who is an oracle now
interface IOracleMembership {
    /// @notice Whether the account is a member of the oracle committee now.
    function isOracle(address account) external view returns (bool);
}
