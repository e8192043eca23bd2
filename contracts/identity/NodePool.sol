// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {INodePool, LeaseId, NodeId, Seat} from "../interfaces/INodePool.sol";
import {IPausable} from "../interfaces/IPausable.sol";
import {Draw} from "../libraries/Draw.sol";
import {Pause} from "../libraries/Pause.sol";
import {Windows} from "../libraries/Windows.sol";
import {NodeDesk} from "./NodeDesk.sol";
import {NodeStore} from "./NodeStore.sol";

/// @title NodePool
contract NodePool is INodePool, IPausable, NodeStore {
    /// @dev Runs the calls that are not for the hot path.
    address public immutable DESK;

    constructor(address authority, Wiring memory wiring, Parameters memory initial) NodeStore(authority, wiring) {
        NodeDesk desk = new NodeDesk(authority, wiring);
        DESK = address(desk);
        Address.functionDelegateCall(DESK, abi.encodeCall(NodeDesk.initialise, (initial)));
    }

    modifier onlyDrawers() {
        if (msg.sender != QUEUE && msg.sender != POUW) _only(SESSION);
        _;
    }

    /// @inheritdoc INodePool
    function enlist(NodeId node) external {
        _known(node);
        _refresh(node);
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
    function lease(Wanted calldata wanted, bytes32 seed, uint40 until) external returns (LeaseId id) {
        if (msg.sender != QUEUE) _only(SESSION);
        uint8 size = wanted.size;
        if (size == 0 || size > MAX_LEASE) revert NodePoolLeaseSize(size, MAX_LEASE);
        Hat memory hat;
        hat.owners = new address[](2 * MAX_LEASE + 1);
        hat.proving = _parameters.proving;
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
        uint240 members = uint240(hat.members);
        _occupy(id, members, size, until, hat.proving, false);
        emit LeaseDrawn(id, wanted.model, seed, members, size, until);
    }

    /// @inheritdoc INodePool
    function take(bytes32 model, uint240 members, uint8 size, bytes32 seed, uint40 until) external only(POUW) returns (LeaseId id) {
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            Node storage entry = _nodes[node];
            if (entry.model != model || !_mayMine(entry)) revert NodePoolNotFree(node);
        }
        id = LeaseId.wrap(++_leaseCount);
        _occupy(id, members, size, until, false, true);
        emit LeaseDrawn(id, model, seed, members, size, until);
    }

    /// @inheritdoc INodePool
    function finish(LeaseId id, uint256 outcomes) external only(POUW) {
        (uint240 members, uint8 size) = (_leases[id].members, _leases[id].size);
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            uint256 outcome = (outcomes >> (4 * i)) & 0xf;
            Node storage entry = _nodes[node];
            // Of a round that outlived its lease, the members may be elsewhere by now.
            if (outcome == 0 || LeaseId.unwrap(entry.lease) != LeaseId.unwrap(id)) continue;
            if (outcome & (PASSED | FAILED) != 0) {
                entry.passedAt = outcome & PASSED != 0 ? Windows.clock() : 0;
                emit NodeProven(node, outcome & PASSED != 0);
            }
            if (outcome & RISES != 0 && entry.level < MAX_LEVEL) emit LevelChanged(node, ++entry.level);
            if (outcome & FALLS != 0 && entry.level > 0) emit LevelChanged(node, --entry.level);
        }
        _collect(id);
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
        _draw(hat, model, PANEL, _lists[model][PANEL].length, size, seed);
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
    function slashUnopened(NodeId node, uint40 closedAt, uint40 until) external returns (uint128 taken) {
        if (msg.sender != POUW && msg.sender != VALIDATION) _only(QUEUE);
        taken = _slash(node, _nodes[node].unopenedPenalty);
        if (taken == 0) return 0;
        Penalty storage penalty = _penalties[node][until];
        if (penalty.amount == 0 || closedAt < penalty.closedAt) penalty.closedAt = closedAt;
        penalty.amount += taken;
        emit PenaltyTaken(node, closedAt, until, taken);
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
    function penaltyOf(NodeId node, uint40 until) external view returns (Penalty memory) {
        return _penalties[node][until];
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
    function eligible(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory) {
        return _page(model, 0, _count(model, 0), from, count);
    }

    /// @inheritdoc INodePool
    function drawPending(bytes32 model) external view returns (bool) {
        return _drawPending(model);
    }

    /// @inheritdoc INodePool
    function validatorCount(bytes32 model) external view returns (uint256) {
        return _lists[model][PANEL].length;
    }

    /// @inheritdoc INodePool
    function validators(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory) {
        return _page(model, PANEL, _lists[model][PANEL].length, from, count);
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
    function withdrawable(NodeId node) external view returns (uint256) {
        return _withdrawable(node);
    }

    /// @inheritdoc INodePool
    function isEligible(NodeId node) external view returns (bool) {
        return _mayMine(_nodes[node]) && (!_parameters.proving || _isProven(node));
    }

    /// @inheritdoc INodePool
    function drawable(bytes32 model, uint8 list) external view returns (uint256) {
        return list == UNPROVEN ? _lists[model][UNPROVEN].length : _count(model, list);
    }

    /// @inheritdoc INodePool
    function drawableAt(bytes32 model, uint8 list, uint256 place) external view returns (NodeId node, address owner, bool ready) {
        node = _placed(model, list == UNPROVEN ? UNPROVEN : 0, place);
        owner = _nodes[node].owner;
        ready = !_parameters.proving || (list == UNPROVEN ? LIVENESS.isAlive(node) : _isProven(node));
    }

    /// @inheritdoc INodePool
    function levelOf(NodeId node) external view returns (uint8) {
        return _nodes[node].level;
    }

    /// @inheritdoc INodePool
    function levelsOf(LeaseId id) external view returns (uint256 levels) {
        (uint240 members, uint8 size) = (_leases[id].members, _leases[id].size);
        for (uint256 i = 0; i < size; ++i) levels |= uint256(_nodes[NodeId.wrap(uint24(members >> (24 * i)))].level) << (8 * i);
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

    /// @dev Nodes of at least a class: 0 low, 1 medium, 2 high.
    function _count(bytes32 model, uint256 class) private view returns (uint256 count) {
        for (uint256 i = 0; i < CLASSES - class; ++i) count += _lists[model][i].length;
    }

    /// @dev The node at a place of the lists from one on, put in a row.
    function _placed(bytes32 model, uint256 list, uint256 place) private view returns (NodeId) {
        while (place >= _lists[model][list].length) place -= _lists[model][list++].length;
        return _lists[model][list][place];
    }

    function _page(bytes32 model, uint256 list, uint256 length, uint256 from, uint256 count) private view returns (NodeId[] memory page) {
        if (from >= length) return page;
        if (count > length - from) count = length - from;
        page = new NodeId[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = _placed(model, list, from + i);
    }

    // --- draws ---

    /// @dev Who has been drawn, and the owners of whom nobody else is drawn.
    struct Hat {
        uint256 members;
        uint256 drawn;
        uint256 shunned;
        address[] owners;
        bool proving;
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
        uint256 class = wanted.level;
        while (true) {
            _draw(hat, wanted.model, 0, _count(wanted.model, class), wanted.size, seed);
            if (hat.drawn == wanted.size || !wanted.widen || class == 0) return;
            class = 0;
        }
    }

    /// @dev Fills the hat to `size` from the first `count` places of the lists from one on.
    function _draw(Hat memory hat, bytes32 model, uint256 list, uint256 count, uint256 size, bytes32 seed) private view {
        if (count == 0) return;
        uint256 tries = TRIES * (size - hat.drawn);
        for (uint256 i = 0; i < tries && hat.drawn < size; ++i) {
            uint256 roll = Draw.roll(seed, i);
            NodeId node = _placed(model, list, Draw.place(roll, count));
            if (Draw.accepts(roll, SCORES.nodeAccountOf(node).scoreOf(block.timestamp))) _takeReady(hat, node);
        }
        uint256 from = Draw.place(Draw.roll(seed, tries), count);
        uint256 steps = count < SCAN ? count : SCAN;
        for (uint256 i = 0; i < steps && hat.drawn < size; ++i) {
            _takeReady(hat, _placed(model, list, (from + i) % count));
        }
    }

    /// @dev Passes over who is listed and has fallen silent since.
    function _takeReady(Hat memory hat, NodeId node) private view {
        if (!hat.proving || _isProven(node)) _take(hat, node);
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

    /// @dev Takes the members off the lists and into a lease.
    function _occupy(LeaseId id, uint240 members, uint8 size, uint40 until, bool proving, bool round) private {
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            Node storage entry = _nodes[node];
            _unlist(node);
            entry.lease = id;
            ++entry.locks;
        }
        _leases[id] = Lease(members, size, until, false, proving, round, Windows.clock());
    }

    /// @dev Does nothing the second time. Members stay readable: a late settlement still has to name its silent seats.
    function _collect(LeaseId id) private {
        Lease memory drawn = _leases[id];
        if (drawn.collected) return;
        _leases[id].collected = true;
        emit LeaseCollected(id);
        for (uint256 i = 0; i < drawn.size; ++i) {
            NodeId node = NodeId.wrap(uint24(drawn.members >> (24 * i)));
            Node storage entry = _nodes[node];
            entry.lease = LeaseId.wrap(0);
            --entry.locks;
            bool proving = drawn.round ? _parameters.proving : drawn.proving;
            if (drawn.proving && _worked(node, drawn.drawnAt)) entry.releasedAt = Windows.clock();
            _refresh(node, _drawPending(entry.model), proving);
        }
    }

    /// @dev Whether a task was booked on the node since. A single task's lease always gives work; a session's may not.
    function _worked(NodeId node, uint40 since) private view returns (bool) {
        return msg.sender == QUEUE || SCORES.nodeAccountOf(node).updatedAt() >= since;
    }

    function _seat(uint240 members, uint256 places, uint256 seat) private view returns (Seat) {
        uint256 place = (places >> (4 * seat)) & 0xf;
        uint24 node = uint24(members >> (24 * place));
        return Seat.wrap(uint160(_nodes[NodeId.wrap(node)].operator) | (uint256(node) << 160));
    }

    // --- at the desk ---

    /// @inheritdoc INodePool
    function register(address operator, bytes32 model, uint128 amount, string calldata endpoint) external returns (NodeId node) {
        Pause.requireOff(_pausedUntil);
        return abi.decode(_desk(abi.encodeCall(NodeDesk.register, (operator, model, amount, endpoint))), (NodeId));
    }

    /// @inheritdoc INodePool
    function proposeOperator(NodeId node, address operator) external {
        _desk(abi.encodeCall(NodeDesk.proposeOperator, (node, operator)));
    }

    /// @inheritdoc INodePool
    function acceptOperator(NodeId node) external {
        _desk(abi.encodeCall(NodeDesk.acceptOperator, (node)));
    }

    /// @inheritdoc INodePool
    function announceEndpoint(NodeId node, string calldata endpoint) external {
        _desk(abi.encodeCall(NodeDesk.announceEndpoint, (node, endpoint)));
    }

    /// @inheritdoc INodePool
    function serve(NodeId node, bytes32 model, bool available) external {
        _desk(abi.encodeCall(NodeDesk.serve, (node, model, available)));
    }

    /// @inheritdoc INodePool
    function addStake(NodeId node, uint128 amount) external {
        Pause.requireOff(_pausedUntil);
        _desk(abi.encodeCall(NodeDesk.addStake, (node, amount)));
    }

    /// @inheritdoc INodePool
    function requestExit(NodeId node) external {
        _desk(abi.encodeCall(NodeDesk.requestExit, (node)));
    }

    /// @inheritdoc INodePool
    function withdrawStake(NodeId node, address to) external {
        _desk(abi.encodeCall(NodeDesk.withdrawStake, (node, to)));
    }

    /// @inheritdoc INodePool
    function setRoles(NodeId node, uint8 roles) external {
        _desk(abi.encodeCall(NodeDesk.setRoles, (node, roles)));
    }

    /// @inheritdoc INodePool
    function setLevel(NodeId node, uint8 level) external {
        _desk(abi.encodeCall(NodeDesk.setLevel, (node, level)));
    }

    /// @inheritdoc INodePool
    function dedicate(NodeId node, uint32 session) external {
        _desk(abi.encodeCall(NodeDesk.dedicate, (node, session)));
    }

    /// @inheritdoc INodePool
    function acceptDedicated(uint32 session, NodeId[] calldata nodes, bool accepted) external {
        _desk(abi.encodeCall(NodeDesk.acceptDedicated, (session, nodes, accepted)));
    }

    /// @inheritdoc INodePool
    function free(NodeId node) external {
        _desk(abi.encodeCall(NodeDesk.free, (node)));
    }

    /// @inheritdoc INodePool
    function admit(NodeId node, bool admitted) external {
        _desk(abi.encodeCall(NodeDesk.admit, (node, admitted)));
    }

    /// @inheritdoc INodePool
    function setParameters(Parameters calldata next) external {
        _desk(abi.encodeCall(NodeDesk.setParameters, (next)));
    }

    /// @inheritdoc IPausable
    function pause(uint40 duration) external restricted {
        uint40 until = Pause.next(_pausedUntil, duration);
        _pausedUntil = until;
        emit PauseChanged(until);
    }

    /// @inheritdoc INodePool
    function sweepSlashed(address to) external {
        _desk(abi.encodeCall(NodeDesk.sweepSlashed, (to)));
    }

    /// @inheritdoc INodePool
    function slashFraud(NodeId node, address finder) external returns (uint128 taken) {
        return abi.decode(_desk(abi.encodeCall(NodeDesk.slashFraud, (node, finder))), (uint128));
    }

    /// @inheritdoc INodePool
    function excuse(NodeId node, uint40 until, bytes calldata last, bytes calldata next) external returns (uint128 given) {
        return abi.decode(_desk(abi.encodeCall(NodeDesk.excuse, (node, until, last, next))), (uint128));
    }

    /// @inheritdoc INodePool
    function withdrawBounty(address to) external returns (uint128 amount) {
        return abi.decode(_desk(abi.encodeCall(NodeDesk.withdrawBounty, (to))), (uint128));
    }

    /// @dev Hands the call on, and its answer or its revert back.
    function _desk(bytes memory call) private returns (bytes memory) {
        return Address.functionDelegateCall(DESK, call);
    }
}
