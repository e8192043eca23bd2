// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {LeaseId, NodeId, Seat} from "./NodeTypes.sol";

/// @title INodePool: who may work, and who is drawn
/// @notice Owns the nodes: their owner (cold key), operator (hot key), stake, served model, and the lease they are in.
/// Draws committees from dense lists of eligible nodes at a cost that does not depend on how many nodes there are.
/// @dev Holds staked COR. It never pays stake to anyone but the node's owner, never moves a leased node into a second
/// lease, and never lets stake leave before the thaw has passed. It does not judge work: the slashes are called by the task queue and
/// by Validation, which hold the evidence.
///
/// Eligible for a draw (one predicate, `isEligible`): operator accepted, miner's role, admitted (or the pool is open), stake at least
/// the minimum that was in force at registration and enough for one more lock, available, not exiting, not jailed, not dedicated
/// and not leased; and where the pool asks for proof (`Parameters.proving`), alive, and passed in a round of network work since the
/// last lease that gave it work. The dense lists of a model, one per class of levels, hold the eligible nodes that serve it, but for those
/// that wait for a pending draw; a list of its own holds those that lack nothing but the proof: rounds draw from it, sessions do not.
/// Who falls silent stays listed until somebody calls `enlist`, and is passed over by draws. Validators are in a list of their own, leased or not: a seat in a panel takes a few minutes of work.
/// A guardian's pause (`IPausable`) stops `register` and `addStake` (`PauseActive`), nothing else.
interface INodePool {
    /// @notice Where the members of a lease come from.
    /// @dev `Pool`: drawn. `Hybrid`: the nodes dedicated to the session first, the rest drawn. `Dedicated`: those nodes alone.
    enum Source {
        Pool,
        Hybrid,
        Dedicated
    }

    /// @notice What a lease is drawn for.
    /// @param model sha256 of the GGUF file that its members must serve
    /// @param size members, 1 to `MAX_LEASE`
    /// @param level class of nodes: 0 all, 1 medium (level 4 and more), 2 high (8 and more)
    /// @param widen whether lower classes are drawn from too where too few are free
    /// @param source see `Source`
    /// @param session for whose dedicated nodes
    /// @param requester owner of the session: its own nodes are not drawn
    /// @param avoid a lease whose members are not drawn again; 0: none
    struct Wanted {
        bytes32 model;
        uint8 size;
        uint8 level;
        bool widen;
        Source source;
        uint32 session;
        address requester;
        LeaseId avoid;
    }

    /// @notice A node as stored.
    /// @param operator hot key that commits and reveals; zero until it has accepted
    /// @param lease the lease the node is in; 0 when free
    /// @param listedAt position in a dense list of its model plus one; 0 when not listed
    /// @param listedIn which list: 0 high, 1 medium, 2 low, 3 those who lack a fresh pass
    /// @param admitted let in by governance while the pool is permissioned
    /// @param available the operator's own switch
    /// @param level 0 to 10, earned; see `setLevel`
    /// @param roles bitmap: 1 miner, 2 validator
    /// @param owner cold key: receives stake and earnings
    /// @param exitAt time from which the stake may leave (seconds); 0 when not exiting
    /// @param jailedUntil time until which it is not drawn after a fraud (seconds), and longer where nobody frees it; 0 when free
    /// @param locks open assignments: its lease, and every panel it sits in
    /// @param stake COR held for the node, base units
    /// @param minStake the minimum in force when the node registered, base units
    /// @param model sha256 of the GGUF file that it serves
    /// @param unopenedPenalty the penalty in force when the node registered, base units
    /// @param thaw the thaw in force when the node registered, seconds
    /// @param fraudPenalty the penalty for proven fraud in force when the node registered, base units
    /// @param dedicatedTo the session it serves alone; 0 when in the common pool
    /// @param assignmentLock stake that each open assignment locks, in force when the node registered, base units
    /// @param panelAt position in its model's list of validators plus one; 0 when not listed
    /// @param accepted whether the session's owner took it
    /// @param formerUntil last second in which the former operator still signs
    /// @param formerOperator the operator before the last change
    /// @param passedAt when it last passed in a round, seconds; 0 where it failed or was late since
    /// @param releasedAt when a lease that gave it work last ended, seconds
    /// @param waits whether it waits to be listed until a pending draw is made
    struct Node {
        address operator;
        LeaseId lease;
        uint24 listedAt;
        uint8 listedIn;
        bool admitted;
        bool available;
        uint8 level;
        uint8 roles;
        address owner;
        uint40 exitAt;
        uint40 jailedUntil;
        uint16 locks;
        uint128 stake;
        uint128 minStake;
        bytes32 model;
        uint96 unopenedPenalty;
        uint32 thaw;
        uint96 fraudPenalty;
        uint32 dedicatedTo;
        uint96 assignmentLock;
        uint32 panelAt;
        bool accepted;
        uint40 formerUntil;
        uint40 passedAt;
        uint40 releasedAt;
        address formerOperator;
        bool waits;
    }

