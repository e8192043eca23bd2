// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IUniswapV2Pair: what the treasury asks of it
interface IUniswapV2Pair {
    /// @notice The token with the lower address.
    function token0() external view returns (address);

    /// @notice What the pair holds as of its last trade, and when that was (seconds, 32 bits).
    function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);

    /// @notice Sum of seconds times the price of the first token, 112 fractional bits, up to the last trade.
    function price0CumulativeLast() external view returns (uint256);

    /// @notice The same for the other token.
    function price1CumulativeLast() external view returns (uint256);
}
