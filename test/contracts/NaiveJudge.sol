// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title NaiveJudge: agreement and pay, written again from the rules, without any trick
/// @notice The model that `Sketch`, `Judging` and the settlement are compared with.
library NaiveJudge {
    /// @notice Differing bits, counted one by one.
    function distance(bytes32 a, bytes32 b) internal pure returns (uint256 count) {
        for (uint256 x = uint256(a ^ b); x != 0; x >>= 1) count += x & 1;
    }

    /// @notice Groups of answers, canonical answer, and whether there is a decision.
    function judge(
        bytes32[] memory digests,
        bytes32[] memory sketches,
        bool exact,
        uint256 threshold,
        uint256 quorum
    ) internal pure returns (bool agreed, uint256 canonical, uint256 members) {
        uint256 n = digests.length;
        uint256[] memory groups = new uint256[](n);
        uint256[] memory sizes = new uint256[](n);
        uint256[] memory sums = new uint256[](n);
        uint256 limit = exact ? 0 : threshold + 1;
        for (uint256 i = 0; i < n; ++i) (groups[i], sizes[i], sums[i]) = groupOf(digests, sketches, i, limit);
        for (uint256 i = 1; i < n; ++i) {
            bool better = sizes[i] > sizes[canonical] || (sizes[i] == sizes[canonical] && sums[i] < sums[canonical]);
            if (better) canonical = i;
        }
        if (n == 0 || sizes[canonical] < quorum) return (false, 0, 0);
        for (uint256 i = 0; i < n; ++i) {
            if (sizes[i] == sizes[canonical] && groups[i] & groups[canonical] == 0) return (false, 0, 0);
        }
        return (true, canonical, groups[canonical]);
    }

    /// @notice Who agrees with answer `i`: equal digests, or sketches less than `limit` apart.
    function groupOf(
        bytes32[] memory digests,
        bytes32[] memory sketches,
        uint256 i,
        uint256 limit
    ) private pure returns (uint256 group, uint256 size, uint256 sum) {
        for (uint256 j = 0; j < digests.length; ++j) {
            uint256 apart = digests[i] == digests[j] ? 0 : distance(sketches[i], sketches[j]);
            if (digests[i] != digests[j] && apart >= limit) continue;
            group |= 1 << j;
            ++size;
            sum += apart;
        }
    }

    /// @notice The lower median of the members' values: sorted, the one in the middle, or the lower of the two.
    function lowerMedian(uint256[] memory values, uint256 members) internal pure returns (uint256) {
        uint256[] memory sorted = new uint256[](values.length);
        uint256 n = 0;
        for (uint256 i = 0; i < values.length; ++i) {
            if ((members >> i) & 1 == 0) continue;
            uint256 j = n++;
            for (; j > 0 && sorted[j - 1] > values[i]; --j) sorted[j] = sorted[j - 1];
            sorted[j] = values[i];
        }
        return n == 0 ? 0 : sorted[(n - 1) / 2];
    }

    /// @notice One answer of a packed list, cut out byte by byte.
    function answerOf(bytes memory answers, uint256 prompt) internal pure returns (bytes32 digest, bytes32 sketch, uint256 tokens) {
        digest = word(answers, prompt * 68);
        sketch = word(answers, prompt * 68 + 32);
        tokens = uint256(word(answers, prompt * 68 + 64)) >> 232;
    }

    /// @notice Thirty-two bytes from an offset; zero behind the end.
    function word(bytes memory data, uint256 offset) internal pure returns (bytes32 value) {
        for (uint256 i = 0; i < 32; ++i) {
            if (offset + i < data.length) value |= bytes32(data[offset + i]) >> (8 * i);
        }
    }
}
