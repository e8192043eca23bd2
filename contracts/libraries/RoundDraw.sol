// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool, NodeId} from "../interfaces/INodePool.sol";
import {IReputation} from "../interfaces/IReputation.sol";
import {Draw} from "./Draw.sol";

/// @title RoundDraw: picks the members of a round from the pool's dense lists
/// @notice As `NodePool` draws leases: candidates by seed, taken with a chance between a half and one by their score of network work;
/// after `TRIES` a seat, places in a row from a seeded one on, at most `SCAN`. One node per owner. The cost does not depend on how many
/// nodes there are.
library RoundDraw {
    uint256 internal constant TRIES = 8;
    uint256 internal constant SCAN = 32;
    /// @dev As in `INodePool.drawable`.
    uint8 internal constant UNPROVEN = 3;
    /// @notice With fewer free nodes in the pool than these, nodes without a pass fill up.
    uint256 internal constant SMALL_POOL = 7;

    /// @notice Who has been drawn, and the owners of whom nobody else is drawn.
    struct Hat {
        uint240 members;
        uint256 drawn;
        uint256 shunned;
        address[] owners;
    }

    /// @notice Nobody of this node's owner.
    function shun(Hat memory hat, INodePool pool, uint24 node) internal view {
        if (node != 0) hat.owners[hat.shunned++] = pool.ownerOf(NodeId.wrap(node));
    }

    /// @notice Fills the hat to `size` from one of the pool's lists (see `INodePool.drawable`).
    function fill(
        Hat memory hat,
        INodePool pool,
        IReputation reputation,
        bytes32 model,
        uint8 list,
        uint256 size,
        bytes32 seed
    ) internal view {
        uint256 count = pool.drawable(model, list);
        if (count == 0 || hat.drawn >= size) return;
        seed = keccak256(abi.encode(seed, list));
        uint256 tries = TRIES * (size - hat.drawn);
        for (uint256 i = 0; i < tries && hat.drawn < size; ++i) {
            uint256 roll = Draw.roll(seed, i);
            (NodeId node, address owner, bool ready) = pool.drawableAt(model, list, Draw.place(roll, count));
            if (ready && Draw.accepts(roll, reputation.networkScoreOf(node))) _take(hat, node, owner);
        }
        uint256 from = Draw.place(Draw.roll(seed, tries), count);
        uint256 steps = count < SCAN ? count : SCAN;
        for (uint256 i = 0; i < steps && hat.drawn < size; ++i) {
            (NodeId node, address owner, bool ready) = pool.drawableAt(model, list, (from + i) % count);
            if (ready) _take(hat, node, owner);
        }
    }

    /// @dev Unless its owner is to be avoided.
    function _take(Hat memory hat, NodeId node, address owner) private pure {
        for (uint256 i = 0; i < hat.shunned; ++i) {
            if (hat.owners[i] == owner) return;
        }
        hat.members |= uint240(NodeId.unwrap(node)) << uint240(24 * hat.drawn++);
        hat.owners[hat.shunned++] = owner;
    }
}
