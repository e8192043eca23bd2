// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {LeaseId, NodeId} from "./INodePool.sol";
import {Assurance} from "../libraries/Assurance.sol";
import {TaskRules} from "../libraries/TaskRules.sol";
import {Comparison, TaskId, TaskTerms} from "./ISessionQueue.sol";

/// @dev A session's number; 0 is no session.
type SessionId is uint32;

function sameSession(SessionId a, SessionId b) pure returns (bool) {
    return SessionId.unwrap(a) == SessionId.unwrap(b);
}

using {sameSession as ==} for SessionId global;

/// @title ISession: a funded right to inference on agreed terms
/// @notice Owns the sessions: who owns one, on which terms, which routers may submit for it, and which lease it holds.
/// @dev Terms are copied into every task when it is born; a later update, transfer or parameter change never reaches a
/// task that exists. Holds no token: money is in `SessionPayment`. A guardian's pause (`IPausable`) stops `open`, `reserve`, and
/// submissions in mode PerTask (`PauseActive`). Under a lease, which is paid for already, tasks are born until it ends: a day at most.
interface ISession {
    /// @notice How a task finds its committee.
    /// @dev `Leased`: seats are computed from the session's lease, which is drawn from the pool; no assign transaction. `PerTask`:
    /// nodes are drawn for each task by `SessionQueue.assign`. `Hybrid`: a lease of the nodes that are dedicated to the session,
    /// filled up from the pool. `Dedicated`: a lease of those nodes alone.
    enum Mode {
        Leased,
        PerTask,
        Hybrid,
        Dedicated
    }

    /// @notice Kind of work; the registry may set another agreement threshold for each.
    enum Service {
        Completion,
        Chat,
        Classification,
        SyntheticData,
        OracleQuery,
        Embedding
    }

    /// @notice What the client asks for when it opens a session.
    /// @param model sha256 of the registered GGUF file
    /// @param redundancy k, independent answers per prompt, 1 to 9
    /// @param quorum q, answers that must agree, more than half of k
    /// @param leaseNodes nodes a lease draws, k to 10; where it is more than k, one stands by for a silent seat. Ignored in mode PerTask
    /// @param mode see `Mode`
    /// @param comparison how answers are compared
    /// @param service kind of work
    /// @param level class of nodes that may be drawn: 0 all, 1 medium, 2 high
    /// @param widen whether lower classes fill up where too few are free
    /// @param queueWindow longest wait for an assignment, seconds (mode PerTask)
    /// @param commitWindow time to commit, seconds
    /// @param revealWindow time to reveal, seconds
    /// @param maxPrompts most prompts a task may carry; times k at most 1,024
    /// @param maxPromptTokens most tokens one prompt may declare
    /// @param maxTokens most output tokens per prompt
    /// @param priceCeiling highest accepted price, COR base units per 1,000 tokens
    /// @param rerun whether a task without a majority runs once more with other nodes
    /// @param validators v, drawn after the reveals, 0 to 4
    /// @param sampleBps share of the tasks that validators check, 1/10,000
    /// @param bar lowest median usefulness that is paid, 0 to 10; 0: none
    /// @param verdictCommitWindow time for validators to commit, seconds; ignored where nothing can be judged
    /// @param verdictRevealWindow time for validators to open, seconds; likewise
    /// @param appealWindow time in which a verdict can be appealed, seconds; 0: not at all
    struct Terms {
        bytes32 model;
        uint8 redundancy;
        uint8 quorum;
        uint8 leaseNodes;
        Mode mode;
        Comparison comparison;
        Service service;
        uint8 level;
        bool widen;
        uint16 queueWindow;
        uint16 commitWindow;
        uint16 revealWindow;
        uint16 maxPrompts;
        uint24 maxPromptTokens;
        uint24 maxTokens;
        uint96 priceCeiling;
        bool rerun;
        uint8 validators;
        uint16 sampleBps;
        uint8 bar;
        uint16 verdictCommitWindow;
        uint16 verdictRevealWindow;
        uint16 appealWindow;
    }

