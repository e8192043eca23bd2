// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IReputation} from "../interfaces/IReputation.sol";
import {NodeId} from "../interfaces/INodePool.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {NodeAccount, NodeLedger} from "../libraries/NodeLedger.sol";
import {Score} from "../libraries/Score.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Reputation
contract Reputation is IReputation {
    /// @notice Where the counters of user work are kept, in the slot in which the node is paid.
    ISessionPayment public immutable PAYMENT;

    constructor(ISessionPayment payment) {
        PAYMENT = payment;
    }

    /// @inheritdoc IReputation
    function recordOf(NodeId node) external view returns (Record memory) {
        NodeAccount packed = PAYMENT.nodeAccountOf(node);
        NodeLedger.Account memory account = packed.unpacked();
        return
            Record({
                tasks: account.tasks,
                commits: account.tasks - account.silent,
                reveals: account.tasks - account.silent - account.unopened,
                accepted: account.accepted,
                outliers: account.outliers,
                score: uint16(packed.scoreOf(Windows.clock())),
                updatedAt: account.updatedAt
            });
    }

    /// @inheritdoc IReputation
    function scoreOf(NodeId node) external view returns (uint16) {
        return uint16(PAYMENT.nodeAccountOf(node).scoreOf(Windows.clock()));
    }

    /// @inheritdoc IReputation
    function scoreBounds() external pure returns (uint16 floor, uint16 most) {
        return (Score.FLOOR, Score.MAX);
    }
}
