// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Judging} from "../libraries/Judging.sol";
import {ISessionQueue} from "./ISessionQueue.sol";

/// @title IJudge: judges answers that differ
/// @notice A contract without storage or money, so that the code that groups answers has room beside the queue's own. Where all
/// answer alike, the queue needs no judge.
/// @dev Trusts its caller: shapes and hashes of the handover have been checked. Reverts on nothing that answers say.
interface IJudge {
    /// @notice Judges every prompt of a handover.
    /// @param seats bitmap of the opened seats that count: at least the quorum and at least one
    function judge(ISessionQueue.Handover calldata handover, uint256 seats) external pure returns (Judging.Result memory);
}
