// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Assurance} from "../libraries/Assurance.sol";
import {Due} from "../libraries/NodeLedger.sol";
import {Verdicts} from "../libraries/Verdicts.sol";
import {LeaseId, NodeId} from "./INodePool.sol";
import {TaskId} from "./ISessionQueue.sol";

/// @title IValidation: is it genuine, is it useful?
/// @notice Verdicts of validators on revealed answers. A panel is drawn after the reveals, from the validators of the model, other than
/// the owners of the miners and of the session. Its members commit salted verdicts, open them, and a quorum decides. A bonded appeal
/// draws a panel of twice as many and one more, whose verdict stands.
/// @dev Holds no token: bonds are in `SessionPayment`. It takes no stake for one answer found not genuine: the evidence on a miner is
/// summed over many (`Evidence`). It takes stake for a commitment to content that the quorum finds to be other content (mismatch), and
/// for a committed verdict that was not opened. What a task stores lies in a ring of 64 places per session, as in the queue.
/// Every stage ends by its deadline whoever is silent; without a quorum of openings there is no verdict, and agreement alone decides.
interface IValidation {
    /// @notice Where a verdict is. `Waiting`: the block that decides the panel is not mined. `Final`: the queue may settle.
    enum Stage {
        None,
        Waiting,
        Committing,
        Revealing,
        Appealable,
        Final
    }

    /// @notice What a settlement is told.
    /// @param rejected bitmap of the miners' seats that are not paid
    /// @param cost what the validators in `dues` are paid from the task's lock, base units
    /// @param dues one word per validator that is booked with the task
    struct Ruling {
        uint256 rejected;
        uint256 cost;
        Due[] dues;
    }

    /// @notice A verdict's commitment that its author signed and somebody carries.
    /// @param seat the author's seat in the panel
    /// @param commitment the EIP-712 digest, see `commitmentOf`
    /// @param r first half of the compact signature (ERC-2098) over `Commit(task, author, commitment)` (EIP-712, this contract's domain)
    /// @param vs second half
    struct SignedVerdict {
        uint8 seat;
        bytes32 commitment;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Commitments for one task.
    struct CarriedVerdicts {
        TaskId task;
        SignedVerdict[] verdicts;
    }

    /// @notice An opened verdict.
    /// @param seat the author's seat in the panel
    /// @param verdict see `Verdicts`
    /// @param evidence digest of what backs it, resolved in the content store
    /// @param salt at least 128 random bits
    struct VerdictOpening {
        uint8 seat;
        uint256 verdict;
        bytes32 evidence;
        bytes32 salt;
    }

    /// @notice The panel that judges now, or judged last.
    /// @param members 24 bits each, lowest first; 0 until the first commitment has it drawn
    struct Panel {
        uint216 members;
        uint8 size;
        uint16 committed;
        uint16 revealed;
    }

    /// @notice A verdict is asked for. `seedBlock` decides whether the task is sampled and who judges it; commitments until `closeAt`.
    /// Without validators, `closeAt` is the last second to appeal.
    event VerdictAsked(TaskId indexed task, uint40 seedBlock, uint40 closeAt);
    /// @notice The panel is known.
    event PanelSeated(TaskId indexed task, uint8 round, uint216 members, uint8 size);
    /// @notice A validator committed.
    event VerdictCommitted(TaskId indexed task, uint8 round, uint8 seat, NodeId indexed validator, bytes32 commitment);
    /// @notice A validator opened its verdict.
    event VerdictRevealed(TaskId indexed task, uint8 round, uint8 seat, NodeId indexed validator, uint256 verdict, bytes32 evidence);
    /// @notice An entry of a list was skipped; `reason` is the encoded error.
    event VerdictSkipped(TaskId indexed task, uint8 seat, bytes reason);
    /// @notice Somebody bonded `bond` base units to have the task judged again.
    event Appealed(TaskId indexed task, address indexed appellant, uint128 bond, uint40 seedBlock, uint40 closeAt);
    /// @notice The verdict was handed to the settlement.
    /// @param decided whether there was one
    /// @param rejected bitmap of the seats that are not paid
    /// @param overturned whether an appeal changed it
    event VerdictClosed(TaskId indexed task, bool decided, uint256 rejected, uint256 medians, bool overturned);
    /// @notice The evidence on a miner after one more judged answer, hundredths of a nat.
    event EvidenceChanged(NodeId indexed node, TaskId indexed task, uint256 sum);

