// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IAnchor: what another chain settled, provable on this one
/// @notice Takes checkpoints of one deployment on another chain: Merkle roots over its settled tasks and its nodes' accounts. Anyone proposes
/// one under a bond. Through the challenge window anyone may contest it under an equal bond, and governance, which reads that chain, says who was
/// right. A checkpoint that nobody contested in time, or that was upheld, is final; against it, inclusion of a leaf is proven to anyone.
/// @dev Optimistic: a false root becomes final only if for a whole window nobody recomputes it. The leaves' bytes are named by `contents`, and
/// a proposal whose contents cannot be had is to be contested. Where governance is silent for `RESOLVE_WINDOW`, a contested checkpoint is
/// rejected and both bonds go back: silence proves nothing. Final checkpoints never change, and no bond is anyone's but by these rules. Holds
/// bonds and nothing else: sum of bonds held and owed == `held()` <= token balance. Amounts are COR base units, times seconds.
/// Leaves are those of OpenZeppelin's standard tree over (uint8 kind, uint256 key, bytes32 value): kind 1, a task's id and its final
/// record; kind 2, a node's number and its account word. Twin: `offchain/protocol/checkpoint.ts`.
interface IAnchor {
    /// @notice How a checkpoint stands; derived from facts and the clock.
    enum Standing {
        None,
        Pending,
        Contested,
        Final,
        Rejected
    }

    /// @notice A checkpoint as stored.
    /// @param root of the standard tree
    /// @param contents sha256 of the list of leaves, resolved in the content store
    /// @param proposer whose bond stands for it
    /// @param proposedAt seconds
    /// @param blockNumber block of the other chain as of which it is
    /// @param bond of the proposer, and as much of the challenger
    /// @param challenger who contested it; zero if nobody
    /// @param contestedAt seconds; 0 if not
    /// @param resolved whether governance has spoken
    /// @param upheld what it said
    struct Checkpoint {
        bytes32 root;
        bytes32 contents;
        address proposer;
        uint40 proposedAt;
        uint48 blockNumber;
        uint128 bond;
        address challenger;
        uint40 contestedAt;
        bool resolved;
        bool upheld;
        bool paid;
    }

    /// @notice A checkpoint was proposed.
    event CheckpointProposed(
        uint256 indexed checkpoint,
        address indexed proposer,
        bytes32 root,
        bytes32 contents,
        uint48 blockNumber,
        uint128 bond
    );
    /// @notice Somebody says that it is false, and why.
    event CheckpointContested(uint256 indexed checkpoint, address indexed challenger, string reason);
    /// @notice Governance said who was right.
    event CheckpointResolved(uint256 indexed checkpoint, bool upheld);
    /// @notice A checkpoint's bonds are owed now.
    event CheckpointClosed(uint256 indexed checkpoint, uint128 toProposer, uint128 toChallenger);
    /// @notice What was owed left.
    event AnchorWithdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice The bond of checkpoints from now on.
    event BondChanged(uint128 bond);

    /// @notice No such checkpoint.
    error AnchorUnknown(uint256 checkpoint);
    /// @notice The checkpoint does not stand so.
    error AnchorWrongStanding(uint256 checkpoint, Standing found, Standing wanted);
    /// @notice The root is zero, or the block is not after the last final checkpoint's.
    error AnchorNothingNew(bytes32 root, uint48 blockNumber);
    /// @notice The reason is longer than allowed, bytes.
    error AnchorReasonTooLong(uint256 found, uint256 most);
    /// @notice The bonds were paid already, or nothing is owed.
    error AnchorNothingOwed();
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error AnchorBondMismatch(uint256 found, uint256 wanted);
    /// @notice Zero address.
    error AnchorZeroAddress();

    /// @notice Anyone: proposes a checkpoint under the bond in force (approve COR first).
    function propose(bytes32 root, bytes32 contents, uint48 blockNumber) external returns (uint256 checkpoint);

    /// @notice Anyone, within the challenge window, once: contests a checkpoint under an equal bond.
    /// @param reason untrusted text for whoever decides, at most 256 bytes
    function contest(uint256 checkpoint, string calldata reason) external;

    /// @notice Governance, within the time it has: whether a contested checkpoint is true. The loser's bond is the winner's.
    function resolve(uint256 checkpoint, bool upheld) external;

    /// @notice Anyone, once a checkpoint is final or rejected: its bonds are owed from now on.
    function close(uint256 checkpoint) external;

    /// @notice Caller: withdraws what it is owed.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Governance: the bond of checkpoints proposed from now on.
    function setBond(uint128 bond) external;

    /// @notice How a checkpoint stands now.
    function standingOf(uint256 checkpoint) external view returns (Standing);

    /// @notice A checkpoint as stored.
    function checkpointOf(uint256 checkpoint) external view returns (Checkpoint memory);

    /// @notice Whether a leaf is in a final checkpoint. Reverts where the checkpoint is not final.
    function proves(uint256 checkpoint, uint8 kind, uint256 key, bytes32 value, bytes32[] calldata proof) external view returns (bool);

    /// @notice Number of checkpoints; ids run from 1 to this.
    function checkpointCount() external view returns (uint256);

    /// @notice What is owed to an account.
    function owedTo(address account) external view returns (uint256);

    /// @notice Sum of all bonds, held and owed.
    function held() external view returns (uint256);

    /// @notice The bond in force.
    function bond() external view returns (uint128);
}
