// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISessionQueue} from "../interfaces/ISessionQueue.sol";

/// @title OpeningLib: reads who an opening is from
/// @dev `who` holds the seat in the lowest 8 bits, the node in the next 24, and above them 1 where the commitment is opened.
library OpeningLib {
    function seat(ISessionQueue.Opening calldata self) internal pure returns (uint256) {
        return uint8(self.who);
    }

    function node(ISessionQueue.Opening calldata self) internal pure returns (uint24) {
        return uint24(self.who >> 8);
    }

    function isOpened(ISessionQueue.Opening calldata self) internal pure returns (bool) {
        return self.who >> 32 == 1;
    }
}
