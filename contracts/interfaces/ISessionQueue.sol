// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Assurance} from "../libraries/Assurance.sol";
import {TaskRules} from "../libraries/TaskRules.sol";
import {LeaseId, NodeId} from "./INodePool.sol";

/// @dev A task's number: the session's number in the upper 32 bits, the task's place in the session in the lower.
type TaskId is uint64;

function sameTask(TaskId a, TaskId b) pure returns (bool) {
    return TaskId.unwrap(a) == TaskId.unwrap(b);
}

using {sameTask as ==} for TaskId global;

/// @notice How answers are compared: `Exact` by digest alone, `Semantic` by digest or Hamming distance of the sketches.
enum Comparison {
    Exact,
    Semantic
}

/// @notice Where a task is, derived from facts and the clock (see the phase table in contracts/README.md).
enum Phase {
    None,
    Queued,
    Committing,
    Revealing,
    Validating,
    Appealable,
    Closed,
    Settled
}

/// @notice How a task ended; `Open` while it runs.
enum Status {
    None,
    Open,
    Accepted,
    Inconclusive,
    Failed,
    Cancelled
}

/// @notice The terms of a task, fixed when it is born and bound by hash. Not stored: handed back as calldata and checked.
/// @param model sha256 of the GGUF file
/// @param manifest sha256 of the manifest (prompts and sampling)
/// @param rules price, windows, fees, bounty, k, q, comparison: see `TaskRulesLib.Unpacked`
/// @param assurance validators, appeal, second attempt: see `AssuranceLib.Unpacked`; 0 where nothing beyond agreement is asked
/// @param router who submitted as a router of the session; zero where the owner did
/// @param promptTokens tokens of each prompt, three bytes big-endian each
struct TaskTerms {
    bytes32 model;
    bytes32 manifest;
    TaskRules rules;
    Assurance assurance;
    address router;
    bytes promptTokens;
}

/// @title ISessionQueue: the only machine for user work, from queued to settled
/// @notice A task is born by `Session`, gets a committee from a lease or a draw, collects one commitment per seat, then
/// openings, judges them by agreement, and pays. Everything after birth is permissionless.
/// @dev Writes two slots per task whatever its number of prompts. The record stays for ever: while the task runs it is a running
/// hash (transcript) of the terms and of every commitment in the order in which it came; when it ends, the status and a hash of
/// transcript, outcomes and charge. The facts lie in a ring of `RING` slots per session and are overwritten by later tasks, which
/// are refused while the slot's task still runs. Whoever reveals or settles hands the terms and commitments back.
///
/// It refuses: commitments outside the window or from anyone but the seat's operator; a second commitment for a seat;
/// openings before the commit phase has closed, in its last second, or after the reveal window; openings that do not match;
/// settling twice. It never compares results of different models, holds no token, and slashes for one thing only: a
/// commitment that was not opened in a reveal phase that took place.
interface ISessionQueue {
    /// @notice Whether the ring slot's task runs, and whether `seed` is the seed or the number of the block that decides it.
    enum State {
        Empty,
        Unseeded,
        Seeded,
        Ended
    }

    /// @notice The facts of a running task.
    /// @param seed 96 bits of the drawn seed, or while unseeded the number of the block that will decide it
    /// @param lease where the committee comes from; 0 while nodes are still to be drawn
    /// @param commitsCloseAt last second in which a commitment is accepted; moved forward to now when the last seat commits.
    /// Before assignment (lease 0): last second in which the task may be assigned
    /// @param revealWindow seconds after `commitsCloseAt` in which openings are accepted
    /// @param commitWindow length of the commit phase, seconds; in its second half a standby may stand in
    /// @param committed bitmap of seats
    /// @param revealed bitmap of seats
    /// @param redundancy k
    /// @param quorum q
    /// @param generation how often the ring had gone round when the task was born
    /// @param state see `State`
    /// @param attempt 0, or 1 where the first ended without a majority
    /// @param standby whether the lease has a member more than the committee, who may take one silent seat
    /// @param stoodIn whether it has
    /// @param judged whether validators are or may be asked
    struct Facts {
        uint96 seed;
        LeaseId lease;
        uint40 commitsCloseAt;
        uint16 revealWindow;
        uint16 commitWindow;
        uint16 committed;
        uint16 revealed;
        uint8 redundancy;
        uint8 quorum;
        uint16 generation;
        State state;
        uint8 attempt;
        bool standby;
        bool stoodIn;
        bool judged;
    }

