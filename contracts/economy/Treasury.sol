// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IRestrictedList} from "../interfaces/IRestrictedList.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {ITreasury} from "../interfaces/ITreasury.sol";
import {IUniswapV2Factory} from "../interfaces/IUniswapV2Factory.sol";
import {IUniswapV2Pair} from "../interfaces/IUniswapV2Pair.sol";
import {IUniswapV2Router} from "../interfaces/IUniswapV2Router.sol";
import {Twap} from "../libraries/Twap.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Treasury
contract Treasury is ITreasury, AccessManaged {
    using SafeERC20 for IERC20;

    /// @notice Least time between observations, and least age of one that counts, seconds.
    uint40 public constant LEAST_AGE = 30 minutes;
    /// @notice Greatest age of an observation that counts, seconds.
    uint40 public constant MOST_AGE = 1 days;
    uint16 public constant MAX_SLIPPAGE = 1_000;
    uint256 private constant BPS = 10_000;
    uint256 private constant UNIT = 1e18;

    IERC20 public immutable COR;
    IERC20 public immutable QUOTE;
    IUniswapV2Router public immutable ROUTER;
    ISessionPayment public immutable PAYMENT;
    IRestrictedList public immutable RESTRICTED;

    uint16 private _slippage;
    Observation private _older;
    Observation private _newer;

    constructor(
        address authority,
        IERC20 cor,
        IERC20 quoteToken,
        IUniswapV2Router router,
        ISessionPayment payment,
        IRestrictedList restrictedList,
        uint16 initialSlippage
    ) AccessManaged(authority) {
        COR = cor;
        QUOTE = quoteToken;
        ROUTER = router;
        PAYMENT = payment;
        RESTRICTED = restrictedList;
        _setSlippage(initialSlippage);
    }

    /// @inheritdoc ITreasury
    function collect() external returns (uint256 amount) {
        amount = PAYMENT.withdraw(address(this));
        emit FeesReceived(amount);
    }

    /// @inheritdoc ITreasury
    function observe() external {
        uint40 time = Windows.clock();
        if (time < _newer.time + LEAST_AGE) revert TreasuryTooEarly(time, _newer.time + LEAST_AGE);
        _older = _newer;
        _newer = Observation({sum: Twap.cumulative(_pair(), address(QUOTE)), time: time});
        emit PriceObserved(_newer.sum, time);
    }

    /// @inheritdoc ITreasury
    function buyBack(uint256 quoteIn, uint256 deadline) external restricted returns (uint256 corOut) {
        uint256 least = (averageOf(quoteIn) * (BPS - _slippage)) / BPS;
        address[] memory path = new address[](2);
        (path[0], path[1]) = (address(QUOTE), address(COR));
        QUOTE.forceApprove(address(ROUTER), quoteIn);
        corOut = ROUTER.swapExactTokensForTokens(quoteIn, least, path, address(this), deadline)[1];
        emit BoughtBack(quoteIn, corOut, least);
    }

    /// @inheritdoc ITreasury
    function addLiquidity(uint256 cor, uint256 quote, uint256 deadline) external restricted returns (uint256 liquidity) {
        _requireFairPrice();
        COR.forceApprove(address(ROUTER), cor);
        QUOTE.forceApprove(address(ROUTER), quote);
        (cor, quote, liquidity) = ROUTER.addLiquidity(address(COR), address(QUOTE), cor, quote, 0, 0, address(this), deadline);
        // What the pair did not take is not left approved.
        COR.forceApprove(address(ROUTER), 0);
        QUOTE.forceApprove(address(ROUTER), 0);
        emit LiquidityAdded(cor, quote, liquidity);
    }

    /// @inheritdoc ITreasury
    function removeLiquidity(uint256 liquidity, uint256 deadline) external restricted {
        _requireFairPrice();
        IERC20(address(_pair())).forceApprove(address(ROUTER), liquidity);
        (uint256 cor, uint256 quote) = ROUTER.removeLiquidity(address(COR), address(QUOTE), liquidity, 0, 0, address(this), deadline);
        emit LiquidityRemoved(cor, quote, liquidity);
    }

    /// @inheritdoc ITreasury
    function pay(address token, address to, uint256 amount) external restricted {
        if (to == address(0)) revert TreasuryZeroAddress();
        RESTRICTED.requireUnrestricted(to);
        emit TreasuryPaid(token, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc ITreasury
    function setSlippage(uint16 next) external restricted {
        _setSlippage(next);
    }

    /// @inheritdoc ITreasury
    function slippage() external view returns (uint16) {
        return _slippage;
    }

    /// @inheritdoc ITreasury
    function averageOf(uint256 quote) public view returns (uint256) {
        uint40 time = Windows.clock();
        Observation memory from = _newer.time + LEAST_AGE <= time ? _newer : _older;
        uint256 age = time - from.time;
        if (age < LEAST_AGE || age > MOST_AGE) revert TreasuryNoAverage(age, LEAST_AGE, MOST_AGE);
        return Twap.quote(quote, from.sum, Twap.cumulative(_pair(), address(QUOTE)), age);
    }

    /// @inheritdoc ITreasury
    function observations() external view returns (Observation memory older, Observation memory newer) {
        return (_older, _newer);
    }

    function _requireFairPrice() private view {
        uint256 average = averageOf(UNIT);
        uint256 found = Twap.spot(_pair(), address(QUOTE), UNIT);
        uint256 away = found > average ? found - average : average - found;
        if (away * BPS > average * _slippage) revert TreasuryUnfairPrice(found, average);
    }

    function _setSlippage(uint16 next) private {
        if (next > MAX_SLIPPAGE) revert TreasurySlippageTooHigh(next, MAX_SLIPPAGE);
        _slippage = next;
        emit SlippageChanged(next);
    }

    function _pair() private view returns (IUniswapV2Pair pair) {
        if (address(ROUTER) == address(0)) revert TreasuryNoPair();
        pair = IUniswapV2Pair(IUniswapV2Factory(ROUTER.factory()).getPair(address(COR), address(QUOTE)));
        if (address(pair) == address(0)) revert TreasuryNoPair();
    }
}
