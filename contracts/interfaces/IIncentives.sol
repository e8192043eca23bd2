// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IIncentives: the 35 % of all COR that pay for taking part
/// @notice Holds 350,000,000 COR. Stakers' rewards go to `Staking` by the schedule, a year ahead; the rest is for network work, and leaves by
/// vote alone.
/// @dev `fundStaking` is for anyone and sends what the schedule can have emitted a year (`AHEAD`) from now at the most, less what was sent: at the
/// start 132,000,000 COR, the worst case of the first year. Called once a year, it lets nothing go unfunded. `grant` leaves what it would send now.
/// Holds no user's money. Amounts are COR base units.
interface IIncentives {
    /// @notice Rewards went to the staking contract.
    event StakingFunded(uint256 amount);
    /// @notice Governance gave out incentives for network work.
    event IncentivesGranted(address indexed to, uint256 amount);

    /// @notice A grant would take what staking may need, base units.
    error IncentivesReserved(uint256 found, uint256 most);
    /// @notice The schedule has been funded as far ahead as it goes, or nothing is left.
    error IncentivesNothing();
    /// @notice Zero address.
    error IncentivesZeroAddress();

    /// @notice Anyone: brings the staking contract's reserve up to what the schedule can emit until `AHEAD` seconds from now.
    function fundStaking() external returns (uint256 amount);

    /// @notice Governance: incentives for network work (`Rewards`), never those that staking may need.
    function grant(address to, uint256 amount) external;

    /// @notice Most that a grant can take now.
    function grantable() external view returns (uint256);

    /// @notice What went to the staking contract so far.
    function sentToStaking() external view returns (uint256);
}
