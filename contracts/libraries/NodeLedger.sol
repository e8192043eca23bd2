// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Score} from "./Score.sol";

/// @dev One node's part in a settlement, in one word. From the lowest bit: amount 96, node 24, accepted 16, outliers 16, conduct 8.
type Due is uint256;

/// @dev A node's account in one word (one slot). From the lowest bit: owed 96, updatedAt 32, score 16, tasks 24, silent 16,
/// unopened 16, accepted 32, outliers 24. Unpacked in `NodeLedger.Account`.
type NodeAccount is uint256;

using NodeLedger for Due global;
using NodeLedger for NodeAccount global;

/// @title NodeLedger: a node's account, one slot that a settlement writes once
/// @notice What is owed to the node, what it was asked and delivered, and its score. Counters saturate; `owed` reverts on overflow,
/// which the token's cap rules out.
library NodeLedger {
    /// @param owed COR base units
    /// @param updatedAt time of the last outcome, seconds (fits until 2106)
    /// @param score as of `updatedAt`
    /// @param tasks tasks it was seated in
    /// @param silent tasks in which it did not commit
    /// @param unopened tasks in which it did not open its commitment
    /// @param accepted prompts on which its answer was accepted
    /// @param outliers prompts on which others agreed without it
    struct Account {
        uint96 owed;
        uint32 updatedAt;
        uint16 score;
        uint24 tasks;
        uint16 silent;
        uint16 unopened;
        uint32 accepted;
        uint24 outliers;
    }

    error NodeLedgerOverflow();

    function due(uint256 node, uint256 amount, uint256 accepted, uint256 outliers, Score.Conduct conduct) internal pure returns (Due) {
        return Due.wrap(amount | (node << 96) | (accepted << 120) | (outliers << 136) | (uint256(conduct) << 152));
    }

    function amountOf(Due self) internal pure returns (uint256) {
        return uint96(Due.unwrap(self));
    }

    function nodeOf(Due self) internal pure returns (uint24) {
        return uint24(Due.unwrap(self) >> 96);
    }

    function owedOf(NodeAccount self) internal pure returns (uint256) {
        return uint96(NodeAccount.unwrap(self));
    }

    /// @notice The account with more, or less, owed.
    function withOwed(NodeAccount self, uint256 owed) internal pure returns (NodeAccount) {
        if (owed > type(uint96).max) revert NodeLedgerOverflow();
        return NodeAccount.wrap((NodeAccount.unwrap(self) & ~uint256(type(uint96).max)) | owed);
    }

    /// @notice The account after one task's due.
    function booked(NodeAccount self, Due entry, uint256 time) internal pure returns (NodeAccount) {
        uint256 account = NodeAccount.unwrap(self);
        uint256 word = Due.unwrap(entry);
        uint256 accepted = uint16(word >> 120);
        uint256 outliers = uint16(word >> 136);
        Score.Conduct conduct = Score.Conduct(uint8(word >> 152));
        uint256 owed = uint96(account) + uint256(uint96(word));
        if (owed > type(uint96).max) revert NodeLedgerOverflow();
        uint256 next = owed | (uint256(uint32(time)) << 96);
        next |= Score.step(scoreOf(self, time), conduct, accepted, outliers) << 128;
        next |= _sum(account, 144, 24, 1) | _sum(account, 200, 32, accepted);
        // What rarely happens is left in place.
        next |= outliers == 0 ? account & (uint256(type(uint24).max) << 232) : _sum(account, 232, 24, outliers);
        if (conduct == Score.Conduct.Opened) return NodeAccount.wrap(next | (account & (uint256(type(uint32).max) << 168)));
        next |= _sum(account, 168, 16, conduct == Score.Conduct.Silent ? 1 : 0);
        next |= _sum(account, 184, 16, conduct == Score.Conduct.Unopened ? 1 : 0);
        return NodeAccount.wrap(next);
    }

    /// @notice The score at a time, decayed.
    function scoreOf(NodeAccount self, uint256 time) internal pure returns (uint256) {
        uint256 last = updatedAt(self);
        if (last == 0) return Score.FLOOR;
        return Score.decayed(uint16(NodeAccount.unwrap(self) >> 128), time - last);
    }

    /// @notice Time of the last outcome, seconds; 0 where there was none.
    function updatedAt(NodeAccount self) internal pure returns (uint256) {
        return uint32(NodeAccount.unwrap(self) >> 96);
    }

    function unpacked(NodeAccount self) internal pure returns (Account memory) {
        uint256 word = NodeAccount.unwrap(self);
        return
            Account({
                owed: uint96(word),
                updatedAt: uint32(word >> 96),
                score: uint16(word >> 128),
                tasks: uint24(word >> 144),
                silent: uint16(word >> 168),
                unopened: uint16(word >> 184),
                accepted: uint32(word >> 200),
                outliers: uint24(word >> 232)
            });
    }

    /// @dev A counter of `bits` at `shift`, plus `by`, saturating, in its place.
    function _sum(uint256 word, uint256 shift, uint256 bits, uint256 by) private pure returns (uint256) {
        unchecked {
            uint256 most = (1 << bits) - 1;
            uint256 sum = ((word >> shift) & most) + by;
            return (sum > most ? most : sum) << shift;
        }
    }
}
