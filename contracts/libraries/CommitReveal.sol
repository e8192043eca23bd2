// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title CommitReveal: the one hash of the protocol
/// @notice A commitment is the EIP-712 digest of a `Result`. It binds chain, contract, task, attempt, author, model, parameters,
/// payload and salt, so a copied one cannot be opened by the copier, and an opening needs no signature.
library CommitReveal {
    bytes32 internal constant RESULT_TYPEHASH = keccak256(
        "Result(uint64 task,uint8 attempt,uint24 author,bytes32 model,bytes32 params,bytes32 payload,bytes32 salt)"
    );

    bytes32 internal constant COMMIT_TYPEHASH = keccak256("Commit(uint64 task,uint24 author,bytes32 commitment)");

    bytes32 internal constant VERDICT_TYPEHASH = keccak256(
        "Verdict(uint64 task,uint8 round,uint24 author,uint256 verdict,bytes32 evidence,bytes32 salt)"
    );

    /// @notice EIP-712 struct hash of a verdict.
    function verdictHash(
        uint64 task,
        uint8 round,
        uint24 author,
        uint256 verdict,
        bytes32 evidence,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(VERDICT_TYPEHASH, task, round, author, verdict, evidence, salt));
    }

    /// @notice EIP-712 struct hash of what an author signs so that anyone may carry its commitment. The signature is for one task
    /// and one author: signed over the bare commitment, which is opaque, it could be replayed from elsewhere or forged.
    function commitHash(uint64 task, uint24 author, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(COMMIT_TYPEHASH, task, author, commitment));
    }

    /// @notice What was asked: manifest, declared prompt tokens and the output limit.
    function paramsHash(bytes32 manifest, bytes calldata promptTokens, uint256 maxTokens) internal pure returns (bytes32) {
        return keccak256(abi.encode(manifest, keccak256(promptTokens), maxTokens));
    }

    /// @notice What was asked in a round: the question's content digest, its template's, and the output limit.
    function roundParams(bytes32 questions, bytes32 template, uint256 maxTokens) internal pure returns (bytes32) {
        return keccak256(abi.encode(questions, template, maxTokens));
    }

    /// @notice What was answered: all answers and the claim list.
    function payloadDigest(bytes32 answersHash, bytes32 claim) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(answersHash, claim);
    }

    /// @notice EIP-712 struct hash of a result.
    function structHash(
        uint64 task,
        uint8 attempt,
        uint24 author,
        bytes32 model,
        bytes32 params,
        bytes32 payload,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(RESULT_TYPEHASH, task, attempt, author, model, params, payload, salt));
    }

    /// @notice Adds a commitment to a task's transcript.
    /// @param who seat in the lowest 8 bits, node in the next 24
    function extend(bytes32 transcript, uint256 who, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(transcript, who, commitment));
    }
}
