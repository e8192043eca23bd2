// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool} from "../../../contracts/interfaces/INodePool.sol";

/// @title Member: a node that registers itself while it is being created, as its own owner and operator
/// @dev Stakes nothing, so the pool's minimum must be zero. Leaves no code behind.
contract Member {
    constructor(INodePool pool, bytes32 model) {
        pool.register(address(this), model, 0, "");
    }
}
