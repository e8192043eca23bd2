// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev The numbers of a task's rules in one word, so that they cost one word of storage, calldata, log and hash instead of twelve
/// (bench/gas). From the lowest bit: price 96, maxTokens 24, commitWindow 16, revealWindow 16, protocolFeeBps 16, routerFeeBps 16,
/// threshold 16, redundancy 8, quorum 8, exact 8, leased 8, bounty 24 (in units of `BOUNTY_UNIT`).
type TaskRules is uint256;

using TaskRulesLib for TaskRules global;

/// @title TaskRulesLib: reads and writes `TaskRules`
library TaskRulesLib {
    /// @notice Bounties are multiples of this many base units (a millionth of a COR).
    uint256 internal constant BOUNTY_UNIT = 1e12;

    /// @notice The rules, unpacked.
    /// @param price COR base units per 1,000 tokens and answer
    /// @param maxTokens most output tokens per prompt
    /// @param commitWindow seconds
    /// @param revealWindow seconds
    /// @param protocolFeeBps share of a miner's gross, 1/10,000
    /// @param routerFeeBps share of a miner's gross, 1/10,000
    /// @param threshold largest Hamming distance that agrees, 0 to 256
    /// @param redundancy k
    /// @param quorum q
    /// @param exact whether only equal digests agree
    /// @param leased whether the committee comes from the session's lease
    /// @param bounty for whoever settles, in `BOUNTY_UNIT`
    struct Unpacked {
        uint96 price;
        uint24 maxTokens;
        uint16 commitWindow;
        uint16 revealWindow;
        uint16 protocolFeeBps;
        uint16 routerFeeBps;
        uint16 threshold;
        uint8 redundancy;
        uint8 quorum;
        bool exact;
        bool leased;
        uint24 bounty;
    }

    function pack(Unpacked memory r) internal pure returns (TaskRules) {
        return
            TaskRules.wrap(
                uint256(r.price) |
                    (uint256(r.maxTokens) << 96) |
                    (uint256(r.commitWindow) << 120) |
                    (uint256(r.revealWindow) << 136) |
                    (uint256(r.protocolFeeBps) << 152) |
                    (uint256(r.routerFeeBps) << 168) |
                    (uint256(r.threshold) << 184) |
                    (uint256(r.redundancy) << 200) |
                    (uint256(r.quorum) << 208) |
                    (uint256(r.exact ? 1 : 0) << 216) |
                    (uint256(r.leased ? 1 : 0) << 224) |
                    (uint256(r.bounty) << 232)
            );
    }

    function unpack(TaskRules rules) internal pure returns (Unpacked memory) {
        return
            Unpacked({
                price: uint96(rules.price()),
                maxTokens: uint24(rules.maxTokens()),
                commitWindow: uint16(rules.commitWindow()),
                revealWindow: uint16(rules.revealWindow()),
                protocolFeeBps: uint16(rules.protocolFeeBps()),
                routerFeeBps: uint16(rules.routerFeeBps()),
                threshold: uint16(rules.threshold()),
                redundancy: uint8(rules.redundancy()),
                quorum: uint8(rules.quorum()),
                exact: rules.exact(),
                leased: rules.leased(),
                bounty: uint24(rules.bounty() / BOUNTY_UNIT)
            });
    }

    /// @notice The same rules for one request: its own output limit, and no router fee where no router is paid.
    function forRequest(TaskRules rules, uint24 most, bool routed) internal pure returns (TaskRules) {
        uint256 word = TaskRules.unwrap(rules) & ~(uint256(type(uint24).max) << 96);
        if (!routed) word &= ~(uint256(type(uint16).max) << 168);
        return TaskRules.wrap(word | (uint256(most) << 96));
    }

    function price(TaskRules rules) internal pure returns (uint256) {
        return uint96(TaskRules.unwrap(rules));
    }

    function maxTokens(TaskRules rules) internal pure returns (uint256) {
        return uint24(TaskRules.unwrap(rules) >> 96);
    }

    function commitWindow(TaskRules rules) internal pure returns (uint256) {
        return uint16(TaskRules.unwrap(rules) >> 120);
    }

    function revealWindow(TaskRules rules) internal pure returns (uint256) {
        return uint16(TaskRules.unwrap(rules) >> 136);
    }

    function protocolFeeBps(TaskRules rules) internal pure returns (uint256) {
        return uint16(TaskRules.unwrap(rules) >> 152);
    }

    function routerFeeBps(TaskRules rules) internal pure returns (uint256) {
        return uint16(TaskRules.unwrap(rules) >> 168);
    }

    function threshold(TaskRules rules) internal pure returns (uint256) {
        return uint16(TaskRules.unwrap(rules) >> 184);
    }

    function redundancy(TaskRules rules) internal pure returns (uint256) {
        return uint8(TaskRules.unwrap(rules) >> 200);
    }

    function quorum(TaskRules rules) internal pure returns (uint256) {
        return uint8(TaskRules.unwrap(rules) >> 208);
    }

    function exact(TaskRules rules) internal pure returns (bool) {
        return uint8(TaskRules.unwrap(rules) >> 216) != 0;
    }

    function leased(TaskRules rules) internal pure returns (bool) {
        return uint8(TaskRules.unwrap(rules) >> 224) != 0;
    }

    /// @notice The bounty in base units.
    function bounty(TaskRules rules) internal pure returns (uint256) {
        return (TaskRules.unwrap(rules) >> 232) * BOUNTY_UNIT;
    }
}
