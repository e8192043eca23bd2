// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Part} from "../libraries/Parts.sol";
import {Standing} from "../libraries/StandingLib.sol";
import {NodeId} from "./INodePool.sol";

/// @title IReputation: what nodes were asked and what they delivered
/// @notice Counters (asked), points (delivered) and scores that decay towards their floor: of user work, and of network work.
/// @dev User work is booked by the task queue, and verdicts on it by Validation, in the slot in which the node is paid (`SessionPayment`),
/// so that a settlement writes one slot per node; this contract reads it. Everything of it is recomputable from `TaskQueued`,
/// `ResultsCommitted`, `AnswersDiffer` and `TaskSettled` alone. Network work is booked here by `PoUW`, and recomputable from `PartsBooked`
/// alone. Nobody else writes; nothing is ever corrected by hand.
interface IReputation {
    /// @notice Counters and points of a node's user work.
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

    /// @notice Parts in a round were booked, in this order, by these level rules. A part is one word: see `Parts`.
    event PartsBooked(uint64 indexed round, Part[] parts, uint8 passesUp, uint8 missesDown);

    /// @notice The caller is not the one who may do this.
    error ReputationUnauthorized(address found, address wanted);

    /// @notice PoUW: books parts in a round. Reverts on nothing that parts say.
    /// @param passesUp capable passes in a row that lift a level
    /// @param missesDown misses that lower it
    /// @return moves four bits a part, lowest first: 4 rises, 8 falls, 0 stays
    function book(uint64 round, Part[] calldata parts, uint8 passesUp, uint8 missesDown) external returns (uint256 moves);

    /// @notice Counters and points of user work.
    function recordOf(NodeId node) external view returns (Record memory);

    /// @notice The score of user work now: the distance to the floor halves with every 30 days without an outcome. A new node has the floor.
    function scoreOf(NodeId node) external view returns (uint16);

    /// @notice Counters, points and level counts of network work.
    function standingOf(NodeId node) external view returns (Standing memory);

    /// @notice The score of network work now; decays as `scoreOf` does.
    function networkScoreOf(NodeId node) external view returns (uint16);

    /// @notice Times of the node's last passes in rounds, seconds, the newest first; at most eight.
    function successesOf(NodeId node) external view returns (uint40[] memory);

    /// @notice Score of an unknown node, and the highest score.
    function scoreBounds() external pure returns (uint16 floor, uint16 most);
}
