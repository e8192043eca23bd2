// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

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

    /// @notice EIP-712 digest of what an author signs so that anyone may carry its commitment. The signature is for one task
    /// and one author: signed over the bare commitment, which is opaque, it could be replayed from elsewhere or forged.
    function commitDigest(bytes32 domain, uint64 task, uint24 author, bytes32 commitment) internal pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domain, keccak256(abi.encode(COMMIT_TYPEHASH, task, author, commitment)));
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

    /// @notice What the commitments of one attempt have in common: the encoding of a `Result` whose author, payload and salt are
    /// still to be filled in by `digestOf`.
    function form(uint64 task, uint8 attempt, bytes32 model, bytes32 params) internal pure returns (bytes memory) {
        return abi.encode(RESULT_TYPEHASH, task, attempt, uint256(0), model, params, uint256(0), uint256(0));
    }

    /// @notice EIP-712 digest of a result: the commitment.
    /// @param blank see `form`; it may be filled in again and again
    function digestOf(bytes memory blank, bytes32 domain, uint24 author, bytes32 payload, bytes32 salt) internal pure returns (bytes32) {
        bytes32 hash;
        assembly ("memory-safe") {
            mstore(add(blank, 128), author)
            mstore(add(blank, 224), payload)
            mstore(add(blank, 256), salt)
            hash := keccak256(add(blank, 32), 256)
        }
        return MessageHashUtils.toTypedDataHash(domain, hash);
    }

    /// @notice Adds a commitment to a task's transcript: keccak256 of the three words.
    /// @param who seat in the lowest 8 bits, node in the next 24
    function extend(bytes32 transcript, uint256 who, bytes32 commitment) internal pure returns (bytes32 next) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, transcript)
            mstore(add(free, 32), who)
            mstore(add(free, 64), commitment)
            next := keccak256(free, 96)
        }
    }
}