    /// @notice A session as stored. The first four words are all that a submission reads.
    /// @param owner who may update, transfer, close and take money back
    /// @param tasks how many tasks it has submitted
    /// @param lease the lease tasks are born under; 0 if none
    /// @param closed no new work
    /// @param leaseTasks tasks that may still be born under the lease; the highest number where they are not counted
    /// @param router the router that was named last; others are in `isRouter`
    /// @param leaseUntil end of the lease, seconds
    /// @param queueWindow longest wait for an assignment, seconds
    /// @param maxPrompts most prompts a task may carry
    /// @param maxPromptTokens most tokens one prompt may declare
    /// @param rules copied into every task: price, windows, fees, bounty, k, q and comparison as agreed
    /// @param model sha256 of the GGUF file
    /// @param assurance copied into every task: validators, appeal, second attempt
    /// @param leaseNodes nodes a lease draws
    /// @param mode how a task finds its committee
    /// @param reservedTasks tasks that the pending lease is for; 0: not counted
    /// @param seedBlock block whose hash decides the pending draw; 0 if none is pending
    /// @param reservedSeconds length of the pending lease
    /// @param reserveBy after this second a pending draw may be cancelled
    /// @param reservedLock what is locked for the pending lease, base units
    struct Record {
        address owner;
        uint32 tasks;
        LeaseId lease;
        bool closed;
        uint24 leaseTasks;
        address router;
        uint40 leaseUntil;
        uint16 queueWindow;
        uint16 maxPrompts;
        uint24 maxPromptTokens;
        TaskRules rules;
        bytes32 model;
        Assurance assurance;
        uint8 leaseNodes;
        Mode mode;
        uint24 reservedTasks;
        uint40 seedBlock;
        uint32 reservedSeconds;
        uint40 reserveBy;
        uint96 reservedLock;
    }

    /// @notice One task as the client asks for it.
    /// @param manifest sha256 of the manifest bytes (prompts and sampling), resolved in the content store
    /// @param promptTokens tokens of each prompt, three bytes big-endian per prompt; its length is three times the number of prompts
    /// @param maxTokens most output tokens per prompt, at most the session's
    /// @param clientReference the client's own mark, indexed in the event
    struct Request {
        bytes32 manifest;
        bytes promptTokens;
        uint24 maxTokens;
        bytes32 clientReference;
    }

    /// @notice Governed parameters, copied into a session when it is opened or updated.
    /// @param protocolFeeBps share of a miner's gross that goes to the treasury, 1/10,000
    /// @param routerFeeBps share of a miner's gross that goes to the router that submitted, 1/10,000
    /// @param bounty paid to whoever settles, millionths of a COR
    /// @param leaseRate price of one node for one second of lease, base units
    /// @param validatorPrice price of one validator for one task, base units
    struct Parameters {
        uint16 protocolFeeBps;
        uint16 routerFeeBps;
        uint24 bounty;
        uint64 leaseRate;
        uint96 validatorPrice;
    }

    /// @notice A session was opened; its rules are fixed until its owner updates it.
    event SessionOpened(SessionId indexed session, address indexed owner, Terms terms, TaskRules rules);
    /// @notice The owner changed the terms of tasks to come.
    event SessionUpdated(SessionId indexed session, Terms terms, TaskRules rules);
    /// @notice The session has a new owner.
    event SessionTransferred(SessionId indexed session, address indexed from, address indexed to);
    /// @notice No new tasks; what runs ends as it began.
    event SessionClosed(SessionId indexed session);
    /// @notice A router may (or may no longer) submit and reserve for the session; the endpoint is untrusted text.
    event RouterChanged(SessionId indexed session, address indexed router, bool allowed, string endpoint);
    /// @notice A lease was asked for: the hash of `seedBlock` decides who is drawn, `locked` pays for it.
    /// `tasks` is how many may be born under it; 0: not counted.
    event LeaseReserved(SessionId indexed session, uint8 nodes, uint32 duration, uint24 tasks, uint40 seedBlock, uint96 locked);
    /// @notice No more tasks are born under the lease; its nodes are free after `until`.
    event LeaseEnded(SessionId indexed session, LeaseId indexed lease, uint40 until);
    /// @notice The owner took nodes that had dedicated themselves to the session, or let them go.
    event DedicatedAccepted(SessionId indexed session, NodeId[] nodes, bool accepted);
    /// @notice The lease was drawn and paid.
    event LeaseStarted(SessionId indexed session, LeaseId indexed lease, uint40 until);
    /// @notice A draw that did not happen in time was cancelled and its lock released.
    event ReservationCancelled(SessionId indexed session, uint96 released);
    /// @notice Money that was not locked went back to the owner.
    event SessionRefunded(SessionId indexed session, address indexed to, uint96 amount);
    /// @notice The governed parameters changed, for sessions opened or updated from now on.
    event ParametersChanged(Parameters parameters);

