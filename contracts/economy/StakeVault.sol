// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title StakeVault: one staker's principal
/// @notice Holds COR for `Staking`, which makes a copy of it for every staker, and delegates its votes. Does nothing else.
contract StakeVault {
    using SafeERC20 for IERC20;

    address public immutable STAKING;
    IERC20 public immutable TOKEN;

    /// @notice The caller is not the staking contract.
    error StakeVaultUnauthorized(address found, address wanted);

    constructor(IERC20 token) {
        STAKING = msg.sender;
        TOKEN = token;
    }

    modifier onlyStaking() {
        if (msg.sender != STAKING) revert StakeVaultUnauthorized(msg.sender, STAKING);
        _;
    }

    /// @notice Staking: sends principal out.
    function release(address to, uint256 amount) external onlyStaking {
        TOKEN.safeTransfer(to, amount);
    }

    /// @notice Staking: whom the votes go to.
    function delegate(address to) external onlyStaking {
        IVotes(address(TOKEN)).delegate(to);
    }
}
