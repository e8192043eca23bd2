// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IJudge} from "../interfaces/IJudge.sol";
import {ISessionQueue} from "../interfaces/ISessionQueue.sol";
import {Judging} from "../libraries/Judging.sol";

/// @title Judge
contract Judge is IJudge {
    /// @inheritdoc IJudge
    function judge(ISessionQueue.Handover calldata handover, uint256 seats) external pure returns (Judging.Result memory) {
        return Judging.judge(handover, seats);
    }
}
