// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IUniswapV2Router: what the treasury asks of it
interface IUniswapV2Router {
    /// @notice Where its pairs are registered.
    function factory() external view returns (address);

    /// @notice Sells an exact amount along a path; reverts where less than `amountOutMin` comes out or the deadline is past.
    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external returns (uint256[] memory amounts);

    /// @notice Adds up to the desired amounts at the price of the reserves, none below its minimum.
    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external returns (uint256 amountA, uint256 amountB, uint256 liquidity);

    /// @notice Takes shares out of a pair, none of the amounts below its minimum.
    function removeLiquidity(
        address tokenA,
        address tokenB,
        uint256 liquidity,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external returns (uint256 amountA, uint256 amountB);
}
