// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IRandomness} from "../interfaces/IRandomness.sol";

/// @title BlockRandomness
/// @notice Seeds from the hash of a block that was fixed when the request was made.
/// @dev A proposer of that block can throw it away to try again, at the price of the block: biasable by one bit per block
/// a proposer gives up, as every block-hash scheme is. Where hashes older than 256 blocks are gone, the deciding block
/// moves on by whole windows of 256, the same for every caller; so a lapsed request still ends, and gets a new seed only
/// by waiting through a full window in which anyone could have used the old one.
contract BlockRandomness is IRandomness {
    uint256 public constant WINDOW = 256;

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
        return keccak256(abi.encode(blockhash(decidingBlock(blockNumber)), salt));
    }

    /// @notice The block whose hash counts: the requested one, or where its hash is gone, the latest that lies whole windows after it.
    function decidingBlock(uint256 blockNumber) public view returns (uint256) {
        uint256 age = block.number - blockNumber;
        return blockNumber + ((age - 1) / WINDOW) * WINDOW;
    }
}
