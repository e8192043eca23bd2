// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IReputation} from "../interfaces/IReputation.sol";
import {NodeId} from "../interfaces/INodePool.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {NodeAccount, NodeLedger} from "../libraries/NodeLedger.sol";
import {Part, Parts} from "../libraries/Parts.sol";
import {Score} from "../libraries/Score.sol";
import {Standing, StandingLib} from "../libraries/StandingLib.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Reputation
contract Reputation is IReputation {
    using StandingLib for Standing;

    /// @notice Where the counters of user work are kept, in the slot in which the node is paid.
    ISessionPayment public immutable PAYMENT;
    /// @notice Books network work.
    address public immutable POUW;

    mapping(NodeId node => Standing) private _standings;
    /// @dev A ring of eight times of 32 bits, the newest lowest.
    mapping(NodeId node => uint256) private _successes;

    constructor(ISessionPayment payment, address pouw) {
        PAYMENT = payment;
        POUW = pouw;
    }

    /// @inheritdoc IReputation
    function book(uint64 round, Part[] calldata parts, uint8 passesUp, uint8 missesDown) external returns (uint256 moves) {
        if (msg.sender != POUW) revert ReputationUnauthorized(msg.sender, POUW);
        for (uint256 i = 0; i < parts.length; ++i) {
            Part part = parts[i];
            NodeId node = NodeId.wrap(part.node());
            (Standing memory next, uint256 move) = _standings[node].after_(part, passesUp, missesDown, block.timestamp);
            _standings[node] = next;
            moves |= move << (4 * i);
            bool passed = part.mark() == Parts.Mark.Pass || part.mark() == Parts.Mark.Capable;
            if (passed && part.role() == Parts.Role.Answerer) _successes[node] = (_successes[node] << 32) | uint32(block.timestamp);
        }
        emit PartsBooked(round, parts, passesUp, missesDown);
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
    function standingOf(NodeId node) external view returns (Standing memory) {
        return _standings[node];
    }

    /// @inheritdoc IReputation
    function networkScoreOf(NodeId node) external view returns (uint16) {
        return uint16(_standings[node].scoreOf(block.timestamp));
    }

    /// @inheritdoc IReputation
    function successesOf(NodeId node) external view returns (uint40[] memory times) {
        uint256 ring = _successes[node];
        uint256 count = 0;
        while (count < 8 && uint32(ring >> (32 * count)) != 0) ++count;
        times = new uint40[](count);
        for (uint256 i = 0; i < count; ++i) times[i] = uint32(ring >> (32 * i));
    }

    /// @inheritdoc IReputation
    function scoreBounds() external pure returns (uint16 floor, uint16 most) {
        return (Score.FLOOR, Score.MAX);
    }
}
