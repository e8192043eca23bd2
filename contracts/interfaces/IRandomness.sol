// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IRandomness: a seed that nobody knew when it was asked for
/// @dev The block that decides is fixed by the caller when it makes its request. Implementations differ in who can bias it.
interface IRandomness {
    /// @notice The block has no seed yet; `wanted` is the first block in which it has one.
    error RandomnessNotReady(uint256 found, uint256 wanted);

    /// @notice Whether `seedOf` would answer.
    function isReady(uint256 blockNumber) external view returns (bool);

    /// @notice Whether the block is mined and `seedOf` still answers what it answered first.
    function isFirstSeed(uint256 blockNumber) external view returns (bool);

    /// @notice The seed that the block decides for `salt`. Reverts until the block is mined.
    function seedOf(uint256 blockNumber, bytes32 salt) external view returns (bytes32);
}
