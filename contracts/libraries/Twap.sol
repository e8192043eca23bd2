// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IUniswapV2Pair} from "../interfaces/IUniswapV2Pair.sol";

/// @title Twap: the average price of a Uniswap v2 pair over some time
/// @dev The pair sums price times seconds (32-bit times, prices with 112 fractional bits, sums that wrap), up to its last trade; what has passed
/// since is added here. A manipulated price counts for the seconds that it was held only.
library Twap {
    /// @dev One more than the resolution of a price.
    uint256 private constant ONE = 2 ** 112;

    /// @notice The sum now, of the price of `base` in the other token.
    function cumulative(IUniswapV2Pair pair, address base) internal view returns (uint256 sum) {
        bool first = pair.token0() == base;
        sum = first ? pair.price0CumulativeLast() : pair.price1CumulativeLast();
        (uint256 reserveBase, uint256 reserveQuote, uint32 last) = pair.getReserves();
        if (!first) (reserveBase, reserveQuote) = (reserveQuote, reserveBase);
        unchecked {
            uint32 passed = uint32(block.timestamp) - last;
            if (passed != 0 && reserveBase != 0) sum += ((reserveQuote * ONE) / reserveBase) * passed;
        }
    }

    /// @notice What `amount` of the base token was worth in the other, on average between two sums, rounded down.
    function quote(uint256 amount, uint256 from, uint256 to, uint256 elapsed) internal pure returns (uint256) {
        uint256 average;
        unchecked {
            average = (to - from) / elapsed;
        }
        return Math.mulDiv(amount, average, ONE);
    }

    /// @notice What `amount` of the base token is worth in the other at the reserves of now, rounded down.
    function spot(IUniswapV2Pair pair, address base, uint256 amount) internal view returns (uint256) {
        (uint256 reserveBase, uint256 reserveQuote, ) = pair.getReserves();
        if (pair.token0() != base) (reserveBase, reserveQuote) = (reserveQuote, reserveBase);
        return Math.mulDiv(amount, reserveQuote, reserveBase);
    }
}
