// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev A node's number in the pool; 0 is no node. 24 bits, so that ten fit into one storage slot.
type NodeId is uint24;

/// @dev A lease's number; 0 is no lease.
type LeaseId is uint32;

/// @dev Who sits in a seat: the operator's address in the lowest 160 bits, the node in the next 24.
type Seat is uint256;

function operator(Seat seat) pure returns (address) {
    return address(uint160(Seat.unwrap(seat)));
}

function node(Seat seat) pure returns (uint24) {
    return uint24(Seat.unwrap(seat) >> 160);
}

using {operator, node} for Seat global;

function sameNode(NodeId a, NodeId b) pure returns (bool) {
    return NodeId.unwrap(a) == NodeId.unwrap(b);
}

using {sameNode as ==} for NodeId global;

/// @title INodePool: who may work, and who is drawn
/// @notice Owns the nodes: their owner (cold key), operator (hot key), stake, served model, and the lease they are in.
/// Draws committees from dense lists of eligible nodes at a cost that does not depend on how many nodes there are.
/// @dev Holds staked COR. It never pays stake to anyone but the node's owner, never moves a leased node into a second
/// lease, and never lets stake leave before the thaw has passed. It does not judge work: `slashUnopened` is called by the
/// task queue, which holds the evidence.
///
/// Eligible for a draw (one predicate, `isEligible`): operator accepted, admitted (or the pool is open), stake at least
/// the minimum that was in force at registration, available, not exiting and not leased. The dense list of a model holds
/// exactly the eligible nodes that serve it.
interface INodePool {
    /// @notice A node as stored.
    /// @param operator hot key that commits and reveals; zero until it has accepted
    /// @param lease the lease the node is in; 0 when free
    /// @param listedAt position in its model's dense list plus one; 0 when not listed
    /// @param admitted let in by governance while the pool is permissioned
    /// @param available the operator's own switch
    /// @param owner cold key: receives stake and earnings
    /// @param exitAt time from which the stake may leave (seconds); 0 when not exiting
    /// @param stake COR held for the node, base units
    /// @param minStake the minimum in force when the node registered, base units
    /// @param model sha256 of the GGUF file that it serves
    /// @param unopenedPenalty the penalty in force when the node registered, base units
    /// @param thaw the thaw in force when the node registered, seconds
    struct Node {
        address operator;
        LeaseId lease;
        uint32 listedAt;
        bool admitted;
        bool available;
        address owner;
        uint40 exitAt;
        uint128 stake;
        uint128 minStake;
        bytes32 model;
        uint96 unopenedPenalty;
        uint32 thaw;
    }

    /// @notice The governed parameters.
    /// @param minStake least stake of a new node, base units
    /// @param unopenedPenalty stake taken for a commitment that was not opened, base units (saturating)
    /// @param thaw time between asking to exit and the stake leaving, seconds; at least `THAW_FLOOR`
    /// @param open true: anyone who stakes is admitted; false: governance admits
    struct Parameters {
        uint96 minStake;
        uint96 unopenedPenalty;
        uint32 thaw;
        bool open;
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
    /// @notice Stake was taken for a commitment that was not opened; `taken` may be less than the penalty, never more than the stake.
    event NodeSlashed(NodeId indexed node, uint128 taken, uint128 stakeLeft);
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

    /// @notice Owner: takes what is left of the stake after the thaw, once a lapsed lease has been collected. Pays whatever is left; slashing never makes it revert.
    function withdrawStake(NodeId node, address to) external;

    /// @notice Governance: admits or dismisses a node. A running lease is not touched.
    function admit(NodeId node, bool admitted) external;

    /// @notice Governance: sets the parameters for nodes that come after.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Governance: moves slashed stake, and nothing else, to the treasury.
    function sweepSlashed(address to) external;

    /// @notice Session or task queue: draws `size` distinct eligible nodes that serve `model` and leases them until `until`.
    /// @param seed 256 unpredictable bits; the members are a function of it and the dense list alone
    function lease(bytes32 model, uint8 size, bytes32 seed, uint40 until) external returns (LeaseId);

    /// @notice Task queue: ends the lease of a single task when the task has ended.
    function release(LeaseId lease) external;

    /// @notice Anyone: returns the members of a lapsed lease to the pool.
    function collect(LeaseId lease) external;

    /// @notice Task queue: takes the penalty for a commitment that was not opened. Saturates at the stake.
    /// @return taken what was really taken, base units
    function slashUnopened(NodeId node) external returns (uint128 taken);

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

    /// @notice How many nodes a draw for the model could pick from now.
    function eligibleCount(bytes32 model) external view returns (uint256);

    /// @notice The dense list of eligible nodes of a model, paged.
    function eligible(bytes32 model, uint256 from, uint256 count) external view returns (NodeId[] memory);

    /// @notice The one eligibility predicate.
    function isEligible(NodeId node) external view returns (bool);

    /// @notice Sum of all stakes and of slashed stake not yet swept, base units.
    function totals() external view returns (uint256 staked, uint256 slashed);

    /// @notice The governed parameters in force.
    function parameters() external view returns (Parameters memory);

    /// @notice Number of nodes ever registered; ids run from 1 to this.
    function nodeCount() external view returns (uint256);
}
