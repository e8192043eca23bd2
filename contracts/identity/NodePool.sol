// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId, Seat} from "../interfaces/INodePool.sol";
import {IPausable} from "../interfaces/IPausable.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {Draw} from "../libraries/Draw.sol";
import {Pause} from "../libraries/Pause.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title NodePool
contract NodePool is INodePool, IPausable, AccessManaged {
    using SafeERC20 for IERC20;

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
    uint8 private constant MINER = 1;
    uint8 private constant VALIDATOR = 2;
    uint256 private constant CLASSES = 3;

    IERC20 public immutable TOKEN;
    IModelRegistry public immutable MODELS;
    /// @notice Draws leases for sessions.
    address public immutable SESSION;
    /// @notice Draws leases for single tasks, and slashes.
    address public immutable QUEUE;
    /// @notice Draws panels, and slashes for fraud.
    address public immutable VALIDATION;
    /// @notice Keeps the scores that weigh a draw.
    ISessionPayment public immutable SCORES;

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
    }

    Parameters private _parameters;
    uint24 private _nodeCount;
    uint32 private _leaseCount;
    uint128 private _staked;
    /// @dev In the slot that every registration and every new stake writes.
    uint40 private _pausedUntil;
    uint128 private _slashed;
    uint128 private _bountiesOwed;
    mapping(NodeId node => Node) private _nodes;
    mapping(address operator => NodeId) private _operated;
    mapping(NodeId node => address) private _proposed;
    mapping(LeaseId lease => Lease) private _leases;
    /// @dev Dense lists per model and class: high, medium, low.
    mapping(bytes32 model => NodeId[][3]) private _eligible;
    mapping(bytes32 model => NodeId[]) private _validators;
    mapping(bytes32 model => NodeId[]) private _waiting;
    mapping(bytes32 model => Pending) private _pending;
    mapping(uint32 session => NodeId[]) private _dedicated;
    mapping(address finder => uint128) private _bounties;
    /// @dev What fraud took on a day.
    mapping(uint256 day => uint128) private _taken;

    constructor(
        address authority,
        IERC20 token,
        IModelRegistry modelRegistry,
        address session,
        address queue,
        address validation,
        ISessionPayment scores,
        Parameters memory initial
    ) AccessManaged(authority) {
        TOKEN = token;
        MODELS = modelRegistry;
        SESSION = session;
        QUEUE = queue;
        VALIDATION = validation;
        SCORES = scores;
        _setParameters(initial);
    }

    modifier onlyOwner(NodeId node) {
        address owner = _known(node).owner;
        if (msg.sender != owner) revert NodePoolUnauthorized(msg.sender, owner);
        _;
    }

    modifier onlyDrawers() {
        if (msg.sender != SESSION && msg.sender != QUEUE) revert NodePoolUnauthorized(msg.sender, SESSION);
        _;
    }

    modifier only(address caller) {
        if (msg.sender != caller) revert NodePoolUnauthorized(msg.sender, caller);
        _;
    }

    /// @inheritdoc INodePool
    function register(address operator, bytes32 model, uint128 amount, string calldata endpoint) external returns (NodeId node) {
        Pause.requireOff(_pausedUntil);
        if (operator == address(0)) revert NodePoolZeroAddress();
        if (amount < _parameters.minStake) revert NodePoolStakeTooLow(amount, _parameters.minStake);
        _requireCurrent(model);
        node = NodeId.wrap(++_nodeCount);
        Node storage entry = _nodes[node];
        entry.owner = msg.sender;
        entry.model = model;
        entry.stake = amount;
        entry.minStake = _parameters.minStake;
        entry.unopenedPenalty = _parameters.unopenedPenalty;
        entry.thaw = _parameters.thaw;
        entry.fraudPenalty = _parameters.fraudPenalty;
        entry.assignmentLock = _parameters.assignmentLock;
        entry.roles = MINER | VALIDATOR;
        entry.available = true;
        entry.admitted = _parameters.open;
        _staked += amount;
        emit NodeRegistered(node, msg.sender, operator, model, amount);
        _announce(node, endpoint);
        if (operator == msg.sender) _setOperator(node, operator);
        else _propose(node, operator);
        _refresh(node);
        _pull(amount);
    }

    /// @inheritdoc INodePool
    function proposeOperator(NodeId node, address operator) external onlyOwner(node) {
        if (operator == address(0)) revert NodePoolZeroAddress();
        _propose(node, operator);
    }

    /// @inheritdoc INodePool
    function acceptOperator(NodeId node) external {
        _known(node);
        if (msg.sender != _proposed[node]) revert NodePoolUnauthorized(msg.sender, _proposed[node]);
        delete _proposed[node];
        _setOperator(node, msg.sender);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function announceEndpoint(NodeId node, string calldata endpoint) external {
        _requireOperatorOrOwner(node);
        _announce(node, endpoint);
    }

    /// @inheritdoc INodePool
    function serve(NodeId node, bytes32 model, bool available) external {
        Node storage entry = _requireOperatorOrOwner(node);
        if (model != entry.model) _requireFree(node);
        if (available) _requireCurrent(model);
        _requireNoDraw(entry.model);
        _unlist(node);
        _unlistValidator(node);
        entry.model = model;
        entry.available = available;
        emit NodeServiceChanged(node, model, available);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function addStake(NodeId node, uint128 amount) external onlyOwner(node) {
        Pause.requireOff(_pausedUntil);
        Node storage entry = _nodes[node];
        entry.stake += amount;
        _staked += amount;
        emit StakeAdded(node, amount, entry.stake);
        _refresh(node);
        _pull(amount);
    }

    /// @inheritdoc INodePool
    function requestExit(NodeId node) external onlyOwner(node) {
        Node storage entry = _nodes[node];
        if (entry.exitAt != 0) revert NodePoolExitState(node, entry.exitAt);
        // A leased node may ask too, or whoever draws it again and again could hold its stake.
        uint40 freeAt = _leases[entry.lease].until;
        entry.exitAt = (freeAt > Windows.clock() ? freeAt : Windows.clock()) + entry.thaw;
        emit ExitRequested(node, entry.exitAt);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function withdrawStake(NodeId node, address to) external onlyOwner(node) {
        Node storage entry = _nodes[node];
        if (to == address(0)) revert NodePoolZeroAddress();
        if (entry.exitAt == 0) revert NodePoolExitState(node, 0);
        if (Windows.clock() < entry.exitAt) revert NodePoolTooEarly(Windows.clock(), entry.exitAt);
        uint128 amount = uint128(withdrawable(node));
        // Nothing may be left of a stake that was slashed; what is left and locked comes later.
        if (amount == 0 && entry.stake != 0) revert NodePoolNothingOwed();
        entry.stake -= amount;
        _staked -= amount;
        if (entry.stake == 0) {
            _operated[entry.operator] = NodeId.wrap(0);
            entry.operator = address(0);
        }
        emit StakeWithdrawn(node, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc INodePool
    function setRoles(NodeId node, uint8 roles) external {
        Node storage entry = _requireOperatorOrOwner(node);
        if (roles > (MINER | VALIDATOR)) revert NodePoolOutOfRange(roles, MINER | VALIDATOR);
        _requireNoDraw(entry.model);
        entry.roles = roles;
        emit RolesChanged(node, roles);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function setLevel(NodeId node, uint8 level) external restricted {
        Node storage entry = _known(node);
        if (level > MAX_LEVEL) revert NodePoolOutOfRange(level, MAX_LEVEL);
        _requireNoDraw(entry.model);
        _unlist(node);
        entry.level = level;
        emit LevelChanged(node, level);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function dedicate(NodeId node, uint32 session) external {
        Node storage entry = _requireOperatorOrOwner(node);
        _requireFree(node);
        _requireNoDraw(entry.model);
        if (entry.accepted) _dismiss(node, entry.dedicatedTo);
        entry.dedicatedTo = session;
        emit NodeDedicated(node, session);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function acceptDedicated(uint32 session, NodeId[] calldata nodes, bool accepted) external only(SESSION) {
        NodeId[] storage list = _dedicated[session];
        for (uint256 i = 0; i < nodes.length; ++i) {
            NodeId node = nodes[i];
            Node storage entry = _known(node);
            if (entry.dedicatedTo != session) revert NodePoolNotDedicated(node, entry.dedicatedTo, session);
            if (entry.accepted == accepted) continue;
            if (!accepted) {
                _dismiss(node, session);
                continue;
            }
            if (list.length == MAX_LEASE) revert NodePoolTooManyDedicated(list.length + 1, MAX_LEASE);
            list.push(node);
            entry.accepted = true;
            emit DedicationAccepted(node, session, true);
        }
    }

    /// @inheritdoc INodePool
    function enlist(NodeId node) external {
        _known(node);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function free(NodeId node) external onlyOwner(node) {
        Node storage entry = _nodes[node];
        if (entry.jailedUntil == 0 || !Windows.isPast(entry.jailedUntil)) revert NodePoolTooEarly(Windows.clock(), entry.jailedUntil + 1);
        entry.jailedUntil = 0;
        emit NodeFreed(node);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function admit(NodeId node, bool admitted) external restricted {
        _known(node).admitted = admitted;
        emit NodeAdmitted(node, admitted);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function setParameters(Parameters calldata next) external restricted {
        _setParameters(next);
    }

    /// @inheritdoc IPausable
    function pause(uint40 duration) external restricted {
        uint40 until = Pause.next(_pausedUntil, duration);
        _pausedUntil = until;
        emit PauseChanged(until);
    }

    /// @inheritdoc INodePool
    function sweepSlashed(address to) external restricted {
        if (to == address(0)) revert NodePoolZeroAddress();
        uint128 amount = _slashed;
        _slashed = 0;
        emit SlashedSwept(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc INodePool
    function announceDraw(bytes32 model, uint40 seedBlock) external onlyDrawers {
        Pending storage pending = _pending[model];
        if (pending.count == 0) pending.firstSeedBlock = seedBlock;
        if (seedBlock > pending.lastSeedBlock) pending.lastSeedBlock = seedBlock;
        ++pending.count;
    }

    /// @inheritdoc INodePool
    function retireDraw(bytes32 model) external onlyDrawers {
        --_pending[model].count;
        if (!_drawPending(model)) _listWaiting(model);
    }

    /// @inheritdoc INodePool
    function lease(Wanted calldata wanted, bytes32 seed, uint40 until) external onlyDrawers returns (LeaseId id) {
        uint8 size = wanted.size;
        if (size == 0 || size > MAX_LEASE) revert NodePoolLeaseSize(size, MAX_LEASE);
        Hat memory hat;
        hat.owners = new address[](2 * MAX_LEASE + 1);
        _shun(hat, wanted.requester);
        if (LeaseId.unwrap(wanted.avoid) != 0) _shunAll(hat, _leases[wanted.avoid].members, _leases[wanted.avoid].size);
        id = LeaseId.wrap(++_leaseCount);
        if (wanted.source != Source.Pool) _takeDedicated(hat, wanted);
        if (hat.drawn < size && wanted.source != Source.Dedicated) {
            _drawMiners(hat, wanted, seed);
            // Where there are too few, those who wait for this draw are listed after all: better a draw that they can sway than none.
            if (hat.drawn < size && _waiting[wanted.model].length != 0) {
                _listWaiting(wanted.model);
                _drawMiners(hat, wanted, keccak256(abi.encode(seed, hat.drawn)));
            }
        }
        if (hat.drawn < size) revert NodePoolTooFewNodes(hat.drawn, size);
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(hat.members >> (24 * i)));
            Node storage entry = _nodes[node];
            _unlist(node);
            entry.lease = id;
            ++entry.locks;
        }
        uint240 members = uint240(hat.members);
        _leases[id] = Lease({members: members, size: size, until: until, collected: false});
        emit LeaseDrawn(id, wanted.model, seed, members, size, until);
    }

    /// @inheritdoc INodePool
    function shorten(LeaseId id, uint40 until) external only(SESSION) {
        Lease storage drawn = _leases[id];
        if (drawn.size == 0) revert NodePoolNoLease(id);
        if (until >= drawn.until) return;
        drawn.until = until;
        emit LeaseShortened(id, until);
    }

    /// @inheritdoc INodePool
    function drawPanel(
        bytes32 model,
        uint8 size,
        bytes32 seed,
        LeaseId miners,
        uint240 avoid,
        uint8 avoided,
        address requester
    ) external only(VALIDATION) returns (uint240 members, uint8 drawn) {
        Hat memory hat;
        hat.owners = new address[](2 * MAX_LEASE + 1 + size);
        _shun(hat, requester);
        _shunAll(hat, _leases[miners].members, _leases[miners].size);
        _shunAll(hat, avoid, avoided);
        NodeId[] storage list = _validators[model];
        _draw(hat, list.length, size, seed, list, model, 0);
        (members, drawn) = (uint240(hat.members), uint8(hat.drawn));
        for (uint256 i = 0; i < drawn; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            ++_nodes[node].locks;
            _refresh(node);
        }
        emit PanelDrawn(model, seed, members, drawn);
    }

    /// @inheritdoc INodePool
    function releasePanel(uint240 members, uint8 size) external only(VALIDATION) {
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            --_nodes[node].locks;
            _refresh(node);
        }
    }

    /// @inheritdoc INodePool
    function release(LeaseId id) external only(QUEUE) {
        _collect(id);
    }

    /// @inheritdoc INodePool
    function collect(LeaseId id) external {
        Lease storage drawn = _leases[id];
        if (drawn.size == 0 || drawn.collected) revert NodePoolNoLease(id);
        if (!Windows.isPast(drawn.until)) revert NodePoolTooEarly(Windows.clock(), drawn.until + 1);
        _collect(id);
    }

    /// @inheritdoc INodePool
    function slashUnopened(NodeId node) external only(QUEUE) returns (uint128) {
        return _slash(node, _nodes[node].unopenedPenalty);
    }

    /// @inheritdoc INodePool
    function slashVerdict(NodeId node) external only(VALIDATION) returns (uint128) {
        return _slash(node, _nodes[node].unopenedPenalty);
    }

    /// @inheritdoc INodePool
    function slashFraud(NodeId node, address finder) external only(VALIDATION) returns (uint128 taken) {
        Node storage entry = _nodes[node];
        uint256 day = block.timestamp / 1 days;
        uint128 penalty = 0;
        if (_parameters.slashing) {
            uint128 left = _taken[day] < _parameters.dailyCap ? _parameters.dailyCap - _taken[day] : 0;
            penalty = entry.fraudPenalty < left ? entry.fraudPenalty : left;
        }
        entry.jailedUntil = Windows.endOf(_parameters.jail);
        emit NodeJailed(node, entry.jailedUntil);
        taken = _slash(node, penalty);
        _taken[day] += taken;
        if (finder == address(0)) return taken;
        uint128 bounty = uint128((uint256(taken) * _parameters.bountyBps) / 10_000);
        _slashed -= bounty;
        _bountiesOwed += bounty;
        _bounties[finder] += bounty;
        emit BountyOwed(finder, node, bounty);
    }

    /// @inheritdoc INodePool
    function withdrawBounty(address to) external returns (uint128 amount) {
        if (to == address(0)) revert NodePoolZeroAddress();
        amount = _bounties[msg.sender];
        if (amount == 0) revert NodePoolNothingOwed();
        _bounties[msg.sender] = 0;
        _bountiesOwed -= amount;
        emit BountyWithdrawn(msg.sender, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc INodePool
    function committee(LeaseId id, uint96 seed, uint8 size) external view returns (Seat[] memory seats) {
        (uint240 members, uint8 drawn) = (_leases[id].members, _leases[id].size);
        if (drawn < size) revert NodePoolNoLease(id);
        uint256 places = Draw.permutation(seed, drawn, size);
        seats = new Seat[](size);
        for (uint256 i = 0; i < size; ++i) seats[i] = _seat(members, places, i);
    }

    /// @inheritdoc INodePool
    function seatOf(LeaseId id, uint96 seed, uint8 size, uint8 seat) external view returns (Seat) {
        (uint240 members, uint8 drawn) = (_leases[id].members, _leases[id].size);
        if (drawn < size) revert NodePoolNoLease(id);
        return _seat(members, Draw.permutation(seed, drawn, size), seat);
    }

    /// @inheritdoc INodePool
    function nodeOf(NodeId node) external view returns (Node memory) {
        return _known(node);
    }

    /// @inheritdoc INodePool
    function nodeOfOperator(address operator) external view returns (NodeId) {
        return _operated[operator];
    }

    /// @inheritdoc INodePool
    function ownerOf(NodeId node) external view returns (address) {
        return _nodes[node].owner;
    }

    /// @inheritdoc INodePool
    function leaseOf(LeaseId id) external view returns (uint240 members, uint8 size, uint40 until) {
        Lease storage drawn = _leases[id];
        return (drawn.members, drawn.size, drawn.until);
    }

    /// @inheritdoc INodePool
    function eligibleCount(bytes32 model) external view returns (uint256) {
        return _count(model, 0);
    }

    /// @inheritdoc INodePool
    function eligible(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory page) {
        uint256 length = _count(model, 0);
        if (from >= length) return new NodeId[](0);
        if (count > length - from) count = length - from;
        page = new NodeId[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = _placed(model, from + i);
    }

    /// @inheritdoc INodePool
    function drawPending(bytes32 model) external view returns (bool) {
        return _drawPending(model);
    }

    /// @inheritdoc INodePool
    function validatorCount(bytes32 model) external view returns (uint256) {
        return _validators[model].length;
    }

    /// @inheritdoc INodePool
    function validators(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory page) {
        NodeId[] storage list = _validators[model];
        if (from >= list.length) return new NodeId[](0);
        if (count > list.length - from) count = list.length - from;
        page = new NodeId[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = list[from + i];
    }

    /// @inheritdoc INodePool
    function dedicatedTo(uint32 session) external view returns (NodeId[] memory) {
        return _dedicated[session];
    }

    /// @inheritdoc INodePool
    function operatorOf(NodeId node) external view returns (address) {
        return _nodes[node].operator;
    }

    /// @inheritdoc INodePool
    function formerOperatorOf(NodeId node) external view returns (address) {
        Node storage entry = _nodes[node];
        return Windows.isPast(entry.formerUntil) ? address(0) : entry.formerOperator;
    }

    /// @inheritdoc INodePool
    function bountyOf(address finder) external view returns (uint128) {
        return _bounties[finder];
    }

    /// @inheritdoc INodePool
    function withdrawable(NodeId node) public view returns (uint256) {
        Node storage entry = _nodes[node];
        uint256 locked = uint256(entry.locks) * entry.assignmentLock;
        return entry.stake > locked ? entry.stake - locked : 0;
    }

    /// @inheritdoc INodePool
    function isEligible(NodeId node) public view returns (bool) {
        Node storage entry = _nodes[node];
        return entry.roles & MINER != 0 && entry.dedicatedTo == 0 && LeaseId.unwrap(entry.lease) == 0 && _mayWork(entry);
    }

    /// @inheritdoc INodePool
    function totals() external view returns (uint256 staked, uint256 slashed) {
        return (_staked, uint256(_slashed) + _bountiesOwed);
    }

    /// @inheritdoc INodePool
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IPausable
    function pausedUntil() external view returns (uint40) {
        return _pausedUntil;
    }

    /// @inheritdoc INodePool
    function nodeCount() external view returns (uint256) {
        return _nodeCount;
    }

    // --- dense lists ---

    /// @dev Makes the lists agree with the node's state. The only writer of the lists besides `_unlist` and `_unlistValidator`. Where a
    /// draw is decided but not made, a node that would be listed waits.
    function _refresh(NodeId node) private {
        _refresh(node, _drawPending(_nodes[node].model));
    }

    /// @dev Lists nodes that waited, the last to come first, at most `RELIST`.
    function _listWaiting(bytes32 model) private {
        NodeId[] storage waiting = _waiting[model];
        for (uint256 i = 0; i < RELIST && waiting.length != 0; ++i) {
            NodeId node = waiting[waiting.length - 1];
            waiting.pop();
            _nodes[node].waits = false;
            _refresh(node, false);
        }
    }

    function _refresh(NodeId node, bool held) private {
        Node storage entry = _nodes[node];
        bytes32 model = entry.model;
        bool miner = isEligible(node);
        bool validator = entry.roles & VALIDATOR != 0 && _mayWork(entry);
        if (!miner) _unlist(node);
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
            NodeId[] storage list = _eligible[model][_classOf(entry.level)];
            list.push(node);
            entry.listedAt = uint32(list.length);
        }
        if (validator && entry.panelAt == 0) {
            _validators[model].push(node);
            entry.panelAt = uint32(_validators[model].length);
        }
    }

    /// @dev What miners and validators must be alike.
    function _mayWork(Node storage entry) private view returns (bool) {
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
    function _unlist(NodeId node) private {
        Node storage entry = _nodes[node];
        uint256 place = entry.listedAt;
        if (place == 0) return;
        NodeId[] storage list = _eligible[entry.model][_classOf(entry.level)];
        NodeId last = list[list.length - 1];
        list[place - 1] = last;
        _nodes[last].listedAt = uint32(place);
        list.pop();
        entry.listedAt = 0;
    }

    /// @dev The same for the list of validators.
    function _unlistValidator(NodeId node) private {
        Node storage entry = _nodes[node];
        uint256 place = entry.panelAt;
        if (place == 0) return;
        NodeId[] storage list = _validators[entry.model];
        NodeId last = list[list.length - 1];
        list[place - 1] = last;
        _nodes[last].panelAt = uint32(place);
        list.pop();
        entry.panelAt = 0;
    }

    /// @dev 0 high, 1 medium, 2 low: so that the classes of at least some level are the first lists.
    function _classOf(uint256 level) private pure returns (uint256) {
        return
            level >= 8
                ? 0
                : level >= 4
                    ? 1
                    : 2;
    }

    /// @dev Nodes of at least a class: 0 low, 1 medium, 2 high.
    function _count(bytes32 model, uint256 class) private view returns (uint256 count) {
        for (uint256 i = 0; i < CLASSES - class; ++i) count += _eligible[model][i].length;
    }

    /// @dev The node at a place of the lists put in a row.
    function _placed(bytes32 model, uint256 place) private view returns (NodeId) {
        uint256 class = 0;
        while (place >= _eligible[model][class].length) place -= _eligible[model][class++].length;
        return _eligible[model][class][place];
    }

    /// @dev Takes a node off a session's list, for either side.
    function _dismiss(NodeId node, uint32 session) private {
        NodeId[] storage list = _dedicated[session];
        for (uint256 i = 0; i < list.length; ++i) {
            if (!(list[i] == node)) continue;
            list[i] = list[list.length - 1];
            list.pop();
            break;
        }
        _nodes[node].accepted = false;
        emit DedicationAccepted(node, session, false);
    }

    // --- draws ---

    /// @dev Who has been drawn, and the owners of whom nobody else is drawn.
    struct Hat {
        uint256 members;
        uint256 drawn;
        uint256 shunned;
        address[] owners;
    }

    /// @dev The session's dedicated nodes that are free, in the order in which they were accepted.
    function _takeDedicated(Hat memory hat, Wanted calldata wanted) private view {
        NodeId[] storage list = _dedicated[wanted.session];
        for (uint256 i = 0; i < list.length && hat.drawn < wanted.size; ++i) {
            NodeId node = list[i];
            Node storage entry = _nodes[node];
            if (entry.model != wanted.model || LeaseId.unwrap(entry.lease) != 0 || !_mayWork(entry)) continue;
            _take(hat, node);
        }
    }

    /// @dev From the wanted classes; what they leave open, all classes together may fill where that was asked for.
    function _drawMiners(Hat memory hat, Wanted calldata wanted, bytes32 seed) private view {
        _fill(hat, wanted.model, wanted.level, wanted.size, seed);
        if (hat.drawn < wanted.size && wanted.widen && wanted.level != 0) _fill(hat, wanted.model, 0, wanted.size, seed);
    }

    function _fill(Hat memory hat, bytes32 model, uint256 class, uint256 size, bytes32 seed) private view {
        _draw(hat, _count(model, class), size, seed, _validators[model], model, 1);
    }

    /// @dev Fills the hat to `size` from the first `count` places of a list: `list` itself, or (`kind` 1) the model's miners.
    function _draw(
        Hat memory hat,
        uint256 count,
        uint256 size,
        bytes32 seed,
        NodeId[] storage list,
        bytes32 model,
        uint256 kind
    ) private view {
        if (count == 0) return;
        uint256 tries = TRIES * (size - hat.drawn);
        for (uint256 i = 0; i < tries && hat.drawn < size; ++i) {
            uint256 roll = Draw.roll(seed, i);
            uint256 place = Draw.place(roll, count);
            NodeId node = kind == 1 ? _placed(model, place) : list[place];
            if (Draw.accepts(roll, SCORES.nodeAccountOf(node).scoreOf(block.timestamp))) _take(hat, node);
        }
        uint256 from = Draw.place(Draw.roll(seed, tries), count);
        uint256 steps = count < SCAN ? count : SCAN;
        for (uint256 i = 0; i < steps && hat.drawn < size; ++i) {
            uint256 place = (from + i) % count;
            _take(hat, kind == 1 ? _placed(model, place) : list[place]);
        }
    }

    /// @dev Unless its owner has a node among the drawn, or is to be avoided.
    function _take(Hat memory hat, NodeId node) private view {
        address owner = _nodes[node].owner;
        for (uint256 i = 0; i < hat.shunned; ++i) {
            if (hat.owners[i] == owner) return;
        }
        hat.members |= uint256(NodeId.unwrap(node)) << (24 * hat.drawn++);
        _shun(hat, owner);
    }

    function _shun(Hat memory hat, address owner) private pure {
        hat.owners[hat.shunned++] = owner;
    }

    function _shunAll(Hat memory hat, uint240 members, uint256 size) private view {
        for (uint256 i = 0; i < size; ++i) _shun(hat, _nodes[NodeId.wrap(uint24(members >> (24 * i)))].owner);
    }

    /// @dev Whether a draw of the model is decided but not made.
    function _drawPending(bytes32 model) private view returns (bool) {
        Pending storage pending = _pending[model];
        return pending.count != 0 && block.number > pending.firstSeedBlock && block.number <= pending.lastSeedBlock + FREEZE;
    }

    function _requireNoDraw(bytes32 model) private view {
        if (_drawPending(model)) revert NodePoolDrawPending(model, _pending[model].lastSeedBlock + FREEZE);
    }

    /// @dev Does nothing the second time. Members stay readable: a late settlement still has to name its silent seats.
    function _collect(LeaseId id) private {
        Lease memory drawn = _leases[id];
        if (drawn.collected) return;
        _leases[id].collected = true;
        emit LeaseCollected(id);
        for (uint256 i = 0; i < drawn.size; ++i) {
            NodeId node = NodeId.wrap(uint24(drawn.members >> (24 * i)));
            _nodes[node].lease = LeaseId.wrap(0);
            --_nodes[node].locks;
            _refresh(node);
        }
    }

    function _slash(NodeId node, uint128 penalty) private returns (uint128 taken) {
        Node storage entry = _nodes[node];
        taken = entry.stake < penalty ? entry.stake : penalty;
        entry.stake -= taken;
        _staked -= taken;
        _slashed += taken;
        emit NodeSlashed(node, taken, entry.stake);
        _refresh(node);
    }

    function _seat(uint240 members, uint256 places, uint256 seat) private view returns (Seat) {
        uint256 place = (places >> (4 * seat)) & 0xf;
        uint24 node = uint24(members >> (24 * place));
        return Seat.wrap(uint160(_nodes[NodeId.wrap(node)].operator) | (uint256(node) << 160));
    }

    // --- keys, money, checks ---

    function _propose(NodeId node, address operator) private {
        _proposed[node] = operator;
        emit OperatorProposed(node, operator);
    }

    function _setOperator(NodeId node, address operator) private {
        NodeId taken = _operated[operator];
        if (NodeId.unwrap(taken) != 0) revert NodePoolOperatorTaken(operator, taken);
        Node storage entry = _nodes[node];
        address former = entry.operator;
        if (former != address(0)) {
            _operated[former] = NodeId.wrap(0);
            (entry.formerOperator, entry.formerUntil) = (former, Windows.clock() + OVERLAP);
        }
        _operated[operator] = node;
        entry.operator = operator;
        emit OperatorChanged(node, operator);
    }

    function _announce(NodeId node, string calldata endpoint) private {
        if (bytes(endpoint).length > MAX_ENDPOINT) revert NodePoolEndpointTooLong(bytes(endpoint).length, MAX_ENDPOINT);
        emit EndpointChanged(node, endpoint);
    }

    /// @dev Stake is counted before the token moves; a token that moves another amount reverts everything.
    function _pull(uint128 amount) private {
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert NodePoolDepositMismatch(received, amount);
    }

    function _setParameters(Parameters memory next) private {
        if (next.thaw < THAW_FLOOR) revert NodePoolThawTooShort(next.thaw, THAW_FLOOR);
        if (next.assignmentLock > next.minStake) revert NodePoolOutOfRange(next.assignmentLock, next.minStake);
        if (next.bountyBps > 10_000) revert NodePoolOutOfRange(next.bountyBps, 10_000);
        _parameters = next;
        emit ParametersChanged(next);
    }

    function _requireCurrent(bytes32 model) private view {
        if (!MODELS.isCurrent(model)) revert NodePoolModelUnavailable(model);
    }

    function _requireFree(NodeId node) private view {
        LeaseId held = _nodes[node].lease;
        if (LeaseId.unwrap(held) != 0) revert NodePoolLeased(node, held);
    }

    function _requireOperatorOrOwner(NodeId node) private view returns (Node storage entry) {
        entry = _known(node);
        if (msg.sender != entry.operator && msg.sender != entry.owner) revert NodePoolUnauthorized(msg.sender, entry.operator);
    }

    function _known(NodeId node) private view returns (Node storage entry) {
        entry = _nodes[node];
        if (entry.owner == address(0)) revert NodePoolUnknownNode(node);
    }
}
