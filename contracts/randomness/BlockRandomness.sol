// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IRandomness} from "../interfaces/IRandomness.sol";
import {UnsafeChains} from "./UnsafeChains.sol";

/// @title BlockRandomness
/// @notice Seeds from the hash of a block that was fixed when the request was made.
/// @dev A proposer of that block can throw it away to try again, at the price of the block: biasable by one bit per block
/// a proposer gives up, as every block-hash scheme is. Hashes are kept for `WINDOW` blocks: 8,191 where the chain has the history contract
/// of EIP-2935, which the constructor tries, else the 256 of the opcode. Where a hash is gone, the deciding block moves on by whole windows,
/// the same for every caller; so a lapsed request still ends, and gets a new seed only by waiting through a full window in which anyone
/// could have used the old one. Cannot be deployed where block hashes are known to be no source of randomness (`UnsafeChains`).
contract BlockRandomness is IRandomness {
    /// @notice The history contract of EIP-2935.
    address public constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    /// @notice Blocks whose hashes the history contract keeps.
    uint256 public constant HISTORY_WINDOW = 8_191;
    /// @notice Blocks whose hashes the opcode gives.
    uint256 public constant OPCODE_WINDOW = 256;

    /// @notice Blocks for which a hash is kept here.
    uint256 public immutable WINDOW;

    /// @notice Seeds from block hashes are refused on this chain: deploy the other implementation.
    error BlockRandomnessUnsafeChain(uint256 chainId);

    constructor() {
        if (UnsafeChains.contains(block.chainid)) revert BlockRandomnessUnsafeChain(block.chainid);
        // A contract that answers for the last block answers for all from now on: it is written at every block's start.
        bytes32 last = _fromHistory(block.number - 1);
        WINDOW = last != 0 && last == blockhash(block.number - 1) ? HISTORY_WINDOW : OPCODE_WINDOW;
    }

    /// @inheritdoc IRandomness
    function isReady(uint256 blockNumber) public view returns (bool) {
        return block.number > blockNumber;
    }

    /// @inheritdoc IRandomness
    function isFirstSeed(uint256 blockNumber) external view returns (bool) {
        return block.number > blockNumber && block.number - blockNumber <= WINDOW;
    }

    /// @inheritdoc IRandomness
    function seedOf(uint256 blockNumber, bytes32 salt) external view returns (bytes32) {
        if (block.number <= blockNumber) revert RandomnessNotReady(block.number, blockNumber + 1);
        return keccak256(abi.encode(_hashOf(decidingBlock(blockNumber)), salt));
    }

    /// @notice The block whose hash counts: the requested one, or where its hash is gone, the latest that lies whole windows after it.
    function decidingBlock(uint256 blockNumber) public view returns (uint256) {
        uint256 age = block.number - blockNumber;
        return blockNumber + ((age - 1) / WINDOW) * WINDOW;
    }

    function _hashOf(uint256 blockNumber) private view returns (bytes32) {
        return block.number - blockNumber <= OPCODE_WINDOW ? blockhash(blockNumber) : _fromHistory(blockNumber);
    }

    /// @dev Zero where there is no such contract or it does not know the block.
    function _fromHistory(uint256 blockNumber) private view returns (bytes32) {
        (bool known, bytes memory answer) = HISTORY.staticcall(abi.encode(blockNumber));
        return known && answer.length == 32 ? abi.decode(answer, (bytes32)) : bytes32(0);
    }
}
