// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool} from "../../../contracts/interfaces/INodePool.sol";
import {Member} from "./Member.sol";

/// @title Crowd: many nodes in one transaction
contract Crowd {
    /// @notice Enters `count` eligible nodes, each with an operator of its own.
    function enrol(INodePool pool, bytes32 model, uint256 count) external {
        for (uint256 i = 0; i < count; ++i) new Member(pool, model);
    }
}
