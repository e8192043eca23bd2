// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev A node's number in the pool; 0 is no node. 24 bits, so that ten fit into one storage slot.
type NodeId is uint24;

/// @dev A lease's number; 0 is no lease.
type LeaseId is uint32;

/// @dev Who sits in a seat: the operator's address in the lowest 160 bits, the node in the next 24.
type Seat is uint256;

function operator(Seat seat) pure returns (address) {
    return address(uint160(Seat.unwrap(seat)));
}

function node(Seat seat) pure returns (uint24) {
    return uint24(Seat.unwrap(seat) >> 160);
}

using {operator, node} for Seat global;

function sameNode(NodeId a, NodeId b) pure returns (bool) {
    return NodeId.unwrap(a) == NodeId.unwrap(b);
}

using {sameNode as ==} for NodeId global;
