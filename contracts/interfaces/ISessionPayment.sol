// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {NodeId} from "./INodePool.sol";
import {SessionId} from "./ISession.sol";
import {Due, NodeAccount} from "../libraries/NodeLedger.sol";

/// @title ISessionPayment: every token of users' money
/// @notice Each unit has one owner and one state: available or locked in a session, or owed to a node or an account.
/// It moves by the verbs deposit, lock, release, settle, refund and withdraw, and leaves only by pull.
/// Also keeps each node's counters and score, in the slot in which the node is paid (`Reputation` reads them).
/// @dev At all times: sum over sessions (available + locked) + sum owed + sum of fees + bonds == `liabilities()` <= token balance; the
/// difference are donations, which nobody can take. Locks, releases and settlements emit nothing here: the events of `Session`
/// and `SessionQueue` that cause them carry their amounts. Amounts are COR base units. No function lowers a session's money on the word of
/// governance; fees are shares that were fixed when the task was born.
interface ISessionPayment {
    /// @notice A session's money.
    struct Balance {
        uint128 available;
        uint128 locked;
    }

    /// @notice What is owed to an account, and the protocol's fees that wait in the same slot for `collectFees`.
    struct Account {
        uint128 owed;
        uint128 fees;
    }

    /// @notice How a settled task splits its lock, base units. What is not paid goes back to available.
    /// @param locked what was locked for the task
    /// @param router who gets `routerFee`; zero where there is none
    /// @param keeper who gets `bounty`, and in whose slot `protocolFee` waits
    struct Split {
        uint128 locked;
        address router;
        uint128 routerFee;
        address keeper;
        uint128 bounty;
        uint128 protocolFee;
    }

    /// @notice Money came into a session.
    event Deposited(SessionId indexed session, address indexed from, uint256 amount);
    /// @notice Money that was available went back to the session's owner.
    event Refunded(SessionId indexed session, address indexed to, uint256 amount);
    /// @notice What was owed to a node left.
    event NodeWithdrawn(NodeId indexed node, address indexed to, uint256 amount);
    /// @notice What was owed to an account left.
    event AccountWithdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice Fees that waited in an account's slot are owed to the treasury now.
    event FeesCollected(address indexed account, uint256 amount);

    /// @notice Money came in that is owed to an account at once: for bonds.
    event AccountDeposited(address indexed account, address indexed from, uint256 amount);
    /// @notice Part of what is owed to an account is held as a bond.
    event BondTaken(address indexed account, uint256 amount);
    /// @notice A bond ended: what did not pay validators is owed to the account again.
    event BondSettled(address indexed account, uint256 amount, uint256 returned);

    /// @notice The caller may not do this.
    error SessionPaymentUnauthorized(address found, address wanted);
    /// @notice The session has less available than needed.
    error SessionPaymentInsufficient(SessionId session, uint256 found, uint256 wanted);
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error SessionPaymentDepositMismatch(uint256 found, uint256 wanted);
    /// @notice Session numbers start at 1.
    error SessionPaymentNoSession();
    /// @notice Nothing is owed.
    error SessionPaymentNothingOwed();
    /// @notice Less is owed to the account than the bond needs: `depositFor` it first.
    error SessionPaymentBondTooLow(address account, uint256 found, uint256 wanted);
    /// @notice Zero address.
    error SessionPaymentZeroAddress();
    /// @notice A payout exceeds what was locked: a fault in the caller.
    error SessionPaymentOverspent(uint256 found, uint256 locked);

    /// @notice Anyone: pays into a session (approve COR first). Only the session's owner can take it out again. Whether the session
    /// exists is not checked: money sent to a number that is not taken yet belongs to whoever opens it.
    function deposit(SessionId session, uint128 amount) external;

    /// @notice The same with an ERC-2612 permit; works also where the permit was submitted before by somebody else.
    function depositWithPermit(SessionId session, uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Anyone: pays COR into an account's owed (approve first), to bond or to withdraw again.
    function depositFor(address account, uint128 amount) external;

    /// @notice Validation: holds part of what is owed to an account as a bond.
    function takeBond(address account, uint128 amount) external;

    /// @notice Validation: ends a bond. Pays and books the nodes in `dues` from it; the rest is owed to the account again.
    function settleBond(address account, uint128 amount, Due[] calldata dues) external;

    /// @notice Session or queue: locks the worst case of a task or lease.
    function lock(SessionId session, uint128 amount) external;

    /// @notice Session or queue: releases a lock unspent.
    function release(SessionId session, uint128 amount) external;

    /// @notice Queue: pays for a task out of its lock and books what each node delivered. Makes no external call.
    /// @param dues one word per seated node, see `NodeLedger`
    function settle(SessionId session, Split calldata split, Due[] calldata dues) external;

    /// @notice Session or queue: the price of a draw is owed to the drawn nodes from now on, in equal parts.
    /// @param amount what is locked for it; what does not divide evenly is released to the session
    /// @param members the nodes, 24 bits each, lowest first
    /// @param size how many, at least 1
    function payLease(SessionId session, uint128 amount, uint240 members, uint8 size) external;

    /// @notice Session: sends available money to an account of the owner's choice.
    function refund(SessionId session, address to, uint128 amount) external;

    /// @notice Owner of the node: withdraws all that is owed to it.
    function withdrawNode(NodeId node, address to) external returns (uint256 amount);

    /// @notice Caller: withdraws all that is owed to it (router fees, bounties, the treasury's fees).
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Anyone: moves the fees that wait in the accounts' slots to the treasury's owed.
    function collectFees(address[] calldata accounts) external;

    /// @notice A session's money.
    function balanceOf(SessionId session) external view returns (Balance memory);

    /// @notice What is owed to a node.
    function owedToNode(NodeId node) external view returns (uint256);

    /// @notice A node's account: owed, counters, score as of its last outcome, packed as `NodeLedger` says.
    function nodeAccountOf(NodeId node) external view returns (NodeAccount);

    /// @notice What is owed to an account, and what fees wait beside it.
    function accountOf(address account) external view returns (Account memory);

    /// @notice Sum of all bonds that are held.
    function bonded() external view returns (uint256);

    /// @notice What is owed to an account.
    function owedTo(address account) external view returns (uint256);

    /// @notice Sum of everything that is somebody's.
    function liabilities() external view returns (uint256);
}
