// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Evidence: a sequential test of one miner over many answers
/// @notice Sums log-likelihood ratios of "this miner cheats" against "it is honest", never below 0 (Page, 1954, on Wald's sequential
/// test, 1947). A single finding proves nothing: honest answers are found not genuine up to 3 % of the time.
/// @dev Hundredths of a nat. Honest: found not genuine with p0 = 3 %; cheating: with p1 = 50 %. ln(p1 / p0) = 2.81 for a finding,
/// ln((1 - p1) / (1 - p0)) = -0.66 for an answer found genuine; the threshold ln(10^6) = 13.82 is passed by five findings in a row.
library Evidence {
    uint256 internal constant FINDING = 281;
    uint256 internal constant CLEARED = 66;
    uint256 internal constant THRESHOLD = 1_382;

    /// @notice The sum after one more answer that was judged.
    function after_(uint256 sum, bool notGenuine) internal pure returns (uint256) {
        if (notGenuine) return sum + FINDING;
        return sum < CLEARED ? 0 : sum - CLEARED;
    }

    /// @notice Whether the sum proves it.
    function proves(uint256 sum) internal pure returns (bool) {
        return sum > THRESHOLD;
    }
}
