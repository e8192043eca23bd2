// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {NodeId} from "./INodePool.sol";

/// @title IReputation: what nodes were asked and what they delivered
/// @notice Counters (asked), points (delivered) and a score that decays towards its floor.
/// @dev User work is booked by the task queue in the slot in which the node is paid (`SessionPayment`), so that a settlement
/// writes one slot per node; this contract reads it. Everything is recomputable from `TaskQueued`, `ResultsCommitted`,
/// `AnswersDiffer` and `TaskSettled` alone.
interface IReputation {
    /// @notice Counters and points of a node.
    /// @param tasks tasks it was seated in
    /// @param commits tasks in which it committed
    /// @param reveals tasks in which it opened its commitment, or was never asked to
    /// @param accepted prompts on which its answer was accepted
    /// @param outliers prompts on which others agreed without it
    /// @param score now, see `scoreOf`
    /// @param updatedAt time of the last outcome, seconds; 0 for none
    struct Record {
        uint256 tasks;
        uint256 commits;
        uint256 reveals;
        uint256 accepted;
        uint256 outliers;
        uint16 score;
        uint40 updatedAt;
    }

    /// @notice Counters and points.
    function recordOf(NodeId node) external view returns (Record memory);

    /// @notice The score now: the distance to the floor halves with every 30 days without an outcome. A new node has the floor.
    function scoreOf(NodeId node) external view returns (uint16);

    /// @notice Score of an unknown node, and the highest score.
    function scoreBounds() external pure returns (uint16 floor, uint16 most);
}