    /// @notice A commitment that its author signed and somebody carries.
    /// @param seat the author's seat
    /// @param commitment the EIP-712 digest, see `commitmentOf`
    /// @param r first half of the author's compact signature (ERC-2098) over `Commit(task, author, commitment)` (EIP-712)
    /// @param vs second half
    struct SignedCommitment {
        uint8 seat;
        bytes32 commitment;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Commitments for one task.
    struct CarriedCommitments {
        TaskId task;
        SignedCommitment[] commitments;
    }

    /// @notice A commitment as it was recorded.
    /// @param who seat in the lowest 8 bits, node in the next 24
    struct Committed {
        uint256 who;
        bytes32 commitment;
    }

    /// @notice One committed seat, opened or not. Seats are given in the order in which they committed.
    /// @param who seat in the lowest 8 bits, node in the next 24, and bit 32 where the commitment is opened
    /// @param secret the salt where opened, else the bare commitment
    /// @param claim digest of the claim list (Proof of Inference); zero when not opened
    struct Opening {
        uint256 who;
        bytes32 secret;
        bytes32 claim;
    }

    /// @notice All that is needed to reveal or settle a task.
    /// @param task which
    /// @param terms as emitted by `TaskQueued`
    /// @param base answers, 68 bytes a prompt: sha256 of the result, 256-bit sketch, three bytes output tokens, one byte finish reason
    /// @param openings every committed seat, in commit order
    /// @param changes empty where every opening answers as the base; else one per opening: records of two bytes prompt number
    /// (big-endian, ascending) and 68 bytes answer where it differs
    struct Handover {
        TaskId task;
        TaskTerms terms;
        bytes base;
        Opening[] openings;
        bytes[] changes;
    }

    /// @notice A task was born; `seedBlock` decides its committee. Locked for it is the worst case of its terms
    /// (`Price.worstCase`). `deadline` is the last second to commit (leased) or to be assigned.
    event TaskQueued(
        TaskId indexed task,
        uint32 indexed session,
        bytes32 indexed clientReference,
        TaskTerms terms,
        LeaseId lease,
        uint40 seedBlock,
        uint40 deadline
    );
    /// @notice Nodes were drawn for a task without a lease.
    event TaskAssigned(TaskId indexed task, LeaseId indexed lease, uint96 seed, uint40 commitsCloseAt);
    /// @notice No majority was found; the task runs once more with nodes that `seedBlock` decides. `deadline` is the last second to
    /// assign them. Nothing was charged but what validators are owed.
    event TaskRerun(TaskId indexed task, uint40 seedBlock, uint40 deadline, uint256 charged);
    /// @notice Seats committed; `seed` is the task's.
    event ResultsCommitted(TaskId indexed task, uint96 seed, Committed[] commitments);
    /// @notice A seat opened without settling the task: everything that a later settlement must hand over.
    event ResultRevealed(TaskId indexed task, uint8 indexed seat, NodeId indexed node, bytes32 salt, bytes32 claim, bytes answers);
    /// @notice An entry of a list was skipped; `reason` is the encoded error.
    event EntrySkipped(TaskId indexed task, uint8 seat, bytes reason);
    /// @notice The answers of a seat differ from the base of the settlement; see `Handover.changes`.
    event AnswersDiffer(TaskId indexed task, uint8 indexed seat, bytes changes);
    /// @notice The task ended. Salts and claims are in the calldata of the call that settled it, or in `ResultRevealed`.
    /// @param status Accepted (at least one prompt has a quorum), Inconclusive (enough openings, no majority), or Failed
    /// @param charged what the session paid, base units, bounty included
    /// @param outcomes two bytes a prompt: upper four bits the seat of the canonical answer (15: none), lower twelve the bitmap of accepted seats
    /// @param base the answers that openings were given against; empty where the task failed
    /// @param seats bitmap of the opened seats; from bit 12 on, of those that validators rejected
    event TaskSettled(TaskId indexed task, Status indexed status, uint256 charged, uint256 seats, bytes outcomes, bytes base);

