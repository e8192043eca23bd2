// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {INodePool, NodeId} from "../interfaces/INodePool.sol";
import {SessionId} from "../interfaces/ISession.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {Due, NodeAccount} from "../libraries/NodeLedger.sol";

/// @title SessionPayment
contract SessionPayment is ISessionPayment {
    using SafeERC20 for IERC20;

    IERC20 public immutable TOKEN;
    INodePool public immutable POOL;
    address public immutable SESSION;
    address public immutable QUEUE;
    /// @notice Takes bonds and settles them.
    address public immutable VALIDATION;
    /// @notice Collects the protocol's fees.
    address public immutable TREASURY;

    uint256 private _liabilities;
    uint256 private _bonded;
    mapping(SessionId session => Balance) private _balances;
    mapping(NodeId node => NodeAccount) private _nodes;
    mapping(address account => Account) private _accounts;

    constructor(IERC20 token, INodePool pool, address session, address queue, address treasury, address validation) {
        if (treasury == address(0)) revert SessionPaymentZeroAddress();
        TOKEN = token;
        POOL = pool;
        SESSION = session;
        QUEUE = queue;
        TREASURY = treasury;
        VALIDATION = validation;
    }

    modifier only(address caller) {
        if (msg.sender != caller) revert SessionPaymentUnauthorized(msg.sender, caller);
        _;
    }

    modifier onlyModules() {
        if (msg.sender != SESSION && msg.sender != QUEUE) revert SessionPaymentUnauthorized(msg.sender, SESSION);
        _;
    }

    /// @inheritdoc ISessionPayment
    function deposit(SessionId session, uint128 amount) public {
        if (SessionId.unwrap(session) == 0) revert SessionPaymentNoSession();
        _balances[session].available += amount;
        _liabilities += amount;
        emit Deposited(session, msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc ISessionPayment
    function depositFor(address account, uint128 amount) external {
        if (account == address(0)) revert SessionPaymentZeroAddress();
        _accounts[account].owed += amount;
        _liabilities += amount;
        emit AccountDeposited(account, msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc ISessionPayment
    function takeBond(address account, uint128 amount) external only(VALIDATION) {
        uint128 owed = _accounts[account].owed;
        if (owed < amount) revert SessionPaymentBondTooLow(account, owed, amount);
        _accounts[account].owed = owed - amount;
        _bonded += amount;
        emit BondTaken(account, amount);
    }

    /// @inheritdoc ISessionPayment
    function settleBond(address account, uint128 amount, Due[] calldata dues) external only(VALIDATION) {
        uint256 paid = _book(dues);
        if (paid > amount) revert SessionPaymentOverspent(paid, amount);
        _bonded -= amount;
        uint128 returned = amount - uint128(paid);
        _accounts[account].owed += returned;
        emit BondSettled(account, amount, returned);
    }

    /// @inheritdoc ISessionPayment
    function depositWithPermit(SessionId session, uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // A permit that somebody else submitted first has done its work: what counts is the allowance.
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(session, amount);
    }

    /// @inheritdoc ISessionPayment
    function lock(SessionId session, uint128 amount) external onlyModules {
        Balance memory balance = _balances[session];
        if (balance.available < amount) revert SessionPaymentInsufficient(session, balance.available, amount);
        _balances[session] = Balance({available: balance.available - amount, locked: balance.locked + amount});
    }

    /// @inheritdoc ISessionPayment
    function release(SessionId session, uint128 amount) external onlyModules {
        _spend(session, amount, 0);
    }

    /// @inheritdoc ISessionPayment
    function settle(SessionId session, Split calldata split, Due[] calldata dues) external only(QUEUE) {
        uint256 charged = uint256(split.routerFee) + split.bounty + split.protocolFee + _book(dues);
        if (charged != 0) {
            if (charged > split.locked) revert SessionPaymentOverspent(charged, split.locked);
            if (split.keeper == split.router) {
                _credit(split.keeper, split.bounty + split.routerFee, split.protocolFee);
            } else {
                if (split.routerFee != 0) _credit(split.router, split.routerFee, 0);
                _credit(split.keeper, split.bounty, split.protocolFee);
            }
        }
        _spend(session, split.locked, uint128(charged));
    }

    /// @inheritdoc ISessionPayment
    function payLease(SessionId session, uint128 amount, uint240 members, uint8 size) external onlyModules {
        uint128 each = amount / size;
        for (uint256 i = 0; i < size; ++i) {
            NodeId node = NodeId.wrap(uint24(members >> (24 * i)));
            NodeAccount account = _nodes[node];
            _nodes[node] = account.withOwed(account.owedOf() + each);
        }
        _spend(session, amount, each * size);
    }

    /// @inheritdoc ISessionPayment
    function refund(SessionId session, address to, uint128 amount) external only(SESSION) {
        if (to == address(0)) revert SessionPaymentZeroAddress();
        Balance storage balance = _balances[session];
        if (balance.available < amount) revert SessionPaymentInsufficient(session, balance.available, amount);
        balance.available -= amount;
        _liabilities -= amount;
        emit Refunded(session, to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc ISessionPayment
    function withdrawNode(NodeId node, address to) external returns (uint256 amount) {
        address owner = POOL.ownerOf(node);
        if (msg.sender != owner) revert SessionPaymentUnauthorized(msg.sender, owner);
        amount = _nodes[node].owedOf();
        _nodes[node] = _nodes[node].withOwed(0);
        emit NodeWithdrawn(node, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc ISessionPayment
    function withdraw(address to) external returns (uint256 amount) {
        amount = _accounts[msg.sender].owed;
        _accounts[msg.sender].owed = 0;
        emit AccountWithdrawn(msg.sender, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc ISessionPayment
    function collectFees(address[] calldata accounts) external {
        for (uint256 i = 0; i < accounts.length; ++i) {
            uint128 fees = _accounts[accounts[i]].fees;
            _accounts[accounts[i]].fees = 0;
            _accounts[TREASURY].owed += fees;
            emit FeesCollected(accounts[i], fees);
        }
    }

    /// @inheritdoc ISessionPayment
    function nodeAccountOf(NodeId node) external view returns (NodeAccount) {
        return _nodes[node];
    }

    /// @inheritdoc ISessionPayment
    function accountOf(address account) external view returns (Account memory) {
        return _accounts[account];
    }

    /// @inheritdoc ISessionPayment
    function balanceOf(SessionId session) external view returns (Balance memory) {
        return _balances[session];
    }

    /// @inheritdoc ISessionPayment
    function owedToNode(NodeId node) external view returns (uint256) {
        return _nodes[node].owedOf();
    }

    /// @inheritdoc ISessionPayment
    function owedTo(address account) external view returns (uint256) {
        return _accounts[account].owed;
    }

    /// @inheritdoc ISessionPayment
    function bonded() external view returns (uint256) {
        return _bonded;
    }

    /// @inheritdoc ISessionPayment
    function liabilities() external view returns (uint256) {
        return _liabilities;
    }

    /// @dev Pays and books nodes.
    /// @return paid the sum
    function _book(Due[] calldata dues) private returns (uint256 paid) {
        uint256 time = block.timestamp;
        for (uint256 i = 0; i < dues.length; ++i) {
            Due entry = dues[i];
            paid += entry.amountOf();
            NodeId node = NodeId.wrap(entry.nodeOf());
            _nodes[node] = _nodes[node].booked(entry, time);
        }
    }

    /// @dev Called after the books are written. A token that moves another amount reverts everything.
    function _pull(uint128 amount) private {
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert SessionPaymentDepositMismatch(received, amount);
    }

    /// @dev Takes a lock apart: `charged` of it is owed to others, the rest is available again.
    function _spend(SessionId session, uint128 locked, uint128 charged) private {
        Balance memory balance = _balances[session];
        _balances[session] = Balance({available: balance.available + locked - charged, locked: balance.locked - locked});
    }

    function _credit(address account, uint128 owed, uint128 fees) private {
        Account memory entry = _accounts[account];
        _accounts[account] = Account({owed: entry.owed + owed, fees: entry.fees + fees});
    }

    /// @dev Called after the books are written.
    function _pay(address to, uint256 amount) private {
        if (amount == 0) revert SessionPaymentNothingOwed();
        if (to == address(0)) revert SessionPaymentZeroAddress();
        _liabilities -= amount;
        TOKEN.safeTransfer(to, amount);
    }
}
