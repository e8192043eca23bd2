// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev The numbers of a task's rules in one word, so that they cost one word of storage, calldata, log and hash instead of twelve
/// (bench/gas). From the lowest bit: price 96, maxTokens 24, commitWindow 16, revealWindow 16, protocolFeeBps 16, routerFeeBps 16,
/// threshold 16, redundancy 8, quorum 8, exact 1, service 3, standby 1,
/// assured 1, spare 2, leased 1, level 2, widen 1, spare 4, bounty 24 (in units of
/// `BOUNTY_UNIT`).
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
    /// @param service kind of work, 0 to 5: see `ISession.Service`
    /// @param standby whether the lease has a member more than the task has seats
    /// @param assured whether the session asks for more than agreement (`Assurance`)
    /// @param leased whether the committee comes from the session's lease
    /// @param level class of nodes: 0 low, 1 medium, 2 high
    /// @param widen whether lower classes may fill up
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
        uint8 service;
        bool standby;
        bool assured;
        bool leased;
        uint8 level;
        bool widen;
        uint24 bounty;
    }

    function pack(Unpacked memory r) internal pure returns (TaskRules) {
        uint256 word =
            uint256(r.price) |
                (uint256(r.maxTokens) << 96) |
                (uint256(r.commitWindow) << 120) |
                (uint256(r.revealWindow) << 136) |
                (uint256(r.protocolFeeBps) << 152) |
                (uint256(r.routerFeeBps) << 168) |
                (uint256(r.threshold) << 184) |
                (uint256(r.redundancy) << 200) |
                (uint256(r.quorum) << 208);
        word |= (uint256(r.service & 7) << 217) | (uint256(r.level & 3) << 225) | (uint256(r.bounty) << 232);
        word |= _bit(r.exact, 216) | _bit(r.standby, 220) | _bit(r.assured, 221) | _bit(r.leased, 224) | _bit(r.widen, 227);
        return TaskRules.wrap(word);
    }

    function _bit(bool flag, uint256 place) private pure returns (uint256) {
        return flag ? 1 << place : 0;
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
                service: uint8(rules.service()),
                standby: rules.standby(),
                assured: rules.assured(),
                leased: rules.leased(),
                level: uint8(rules.level()),
                widen: rules.widen(),
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
        return (TaskRules.unwrap(rules) >> 216) & 1 != 0;
    }

    function service(TaskRules rules) internal pure returns (uint256) {
        return (TaskRules.unwrap(rules) >> 217) & 7;
    }

    function standby(TaskRules rules) internal pure returns (bool) {
        return (TaskRules.unwrap(rules) >> 220) & 1 != 0;
    }

    function assured(TaskRules rules) internal pure returns (bool) {
        return (TaskRules.unwrap(rules) >> 221) & 1 != 0;
    }

    function leased(TaskRules rules) internal pure returns (bool) {
        return (TaskRules.unwrap(rules) >> 224) & 1 != 0;
    }

    function level(TaskRules rules) internal pure returns (uint256) {
        return (TaskRules.unwrap(rules) >> 225) & 3;
    }

    function widen(TaskRules rules) internal pure returns (bool) {
        return (TaskRules.unwrap(rules) >> 227) & 1 != 0;
    }

    /// @notice The bounty in base units.
    function bounty(TaskRules rules) internal pure returns (uint256) {
        return (TaskRules.unwrap(rules) >> 232) * BOUNTY_UNIT;
    }
}
