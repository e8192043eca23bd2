// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Emission: what staked COR earns by when
/// @notice The yearly rate is 60 % for six months, 30 % for three, 15 % for three, then 10 %. A year has 365 days, six months are half of it.
/// @dev All in basis-point seconds (rate times time), so that no month is rounded: a stake earns amount x basis-point seconds / `YEAR_BPS`.
/// Twin: `offchain/protocol/emission.ts`.
library Emission {
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant HALF_YEAR = YEAR / 2;
    uint256 internal constant QUARTER = YEAR / 4;
    /// @notice Basis-point seconds of 100 % for a year.
    uint256 internal constant YEAR_BPS = YEAR * 10_000;
    /// @notice Most COR that earns the full rate, base units: 80 % of the 400 million that were in circulation first.
    uint256 internal constant MOST_REWARDED = 320_000_000e18;

    /// @notice Basis-point seconds from the start until `elapsed` seconds later.
    function accrued(uint256 elapsed) internal pure returns (uint256) {
        uint256 first = Math.min(elapsed, HALF_YEAR);
        uint256 second = Math.min(elapsed - first, QUARTER);
        uint256 third = Math.min(elapsed - first - second, QUARTER);
        return first * 6_000 + second * 3_000 + third * 1_500 + (elapsed - first - second - third) * 1_000;
    }

    /// @notice Most that all stakers together can have earned `elapsed` seconds after the start, base units, rounded up.
    function most(uint256 elapsed) internal pure returns (uint256) {
        return Math.ceilDiv(MOST_REWARDED * accrued(elapsed), YEAR_BPS);
    }
}
