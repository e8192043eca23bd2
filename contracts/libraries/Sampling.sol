// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Sampling: how many of a day's tasks are to be looked at, and when
/// @notice The sample that tells a share within one percentage point with 95 % confidence, whatever the share is:
/// Z^2 p (1 - p) / e^2 = 1.96^2 x 0.25 / 0.01^2 = 9,604 of a very large number, and fewer of fewer (finite-population correction).
/// @dev Pure and total. Rounded up, so that the promise holds; never more than there are, and never less for more.
library Sampling {
    /// @notice The sample of a population without end.
    uint256 internal constant UNBOUNDED = 9_604;
    /// @notice Batches of a day: one every 15 minutes.
    uint256 internal constant BATCHES = 96;

    /// @notice Sample of a population: n0 N / (N + n0 - 1), rounded up.
    function sampleSize(uint256 population) internal pure returns (uint256) {
        if (population == 0) return 0;
        // From here on the quotient lies within one of the limit, and the product below would not fit for ever.
        if (population > type(uint128).max) return UNBOUNDED;
        uint256 divisor = population + UNBOUNDED - 1;
        return (population * UNBOUNDED + divisor - 1) / divisor;
    }

    /// @notice How many of a day's sample fall into a batch: as even as whole numbers allow, and all batches together are the sample.
    /// @param batch 0 to `BATCHES` - 1
    function batchSize(uint256 sample, uint256 batch) internal pure returns (uint256) {
        return ((batch + 1) * sample) / BATCHES - (batch * sample) / BATCHES;
    }
}
