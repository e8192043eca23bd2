// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ILiveness} from "../interfaces/ILiveness.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId} from "../interfaces/INodePool.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";

/// @title NodeStore: what the node pool stores, and the rules that its two halves share
/// @notice `NodePool` is the pool; `NodeDesk` holds the code of its owners' and governance's calls, which the pool runs by delegatecall on
/// its own storage, because all of it together passes EIP-170's limit. This base fixes the storage of both.
abstract contract NodeStore is AccessManaged {
    /// @notice Most members of a lease.
    uint256 public constant MAX_LEASE = 10;
    /// @notice Least thaw, seconds: longer than the longest life of a task.
    uint32 public constant THAW_FLOOR = 1 days;
    /// @notice Longest endpoint, bytes.
    uint256 public constant MAX_ENDPOINT = 256;
    /// @notice Most blocks in which a decided draw holds the lists still.
    uint256 public constant FREEZE = 64;
    /// @notice Time in which a former operator's signature stays good: longer than the longest life of a task, seconds.
    uint40 public constant OVERLAP = 1 days;
    /// @notice Weighted tries of a draw per seat wanted.
    uint256 public constant TRIES = 8;
    /// @notice Most places that are looked at in a row where the tries did not find enough.
    uint256 public constant SCAN = 64;
    /// @notice Most waiting nodes that are listed when a draw is made; `enlist` lists the others.
    uint256 public constant RELIST = 10;
    uint8 public constant MAX_LEVEL = 10;
    uint8 internal constant MINER = 1;
    uint8 internal constant VALIDATOR = 2;
    uint256 internal constant CLASSES = 3;
    /// @dev The list of those who would be eligible if they had a fresh pass.
    uint8 internal constant UNPROVEN = 3;
    /// @dev The list of validators, leased or not.
    uint8 internal constant PANEL = 4;
    /// @dev Of a round's outcome per member: see `finish`.
    uint256 internal constant PASSED = 1;
    uint256 internal constant FAILED = 2;
    uint256 internal constant RISES = 4;
    uint256 internal constant FALLS = 8;
    IERC20 public immutable TOKEN;
    IModelRegistry public immutable MODELS;
    /// @notice Draws leases for sessions.
    address public immutable SESSION;
    /// @notice Draws leases for single tasks, and slashes.
    address public immutable QUEUE;
    /// @notice Draws panels, and slashes for fraud.
    address public immutable VALIDATION;
    /// @notice Keeps the scores that weigh a draw, and knows when a node last worked.
    ISessionPayment public immutable SCORES;
    /// @notice Takes nodes for rounds, and says who passed.
    address public immutable POUW;
    /// @notice Knows who lives.
    ILiveness public immutable LIVENESS;
    /// @notice The other modules.
    struct Wiring {
        IERC20 token;
        IModelRegistry models;
        address session;
        address queue;
        address validation;
        ISessionPayment scores;
        address pouw;
        ILiveness liveness;
    }

    /// @dev Draws of a model that are decided or will be.
    struct Pending {
        uint32 count;
        uint40 firstSeedBlock;
        uint40 lastSeedBlock;
    }

    struct Lease {
        uint240 members;
        uint8 size;
        uint40 until;
        bool collected;
        bool proving;
        bool round;
        uint40 drawnAt;
    }

    INodePool.Parameters internal _parameters;
    uint24 internal _nodeCount;
    uint32 internal _leaseCount;
    uint128 internal _staked;
    /// @dev In the slot that every registration and every new stake writes.
    uint40 internal _pausedUntil;
    uint128 internal _slashed;
    uint128 internal _bountiesOwed;
    mapping(NodeId node => INodePool.Node) internal _nodes;
    mapping(address operator => NodeId) internal _operated;
    mapping(NodeId node => address) internal _proposed;
    mapping(LeaseId lease => Lease) internal _leases;
    /// @dev Dense lists per model: eligible miners of high, medium and low class, miners who lack a fresh pass, validators.
    mapping(bytes32 model => NodeId[][5]) internal _lists;
    mapping(bytes32 model => NodeId[]) internal _waiting;
    mapping(bytes32 model => Pending) internal _pending;
    mapping(uint32 session => NodeId[]) internal _dedicated;
    mapping(address finder => uint128) internal _bounties;
    /// @dev What fraud took on a day.
    mapping(uint256 day => uint128) internal _taken;
    /// @dev By the last second to open.
    mapping(NodeId node => mapping(uint40 until => INodePool.Penalty)) internal _penalties;
    constructor(address authority, Wiring memory wiring) AccessManaged(authority) {
        TOKEN = wiring.token;
        MODELS = wiring.models;
        SESSION = wiring.session;
        QUEUE = wiring.queue;
        VALIDATION = wiring.validation;
        SCORES = wiring.scores;
        POUW = wiring.pouw;
        LIVENESS = wiring.liveness;
    }

    modifier onlyOwner(NodeId node) {
        _only(_known(node).owner);
        _;
    }

    modifier only(address caller) {
        _only(caller);
        _;
    }

    // --- dense lists ---

    /// @dev Makes the lists agree with the node's state. The only writer of the lists besides `_unlist` and `_unlistValidator`. Where a
    /// draw is decided but not made, a node that would be listed waits.
    function _refresh(NodeId node) internal {
        _refresh(node, _drawPending(_nodes[node].model), _parameters.proving);
    }

    /// @dev Lists nodes that waited, the last to come first, at most `RELIST`.
    function _listWaiting(bytes32 model) internal {
        NodeId[] storage waiting = _waiting[model];
        for (uint256 i = 0; i < RELIST && waiting.length != 0; ++i) {
            NodeId node = waiting[waiting.length - 1];
            waiting.pop();
            _nodes[node].waits = false;
            _refresh(node, false, _parameters.proving);
        }
    }

    function _refresh(NodeId node, bool held, bool proving) internal {
        INodePool.Node storage entry = _nodes[node];
        bytes32 model = entry.model;
        bool miner = _mayMine(entry);
        bool validator = entry.roles & VALIDATOR != 0 && _mayWork(entry);
        uint8 list = miner && proving && !_isProven(node) ? UNPROVEN : _classOf(entry.level);
        if (!miner || list != entry.listedIn) _unlist(node);
        if (!validator) _unlistValidator(node);
        bool lacks = (miner && entry.listedAt == 0) || (validator && entry.panelAt == 0);
        if (!lacks) return;
        if (held) {
            if (entry.waits) return;
            entry.waits = true;
            _waiting[model].push(node);
            return;
        }
        if (miner && entry.listedAt == 0) {
            entry.listedAt = uint24(_append(model, list, node));
            entry.listedIn = list;
        }
        if (validator && entry.panelAt == 0) entry.panelAt = uint32(_append(model, PANEL, node));
    }

    /// @dev Whether it could work as a miner, were it proven.
    function _mayMine(INodePool.Node storage entry) internal view returns (bool) {
        return entry.roles & MINER != 0 && entry.dedicatedTo == 0 && LeaseId.unwrap(entry.lease) == 0 && _mayWork(entry);
    }

    /// @dev Whether it has passed since it last worked, and lives.
    function _isProven(NodeId node) internal view returns (bool) {
        return _nodes[node].passedAt > _nodes[node].releasedAt && LIVENESS.isAlive(node);
    }

    /// @dev What miners and validators must be alike.
    function _mayWork(INodePool.Node storage entry) internal view returns (bool) {
        return
            entry.operator != address(0) &&
            entry.admitted &&
            entry.available &&
            entry.exitAt == 0 &&
            entry.jailedUntil == 0 &&
            entry.stake >= entry.minStake &&
            entry.stake >= (uint256(entry.locks) + 1) * entry.assignmentLock;
    }

    /// @dev Moves the last node of the list into the gap; does nothing where the node is not listed.
    function _unlist(NodeId node) internal {
        INodePool.Node storage entry = _nodes[node];
        uint256 place = entry.listedAt;
        if (place == 0) return;
        _nodes[_cut(entry.model, entry.listedIn, place)].listedAt = uint24(place);
        entry.listedAt = 0;
    }

    /// @dev The same for the list of validators.
    function _unlistValidator(NodeId node) internal {
        INodePool.Node storage entry = _nodes[node];
        uint256 place = entry.panelAt;
        if (place == 0) return;
        _nodes[_cut(entry.model, PANEL, place)].panelAt = uint32(place);
        entry.panelAt = 0;
    }

    /// @return the place it was put, plus one
    function _append(bytes32 model, uint256 kind, NodeId node) internal returns (uint256) {
        NodeId[] storage list = _lists[model][kind];
        list.push(node);
        return list.length;
    }

    /// @dev Closes the gap at a place (plus one).
    /// @return last who moved into it
    function _cut(bytes32 model, uint256 kind, uint256 place) internal returns (NodeId last) {
        NodeId[] storage list = _lists[model][kind];
        last = list[list.length - 1];
        list[place - 1] = last;
        list.pop();
    }

    /// @dev 0 high, 1 medium, 2 low: so that the classes of at least some level are the first lists.
    function _classOf(uint256 level) internal pure returns (uint8) {
        return
            level >= 8
                ? 0
                : level >= 4
                    ? 1
                    : 2;
    }

    /// @dev Whether a draw of the model is decided but not made.
    function _drawPending(bytes32 model) internal view returns (bool) {
        Pending storage pending = _pending[model];
        return pending.count != 0 && block.number > pending.firstSeedBlock && block.number <= pending.lastSeedBlock + FREEZE;
    }

    function _requireNoDraw(bytes32 model) internal view {
        if (_drawPending(model)) revert INodePool.NodePoolDrawPending(model, _pending[model].lastSeedBlock + FREEZE);
    }

    function _slash(NodeId node, uint128 penalty) internal returns (uint128 taken) {
        INodePool.Node storage entry = _nodes[node];
        taken = entry.stake < penalty ? entry.stake : penalty;
        entry.stake -= taken;
        _staked -= taken;
        _slashed += taken;
        emit INodePool.NodeSlashed(node, taken, entry.stake);
        _refresh(node);
    }

    /// @dev Stake that no open assignment locks.
    function _withdrawable(NodeId node) internal view returns (uint256) {
        INodePool.Node storage entry = _nodes[node];
        uint256 locked = uint256(entry.locks) * entry.assignmentLock;
        return entry.stake > locked ? entry.stake - locked : 0;
    }

    function _only(address caller) internal view {
        if (msg.sender != caller) revert INodePool.NodePoolUnauthorized(msg.sender, caller);
    }

    function _known(NodeId node) internal view returns (INodePool.Node storage entry) {
        entry = _nodes[node];
        if (entry.owner == address(0)) revert INodePool.NodePoolUnknownNode(node);
    }
}
