// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {INodePool, LeaseId, NodeId} from "../interfaces/INodePool.sol";
import {ChainGap} from "../libraries/ChainGap.sol";
import {Windows} from "../libraries/Windows.sol";
import {NodeStore} from "./NodeStore.sol";

/// @title NodeDesk: the calls of owners, operators and governance on the node pool
/// @notice Described in `INodePool`. Runs on the pool's storage, by delegatecall from the pool, which made it at its own deployment and
/// can run no other. Called directly, it works on its own storage, which is empty and which nothing reads.
contract NodeDesk is NodeStore {
    using SafeERC20 for IERC20;

    constructor(address authority, Wiring memory wiring) NodeStore(authority, wiring) {}

    /// @notice The pool's constructor: the first parameters.
    /// @dev Not reachable through the pool, which does not hand it on.
    function initialise(INodePool.Parameters calldata initial) external {
        _setParameters(initial);
    }

    function register(address operator, bytes32 model, uint128 amount, string calldata endpoint) external returns (NodeId node) {
        if (operator == address(0)) revert INodePool.NodePoolZeroAddress();
        if (amount < _parameters.minStake) revert INodePool.NodePoolStakeTooLow(amount, _parameters.minStake);
        _requireCurrent(model);
        node = NodeId.wrap(++_nodeCount);
        INodePool.Node storage entry = _nodes[node];
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
        emit INodePool.NodeRegistered(node, msg.sender, operator, model, amount);
        _announce(node, endpoint);
        if (operator == msg.sender) _setOperator(node, operator);
        else _propose(node, operator);
        _refresh(node);
        _pull(amount);
    }

    function proposeOperator(NodeId node, address operator) external onlyOwner(node) {
        if (operator == address(0)) revert INodePool.NodePoolZeroAddress();
        _propose(node, operator);
    }

    function acceptOperator(NodeId node) external {
        _known(node);
        _only(_proposed[node]);
        delete _proposed[node];
        _setOperator(node, msg.sender);
        _refresh(node);
    }

    function announceEndpoint(NodeId node, string calldata endpoint) external {
        _requireOperatorOrOwner(node);
        _announce(node, endpoint);
    }

    function serve(NodeId node, bytes32 model, bool available) external {
        INodePool.Node storage entry = _requireOperatorOrOwner(node);
        if (model != entry.model) _requireFree(node);
        if (available) _requireCurrent(model);
        _requireNoDraw(entry.model);
        _unlist(node);
        _unlistValidator(node);
        entry.model = model;
        entry.available = available;
        emit INodePool.NodeServiceChanged(node, model, available);
        _refresh(node);
    }

    function addStake(NodeId node, uint128 amount) external onlyOwner(node) {
        INodePool.Node storage entry = _nodes[node];
        entry.stake += amount;
        _staked += amount;
        emit INodePool.StakeAdded(node, amount, entry.stake);
        _refresh(node);
        _pull(amount);
    }

    function requestExit(NodeId node) external onlyOwner(node) {
        INodePool.Node storage entry = _nodes[node];
        if (entry.exitAt != 0) revert INodePool.NodePoolExitState(node, entry.exitAt);
        // A leased node may ask too, or whoever draws it again and again could hold its stake.
        uint40 freeAt = _leases[entry.lease].until;
        entry.exitAt = (freeAt > Windows.clock() ? freeAt : Windows.clock()) + entry.thaw;
        emit INodePool.ExitRequested(node, entry.exitAt);
        _refresh(node);
    }

    function withdrawStake(NodeId node, address to) external onlyOwner(node) {
        INodePool.Node storage entry = _nodes[node];
        if (to == address(0)) revert INodePool.NodePoolZeroAddress();
        if (entry.exitAt == 0) revert INodePool.NodePoolExitState(node, 0);
        if (Windows.clock() < entry.exitAt) revert INodePool.NodePoolTooEarly(Windows.clock(), entry.exitAt);
        uint128 amount = uint128(_withdrawable(node));
        // Nothing may be left of a stake that was slashed; what is left and locked comes later.
        if (amount == 0 && entry.stake != 0) revert INodePool.NodePoolNothingOwed();
        entry.stake -= amount;
        _staked -= amount;
        if (entry.stake == 0) {
            _operated[entry.operator] = NodeId.wrap(0);
            entry.operator = address(0);
        }
        emit INodePool.StakeWithdrawn(node, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    function setRoles(NodeId node, uint8 roles) external {
        INodePool.Node storage entry = _requireOperatorOrOwner(node);
        if (roles > (MINER | VALIDATOR)) revert INodePool.NodePoolOutOfRange(roles, MINER | VALIDATOR);
        _requireNoDraw(entry.model);
        entry.roles = roles;
        emit INodePool.RolesChanged(node, roles);
        _refresh(node);
    }

    function setLevel(NodeId node, uint8 level) external restricted {
        INodePool.Node storage entry = _known(node);
        if (level > MAX_LEVEL) revert INodePool.NodePoolOutOfRange(level, MAX_LEVEL);
        _requireNoDraw(entry.model);
        _unlist(node);
        entry.level = level;
        emit INodePool.LevelChanged(node, level);
        _refresh(node);
    }

    function dedicate(NodeId node, uint32 session) external {
        INodePool.Node storage entry = _requireOperatorOrOwner(node);
        _requireFree(node);
        _requireNoDraw(entry.model);
        if (entry.accepted) _dismiss(node, entry.dedicatedTo);
        entry.dedicatedTo = session;
        emit INodePool.NodeDedicated(node, session);
        _refresh(node);
    }

    function acceptDedicated(uint32 session, NodeId[] calldata nodes, bool accepted) external only(SESSION) {
        NodeId[] storage list = _dedicated[session];
        for (uint256 i = 0; i < nodes.length; ++i) {
            NodeId node = nodes[i];
            INodePool.Node storage entry = _known(node);
            if (entry.dedicatedTo != session) revert INodePool.NodePoolNotDedicated(node, entry.dedicatedTo, session);
            if (entry.accepted == accepted) continue;
            if (!accepted) {
                _dismiss(node, session);
                continue;
            }
            if (list.length == MAX_LEASE) revert INodePool.NodePoolTooManyDedicated(list.length + 1, MAX_LEASE);
            list.push(node);
            entry.accepted = true;
            emit INodePool.DedicationAccepted(node, session, true);
        }
    }

    function free(NodeId node) external onlyOwner(node) {
        INodePool.Node storage entry = _nodes[node];
        if (entry.jailedUntil == 0 || !Windows.isPast(entry.jailedUntil))
            revert INodePool.NodePoolTooEarly(Windows.clock(), entry.jailedUntil + 1);
        entry.jailedUntil = 0;
        emit INodePool.NodeFreed(node);
        _refresh(node);
    }

    function admit(NodeId node, bool admitted) external restricted {
        _known(node).admitted = admitted;
        emit INodePool.NodeAdmitted(node, admitted);
        _refresh(node);
    }

    function setParameters(INodePool.Parameters calldata next) external restricted {
        _setParameters(next);
    }

    function sweepSlashed(address to) external restricted {
        if (to == address(0)) revert INodePool.NodePoolZeroAddress();
        uint128 amount = _slashed;
        _slashed = 0;
        emit INodePool.SlashedSwept(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    function slashFraud(NodeId node, address finder) external only(VALIDATION) returns (uint128 taken) {
        INodePool.Node storage entry = _nodes[node];
        uint256 day = block.timestamp / 1 days;
        uint128 penalty = 0;
        if (_parameters.slashing) {
            uint128 left = _taken[day] < _parameters.dailyCap ? _parameters.dailyCap - _taken[day] : 0;
            penalty = entry.fraudPenalty < left ? entry.fraudPenalty : left;
        }
        entry.jailedUntil = Windows.endOf(_parameters.jail);
        emit INodePool.NodeJailed(node, entry.jailedUntil);
        taken = _slash(node, penalty);
        _taken[day] += taken;
        if (finder == address(0)) return taken;
        uint128 bounty = uint128((uint256(taken) * _parameters.bountyBps) / 10_000);
        _slashed -= bounty;
        _bountiesOwed += bounty;
        _bounties[finder] += bounty;
        emit INodePool.BountyOwed(finder, node, bounty);
    }

    function excuse(NodeId node, uint40 until, bytes calldata last, bytes calldata next) external returns (uint128 given) {
        INodePool.Penalty memory penalty = _penalties[node][until];
        given = penalty.amount;
        if (given == 0) revert INodePool.NodePoolNoPenalty(node, until);
        (uint256 lastAt, uint256 nextAt) = ChainGap.proven(last, next);
        if (lastAt > until || nextAt <= until || nextAt - lastAt <= until - penalty.closedAt) {
            revert INodePool.NodePoolNoGap(penalty.closedAt, until, lastAt, nextAt);
        }
        if (_slashed < given) revert INodePool.NodePoolSwept(_slashed, given);
        delete _penalties[node][until];
        INodePool.Node storage entry = _nodes[node];
        entry.stake += given;
        _staked += given;
        _slashed -= given;
        emit INodePool.NodeExcused(node, until, given, entry.stake);
        _refresh(node);
    }

    function withdrawBounty(address to) external returns (uint128 amount) {
        if (to == address(0)) revert INodePool.NodePoolZeroAddress();
        amount = _bounties[msg.sender];
        if (amount == 0) revert INodePool.NodePoolNothingOwed();
        _bounties[msg.sender] = 0;
        _bountiesOwed -= amount;
        emit INodePool.BountyWithdrawn(msg.sender, to, amount);
        TOKEN.safeTransfer(to, amount);
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
        emit INodePool.DedicationAccepted(node, session, false);
    }

    // --- keys, money, checks ---

    function _propose(NodeId node, address operator) private {
        _proposed[node] = operator;
        emit INodePool.OperatorProposed(node, operator);
    }

    function _setOperator(NodeId node, address operator) private {
        NodeId taken = _operated[operator];
        if (NodeId.unwrap(taken) != 0) revert INodePool.NodePoolOperatorTaken(operator, taken);
        INodePool.Node storage entry = _nodes[node];
        address former = entry.operator;
        if (former != address(0)) {
            _operated[former] = NodeId.wrap(0);
            (entry.formerOperator, entry.formerUntil) = (former, Windows.clock() + OVERLAP);
        }
        _operated[operator] = node;
        entry.operator = operator;
        emit INodePool.OperatorChanged(node, operator);
    }

    function _announce(NodeId node, string calldata endpoint) private {
        if (bytes(endpoint).length > MAX_ENDPOINT) revert INodePool.NodePoolEndpointTooLong(bytes(endpoint).length, MAX_ENDPOINT);
        emit INodePool.EndpointChanged(node, endpoint);
    }

    /// @dev Stake is counted before the token moves; a token that moves another amount reverts everything.
    function _pull(uint128 amount) private {
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert INodePool.NodePoolDepositMismatch(received, amount);
    }

    function _setParameters(INodePool.Parameters memory next) private {
        if (next.thaw < THAW_FLOOR) revert INodePool.NodePoolThawTooShort(next.thaw, THAW_FLOOR);
        if (next.assignmentLock > next.minStake) revert INodePool.NodePoolOutOfRange(next.assignmentLock, next.minStake);
        if (next.bountyBps > 10_000) revert INodePool.NodePoolOutOfRange(next.bountyBps, 10_000);
        _parameters = next;
        emit INodePool.ParametersChanged(next);
    }

    function _requireCurrent(bytes32 model) private view {
        if (!MODELS.isCurrent(model)) revert INodePool.NodePoolModelUnavailable(model);
    }

    function _requireFree(NodeId node) private view {
        LeaseId held = _nodes[node].lease;
        if (LeaseId.unwrap(held) != 0) revert INodePool.NodePoolLeased(node, held);
    }

    function _requireOperatorOrOwner(NodeId node) private view returns (INodePool.Node storage entry) {
        entry = _known(node);
        if (msg.sender != entry.owner) _only(entry.operator);
    }
}