    /// @notice What was taken for commitments that were not opened in time.
    /// @param closedAt last second to commit, seconds; the earliest where several commitments had the same last second to open
    /// @param amount stake that was taken, base units
    struct Penalty {
        uint40 closedAt;
        uint128 amount;
    }

    /// @notice The governed parameters.
    /// @param minStake least stake of a new node, base units
    /// @param unopenedPenalty stake taken for a commitment that was not opened, base units (saturating)
    /// @param thaw time between asking to exit and the stake leaving, seconds; at least `THAW_FLOOR`
    /// @param open true: anyone who stakes is admitted; false: governance admits
    /// @param slashing false: proven fraud takes no stake (it still jails)
    /// @param fraudPenalty stake taken for proven fraud, base units (saturating)
    /// @param assignmentLock stake that each open assignment locks, base units; not above `minStake`
    /// @param jail time in which a node is not drawn after proven fraud, seconds
    /// @param bountyBps share of what fraud costs that goes to whoever had it found, 1/10,000
    /// @param dailyCap most that fraud may take from all nodes together on one day, base units
    /// @param proving whether only nodes that live and have a fresh pass are drawn for sessions; false until `PoUW` runs: admission is
    /// the first pass then, and a task that ends renews it
    struct Parameters {
        uint96 minStake;
        uint96 unopenedPenalty;
        uint32 thaw;
        bool open;
        bool slashing;
        uint96 fraudPenalty;
        uint96 assignmentLock;
        uint32 jail;
        uint16 bountyBps;
        uint128 dailyCap;
        bool proving;
    }

