// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

/// @title ChainGap: proof that the chain stood still
/// @notice A contract sees no block but its own. The headers of two blocks in a row say, once their hashes are the chain's own, that there
/// was no block between their times.
library ChainGap {
    /// @notice A header is not that of a block of this chain whose hash is still known: 8,191 blocks where the chain has the history
    /// contract of EIP-2935, else 256.
    error ChainGapUnknownBlock(uint256 number, bytes32 headerHash);
    /// @notice The second block does not follow the first.
    error ChainGapNotInARow(uint256 last, uint256 next);

    /// @notice The times of two blocks in a row, seconds. Reverts on anything that does not prove them.
    /// @param last RLP of the header of the block before the gap
    /// @param next RLP of the header of the block after it
    function proven(bytes memory last, bytes memory next) internal view returns (uint256 lastAt, uint256 nextAt) {
        uint256 lastNumber;
        uint256 nextNumber;
        (lastNumber, lastAt) = _read(last);
        (nextNumber, nextAt) = _read(next);
        if (nextNumber != lastNumber + 1) revert ChainGapNotInARow(lastNumber, nextNumber);
    }

    function _read(bytes memory header) private view returns (uint256 number, uint256 time) {
        Memory.Slice[] memory fields = BlockHeader.parseHeader(header);
        bytes32 hash = keccak256(header);
        number = BlockHeader.getNumber(fields);
        time = BlockHeader.getTimestamp(fields);
        if (!BlockHeader.verifyBlockHeader(fields, hash)) revert ChainGapUnknownBlock(number, hash);
    }
}
