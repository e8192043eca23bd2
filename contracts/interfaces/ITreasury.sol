// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title ITreasury: the protocol's own money
/// @notice Collects the protocol's fees from `SessionPayment`, buys COR back for the quote token in a Uniswap v2 pair, adds and removes
/// liquidity there, and pays what governance decides.
/// @dev Holds no user's money and can reach none. Every price is bounded by the pair's own time-weighted average of at least 30 minutes and
/// at most a day: a trade at the end of a manipulated block reverts instead of filling. Governance chooses amounts, never prices; what a
/// vote cannot know is bounded by `slippage()`. Pays nobody on the restricted list. Amounts are base units of their token.
interface ITreasury {
    /// @notice The sum of prices at a time.
    /// @param sum seconds times the price of the quote token in COR, 112 fractional bits
    /// @param time seconds
    struct Observation {
        uint256 sum;
        uint40 time;
    }

    /// @notice Fees came in.
    event FeesReceived(uint256 amount);
    /// @notice A price was noted.
    event PriceObserved(uint256 sum, uint40 time);
    /// @notice COR was bought.
    event BoughtBack(uint256 quoteIn, uint256 corOut, uint256 leastOut);
    /// @notice Liquidity was added; its shares are the treasury's.
    event LiquidityAdded(uint256 cor, uint256 quote, uint256 liquidity);
    /// @notice Liquidity was taken out.
    event LiquidityRemoved(uint256 cor, uint256 quote, uint256 liquidity);
    /// @notice Governance paid.
    event TreasuryPaid(address indexed token, address indexed to, uint256 amount);
    /// @notice How far a trade may lie from the average price, 1/10,000.
    event SlippageChanged(uint16 slippage);

    /// @notice There is no pair of COR and the quote token.
    error TreasuryNoPair();
    /// @notice The next observation is due at `wanted`.
    error TreasuryTooEarly(uint256 found, uint256 wanted);
    /// @notice No observation is old and young enough: call `observe`, and again 30 minutes later. `found` is its age, seconds.
    error TreasuryNoAverage(uint256 found, uint256 least, uint256 most);
    /// @notice The pair's price of now lies too far from its average: what a unit of the quote token is worth, in COR.
    error TreasuryUnfairPrice(uint256 found, uint256 average);
    /// @notice The bound is too wide, 1/10,000.
    error TreasurySlippageTooHigh(uint16 found, uint16 most);
    /// @notice Zero address.
    error TreasuryZeroAddress();

    /// @notice Anyone: brings the fees that `SessionPayment` owes the treasury.
    function collect() external returns (uint256 amount);

    /// @notice Anyone, every 30 minutes: notes the pair's sum of prices.
    function observe() external;

    /// @notice Governance: buys COR for so much of the quote token, at the average price less the slippage at worst.
    function buyBack(uint256 quoteIn, uint256 deadline) external returns (uint256 corOut);

    /// @notice Governance: adds up to so much of both to the pair, where its price is close to the average.
    function addLiquidity(uint256 cor, uint256 quote, uint256 deadline) external returns (uint256 liquidity);

    /// @notice Governance: takes shares out of the pair, where its price is close to the average.
    function removeLiquidity(uint256 liquidity, uint256 deadline) external;

    /// @notice Governance: pays out of the treasury (COR, the quote token, the pair's shares), to nobody who is restricted.
    function pay(address token, address to, uint256 amount) external;

    /// @notice Governance: how far a trade may lie from the average price, 1/10,000, at most 1,000.
    function setSlippage(uint16 slippage) external;

    /// @notice How far a trade may lie from the average price, 1/10,000.
    function slippage() external view returns (uint16);

    /// @notice What so much of the quote token was worth in COR, on average since the observation that counts now.
    function averageOf(uint256 quote) external view returns (uint256);

    /// @notice The last two observations, the older first.
    function observations() external view returns (Observation memory older, Observation memory newer);
}