    /// @notice A node was entered by its owner with a stake (base units).
    event NodeRegistered(NodeId indexed node, address indexed owner, address indexed operator, bytes32 model, uint128 stake);
    /// @notice The owner named a new operator, which must accept.
    event OperatorProposed(NodeId indexed node, address indexed operator);
    /// @notice The operator accepted and now signs for the node.
    event OperatorChanged(NodeId indexed node, address indexed operator);
    /// @notice Where the node serves content over HTTP; untrusted text.
    event EndpointChanged(NodeId indexed node, string endpoint);
    /// @notice Governance admitted or dismissed the node.
    event NodeAdmitted(NodeId indexed node, bool admitted);
    /// @notice The operator switched the node on or off, or to another model.
    event NodeServiceChanged(NodeId indexed node, bytes32 indexed model, bool available);
    /// @notice Stake was added; `stake` is the new total (base units).
    event StakeAdded(NodeId indexed node, uint128 amount, uint128 stake);
    /// @notice The node leaves; its stake may be withdrawn from `exitAt` (seconds) on, and is slashable until then.
    event ExitRequested(NodeId indexed node, uint40 exitAt);
    /// @notice The stake left the pool for good.
    event StakeWithdrawn(NodeId indexed node, address indexed to, uint128 amount);
    /// @notice The owner or operator changed what the node may be drawn for.
    event RolesChanged(NodeId indexed node, uint8 roles);
    /// @notice A round ended for the node: it passed, or it lost its pass.
    event NodeProven(NodeId indexed node, bool passed);
    /// @notice The node's level changed.
    event LevelChanged(NodeId indexed node, uint8 level);
    /// @notice The node serves one session alone; 0: any again.
    event NodeDedicated(NodeId indexed node, uint32 indexed session);
    /// @notice The session's owner took a node that had dedicated itself to the session, or let it go.
    event DedicationAccepted(NodeId indexed node, uint32 indexed session, bool accepted);
    /// @notice Validators were drawn for a task: member i is `uint24(members >> (24 * i))`.
    event PanelDrawn(bytes32 indexed model, bytes32 seed, uint240 members, uint8 size);
    /// @notice Proven fraud: not drawn until `until` (seconds) and `free`.
    event NodeJailed(NodeId indexed node, uint40 until);
    /// @notice The owner freed a jailed node after its time.
    event NodeFreed(NodeId indexed node);
    /// @notice Part of what a fraud cost is owed to whoever had it found.
    event BountyOwed(address indexed finder, NodeId indexed node, uint128 amount);
    /// @notice A bounty was paid out.
    event BountyWithdrawn(address indexed finder, address indexed to, uint128 amount);
    /// @notice A lease ends earlier.
    event LeaseShortened(LeaseId indexed lease, uint40 until);
    /// @notice Stake was taken for a commitment that was not opened, or for proven fraud; `taken` may be less than the penalty, never more than the stake.
    event NodeSlashed(NodeId indexed node, uint128 taken, uint128 stakeLeft);
    /// @notice That was for a commitment that could be opened after `closedAt`, and until `until`.
    event PenaltyTaken(NodeId indexed node, uint40 closedAt, uint40 until, uint128 taken);
    /// @notice The chain stood still while a commitment could have been opened: the penalty came back.
    event NodeExcused(NodeId indexed node, uint40 indexed until, uint128 given, uint128 stake);
    /// @notice Nodes were drawn into a lease: member i is `uint24(members >> (24 * i))`.
    event LeaseDrawn(LeaseId indexed lease, bytes32 indexed model, bytes32 seed, uint240 members, uint8 size, uint40 until);
    /// @notice The lease ended and its members went back to the pool.
    event LeaseCollected(LeaseId indexed lease);
    /// @notice The governed parameters changed; nodes already registered keep those they entered with.
    event ParametersChanged(Parameters parameters);
    /// @notice Slashed stake was moved to the treasury.
    event SlashedSwept(address indexed to, uint128 amount);

    /// @notice The caller is not the one who may do this.
    error NodePoolUnauthorized(address found, address wanted);
    /// @notice No such node.
    error NodePoolUnknownNode(NodeId node);
    /// @notice The address already operates a node.
    error NodePoolOperatorTaken(address operator, NodeId node);
    /// @notice Zero address where a key is wanted.
    error NodePoolZeroAddress();
    /// @notice The model is not registered or is deprecated.
    error NodePoolModelUnavailable(bytes32 model);
    /// @notice Too little stake, base units.
    error NodePoolStakeTooLow(uint256 found, uint256 wanted);
    /// @notice A draw is decided but not made: the lists it draws from stand still until somebody makes it, or until block `until`.
    error NodePoolDrawPending(bytes32 model, uint256 until);
    /// @notice Levels run from 0 to 10, roles from 0 to 3.
    error NodePoolOutOfRange(uint256 found, uint256 most);
    /// @notice The node has not dedicated itself to this session.
    error NodePoolNotDedicated(NodeId node, uint32 found, uint32 wanted);
    /// @notice A session has at most `MAX_LEASE` dedicated nodes.
    error NodePoolTooManyDedicated(uint256 found, uint256 most);
    /// @notice Nothing is owed, or all that is left is locked.
    error NodePoolNothingOwed();
    /// @notice Nothing was taken from the node for that window, or it came back already.
    error NodePoolNoPenalty(NodeId node, uint40 until);
    /// @notice The chain did not stand still for longer than from `closedAt` to `until`, or not until after `until`.
    error NodePoolNoGap(uint40 closedAt, uint40 until, uint256 lastBlockAt, uint256 nextBlockAt);
    /// @notice Less slashed stake is left than was taken: the rest went to the treasury.
    error NodePoolSwept(uint128 found, uint128 wanted);
    /// @notice The node is in a lease and cannot change until it is collected.
    error NodePoolLeased(NodeId node, LeaseId lease);
    /// @notice The node already asked to exit, or has not asked yet.
    error NodePoolExitState(NodeId node, uint40 exitAt);
    /// @notice Too early: `found` is now, `wanted` the first second at which it works.
    error NodePoolTooEarly(uint256 found, uint256 wanted);
    /// @notice Fewer eligible nodes than the draw needs.
    error NodePoolTooFewNodes(uint256 found, uint256 wanted);
    /// @notice A lease has 1 to `MAX_LEASE` members.
    error NodePoolLeaseSize(uint256 found, uint256 most);
    /// @notice The node is not free for a round, or serves another model.
    error NodePoolNotFree(NodeId node);
    /// @notice No such lease, or it has been collected.
    error NodePoolNoLease(LeaseId lease);
    /// @notice The endpoint is longer than allowed, bytes.
    error NodePoolEndpointTooLong(uint256 found, uint256 most);
    /// @notice The thaw is shorter than the floor, seconds.
    error NodePoolThawTooShort(uint256 found, uint256 wanted);
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error NodePoolDepositMismatch(uint256 found, uint256 wanted);

