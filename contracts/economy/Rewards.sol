// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ILiveness} from "../interfaces/ILiveness.sol";
import {INodePool, NodeId} from "../interfaces/INodePool.sol";
import {IRewards} from "../interfaces/IRewards.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {Part, Parts} from "../libraries/Parts.sol";
import {Score} from "../libraries/Score.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Rewards
contract Rewards is IRewards, AccessManaged {
    using SafeERC20 for IERC20;

    uint256 private constant BPS = 10_000;
    /// @notice Time after an epoch's end in which it can be claimed, seconds.
    uint40 public constant CLAIM_PERIOD = 90 days;
    /// @notice Most windows of liveness in an epoch: a claim looks at each.
    uint256 public constant MAX_WINDOWS = 96;

    IERC20 public immutable TOKEN;
    INodePool public immutable POOL;
    ISessionPayment public immutable PAYMENT;
    ILiveness public immutable LIVENESS;
    address public immutable POUW;
    /// @notice Length of an epoch, seconds: whole windows of liveness.
    uint40 public immutable EPOCH;
    /// @notice Windows of liveness in an epoch.
    uint256 public immutable WINDOWS;

    Parameters private _parameters;
    uint128 private _promised;
    mapping(uint40 epoch => Epoch) private _epochs;
    mapping(uint40 epoch => mapping(NodeId node => Tally)) private _tallies;
    /// @dev Accepted prompts that were counted, plus one; 0 where the node was never looked at.
    mapping(NodeId node => uint256) private _counted;

    constructor(
        address authority,
        IERC20 token,
        INodePool pool,
        ISessionPayment payment,
        ILiveness liveness,
        address pouw,
        uint40 epoch,
        uint40 window,
        Parameters memory initial
    ) AccessManaged(authority) {
        uint256 windows = epoch / window;
        if (windows == 0 || windows > MAX_WINDOWS || epoch % window != 0) revert RewardsOutOfRange(windows, MAX_WINDOWS);
        TOKEN = token;
        POOL = pool;
        PAYMENT = payment;
        LIVENESS = liveness;
        POUW = pouw;
        EPOCH = epoch;
        WINDOWS = windows;
        _setParameters(initial);
    }

    /// @inheritdoc IRewards
    function count(Part[] calldata parts) external {
        if (msg.sender != POUW) revert RewardsUnauthorized(msg.sender, POUW);
        uint40 epoch = currentEpoch();
        Epoch memory running = _opened(epoch);
        for (uint256 i = 0; i < parts.length; ++i) {
            Part part = parts[i];
            Tally storage tally = _tallies[epoch][NodeId.wrap(part.node())];
            Score.Conduct conduct = part.conduct();
            if (tally.asked != type(uint16).max) {
                ++tally.asked;
                if (conduct != Score.Conduct.Silent) ++tally.begun;
                bool done = conduct == Score.Conduct.Opened || conduct == Score.Conduct.Excused;
                if (done && part.mark() != Parts.Mark.Miss) ++tally.done;
            }
            uint256 weight = _weight(part.points(), part.level(), running.parameters.betaBps);
            if (part.line() == Parts.Line.Liveness) {
                tally.liveness += uint56(weight);
                running.liveness += uint80(weight);
            } else {
                tally.health += uint56(weight);
                running.health += uint80(weight);
            }
        }
        (_epochs[epoch].liveness, _epochs[epoch].health) = (running.liveness, running.health);
        emit PartsCounted(epoch, parts);
    }

    /// @inheritdoc IRewards
    function countService(NodeId[] calldata nodes) external {
        uint40 epoch = currentEpoch();
        Epoch memory running = _opened(epoch);
        for (uint256 i = 0; i < nodes.length; ++i) {
            NodeId node = nodes[i];
            uint256 total = PAYMENT.nodeAccountOf(node).unpacked().accepted;
            uint256 before = _counted[node];
            if (before == total + 1) continue;
            _counted[node] = total + 1;
            uint256 level = POOL.levelOf(node);
            uint256 prompts = before == 0 ? 0 : total + 1 - before;
            emit ServiceCounted(epoch, node, prompts, level, total);
            if (prompts == 0) continue;
            Tally storage tally = _tallies[epoch][node];
            uint256 room = type(uint24).max - tally.prompts;
            if (prompts > room) prompts = room;
            uint256 weight = _weight(prompts, level, running.parameters.betaBps);
            tally.prompts += uint24(prompts);
            tally.service += uint56(weight);
            running.service += uint80(weight);
        }
        _epochs[epoch].service = running.service;
    }

    /// @inheritdoc IRewards
    function claim(NodeId node, uint40[] calldata epochs, address to) external returns (uint256 amount) {
        address owner = POOL.ownerOf(node);
        if (msg.sender != owner) revert RewardsUnauthorized(msg.sender, owner);
        if (to == address(0)) revert RewardsZeroAddress();
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint40 epoch = epochs[i];
            Epoch storage over = _epochs[epoch];
            if (epoch >= currentEpoch()) revert RewardsTooEarly(Windows.clock(), uint256(epoch + 1) * EPOCH);
            if (!over.opened || over.lapsed) revert RewardsNoEpoch(epoch);
            if (_tallies[epoch][node].claimed) revert RewardsAlreadyClaimed(epoch, node);
            (uint256 liveness, uint256 health, uint256 service) = claimable(node, epoch);
            uint256 earned = liveness + health + service;
            _tallies[epoch][node].claimed = true;
            over.claimed += uint96(earned);
            _promised -= uint128(earned);
            amount += earned;
            emit RewardClaimed(epoch, node, to, liveness, health, service);
        }
        if (amount != 0) TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IRewards
    function lapse(uint40 epoch) external {
        Epoch storage over = _epochs[epoch];
        uint256 lapsesAt = uint256(epoch + 1) * EPOCH + CLAIM_PERIOD;
        if (!over.opened || over.lapsed) revert RewardsNoEpoch(epoch);
        if (block.timestamp < lapsesAt) revert RewardsTooEarly(block.timestamp, lapsesAt);
        uint256 left = over.parameters.budget - over.claimed;
        over.lapsed = true;
        _promised -= uint128(left);
        emit EpochLapsed(epoch, left);
    }

    /// @inheritdoc IRewards
    function setParameters(Parameters calldata next) external restricted {
        _setParameters(next);
    }

    /// @inheritdoc IRewards
    function claimable(NodeId node, uint40 epoch) public view returns (uint256 liveness, uint256 health, uint256 service) {
        Epoch memory over = _epochs[epoch];
        Tally memory tally = _tallies[epoch][node];
        if (!over.opened || over.lapsed || tally.claimed || epoch >= currentEpoch()) return (0, 0, 0);
        Parameters memory p = over.parameters;
        if (tally.begun * BPS < tally.asked * uint256(p.commitGateBps)) return (0, 0, 0);
        if (tally.done * BPS < tally.asked * uint256(p.totalGateBps)) return (0, 0, 0);
        uint256 uptime = uptimeOf(epoch, node);
        liveness = (_share(p.budget, p.livenessBps, tally.liveness, over.liveness) * uptime) / BPS;
        health = (_share(p.budget, p.healthBps, tally.health, over.health) * uptime) / BPS;
        uint256 most = uint256(p.perPrompt) * tally.prompts;
        uint256 share = _share(p.budget, p.serviceBps, tally.service, over.service);
        service = ((share < most ? share : most) * uptime) / BPS;
    }

    /// @inheritdoc IRewards
    function epochOf(uint40 epoch) external view returns (Epoch memory) {
        return _epochs[epoch];
    }

    /// @inheritdoc IRewards
    function tallyOf(uint40 epoch, NodeId node) external view returns (Tally memory) {
        return _tallies[epoch][node];
    }

    /// @inheritdoc IRewards
    function countedOf(NodeId node) external view returns (uint256 prompts, bool known) {
        uint256 stored = _counted[node];
        return stored == 0 ? (0, false) : (stored - 1, true);
    }

    /// @inheritdoc IRewards
    function uptimeOf(uint40 epoch, NodeId node) public view returns (uint256) {
        return (LIVENESS.pingsOf(node, uint40(epoch * WINDOWS), WINDOWS) * BPS) / WINDOWS;
    }

    /// @inheritdoc IRewards
    function currentEpoch() public view returns (uint40) {
        return Windows.clock() / EPOCH;
    }

    /// @inheritdoc IRewards
    function promised() external view returns (uint256) {
        return _promised;
    }

    /// @inheritdoc IRewards
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @dev The epoch, opened now if this is its first point: what is held and not promised is set aside, up to the budget.
    function _opened(uint40 epoch) private returns (Epoch memory running) {
        running = _epochs[epoch];
        if (running.opened) return running;
        uint256 left = TOKEN.balanceOf(address(this)) - _promised;
        running.opened = true;
        running.parameters = _parameters;
        if (left < running.parameters.budget) running.parameters.budget = uint96(left);
        _epochs[epoch] = running;
        _promised += running.parameters.budget;
        emit EpochOpened(epoch, running.parameters);
    }

    function _weight(uint256 points, uint256 level, uint256 betaBps) private pure returns (uint256) {
        return points * (BPS + level * betaBps);
    }

    /// @dev A node's part of a line, before uptime.
    function _share(uint256 budget, uint256 lineBps, uint256 weight, uint256 all) private pure returns (uint256) {
        return all == 0 ? 0 : (((budget * lineBps) / BPS) * weight) / all;
    }

    function _setParameters(Parameters memory next) private {
        uint256 lines = uint256(next.livenessBps) + next.healthBps + next.serviceBps;
        if (lines > BPS) revert RewardsOutOfRange(lines, BPS);
        if (next.betaBps > BPS) revert RewardsOutOfRange(next.betaBps, BPS);
        if (next.commitGateBps > BPS) revert RewardsOutOfRange(next.commitGateBps, BPS);
        if (next.totalGateBps > BPS) revert RewardsOutOfRange(next.totalGateBps, BPS);
        _parameters = next;
        emit RewardParametersChanged(next);
    }
}
