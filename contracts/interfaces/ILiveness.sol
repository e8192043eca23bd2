// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {NodeId} from "./INodePool.sol";

/// @title ILiveness: who lives, by signed pings that anyone carries
/// @notice Time is cut into windows. In each a node's operator may sign one ping; one transaction carries those of many nodes, and
/// each sets one bit, 256 to a storage slot.
/// @dev A ping is EIP-712 typed data, `Ping(uint24 node,uint40 window)` under this contract's domain. It proves that somebody holds the
/// node's key and follows the chain; that the node can think is what rounds of network work are for. Holds no money, and refuses
/// nothing but pings for another window than the running one: a ping can be neither saved up nor made later.
interface ILiveness {
    /// @notice A carried ping.
    /// @param node whose operator signed
    /// @param r and
    /// @param vs the signature, short form (EIP-2098)
    struct Ping {
        NodeId node;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Bits were set in a window's word: bit i is node 256 * word + i. `bits` are those of the transaction that were new.
    event Pinged(uint40 indexed window, uint256 indexed word, uint256 bits);

    /// @notice Pings are taken for the running window alone.
    error LivenessWrongWindow(uint40 found, uint40 wanted);
    /// @notice The window is not of a usable length, seconds.
    error LivenessWindowTooShort(uint256 found, uint256 wanted);

    /// @notice Anyone: records pings of the running window. Those that nobody's operator signed, and those already recorded, are passed over.
    /// @param pings cheapest in ascending order of nodes: neighbours share a slot
    /// @return fresh how many were new
    function ping(uint40 window, Ping[] calldata pings) external returns (uint256 fresh);

    /// @notice Whether the node pinged in the running window or in the one before.
    function isAlive(NodeId node) external view returns (bool);

    /// @notice Whether it pinged in a window.
    function pinged(uint40 window, NodeId node) external view returns (bool);

    /// @notice In how many of `count` windows from one on it pinged.
    function pingsOf(NodeId node, uint40 from, uint256 count) external view returns (uint256);

    /// @notice The running window: seconds divided by the window's length.
    function currentWindow() external view returns (uint40);

    /// @notice Length of a window, seconds.
    // solhint-disable-next-line func-name-mixedcase
    function WINDOW() external view returns (uint40);

    /// @notice What an operator signs to ping.
    function pingDigest(NodeId node, uint40 window) external view returns (bytes32);
}