    /// @notice Enters a node. The caller becomes its owner and pays the stake (approve COR first). Where the operator is
    /// another address, the node is not eligible until that address calls `acceptOperator`.
    /// @param operator the hot key
    /// @param model sha256 of the GGUF file it will serve, registered and not deprecated
    /// @param amount stake, base units, at least `parameters().minStake`
    /// @param endpoint base URL of the node's content server, at most 256 bytes
    function register(address operator, bytes32 model, uint128 amount, string calldata endpoint) external returns (NodeId node);

    /// @notice Owner: names a new operator; the old one signs until the new one accepts.
    function proposeOperator(NodeId node, address operator) external;

    /// @notice Proposed operator: takes over. An address operates at most one node.
    function acceptOperator(NodeId node) external;

    /// @notice Operator or owner: announces where content is served.
    function announceEndpoint(NodeId node, string calldata endpoint) external;

    /// @notice Operator or owner: switches availability, also while leased (from the next draw on), and the model, never while leased.
    function serve(NodeId node, bytes32 model, bool available) external;

    /// @notice Owner only (so that nobody can re-time somebody's exit with dust): adds stake, base units.
    function addStake(NodeId node, uint128 amount) external;

    /// @notice Owner: leaves the pool; is in no further draw. The stake thaws from the end of a running lease, and stays slashable
    /// until withdrawn.
    function requestExit(NodeId node) external;

    /// @notice Owner: takes what is left of the stake after the thaw, but for what open assignments lock; that can be taken by a further
    /// call when they have ended. Slashing never makes it revert.
    function withdrawStake(NodeId node, address to) external;

    /// @notice Governance: admits or dismisses a node. A running lease is not touched.
    function admit(NodeId node, bool admitted) external;

    /// @notice Governance: sets the parameters for nodes that come after.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Governance: moves slashed stake, and nothing else, to the treasury.
    function sweepSlashed(address to) external;

    /// @notice Operator or owner: what the node may be drawn for: 1 miner, 2 validator, 3 both (as it begins).
    function setRoles(NodeId node, uint8 roles) external;

    /// @notice Governance: the node's level, 0 to 10; from then on rounds move it.
    function setLevel(NodeId node, uint8 level) external;

    /// @notice Operator or owner, never while leased: serves one session alone from now on; 0: any again.
    function dedicate(NodeId node, uint32 session) external;

    /// @notice Session: its owner takes nodes that have dedicated themselves to it, or lets them go. Only nodes that both sides want
    /// are leased.
    function acceptDedicated(uint32 session, NodeId[] calldata nodes, bool accepted) external;

    /// @notice Anyone: lists or unlists a node as its state says. Needed after a draw during which it could not be listed, and after a
    /// jail was served.
    function enlist(NodeId node) external;

