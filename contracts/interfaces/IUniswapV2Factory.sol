// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IUniswapV2Factory: what the treasury asks of it
interface IUniswapV2Factory {
    /// @notice The pair of two tokens, in either order; zero where there is none.
    function getPair(address tokenA, address tokenB) external view returns (address pair);
}
