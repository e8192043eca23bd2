// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IPausable} from "../interfaces/IPausable.sol";
import {IRestrictedList} from "../interfaces/IRestrictedList.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Emission} from "../libraries/Emission.sol";
import {Pause} from "../libraries/Pause.sol";
import {Windows} from "../libraries/Windows.sol";
import {StakeVault} from "./StakeVault.sol";

/// @title Staking
contract Staking is IStaking, IPausable, AccessManaged {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice The shortest lock, seconds; the others are twice and three times as long.
    uint40 public constant LOCK = 28 days;
    uint8 public constant MAX_TIER = 2;
    /// @dev Parts of a basis-point second that the index counts.
    uint256 private constant SCALE = 1e18;
    uint256 private constant UNIT = SCALE * Emission.YEAR_BPS;

    IERC20 public immutable TOKEN;
    IRestrictedList public immutable RESTRICTED;
    /// @notice When the emission begins, seconds.
    uint40 public immutable STARTS_AT;
    /// @notice What every staker's vault is a copy of.
    address public immutable VAULT;

    /// @dev One slot, which every stake writes.
    uint128 private _total;
    uint40 private _accruedAt;
    uint40 private _pausedUntil;
    uint32 private _count;
    /// @dev One slot.
    uint128 private _reserve;
    uint128 private _owed;
    uint256 private _index;
    mapping(uint256 position => Position) private _positions;
    mapping(address owner => uint256) private _owedTo;
    mapping(address owner => uint256) private _weights;

    /// @param startsAt when the emission begins, seconds; 0: now
    constructor(address authority, IERC20 token, IRestrictedList restrictedList, uint40 startsAt) AccessManaged(authority) {
        TOKEN = token;
        RESTRICTED = restrictedList;
        STARTS_AT = startsAt == 0 ? Windows.clock() : startsAt;
        VAULT = address(new StakeVault(token));
    }

    /// @inheritdoc IStaking
    function stake(uint8 tier, uint128 amount) public returns (uint256 position) {
        Pause.requireOff(_pausedUntil);
        RESTRICTED.requireUnrestricted(msg.sender);
        if (amount == 0) revert StakingNothing();
        uint40 unlockAt = _unlockAt(tier);
        _accrue();
        position = ++_count;
        _positions[position] = Position({owner: msg.sender, unlockAt: unlockAt, tier: tier, amount: amount, index: _index});
        _total += amount;
        _weights[msg.sender] += _weight(tier, amount);
        emit Staked(position, msg.sender, tier, amount, unlockAt);
        address vault = _vault(msg.sender);
        uint256 before = TOKEN.balanceOf(vault);
        TOKEN.safeTransferFrom(msg.sender, vault, amount);
        uint256 received = TOKEN.balanceOf(vault) - before;
        if (received != amount) revert StakingDepositMismatch(received, amount);
    }

    /// @inheritdoc IStaking
    function stakeWithPermit(
        uint8 tier,
        uint128 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint256 position) {
        // A permit that somebody else submitted first has done its work: what counts is the allowance.
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return stake(tier, amount);
    }

    /// @inheritdoc IStaking
    function relock(uint256 position, uint8 tier) external {
        Position storage entry = _unlocked(position);
        uint40 unlockAt = _unlockAt(tier);
        uint128 amount = entry.amount;
        _accrue();
        _settle(position, entry);
        _weights[msg.sender] = _weights[msg.sender] + _weight(tier, amount) - _weight(entry.tier, amount);
        entry.tier = tier;
        entry.unlockAt = unlockAt;
        emit Relocked(position, tier, unlockAt);
    }

    /// @inheritdoc IStaking
    function unstake(uint256 position, address to) external {
        Position storage entry = _unlocked(position);
        if (to == address(0)) revert StakingZeroAddress();
        uint128 amount = entry.amount;
        _accrue();
        _settle(position, entry);
        entry.amount = 0;
        _total -= amount;
        _weights[msg.sender] -= _weight(entry.tier, amount);
        emit Unstaked(position, msg.sender, to, amount);
        StakeVault(vaultOf(msg.sender)).release(to, amount);
    }

    /// @inheritdoc IStaking
    function claim(uint256[] calldata positions, address to) external returns (uint256 amount) {
        if (to == address(0)) revert StakingZeroAddress();
        _accrue();
        for (uint256 i = 0; i < positions.length; ++i) _settle(positions[i], _owned(positions[i]));
        amount = _owedTo[msg.sender];
        if (amount == 0) revert StakingNothing();
        _owedTo[msg.sender] = 0;
        _owed -= amount.toUint128();
        emit RewardClaimed(msg.sender, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IStaking
    function delegate(address to) external {
        StakeVault(_vault(msg.sender)).delegate(to);
    }

    /// @inheritdoc IStaking
    function fund(uint128 amount) external {
        _accrue();
        _reserve += amount;
        emit RewardFunded(msg.sender, amount);
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert StakingDepositMismatch(received, amount);
    }

    /// @inheritdoc IPausable
    function pause(uint40 duration) external restricted {
        uint40 until = Pause.next(_pausedUntil, duration);
        _pausedUntil = until;
        emit PauseChanged(until);
    }

    /// @inheritdoc IPausable
    function pausedUntil() external view returns (uint40) {
        return _pausedUntil;
    }

    /// @inheritdoc IStaking
    function positionOf(uint256 position) external view returns (Position memory) {
        return _positions[position];
    }

    /// @inheritdoc IStaking
    function earnedBy(uint256 position) external view returns (uint256) {
        Position storage entry = _positions[position];
        (uint256 step, ) = _step();
        return _reward(entry.amount, _index + step - entry.index);
    }

    /// @inheritdoc IStaking
    function owedTo(address owner) external view returns (uint256) {
        return _owedTo[owner];
    }

    /// @inheritdoc IStaking
    function weightOf(address owner) external view returns (uint256) {
        return _weights[owner];
    }

    /// @inheritdoc IStaking
    function vaultOf(address owner) public view returns (address) {
        return Clones.predictDeterministicAddress(VAULT, bytes32(uint256(uint160(owner))));
    }

    /// @inheritdoc IStaking
    function totalStaked() external view returns (uint256) {
        return _total;
    }

    /// @inheritdoc IStaking
    function reserve() external view returns (uint256) {
        return _reserve;
    }

    /// @inheritdoc IStaking
    function owed() external view returns (uint256) {
        return _owed;
    }

    /// @inheritdoc IStaking
    function positionCount() external view returns (uint256) {
        return _count;
    }

    /// @dev Brings the index up to now. Every change of the total, of the reserve or of a position comes after it.
    function _accrue() private {
        (uint256 step, uint256 emitted) = _step();
        _accruedAt = Windows.clock();
        if (step == 0) return;
        _index += step;
        _reserve -= uint128(emitted);
        _owed += uint128(emitted);
    }

    /// @dev What one unit has earned since the last accrual, and what all have together: rounded up, so that claims never exceed it.
    function _step() private view returns (uint256 step, uint256 emitted) {
        uint256 total = _total;
        uint256 now_ = Windows.clock();
        if (total == 0 || now_ <= STARTS_AT) return (0, 0);
        uint256 from = Math.max(_accruedAt, STARTS_AT);
        step = (Emission.accrued(now_ - STARTS_AT) - Emission.accrued(from - STARTS_AT)) * SCALE;
        if (total > Emission.MOST_REWARDED) step = (step * Emission.MOST_REWARDED) / total;
        emitted = Math.ceilDiv(step * total, UNIT);
        if (emitted > _reserve) (step, emitted) = ((uint256(_reserve) * UNIT) / total, _reserve);
    }

    function _settle(uint256 position, Position storage entry) private {
        uint256 reward = _reward(entry.amount, _index - entry.index);
        entry.index = _index;
        if (reward == 0) return;
        _owedTo[entry.owner] += reward;
        emit RewardSettled(position, entry.owner, reward);
    }

    function _reward(uint256 amount, uint256 earned) private pure returns (uint256) {
        return (amount * earned) / UNIT;
    }

    function _owned(uint256 position) private view returns (Position storage entry) {
        entry = _positions[position];
        if (msg.sender != entry.owner) revert StakingUnauthorized(msg.sender, entry.owner);
    }

    function _unlocked(uint256 position) private view returns (Position storage entry) {
        entry = _owned(position);
        if (entry.amount == 0) revert StakingNothing();
        if (Windows.clock() < entry.unlockAt) revert StakingLocked(Windows.clock(), entry.unlockAt);
    }

    function _unlockAt(uint8 tier) private view returns (uint40) {
        if (tier > MAX_TIER) revert StakingUnknownTier(tier, MAX_TIER);
        return Windows.endOf(uint256(LOCK) * (tier + 1));
    }

    function _weight(uint8 tier, uint256 amount) private pure returns (uint256) {
        return amount * (uint256(tier) + 1);
    }

    /// @dev The owner's vault, made where it is missing.
    function _vault(address owner) private returns (address vault) {
        vault = vaultOf(owner);
        if (vault.code.length != 0) return vault;
        Clones.cloneDeterministic(VAULT, bytes32(uint256(uint160(owner))));
        emit VaultCreated(owner, vault);
        address follows = IVotes(address(TOKEN)).delegates(owner);
        StakeVault(vault).delegate(follows == address(0) ? owner : follows);
    }
}
