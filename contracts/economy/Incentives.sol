// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IIncentives} from "../interfaces/IIncentives.sol";
import {Emission} from "../libraries/Emission.sol";
import {Staking} from "./Staking.sol";

/// @title Incentives
contract Incentives is IIncentives, AccessManaged {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice How far ahead of the schedule staking is funded, seconds.
    uint256 public constant AHEAD = Emission.YEAR;

    IERC20 public immutable TOKEN;
    Staking public immutable STAKING;

    uint256 private _sent;

    constructor(address authority, IERC20 token, Staking staking) AccessManaged(authority) {
        TOKEN = token;
        STAKING = staking;
    }

    /// @inheritdoc IIncentives
    function fundStaking() external returns (uint256 amount) {
        amount = Math.min(Math.saturatingSub(Emission.most(_elapsed() + AHEAD), _sent), TOKEN.balanceOf(address(this)));
        if (amount == 0) revert IncentivesNothing();
        _sent += amount;
        emit StakingFunded(amount);
        TOKEN.forceApprove(address(STAKING), amount);
        STAKING.fund(amount.toUint128());
    }

    /// @inheritdoc IIncentives
    function grant(address to, uint256 amount) external restricted {
        if (to == address(0)) revert IncentivesZeroAddress();
        uint256 most = grantable();
        if (amount > most) revert IncentivesReserved(amount, most);
        emit IncentivesGranted(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IIncentives
    function grantable() public view returns (uint256) {
        uint256 needed = Math.saturatingSub(Emission.most(_elapsed() + AHEAD), _sent);
        return Math.saturatingSub(TOKEN.balanceOf(address(this)), needed);
    }

    /// @inheritdoc IIncentives
    function sentToStaking() external view returns (uint256) {
        return _sent;
    }

    function _elapsed() private view returns (uint256) {
        return Math.saturatingSub(block.timestamp, STAKING.STARTS_AT());
    }
}