    /// @notice Owner: ends a jail whose time has passed.
    function free(NodeId node) external;

    /// @notice Session or task queue: leases `wanted.size` nodes of distinct owners until `until`, paid elsewhere.
    /// @dev Candidates come from the dense lists by the seed and are taken with a chance between a half and one, by reputation. After
    /// `TRIES` a seat, places in a row from a seeded one on are looked at, at most `SCAN` of them, without weights.
    /// @param seed 256 unpredictable bits; the members are a function of it, the lists and the scores
    function lease(Wanted calldata wanted, bytes32 seed, uint40 until) external returns (LeaseId);

    /// @notice PoUW: takes free nodes of the model for a round, as a lease: whoever is in a round is in no session, and the other way
    /// round. Who is taken was drawn from `drawable`; this refuses nodes that are not free.
    /// @param members 24 bits each, lowest first
    /// @param seed what decided the draw, for the event
    function take(bytes32 model, uint240 members, uint8 size, bytes32 seed, uint40 until) external returns (LeaseId);

    /// @notice PoUW: ends a round's lease. Cannot revert on a lease that exists.
    /// @param outcomes four bits a member, lowest first: 1 passed, 2 lost its pass, 4 rises a level, 8 falls a level; 0: nothing changes
    function finish(LeaseId lease, uint256 outcomes) external;

    /// @notice Session: a lease ends earlier than agreed; never later.
    function shorten(LeaseId lease, uint40 until) external;

    /// @notice Session, task queue or PoUW: a draw for the model will be decided by the hash of `seedBlock`. From that block on until it is
    /// made, but at most `FREEZE` blocks, nobody who could want another outcome changes the lists: nodes are not switched,
    /// and new ones wait for `enlist`. Leaving for good (`requestExit`) is never held up.
    function announceDraw(bytes32 model, uint40 seedBlock) external;

    /// @notice Session, task queue or PoUW: an announced draw was made or cancelled.
    function retireDraw(bytes32 model) external;

    /// @notice Validation: draws validators of distinct owners, other than the requester and the owners of the miners' lease and of
    /// `avoid`, and locks stake of each for it.
    /// @param size how many are wanted; fewer are drawn where there are too few
    /// @param miners the lease of those whose work is judged
    /// @param avoid an earlier panel of `avoided` members; 0: none
    /// @return members 24 bits each, lowest first
    /// @return drawn how many
    function drawPanel(
        bytes32 model,
        uint8 size,
        bytes32 seed,
        LeaseId miners,
        uint240 avoid,
        uint8 avoided,
        address requester
    ) external returns (uint240 members, uint8 drawn);

    /// @notice Validation: the members of a panel are done; their stake is unlocked.
    function releasePanel(uint240 members, uint8 size) external;

    /// @notice Task queue: ends the lease of a single task when the task has ended.
    function release(LeaseId lease) external;

    /// @notice Anyone: returns the members of a lapsed lease to the pool.
    function collect(LeaseId lease) external;

    /// @notice Task queue, PoUW or Validation: takes the penalty for a commitment that was not opened. Saturates at the stake.
    /// @param closedAt last second to commit: it could be opened from the next second on
    /// @param until last second to open
    /// @return taken what was really taken, base units
    function slashUnopened(NodeId node, uint40 closedAt, uint40 until) external returns (uint128 taken);

    /// @notice Anyone: gives a node back what was taken for commitments that it could have opened until `until`, where the chain stood
    /// still for longer than that window and went on only after it. The stake alone comes back: scores and counters stay, the lapsed
    /// work is not paid.
    /// @dev Refuses without such a penalty (`NodePoolNoPenalty`), without such a gap (`NodePoolNoGap`, and the errors of `ChainGap` and
    /// `RLP`), and where governance moved the slashed stake to the treasury meanwhile (`NodePoolSwept`). Once per penalty. Possible as
    /// long as the chain knows the hashes of the two blocks.
    /// @param until last second to open, as in `PenaltyTaken`
    /// @param last RLP of the header of the last block before the gap
    /// @param next RLP of the header of the block that follows it
    /// @return given stake that came back, base units
    function excuse(NodeId node, uint40 until, bytes calldata last, bytes calldata next) external returns (uint128 given);

