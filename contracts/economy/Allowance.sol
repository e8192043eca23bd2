// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IAllowance} from "../interfaces/IAllowance.sol";
import {IRestrictedList} from "../interfaces/IRestrictedList.sol";
import {ISession, SessionId} from "../interfaces/ISession.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @title Allowance
contract Allowance is IAllowance, AccessManaged {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using RateLimiter for RateLimiter.SlidingWindow;

    /// @notice Seconds in which a staker uses at most its allowance.
    uint48 public constant WINDOW = 1 days;
    /// @notice Highest rate, millionths a day.
    uint32 public constant MAX_RATE = 10_000;
    /// @dev What stands for the whole allowance: so fine that the roundings of a day's uses, which are down, stay below one base unit
    /// together. What is available is rounded down too, so that no allowance is ever exceeded by one.
    uint208 private constant WHOLE = 1e36;
    uint256 private constant MILLION = 1_000_000;

    IERC20 public immutable TOKEN;
    IStaking public immutable STAKING;
    ISession public immutable SESSION;
    ISessionPayment public immutable PAYMENT;
    IRestrictedList public immutable RESTRICTED;

    uint32 private _rate;
    RateLimiter.SlidingWindow private _used;
    mapping(SessionId session => address) private _holders;

    constructor(
        address authority,
        IERC20 token,
        IStaking staking,
        ISession session,
        ISessionPayment payment,
        IRestrictedList restrictedList,
        uint32 initialRate
    ) AccessManaged(authority) {
        TOKEN = token;
        STAKING = staking;
        SESSION = session;
        PAYMENT = payment;
        RESTRICTED = restrictedList;
        _used.updateSettings(WINDOW, WHOLE);
        _setRate(initialRate);
    }

    modifier onlyHolder(SessionId session) {
        address holder = _holders[session];
        if (msg.sender != holder) revert AllowanceUnauthorized(msg.sender, holder);
        _;
    }

    /// @inheritdoc IAllowance
    function open(ISession.Terms calldata terms) external returns (SessionId session) {
        if (STAKING.weightOf(msg.sender) == 0) revert AllowanceNoStake(msg.sender);
        session = SESSION.open(terms);
        _holders[session] = msg.sender;
        emit AllowanceSessionOpened(session, msg.sender);
        SESSION.setRouter(session, msg.sender, true, "");
    }

    /// @inheritdoc IAllowance
    function use(SessionId session, uint128 amount) external onlyHolder(session) {
        RESTRICTED.requireUnrestricted(msg.sender);
        uint256 most = availableTo(msg.sender);
        if (amount > most) revert AllowanceExceeded(amount, most);
        uint256 held = TOKEN.balanceOf(address(this));
        if (amount > held) revert AllowanceEmpty(held, amount);
        _used.consume(_key(msg.sender), Math.mulDiv(amount, WHOLE, allowanceOf(msg.sender)));
        emit AllowanceUsed(msg.sender, session, amount);
        TOKEN.forceApprove(address(PAYMENT), amount);
        PAYMENT.deposit(session, amount);
    }

    /// @inheritdoc IAllowance
    function setRouter(SessionId session, address router, bool allowed, string calldata endpoint) external onlyHolder(session) {
        SESSION.setRouter(session, router, allowed, endpoint);
    }

    /// @inheritdoc IAllowance
    function close(SessionId session) external onlyHolder(session) {
        SESSION.close(session);
    }

    /// @inheritdoc IAllowance
    function reclaim(SessionId session) external returns (uint96 amount) {
        if (_holders[session] == address(0)) revert AllowanceUnauthorized(msg.sender, address(0));
        if (!SESSION.sessionOf(session).closed) revert AllowanceSessionOpen(session);
        amount = uint256(PAYMENT.balanceOf(session).available).toUint96();
        emit AllowanceReclaimed(session, amount);
        SESSION.refund(session, address(this), amount);
    }

    /// @inheritdoc IAllowance
    function setRate(uint32 next) external restricted {
        _setRate(next);
    }

    /// @inheritdoc IAllowance
    function giveBack(address to, uint256 amount) external restricted {
        if (to == address(0)) revert AllowanceZeroAddress();
        emit AllowanceReturned(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IAllowance
    function allowanceOf(address staker) public view returns (uint256) {
        return (STAKING.weightOf(staker) * _rate) / MILLION;
    }

    /// @inheritdoc IAllowance
    function availableTo(address staker) public view returns (uint256) {
        return Math.mulDiv(allowanceOf(staker), _used.available(_key(staker)), WHOLE);
    }

    /// @inheritdoc IAllowance
    function holderOf(SessionId session) external view returns (address) {
        return _holders[session];
    }

    /// @inheritdoc IAllowance
    function rate() external view returns (uint32) {
        return _rate;
    }

    function _setRate(uint32 next) private {
        if (next > MAX_RATE) revert AllowanceRateTooHigh(next, MAX_RATE);
        _rate = next;
        emit AllowanceRateChanged(next);
    }

    function _key(address staker) private pure returns (bytes32) {
        return bytes32(uint256(uint160(staker)));
    }
}