    /// @notice The caller is not the one who may do this.
    error ValidationUnauthorized(address found, address wanted);
    /// @notice The verdict is in another stage.
    error ValidationWrongStage(TaskId task, Stage found, Stage wanted);
    /// @notice A verdict was asked for already.
    error ValidationOpen(TaskId task);
    /// @notice The seat does not exist.
    error ValidationNoSeat(TaskId task, uint8 found, uint8 seats);
    /// @notice The seat has committed already, or has not.
    error ValidationCommitted(TaskId task, uint8 seat, bool found);
    /// @notice The commitment is empty.
    error ValidationEmptyCommitment(TaskId task, uint8 seat);
    /// @notice The caller or signer does not operate the seat.
    error ValidationNotOperator(TaskId task, uint8 seat, address found, address wanted);
    /// @notice The opening is not what was committed.
    error ValidationMismatch(TaskId task, uint8 seat, bytes32 found, bytes32 wanted);
    /// @notice A score is above 10, or bits are set beyond the last seat.
    error ValidationMalformed(TaskId task, uint8 seat, uint256 verdict);
    /// @notice The block that decides the panel is more than a window old: no panel is drawn any more.
    error ValidationSeedGone(TaskId task, uint256 seedBlock);
    /// @notice No validator could be drawn.
    error ValidationNoValidators(TaskId task);
    /// @notice A verdict may be appealed once.
    error ValidationAppealed(TaskId task);

    /// @notice Queue only: the reveals have closed. Fixes the block that decides, and the first deadline.
    function open(TaskId task, bytes32 model, LeaseId miners, Assurance assurance) external;

    /// @notice Anyone: has the panel drawn where it is not yet, and says who sits in it. A call that is not sent tells a validator whether
    /// to begin. Reverts until the deciding block is mined, and where the task is not sampled.
    function draw(TaskId task) external returns (uint216 members, uint8 size);

    /// @notice The seat's operator: commits a verdict. The first commitment has the panel drawn.
    function commit(TaskId task, uint8 seat, bytes32 commitment) external;

    /// @notice Anyone: carries signed commitments. Entries that cannot be recorded are skipped with an event.
    function commitMany(CarriedVerdicts[] calldata carried) external;

    /// @notice Anyone: opens verdicts once commitments are closed. Seats that are open already are passed over; one wrong opening
    /// reverts the call.
    function reveal(TaskId task, VerdictOpening[] calldata openings) external;

    /// @notice Anyone with a bond among what `SessionPayment` owes them: has a larger panel judge again, once. The bond pays that panel
    /// where it finds the same; where it does not, the bond comes back and the task's lock pays.
    function appeal(TaskId task) external;

    /// @notice Queue only, stage Final: what was found; pays and books validators, sums evidence, takes stake from the proven, and frees the
    /// panels. Reverts on nothing that verdicts say.
    /// @param opened bitmap of the miners' seats that opened
    /// @param nodes the miners, 24 bits a seat
    function close(TaskId task, uint256 opened, uint256 nodes) external returns (Ruling memory);

    /// @notice Where the verdict is now.
    function stageOf(TaskId task) external view returns (Stage);

    /// @notice The panel of a round: 0, or 1 after an appeal.
    function panelOf(TaskId task, uint8 round) external view returns (Panel memory);

    /// @notice What a round found so far, for the given miners' seats.
    function outcomeOf(TaskId task, uint8 round, uint256 seats) external view returns (Verdicts.Outcome memory);

    /// @notice The sum of evidence on a miner, hundredths of a nat.
    function evidenceOf(NodeId node) external view returns (uint256);

    /// @notice What a validator commits to: the EIP-712 digest of `Verdict(task, round, author, verdict, evidence, salt)`.
    function commitmentOf(
        TaskId task,
        uint8 round,
        NodeId author,
        uint256 verdict,
        bytes32 evidence,
        bytes32 salt
    ) external view returns (bytes32);
}