    /// @notice No such session.
    error SessionUnknown(SessionId session);
    /// @notice The caller is neither the owner nor, where that is enough, a router of the session.
    error SessionUnauthorized(SessionId session, address found);
    /// @notice The session is closed.
    error SessionIsClosed(SessionId session);
    /// @notice A term lies outside its bounds; `term` names it.
    error SessionTermOutOfRange(string term, uint256 found, uint256 least, uint256 most);
    /// @notice The model is not registered or is deprecated.
    error SessionModelUnavailable(bytes32 model);
    /// @notice The registered price lies above the session's ceiling, base units per 1,000 tokens.
    error SessionPriceAboveCeiling(uint256 found, uint256 ceiling);
    /// @notice No lease, or it ends before the task could: `found` is its end, `wanted` the task's last second.
    error SessionLeaseTooShort(uint40 found, uint40 wanted);
    /// @notice The worst case of the largest task exceeds half of the stake of its seats (base units): take more seats or smaller tasks.
    error SessionValueAboveStake(uint256 found, uint256 most);
    /// @notice The sum of all windows of a task exceeds what any task may take, seconds.
    error SessionTooLong(uint256 found, uint256 most);
    /// @notice As many tasks as the lease was for have been born.
    error SessionLeaseSpent(SessionId session);
    /// @notice The session draws nodes per task; there is nothing to reserve.
    error SessionNotLeased(SessionId session);
    /// @notice A draw is already pending, or none is.
    error SessionReservation(SessionId session, uint40 seedBlock);
    /// @notice The seed of the pending draw is not known yet: the current block must exceed `wanted`.
    error SessionSeedNotMined(uint256 found, uint256 wanted);
    /// @notice Too early to cancel: `found` is now.
    error SessionTooEarly(uint256 found, uint256 wanted);
    /// @notice The number of prompts and the length of `promptTokens` do not fit, or there are too many.
    error SessionPromptCount(uint256 found, uint256 most);
    /// @notice A prompt declares no token, or more than the session allows.
    error SessionPromptTooLong(uint256 prompt, uint256 found, uint256 most);
    /// @notice The request wants more output tokens than the session allows (or none).
    error SessionMaxTokens(uint256 found, uint256 most);
    /// @notice The session has submitted as many tasks as its numbers allow; open another.
    error SessionExhausted(SessionId session, uint256 most);
    /// @notice Zero address.
    error SessionZeroAddress();
    /// @notice The endpoint is longer than allowed, bytes.
    error SessionEndpointTooLong(uint256 found, uint256 most);

    /// @notice Opens a session owned by the caller. Costs no money; fund it in `SessionPayment`.
    function open(Terms calldata terms) external returns (SessionId session);

    /// @notice Owner: new terms for tasks to come, which start without a lease. Refused while a draw is pending.
    function update(SessionId session, Terms calldata terms) external;

    /// @notice Owner: hands the session, and the money in it, to another account. Its routers do not come along.
    function transfer(SessionId session, address to) external;

    /// @notice Owner: no new tasks. Running tasks end as they began. Refused while a draw is pending.
    function close(SessionId session) external;

    /// @notice Owner: lets a router submit and reserve for the session, or stops it.
    /// @param endpoint where nodes hand their signatures and results, at most 256 bytes
    function setRouter(SessionId session, address router, bool allowed, string calldata endpoint) external;

    /// @notice Owner: takes money that is not locked.
    function refund(SessionId session, address to, uint96 amount) external;

    /// @notice Owner or router: asks for a lease of `terms.leaseNodes` nodes. Locks nodes x duration x rate.
    /// @param duration seconds, long enough for at least one task
    /// @param tasks how many tasks may be born under it; 0: as many as fit into the time
    function reserve(SessionId session, uint32 duration, uint24 tasks) external;

    /// @notice Owner, or anyone once the lease's tasks are spent: no more tasks are born under the lease, and its nodes are free as
    /// soon as the last could have ended. What was paid stays paid.
    function endLease(SessionId session) external;

    /// @notice Owner: takes nodes that have dedicated themselves to the session (modes Hybrid and Dedicated), or lets them go.
    function acceptDedicated(SessionId session, NodeId[] calldata nodes, bool accepted) external;

    /// @notice Anyone: draws the reserved lease once the seed is known; the lock is owed to the drawn nodes from then on.
    function drawLease(SessionId session) external returns (LeaseId);

    /// @notice Anyone: releases the lock of a draw that did not happen in time (no free nodes).
    function cancelReservation(SessionId session) external;

    /// @notice Owner or router: submits one task and locks its worst-case price.
    function submit(SessionId session, Request calldata request) external returns (TaskId);

    /// @notice The same for a list; all or none.
    function submitMany(SessionId session, Request[] calldata requests) external returns (TaskId[] memory);

    /// @notice Owner or router: takes a task back, only before its seed block is mined; everything is refunded.
    function cancel(TaskId task, TaskTerms calldata terms) external;

    /// @notice Governance: sets the parameters for what comes after.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Who owns the session; zero where there is none.
    function ownerOf(SessionId session) external view returns (address);

    /// @notice A session as stored.
    function sessionOf(SessionId session) external view returns (Record memory);

    /// @notice Whether the router may submit for the session.
    function isRouter(SessionId session, address router) external view returns (bool);

    /// @notice The governed parameters in force.
    function parameters() external view returns (Parameters memory);

    /// @notice Number of sessions ever opened; ids run from 1 to this.
    function sessionCount() external view returns (uint256);
}
