// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Answers: the packed wire form of answers
/// @notice An answer is 68 bytes: 32 result digest, 32 sketch, 3 output tokens (big-endian), 1 finish reason. Prompt tokens are
/// three bytes each. Changes are records of 2 bytes prompt number and 68 bytes answer.
/// @dev Reads calldata at offsets; callers have checked the lengths. Assembly because at 64 prompts and three seats the
/// bounds checks and copies of slices cost more than the judging (bench/gas); it reads calldata and writes only into a buffer
/// whose length covers it.
library Answers {
    uint256 internal constant SIZE = 68;
    uint256 internal constant CHANGE = 70;

    /// @notice Reserved digests: the prompt cannot be fetched; it is not what the terms declare.
    bytes32 internal constant CONTENT_UNAVAILABLE = bytes32(uint256(1));
    bytes32 internal constant TERMS_UNTRUE = bytes32(uint256(2));
    /// @notice What finding a prompt unanswerable is paid: as many of its declared tokens, if it declares so many.
    uint256 internal constant REFUSAL_TOKENS = 16;

    /// @notice Whether the digest says that the prompt cannot be answered.
    function isRefusal(bytes32 digest) internal pure returns (bool) {
        return digest == CONTENT_UNAVAILABLE || digest == TERMS_UNTRUE;
    }

    /// @notice Where in calldata a byte offset of `data` lies.
    function position(bytes calldata data, uint256 offset) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := add(data.offset, offset)
        }
    }

    /// @notice The answer at a position in calldata: result digest, sketch and declared output tokens.
    function load(uint256 where) internal pure returns (bytes32 digest, bytes32 sketch, uint256 tokens) {
        assembly ("memory-safe") {
            digest := calldataload(where)
            sketch := calldataload(add(where, 32))
            tokens := shr(232, calldataload(add(where, 64)))
        }
    }

    /// @notice Prompt number of the change at a position in calldata.
    function promptOf(uint256 where) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, calldataload(where))
        }
    }

    /// @notice Declared output tokens of the answer at a byte offset.
    function tokensAt(bytes calldata data, uint256 offset) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(232, calldataload(add(data.offset, add(offset, 64))))
        }
    }

    /// @notice Declared tokens of a prompt.
    function promptTokensAt(bytes calldata data, uint256 prompt) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(232, calldataload(add(data.offset, mul(prompt, 3))))
        }
    }

    /// @notice Prompt number of the change at a byte offset.
    function promptAt(bytes calldata changes, uint256 offset) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, calldataload(add(changes.offset, offset)))
        }
    }

    /// @notice Overwrites one answer of a packed list in memory with the one in a change.
    function patch(bytes memory answers, uint256 prompt, bytes calldata changes, uint256 offset) internal pure {
        assembly ("memory-safe") {
            calldatacopy(add(add(answers, 32), mul(prompt, 68)), add(changes.offset, add(offset, 2)), 68)
        }
    }

    /// @notice Room for two bytes a prompt. The buffer has slack behind its length, because `setOutcome` writes whole words.
    function newOutcomes(uint256 prompts) internal pure returns (bytes memory outcomes) {
        outcomes = new bytes(prompts * 2 + 30);
        assembly ("memory-safe") {
            mstore(outcomes, mul(prompts, 2))
        }
    }

    /// @notice Writes the two bytes of a prompt; prompts are written in ascending order.
    function setOutcome(bytes memory outcomes, uint256 prompt, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(outcomes, 32), mul(prompt, 2)), shl(240, value))
        }
    }
}
