// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IAnchor} from "../interfaces/IAnchor.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Anchor
contract Anchor is IAnchor, AccessManaged {
    using SafeERC20 for IERC20;

    /// @notice Time that governance has to decide, seconds.
    uint40 public constant RESOLVE_WINDOW = 30 days;
    /// @notice Longest reason, bytes.
    uint256 public constant MAX_REASON = 256;

    IERC20 public immutable TOKEN;
    /// @notice The other chain.
    uint256 public immutable SOURCE_CHAIN;
    /// @notice Its task queue.
    address public immutable SOURCE_QUEUE;
    /// @notice Time in which a checkpoint can be contested, seconds.
    uint40 public immutable CHALLENGE_WINDOW;

    uint128 private _bond;
    uint48 private _lastBlock;
    uint32 private _count;
    uint256 private _held;
    mapping(uint256 checkpoint => Checkpoint) private _checkpoints;
    mapping(address account => uint256) private _owed;

    constructor(
        address authority,
        IERC20 token,
        uint256 sourceChain,
        address sourceQueue,
        uint40 challengeWindow,
        uint128 initialBond
    ) AccessManaged(authority) {
        TOKEN = token;
        SOURCE_CHAIN = sourceChain;
        SOURCE_QUEUE = sourceQueue;
        CHALLENGE_WINDOW = challengeWindow;
        _setBond(initialBond);
    }

    /// @inheritdoc IAnchor
    function propose(bytes32 root, bytes32 contents, uint48 blockNumber) external returns (uint256 checkpoint) {
        if (root == 0 || blockNumber <= _lastBlock) revert AnchorNothingNew(root, blockNumber);
        checkpoint = ++_count;
        uint128 amount = _bond;
        Checkpoint storage entry = _checkpoints[checkpoint];
        (entry.root, entry.contents, entry.blockNumber) = (root, contents, blockNumber);
        (entry.proposer, entry.proposedAt, entry.bond) = (msg.sender, Windows.clock(), amount);
        emit CheckpointProposed(checkpoint, msg.sender, root, contents, blockNumber, amount);
        _pull(amount);
    }

    /// @inheritdoc IAnchor
    function contest(uint256 checkpoint, string calldata reason) external {
        if (bytes(reason).length > MAX_REASON) revert AnchorReasonTooLong(bytes(reason).length, MAX_REASON);
        _require(checkpoint, Standing.Pending);
        Checkpoint storage entry = _checkpoints[checkpoint];
        (entry.challenger, entry.contestedAt) = (msg.sender, Windows.clock());
        emit CheckpointContested(checkpoint, msg.sender, reason);
        _pull(entry.bond);
    }

    /// @inheritdoc IAnchor
    function resolve(uint256 checkpoint, bool upheld) external restricted {
        _require(checkpoint, Standing.Contested);
        Checkpoint storage entry = _checkpoints[checkpoint];
        (entry.resolved, entry.upheld) = (true, upheld);
        emit CheckpointResolved(checkpoint, upheld);
    }

    /// @inheritdoc IAnchor
    function close(uint256 checkpoint) external {
        Standing standing = standingOf(checkpoint);
        if (standing != Standing.Final && standing != Standing.Rejected) {
            revert AnchorWrongStanding(checkpoint, standing, Standing.Final);
        }
        Checkpoint storage entry = _checkpoints[checkpoint];
        if (entry.paid) revert AnchorNothingOwed();
        entry.paid = true;
        if (standing == Standing.Final && entry.blockNumber > _lastBlock) _lastBlock = entry.blockNumber;
        (uint128 toProposer, uint128 toChallenger) = _shares(entry);
        _owed[entry.proposer] += toProposer;
        _owed[entry.challenger] += toChallenger;
        emit CheckpointClosed(checkpoint, toProposer, toChallenger);
    }

    /// @inheritdoc IAnchor
    function withdraw(address to) external returns (uint256 amount) {
        if (to == address(0)) revert AnchorZeroAddress();
        amount = _owed[msg.sender];
        if (amount == 0) revert AnchorNothingOwed();
        _owed[msg.sender] = 0;
        _held -= amount;
        emit AnchorWithdrawn(msg.sender, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IAnchor
    function setBond(uint128 next) external restricted {
        _setBond(next);
    }

    /// @inheritdoc IAnchor
    function standingOf(uint256 checkpoint) public view returns (Standing) {
        Checkpoint storage entry = _checkpoints[checkpoint];
        if (entry.proposedAt == 0) return Standing.None;
        if (entry.resolved) return entry.upheld ? Standing.Final : Standing.Rejected;
        if (entry.contestedAt != 0) {
            return Windows.isPast(entry.contestedAt + RESOLVE_WINDOW) ? Standing.Rejected : Standing.Contested;
        }
        return Windows.isPast(entry.proposedAt + CHALLENGE_WINDOW) ? Standing.Final : Standing.Pending;
    }

    /// @inheritdoc IAnchor
    function checkpointOf(uint256 checkpoint) external view returns (Checkpoint memory) {
        return _checkpoints[checkpoint];
    }

    /// @inheritdoc IAnchor
    function proves(uint256 checkpoint, uint8 kind, uint256 key, bytes32 value, bytes32[] calldata proof) external view returns (bool) {
        _require(checkpoint, Standing.Final);
        // Hashed twice, so that no inner node of the tree passes for a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(kind, key, value))));
        return MerkleProof.verifyCalldata(proof, _checkpoints[checkpoint].root, leaf);
    }

    /// @inheritdoc IAnchor
    function checkpointCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IAnchor
    function owedTo(address account) external view returns (uint256) {
        return _owed[account];
    }

    /// @inheritdoc IAnchor
    function held() external view returns (uint256) {
        return _held;
    }

    /// @inheritdoc IAnchor
    function bond() external view returns (uint128) {
        return _bond;
    }

    /// @dev Whose the bonds are once a checkpoint has ended. Where nobody contested it, there is one; where nobody decided, each has its own.
    function _shares(Checkpoint storage entry) private view returns (uint128 toProposer, uint128 toChallenger) {
        uint128 amount = entry.bond;
        if (entry.contestedAt == 0) return (amount, 0);
        if (!entry.resolved) return (amount, amount);
        (toProposer, toChallenger) = (0, amount * 2);
        if (entry.upheld) (toProposer, toChallenger) = (toChallenger, toProposer);
    }

    function _setBond(uint128 next) private {
        if (next > type(uint128).max / 4) revert AnchorBondMismatch(next, type(uint128).max / 4);
        _bond = next;
        emit BondChanged(next);
    }

    function _require(uint256 checkpoint, Standing wanted) private view {
        Standing found = standingOf(checkpoint);
        if (found == Standing.None) revert AnchorUnknown(checkpoint);
        if (found != wanted) revert AnchorWrongStanding(checkpoint, found, wanted);
    }

    /// @dev Called after the books are written. A token that moves another amount reverts everything.
    function _pull(uint128 amount) private {
        _held += amount;
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert AnchorBondMismatch(received, amount);
    }
}
