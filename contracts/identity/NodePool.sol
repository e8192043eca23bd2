// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {INodePool, LeaseId, NodeId, Seat} from "../interfaces/INodePool.sol";
import {Draw} from "../libraries/Draw.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title NodePool
contract NodePool is INodePool, AccessManaged {
    using SafeERC20 for IERC20;

    /// @notice Most members of a lease.
    uint256 public constant MAX_LEASE = 10;
    /// @notice Least thaw, seconds: longer than the longest life of a task.
    uint32 public constant THAW_FLOOR = 1 days;
    /// @notice Longest endpoint, bytes.
    uint256 public constant MAX_ENDPOINT = 256;

    IERC20 public immutable TOKEN;
    IModelRegistry public immutable MODELS;
    /// @notice Draws leases for sessions.
    address public immutable SESSION;
    /// @notice Draws leases for single tasks, and slashes.
    address public immutable QUEUE;

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
    uint128 private _slashed;
    mapping(NodeId node => Node) private _nodes;
    mapping(address operator => NodeId) private _operated;
    mapping(NodeId node => address) private _proposed;
    mapping(LeaseId lease => Lease) private _leases;
    mapping(bytes32 model => NodeId[]) private _eligible;

    constructor(
        address authority,
        IERC20 token,
        IModelRegistry modelRegistry,
        address session,
        address queue,
        Parameters memory initial
    ) AccessManaged(authority) {
        TOKEN = token;
        MODELS = modelRegistry;
        SESSION = session;
        QUEUE = queue;
        _setParameters(initial);
    }

    modifier onlyOwner(NodeId node) {
        address owner = _known(node).owner;
        if (msg.sender != owner) revert NodePoolUnauthorized(msg.sender, owner);
        _;
    }

    modifier onlyQueue() {
        if (msg.sender != QUEUE) revert NodePoolUnauthorized(msg.sender, QUEUE);
        _;
    }

    /// @inheritdoc INodePool
    function register(address operator, bytes32 model, uint128 amount, string calldata endpoint) external returns (NodeId node) {
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
        _unlist(node);
        entry.model = model;
        entry.available = available;
        emit NodeServiceChanged(node, model, available);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function addStake(NodeId node, uint128 amount) external onlyOwner(node) {
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
        uint40 free = _leases[entry.lease].until;
        entry.exitAt = (free > Windows.clock() ? free : Windows.clock()) + entry.thaw;
        emit ExitRequested(node, entry.exitAt);
        _refresh(node);
    }

    /// @inheritdoc INodePool
    function withdrawStake(NodeId node, address to) external onlyOwner(node) {
        Node storage entry = _nodes[node];
        if (to == address(0)) revert NodePoolZeroAddress();
        if (entry.exitAt == 0) revert NodePoolExitState(node, 0);
        if (Windows.clock() < entry.exitAt) revert NodePoolTooEarly(Windows.clock(), entry.exitAt);
        _requireFree(node);
        uint128 amount = entry.stake;
        entry.stake = 0;
        _staked -= amount;
        _operated[entry.operator] = NodeId.wrap(0);
        entry.operator = address(0);
        emit StakeWithdrawn(node, to, amount);
        TOKEN.safeTransfer(to, amount);
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

    /// @inheritdoc INodePool
    function sweepSlashed(address to) external restricted {
        if (to == address(0)) revert NodePoolZeroAddress();
        uint128 amount = _slashed;
        _slashed = 0;
        emit SlashedSwept(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc INodePool
    function lease(bytes32 model, uint8 size, bytes32 seed, uint40 until) external returns (LeaseId id) {
        if (msg.sender != SESSION && msg.sender != QUEUE) revert NodePoolUnauthorized(msg.sender, SESSION);
        if (size == 0 || size > MAX_LEASE) revert NodePoolLeaseSize(size, MAX_LEASE);
        uint256 count = _eligible[model].length;
        if (count < size) revert NodePoolTooFewNodes(count, size);
        id = LeaseId.wrap(++_leaseCount);
        uint240 members = 0;
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = _eligible[model][Draw.pick(seed, i, count - i)];
            _unlist(node);
            _nodes[node].lease = id;
            members |= uint240(NodeId.unwrap(node)) << uint240(24 * i);
        }
        _leases[id] = Lease({members: members, size: size, until: until, collected: false});
        emit LeaseDrawn(id, model, seed, members, size, until);
    }

    /// @inheritdoc INodePool
    function release(LeaseId id) external onlyQueue {
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
    function slashUnopened(NodeId node) external onlyQueue returns (uint128 taken) {
        Node storage entry = _nodes[node];
        uint128 penalty = entry.unopenedPenalty;
        taken = entry.stake < penalty ? entry.stake : penalty;
        entry.stake -= taken;
        _staked -= taken;
        _slashed += taken;
        emit NodeSlashed(node, taken, entry.stake);
        _refresh(node);
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
        return _eligible[model].length;
    }

    /// @inheritdoc INodePool
    function eligible(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory page) {
        NodeId[] storage list = _eligible[model];
        if (from >= list.length) return new NodeId[](0);
        if (count > list.length - from) count = list.length - from;
        page = new NodeId[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = list[from + i];
    }

    /// @inheritdoc INodePool
    function isEligible(NodeId node) public view returns (bool) {
        Node storage entry = _nodes[node];
        return
            entry.operator != address(0) &&
            entry.admitted &&
            entry.available &&
            entry.exitAt == 0 &&
            entry.stake >= entry.minStake &&
            LeaseId.unwrap(entry.lease) == 0;
    }

    /// @inheritdoc INodePool
    function totals() external view returns (uint256 staked, uint256 slashed) {
        return (_staked, _slashed);
    }

    /// @inheritdoc INodePool
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc INodePool
    function nodeCount() external view returns (uint256) {
        return _nodeCount;
    }

    // --- dense lists ---

    /// @dev Makes the dense list agree with the predicate for one node. The only writer of the lists besides `_unlist`.
    function _refresh(NodeId node) private {
        Node storage entry = _nodes[node];
        bool listed = entry.listedAt != 0;
        if (isEligible(node) == listed) return;
        if (listed) {
            _unlist(node);
        } else {
            NodeId[] storage list = _eligible[entry.model];
            list.push(node);
            entry.listedAt = uint32(list.length);
        }
    }

    /// @dev Moves the last node of the list into the gap; does nothing where the node is not listed.
    function _unlist(NodeId node) private {
        Node storage entry = _nodes[node];
        uint256 place = entry.listedAt;
        if (place == 0) return;
        NodeId[] storage list = _eligible[entry.model];
        NodeId last = list[list.length - 1];
        list[place - 1] = last;
        _nodes[last].listedAt = uint32(place);
        list.pop();
        entry.listedAt = 0;
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
            _refresh(node);
        }
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
        _operated[_nodes[node].operator] = NodeId.wrap(0);
        _operated[operator] = node;
        _nodes[node].operator = operator;
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
