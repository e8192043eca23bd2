// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISession, SessionId} from "./ISession.sol";

/// @title IAllowance: stake to use
/// @notice A staker may use the network for a daily amount that follows from its stake: its weight in `Staking` times a governed rate. The
/// treasury pays: this contract holds COR for it, owns the sessions that run on it, and funds them for their holders. What a session does
/// not use comes back here, never to the holder, so an allowance buys inference and nothing else.
/// @dev In any 24 hours a staker uses at most its allowance: uses are counted as parts of the allowance that holds when they happen, so that
/// a stake that grows or shrinks in between changes what the rest is worth. The holder is a router of its sessions: it reserves, submits and
/// cancels, and earns the router's share of what it spends, if the network has one. Its own nodes are not excluded from its draws. `SessionPayment`
/// knows nothing of it. Amounts are COR base units, times seconds.
interface IAllowance {
    /// @notice A session was opened for a holder.
    event AllowanceSessionOpened(SessionId indexed session, address indexed holder);
    /// @notice A holder used a part of its allowance for a session.
    event AllowanceUsed(address indexed holder, SessionId indexed session, uint128 amount);
    /// @notice Money that a closed session did not use came back.
    event AllowanceReclaimed(SessionId indexed session, uint96 amount);
    /// @notice The rate for uses from now on, millionths of the weight a day.
    event AllowanceRateChanged(uint32 rate);
    /// @notice Governance took money back to the treasury.
    event AllowanceReturned(address indexed to, uint256 amount);

    /// @notice The caller does not hold the session.
    error AllowanceUnauthorized(address found, address wanted);
    /// @notice More than is left of the allowance within 24 hours, base units.
    error AllowanceExceeded(uint256 found, uint256 most);
    /// @notice The treasury has put less here, base units.
    error AllowanceEmpty(uint256 found, uint256 wanted);
    /// @notice The session is not closed.
    error AllowanceSessionOpen(SessionId session);
    /// @notice The rate is above what any may be, millionths a day.
    error AllowanceRateTooHigh(uint32 found, uint32 most);
    /// @notice The caller has no stake.
    error AllowanceNoStake(address account);
    /// @notice Zero address.
    error AllowanceZeroAddress();

    /// @notice Staker: opens a session on these terms, with the caller as its router.
    function open(ISession.Terms calldata terms) external returns (SessionId session);

    /// @notice Holder: pays into its session out of its allowance.
    /// @dev Reverts with `AllowanceExceeded`, `AllowanceEmpty`, `RestrictedAccount`.
    function use(SessionId session, uint128 amount) external;

    /// @notice Holder: lets another router submit for the session, or stops it.
    function setRouter(SessionId session, address router, bool allowed, string calldata endpoint) external;

    /// @notice Holder: no new tasks.
    function close(SessionId session) external;

    /// @notice Anyone: brings what a closed session has available back here.
    function reclaim(SessionId session) external returns (uint96 amount);

    /// @notice Governance: the daily rate, millionths of the weight.
    function setRate(uint32 rate) external;

    /// @notice Governance: takes money that no session has back to the treasury.
    function giveBack(address to, uint256 amount) external;

    /// @notice What a staker may use in 24 hours with its stake of now.
    function allowanceOf(address staker) external view returns (uint256);

    /// @notice What a staker may use now.
    function availableTo(address staker) external view returns (uint256);

    /// @notice Who holds a session; zero where it is none of these.
    function holderOf(SessionId session) external view returns (address);

    /// @notice The daily rate, millionths of the weight.
    function rate() external view returns (uint32);
}
