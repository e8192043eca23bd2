// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IOracleCommittee} from "../interfaces/IOracleCommittee.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title OracleCommittee
contract OracleCommittee is IOracleCommittee, AccessManaged {
    /// @notice Length of a slot, seconds.
    uint40 public constant SLOT = 60;
    /// @notice Silence after which a leader may be passed over, seconds.
    uint40 public constant SILENCE = 45;
    /// @notice Most oracles.
    uint256 public constant MAX = 32;

    /// @notice Where leaders' acts happen.
    address public immutable POUW;
    /// @notice Time in which an act that is due is the leader's alone, seconds.
    uint40 public immutable GRACE;

    address[] private _oracles;
    mapping(address account => bool) private _members;
    mapping(uint40 slot => address) private _actors;
    /// @dev How often a leader was passed over.
    uint40 private _passedOver;
    /// @dev When the running leader last acted, or took over from a silent one; seconds.
    uint40 private _heardAt;

    constructor(address authority, address pouw, uint40 grace, address[] memory initial) AccessManaged(authority) {
        POUW = pouw;
        GRACE = grace;
        _setOracles(initial);
    }

    /// @inheritdoc IOracleCommittee
    function setOracles(address[] calldata next) external restricted {
        _setOracles(next);
    }

    /// @inheritdoc IOracleCommittee
    function heartbeat() external {
        address current = leader();
        if (msg.sender != current || current == address(0)) revert OracleCommitteeUnauthorized(msg.sender, current);
        address actor = _actors[currentSlot()];
        if (actor != address(0) && actor != msg.sender) revert OracleCommitteeSlotTaken(currentSlot(), actor);
        _hear(msg.sender);
    }

    /// @inheritdoc IOracleCommittee
    function rotate() external {
        address silent = leader();
        if (silent == address(0)) revert OracleCommitteeMembers(0, MAX);
        uint40 slot = currentSlot();
        uint40 startedAt = slot * SLOT;
        uint40 silentAt = (_heardAt > startedAt ? _heardAt : startedAt) + SILENCE;
        if (Windows.clock() < silentAt) revert OracleCommitteeNotSilent(Windows.clock(), silentAt);
        ++_passedOver;
        _heardAt = Windows.clock();
        emit LeaderRotated(slot, silent, leader(), msg.sender);
    }

    /// @inheritdoc IOracleCommittee
    function note(address actor) external {
        if (msg.sender != POUW) revert OracleCommitteeUnauthorized(msg.sender, POUW);
        if (_leads(actor)) _hear(actor);
    }

    /// @inheritdoc IOracleCommittee
    function mayAct(address actor, uint40 dueAt) external view returns (bool) {
        return _oracles.length == 0 || Windows.isPast(dueAt + GRACE) || _leads(actor);
    }

    /// @inheritdoc IOracleCommittee
    function isOracle(address account) external view returns (bool) {
        return _members[account];
    }

    /// @inheritdoc IOracleCommittee
    function leader() public view returns (address) {
        uint256 count = _oracles.length;
        return count == 0 ? address(0) : _oracles[(uint256(currentSlot()) + _passedOver) % count];
    }

    /// @inheritdoc IOracleCommittee
    function oracles() external view returns (address[] memory) {
        return _oracles;
    }

    /// @inheritdoc IOracleCommittee
    function actorOf(uint40 slot) external view returns (address) {
        return _actors[slot];
    }

    /// @inheritdoc IOracleCommittee
    function currentSlot() public view returns (uint40) {
        return Windows.clock() / SLOT;
    }

    /// @dev Whether it leads, and no other leader has acted in this slot: one that took over in the middle of a slot waits for the next.
    function _leads(address actor) private view returns (bool) {
        address acted = _actors[currentSlot()];
        return actor == leader() && actor != address(0) && (acted == address(0) || acted == actor);
    }

    function _hear(address actor) private {
        uint40 slot = currentSlot();
        _heardAt = Windows.clock();
        if (_actors[slot] == actor) return;
        _actors[slot] = actor;
        emit LeaderActed(slot, actor);
    }

    function _setOracles(address[] memory next) private {
        if (next.length > MAX) revert OracleCommitteeMembers(next.length, MAX);
        for (uint256 i = 0; i < _oracles.length; ++i) _members[_oracles[i]] = false;
        for (uint256 i = 0; i < next.length; ++i) {
            if (next[i] == address(0) || _members[next[i]]) revert OracleCommitteeMembers(i, MAX);
            _members[next[i]] = true;
        }
        _oracles = next;
        emit CommitteeChanged(next);
    }
}
