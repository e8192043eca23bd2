// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IOracleMembership} from "../interfaces/IOracleMembership.sol";
import {IOracleRandomness} from "../interfaces/IOracleRandomness.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";

/// @title OracleRandomness
contract OracleRandomness is IOracleRandomness {
    using SafeERC20 for IERC20;

    /// @notice Most rounds without an opened secret that a request passes over.
    uint256 public constant MOST_SKIPS = 8;
    /// @notice The reporter's part of a forfeited bond.
    uint128 public constant REPORTER_PART = 10;

    IERC20 public immutable TOKEN;
    IOracleMembership public immutable COMMITTEE;
    /// @notice Gets forfeited bonds.
    address public immutable TREASURY;
    /// @notice Blocks of a round.
    uint256 public immutable EPOCH;
    /// @notice What every commitment locks, base units: more than one bit of any draw is worth.
    uint128 public immutable BOND;

    /// @dev In place of a commitment that was opened or reported.
    bytes32 private constant _SPENT = bytes32(type(uint256).max);

    uint128 private _forfeited;
    uint256 private _held;
    mapping(address oracle => Bond) private _bonds;
    mapping(uint256 round => Round) private _rounds;
    mapping(uint256 round => mapping(address oracle => bytes32)) private _commitments;

    constructor(IERC20 token, IOracleMembership committee, address treasury, uint256 epoch, uint128 bond) {
        if (treasury == address(0) || epoch == 0 || bond == 0) revert OracleRandomnessZero();
        TOKEN = token;
        COMMITTEE = committee;
        TREASURY = treasury;
        EPOCH = epoch;
        BOND = bond;
    }

    /// @inheritdoc IOracleRandomness
    function deposit(address oracle, uint128 amount) external {
        _bonds[oracle].free += amount;
        _held += amount;
        emit BondDeposited(oracle, amount);
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert OracleRandomnessDepositMismatch(received, amount);
    }

    /// @inheritdoc IOracleRandomness
    function withdraw(address to, uint128 amount) external {
        if (to == address(0)) revert OracleRandomnessZero();
        _bonds[msg.sender].free = _less(msg.sender, amount);
        emit BondWithdrawn(msg.sender, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc IOracleRandomness
    function commit(bytes32 commitment) external {
        if (!COMMITTEE.isOracle(msg.sender)) revert OracleRandomnessNotOracle(msg.sender);
        if (commitment == 0) revert OracleRandomnessEmptyCommitment();
        uint256 round = currentRound();
        if (_commitments[round][msg.sender] != 0) revert OracleRandomnessAlreadyCommitted(round, msg.sender);
        Bond storage bond = _bonds[msg.sender];
        (bond.free, bond.locked) = (_less(msg.sender, BOND), bond.locked + BOND);
        _commitments[round][msg.sender] = commitment;
        ++_rounds[round].commits;
        emit SecretCommitted(round, msg.sender, commitment);
    }

    /// @inheritdoc IOracleRandomness
    function open(uint256 round, bytes32 secret) external {
        if (currentRound() != round + 1) revert OracleRandomnessWrongEpoch(round, currentRound(), round + 1);
        bytes32 commitment = _take(round, msg.sender);
        bytes32 found = commitmentOf(round, msg.sender, secret);
        if (found != commitment) revert OracleRandomnessWrongSecret(round, found, commitment);
        Bond storage bond = _bonds[msg.sender];
        (bond.free, bond.locked) = (bond.free + BOND, bond.locked - BOND);
        Round storage entry = _rounds[round];
        // Their sum modulo 2: no order of openings gives another mix. Hashed with the author, so that two secrets never cancel out.
        entry.mix ^= keccak256(abi.encode(round, msg.sender, secret));
        ++entry.reveals;
        emit SecretOpened(round, msg.sender, secret);
    }

    /// @inheritdoc IOracleRandomness
    function report(uint256 round, address oracle) external {
        if (currentRound() < round + 2) revert OracleRandomnessWrongEpoch(round, currentRound(), round + 2);
        _take(round, oracle);
        uint128 share = BOND / REPORTER_PART;
        _bonds[oracle].locked -= BOND;
        _bonds[msg.sender].free += share;
        _forfeited += BOND - share;
        emit SecretWithheld(round, oracle, msg.sender, share);
    }

    /// @inheritdoc IOracleRandomness
    function sweep() external {
        uint128 amount = _forfeited;
        _forfeited = 0;
        emit ForfeitedSwept(amount);
        _pay(TREASURY, amount);
    }

    /// @inheritdoc IRandomness
    function isReady(uint256 blockNumber) public view returns (bool ready) {
        (ready, ) = _decide(blockNumber);
    }

    /// @inheritdoc IRandomness
    /// @dev A seed that stands here stands for ever.
    function isFirstSeed(uint256 blockNumber) external view returns (bool) {
        return isReady(blockNumber);
    }

    /// @inheritdoc IRandomness
    function seedOf(uint256 blockNumber, bytes32 salt) external view returns (bytes32) {
        (bool ready, uint256 round) = _decide(blockNumber);
        if (!ready) revert RandomnessNotReady(block.number, (round + 2) * EPOCH);
        return keccak256(abi.encode(blockNumber / EPOCH, round, _rounds[round].mix, salt));
    }

    /// @inheritdoc IOracleRandomness
    function commitmentOf(uint256 round, address oracle, bytes32 secret) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), round, oracle, secret));
    }

    /// @inheritdoc IOracleRandomness
    function currentRound() public view returns (uint256) {
        return block.number / EPOCH;
    }

    /// @inheritdoc IOracleRandomness
    function roundOf(uint256 round) external view returns (Round memory) {
        return _rounds[round];
    }

    /// @inheritdoc IOracleRandomness
    function bondOf(address oracle) external view returns (Bond memory) {
        return _bonds[oracle];
    }

    /// @inheritdoc IOracleRandomness
    function held() external view returns (uint256) {
        return _held;
    }

    /// @dev The round that decides, and whether it is over. A round that is over never changes, so neither does what is decided.
    function _decide(uint256 blockNumber) private view returns (bool ready, uint256 round) {
        uint256 now_ = currentRound();
        round = blockNumber / EPOCH;
        for (uint256 skips = 0; skips < MOST_SKIPS && now_ >= round + 2 && _rounds[round].reveals == 0; ++skips) ++round;
        ready = now_ >= round + 2;
    }

    /// @dev Takes a commitment that waits to be opened.
    function _take(uint256 round, address oracle) private returns (bytes32 commitment) {
        commitment = _commitments[round][oracle];
        if (commitment == 0 || commitment == _SPENT) revert OracleRandomnessNothingToOpen(round, oracle);
        _commitments[round][oracle] = _SPENT;
    }

    /// @dev What is free after `amount` is gone from it.
    function _less(address oracle, uint128 amount) private view returns (uint128) {
        uint128 free = _bonds[oracle].free;
        if (free < amount) revert OracleRandomnessBondTooLow(free, amount);
        return free - amount;
    }

    /// @dev Called after the books are written.
    function _pay(address to, uint128 amount) private {
        if (amount == 0) revert OracleRandomnessNothing();
        _held -= amount;
        TOKEN.safeTransfer(to, amount);
    }
}
