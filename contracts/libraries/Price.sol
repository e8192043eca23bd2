// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Price: what tokens cost
/// @dev Prices are COR base units per 1,000 tokens and answer. Rounding favours the payer, except for the lock, which is
/// rounded up so that it always covers the charge. Shares are 1/10,000.
library Price {
    uint256 internal constant PER = 1_000;
    uint256 internal constant BPS = 10_000;

    /// @notice Gross pay of one node for `tokens`, rounded down.
    function gross(uint256 tokens, uint256 price) internal pure returns (uint256) {
        return (tokens * price) / PER;
    }

    /// @notice Most that a task can cost: `tokens` of prompts and outputs, k times, rounded up, and the bounty.
    function worstCase(uint256 tokens, uint256 price, uint256 redundancy, uint256 bounty) internal pure returns (uint256) {
        return (tokens * price * redundancy + PER - 1) / PER + bounty;
    }

    /// @notice A share, rounded down.
    function share(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return (amount * bps) / BPS;
    }
}