    /// @notice The caller is not the contract that may do this.
    error SessionQueueUnauthorized(address found, address wanted);
    /// @notice The task is in another phase.
    error SessionQueueWrongPhase(TaskId task, Phase found, Phase wanted);
    /// @notice The task `RING` numbers back still runs: it must end before this one is born.
    error SessionQueueRingFull(TaskId task, TaskId occupant);
    /// @notice The seed block is not mined yet: the current block must exceed `wanted`.
    error SessionQueueSeedNotMined(uint256 found, uint256 wanted);
    /// @notice Cancelling is over: the seed block has been mined.
    error SessionQueueTooLateToCancel(uint256 found, uint256 wanted);
    /// @notice The seat does not exist.
    error SessionQueueNoSeat(TaskId task, uint8 found, uint8 seats);
    /// @notice The seat has committed already.
    error SessionQueueAlreadyCommitted(TaskId task, uint8 seat);
    /// @notice The commitment is empty.
    error SessionQueueEmptyCommitment(TaskId task, uint8 seat);
    /// @notice The caller or signer does not operate the seat.
    error SessionQueueNotOperator(TaskId task, uint8 seat, address found, address wanted);
    /// @notice Terms, commitments or openings are not what was recorded.
    error SessionQueueTranscriptMismatch(TaskId task, bytes32 found, bytes32 wanted);
    /// @notice Answers have the wrong length, bytes.
    error SessionQueueAnswersLength(TaskId task, uint256 found, uint256 wanted);
    /// @notice There must be no changes, or one list per opening.
    error SessionQueueChangesCount(TaskId task, uint256 found, uint256 wanted);
    /// @notice A record of changes is out of order, out of range or cut off, or belongs to a seat that is not opened.
    error SessionQueueChangesMalformed(TaskId task, uint8 seat, uint256 offset);
    /// @notice Nothing in the handover is new, and the task cannot be settled yet.
    error SessionQueueNothingToReveal(TaskId task);
    /// @notice Settling needs the openings of exactly the revealed seats (bitmaps).
    error SessionQueueOpeningsMissing(TaskId task, uint16 found, uint16 wanted);

    /// @notice Session only: a task is born, its worst case is locked.
    /// @param lease the session's lease; 0 where nodes will be drawn for this task
    /// @param seedBlock block whose hash decides
    /// @param closeAt last second to commit (leased) or to be assigned (not leased)
    function enqueue(
        TaskId task,
        TaskTerms calldata terms,
        bytes32 clientReference,
        LeaseId lease,
        uint40 seedBlock,
        uint40 closeAt
    ) external;

    /// @notice Session only: ends a task before its seed block is mined; releases everything.
    function cancel(TaskId task, TaskTerms calldata terms) external;

    /// @notice Anyone: draws the nodes of a task without lease, or of a second attempt, once the seed is known. Their time is paid
    /// from the task's lock at once, used or not.
    function assign(TaskId task, TaskTerms calldata terms) external;

    /// @notice The seat's operator: commits by its own transaction. In the second half of the commit window the lease's next member
    /// (place k of the permutation) may take one seat that is silent: the first of the two to commit holds it.
    function commit(TaskId task, uint8 seat, bytes32 commitment) external;

    /// @notice Anyone: carries signed commitments, for many tasks. Entries that cannot be recorded are skipped with an event.
    function commitMany(CarriedCommitments[] calldata carried) external;

    /// @notice Anyone: records openings; settles at once if with them nothing more is to come, or if the task is Closed already.
    /// Where a verdict is to be asked for, asks for it instead (also in phase Validating, where nobody has yet).
    /// @dev Openings are bound by their commitment, so nobody need sign them.
    function reveal(Handover calldata handover) external;

    /// @notice Anyone: ends a task in phase Closed.
    function settle(Handover calldata handover) external;

    /// @notice Anyone: `reveal` for a list; a task that cannot be revealed or settled is skipped with an event.
    function revealMany(Handover[] calldata handovers) external;

    /// @notice Where the task is now.
    function phaseOf(TaskId task) external view returns (Phase);

    /// @notice The task's facts and how it ended. Facts are zero once a later task has taken their slot.
    function factsOf(TaskId task) external view returns (Facts memory facts, Status status);

    /// @notice The task's record: its transcript while it runs, then the status (highest byte) and the hash of what was decided.
    function recordOf(TaskId task) external view returns (bytes32);

    /// @notice The node and operator of every seat. Reverts until the seed block is mined, and for a task that ended without a
    /// commitment or whose slot a later task has taken.
    function committeeOf(TaskId task) external view returns (NodeId[] memory nodes, address[] memory operators);

    /// @notice The one hash of the protocol: what a seat commits to and signs.
    /// @param author the node
    /// @param attempt 0, or 1 after `TaskRerun`
    /// @param answers 68 bytes a prompt, see `Handover.base`
    /// @param claim digest of the claim list
    /// @param salt at least 128 random bits
    function commitmentOf(
        TaskId task,
        uint8 attempt,
        NodeId author,
        TaskTerms calldata terms,
        bytes calldata answers,
        bytes32 claim,
        bytes32 salt
    ) external view returns (bytes32);
}