    /// @notice What was taken from a node for commitments that it could have opened until `until`, and is not excused.
    function penaltyOf(NodeId node, uint40 until) external view returns (Penalty memory);

    /// @notice Validation: proven fraud. Jails the node, and takes its fraud penalty unless governance has switched that off; saturates
    /// at the stake and at what the day's cap leaves.
    /// @param finder who had it found, and gets a share as a bounty; zero: nobody
    function slashFraud(NodeId node, address finder) external returns (uint128 taken);

    /// @notice Caller: takes the bounties it is owed.
    function withdrawBounty(address to) external returns (uint128 amount);

    /// @notice The committee of a task: a permutation of the lease's members by the seed, cut to `size`.
    /// @return who sits in each seat, and the key that signs for it now
    function committee(LeaseId lease, uint96 seed, uint8 size) external view returns (Seat[] memory);

    /// @notice One seat of the committee.
    function seatOf(LeaseId lease, uint96 seed, uint8 size, uint8 seat) external view returns (Seat);

    /// @notice A node as stored.
    function nodeOf(NodeId node) external view returns (Node memory);

    /// @notice The node that the address operates; 0 if none.
    function nodeOfOperator(address operator) external view returns (NodeId);

    /// @notice The cold key of a node.
    function ownerOf(NodeId node) external view returns (address);

    /// @notice A lease's members, size and end (seconds).
    function leaseOf(LeaseId lease) external view returns (uint240 members, uint8 size, uint40 until);

    /// @notice How many nodes a draw for the model could pick from now, of all classes.
    function eligibleCount(bytes32 model) external view returns (uint256);

    /// @notice The hot key of a node.
    function operatorOf(NodeId node) external view returns (address);

    /// @notice The former operator, as long as its signature is still good for the node; else zero.
    function formerOperatorOf(NodeId node) external view returns (address);

    /// @notice Whether a draw of the model is decided and not made, so that its lists stand still.
    function drawPending(bytes32 model) external view returns (bool);

    /// @notice How many validators of the model could be drawn now.
    function validatorCount(bytes32 model) external view returns (uint256);

    /// @notice The dense list of validators of a model, paged.
    function validators(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory);

    /// @notice Nodes that dedicated themselves to the session and were taken.
    function dedicatedTo(uint32 session) external view returns (NodeId[] memory);

    /// @notice Stake that may leave after a thaw: what open assignments do not lock, base units.
    function withdrawable(NodeId node) external view returns (uint256);

    /// @notice Bounties owed to an account, base units.
    function bountyOf(address finder) external view returns (uint128);

    /// @notice The dense lists of eligible nodes of a model, the highest class first, paged.
    function eligible(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory);

    /// @notice How many places a round may draw from: the eligible of at least a class (0 all, 1 medium, 2 high), or 3: those who lack
    /// a fresh pass.
    function drawable(bytes32 model, uint8 list) external view returns (uint256);

    /// @notice The node at a place of `drawable`, its owner, and whether it may be drawn now.
    function drawableAt(bytes32 model, uint8 list, uint256 place) external view returns (NodeId node, address owner, bool ready);

    /// @notice A node's level, 0 to 10.
    function levelOf(NodeId node) external view returns (uint8);

    /// @notice The levels of a lease's members, 8 bits each, lowest first.
    function levelsOf(LeaseId lease) external view returns (uint256);

    /// @notice The one eligibility predicate.
    function isEligible(NodeId node) external view returns (bool);

    /// @notice Sum of all stakes, and of slashed stake not yet swept or paid out as bounty, base units.
    function totals() external view returns (uint256 staked, uint256 slashed);

    /// @notice The governed parameters in force.
    function parameters() external view returns (Parameters memory);

    /// @notice Number of nodes ever registered; ids run from 1 to this.
    function nodeCount() external view returns (uint256);
}
