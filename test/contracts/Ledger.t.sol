// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {NodeId} from "../../contracts/interfaces/INodePool.sol";
import {IReputation} from "../../contracts/interfaces/IReputation.sol";
import {SessionId} from "../../contracts/interfaces/ISession.sol";
import {ISessionPayment} from "../../contracts/interfaces/ISessionPayment.sol";
import {Due} from "../../contracts/libraries/NodeLedger.sol";
import {Score} from "../../contracts/libraries/Score.sol";
import {HostileToken} from "./HostileToken.sol";
import {Test} from "./Test.sol";

/// @notice The ledger alone: the test stands in for `Session`, `SessionQueue` and the pool that names owners.
contract LedgerTest is Test {
    address private constant TREASURY = address(0x7ea5);
    address private constant ALICE = address(0xa11ce);
    SessionId private constant ONE = SessionId.wrap(1);
    SessionId private constant TWO = SessionId.wrap(2);
    NodeId private constant NODE = NodeId.wrap(7);

    IERC20 private _cor;
    HostileToken private _hostile;
    ISessionPayment private _ledger;
    ISessionPayment private _hostileLedger;

    function setUp() public {
        vm.warp(1_700_000_000);
        _cor = IERC20(deploy("COR", abi.encode(address(this))));
        _hostile = new HostileToken();
        _ledger = ledgerOf(address(_cor));
        _hostileLedger = ledgerOf(address(_hostile));
        _cor.approve(address(_ledger), type(uint256).max);
    }

    /// @dev The pool's part: node n belongs to the address n.
    function ownerOf(NodeId node) external pure returns (address) {
        return address(uint160(NodeId.unwrap(node)));
    }

    /// Any sequence of the ledger's verbs keeps what it owes equal to what it holds, and each bucket equal to the model's.
    function testFuzz_A1_A2_A3_A4_everyVerbNetsToZero(uint256[24] memory dice) public {
        uint256[2] memory available;
        uint256[2] memory locked;
        uint256 inside = 0;
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 s = (dice[i] >> 8) % 2;
            SessionId id = s == 0 ? ONE : TWO;
            uint128 amount = uint128((dice[i] >> 16) % 1e24);
            uint256 verb = dice[i] % 6;
            if (verb == 0) {
                _ledger.deposit(id, amount);
                available[s] += amount;
                inside += amount;
            } else if (verb == 1) {
                bool ok = works(abi.encodeCall(ISessionPayment.lock, (id, amount)));
                vm.assertTrue(ok == (amount <= available[s]), "a lock needs money that is available");
                if (ok) (available[s], locked[s]) = (available[s] - amount, locked[s] + amount);
            } else if (verb == 2) {
                bool ok = works(abi.encodeCall(ISessionPayment.release, (id, amount)));
                vm.assertTrue(ok == (amount <= locked[s]), "a release needs money that is locked");
                if (ok) (available[s], locked[s]) = (available[s] + amount, locked[s] - amount);
            } else if (verb == 3) {
                bool ok = works(abi.encodeCall(ISessionPayment.refund, (id, ALICE, amount)));
                vm.assertTrue(ok == (amount <= available[s]), "a refund needs money that is available");
                if (ok) (available[s], inside) = (available[s] - amount, inside - amount);
            } else if (verb == 4) {
                uint256 size = 1 + ((dice[i] >> 150) % 10);
                bool ok = works(abi.encodeCall(ISessionPayment.payLease, (id, amount, firstNodes(size), uint8(size))));
                vm.assertTrue(ok == (amount <= locked[s]), "a lease is paid from what is locked");
                if (ok) (available[s], locked[s]) = (available[s] + (amount % size), locked[s] - amount);
            } else {
                (bool ok, uint256 charged, uint256 most) = settleRandomly(id, amount, dice[i]);
                vm.assertTrue(ok == (charged <= most && most <= locked[s]), "a charge stays inside its lock");
                if (ok) (available[s], locked[s]) = (available[s] + most - charged, locked[s] - most);
            }
            checkLedger(available, locked, inside);
        }
    }

    function firstNodes(uint256 size) private pure returns (uint240 members) {
        for (uint256 i = 0; i < size; ++i) members |= uint240(i + 1) << uint240(24 * i);
    }

    /// A payout is split to the unit, also where router, keeper and treasury are one account.
    function testFuzz_A5_payoutsAddUpToTheLock(uint96[4] memory amounts, uint96 slack, uint8 keeperPick) public {
        for (uint256 i = 0; i < 4; ++i) amounts[i] /= 640;
        Due[] memory dues = new Due[](2);
        dues[0] = dueOf(1, amounts[0], 1, 0, Score.Conduct.Opened);
        dues[1] = dueOf(2, amounts[1], 0, 1, Score.Conduct.Opened);
        ISessionPayment.Split memory split;
        (split.router, split.routerFee) = (ALICE, amounts[2]);
        (split.keeper, split.bounty) = ([ALICE, TREASURY, address(0x33)][keeperPick % 3], amounts[3]);
        split.protocolFee = amounts[0] / 3;
        uint128 charged = amounts[0] + amounts[1] + split.routerFee + split.bounty + split.protocolFee;
        split.locked = charged + slack / 640;
        _ledger.deposit(ONE, split.locked);
        _ledger.lock(ONE, split.locked);
        _ledger.settle(ONE, split, dues);
        vm.assertEq(_ledger.accountOf(split.keeper).fees, split.protocolFee, "fees wait with the keeper");
        address[] memory keepers = new address[](1);
        keepers[0] = split.keeper;
        _ledger.collectFees(keepers);
        _ledger.collectFees(keepers);
        vm.assertEq(_ledger.accountOf(split.keeper).fees, 0, "collected once");
        uint256 treasury = split.protocolFee + (split.keeper == TREASURY ? split.bounty : 0);
        vm.assertEq(_ledger.owedTo(TREASURY), treasury, "treasury");
        vm.assertEq(_ledger.owedTo(ALICE), split.routerFee + (split.keeper == ALICE ? split.bounty : 0), "router");
        vm.assertEq(_ledger.owedTo(address(0x33)), split.keeper == address(0x33) ? split.bounty : 0, "keeper");
        vm.assertEq(_ledger.owedToNode(NodeId.wrap(1)), amounts[0], "first node");
        vm.assertEq(_ledger.owedToNode(NodeId.wrap(2)), amounts[1], "second node");
        vm.assertEq(_ledger.balanceOf(ONE).available, slack / 640, "the rest");
        vm.assertEq(_ledger.balanceOf(ONE).locked, 0, "locked");
        vm.assertEq(_ledger.liabilities(), split.locked, "nothing appeared or vanished");
    }

    /// Pull only, once, by whoever is owed; a second time there is nothing.
    function testFuzz_A3_F6_withdrawalsPayOnce(uint96 fee, uint24 node, address other) public {
        vm.assume(node != 0 && other != ownerOfNode(node));
        fee = uint96(bound(fee, 2, 1e27));
        NodeId[] memory nodes = new NodeId[](1);
        nodes[0] = NodeId.wrap(node);
        _ledger.deposit(ONE, fee);
        _ledger.lock(ONE, fee);
        _ledger.payLease(ONE, fee, node, 1);
        bytes memory take = abi.encodeCall(ISessionPayment.withdrawNode, (nodes[0], ALICE));
        bytes4 unauthorized = ISessionPayment.SessionPaymentUnauthorized.selector;
        refuses(other, address(_ledger), take, unauthorized, "another's withdrawal");
        bytes memory nowhere = abi.encodeCall(ISessionPayment.withdrawNode, (nodes[0], address(0)));
        refuses(ownerOfNode(node), address(_ledger), nowhere, ISessionPayment.SessionPaymentZeroAddress.selector, "to nobody");
        accepts(ownerOfNode(node), address(_ledger), take, "withdrawal");
        vm.assertEq(_cor.balanceOf(ALICE), fee, "paid");
        vm.assertEq(_ledger.liabilities(), 0, "no longer owed");
        refuses(ownerOfNode(node), address(_ledger), take, ISessionPayment.SessionPaymentNothingOwed.selector, "second withdrawal");
    }

    /// Nobody but the two modules moves money inside.
    function testFuzz_H4_onlyModulesMoveMoney(address caller, uint128 amount) public {
        vm.assume(caller != address(this));
        ISessionPayment.Split memory split;
        bytes[5] memory calls = [
            abi.encodeCall(ISessionPayment.lock, (ONE, amount)),
            abi.encodeCall(ISessionPayment.release, (ONE, amount)),
            abi.encodeCall(ISessionPayment.settle, (ONE, split, new Due[](0))),
            abi.encodeCall(ISessionPayment.payLease, (ONE, amount, 1, 1)),
            abi.encodeCall(ISessionPayment.refund, (ONE, caller, amount))
        ];
        for (uint256 i = 0; i < 5; ++i) {
            refuses(caller, address(_ledger), calls[i], ISessionPayment.SessionPaymentUnauthorized.selector, "a stranger's verb");
        }
    }

    /// A token that skims or lies cannot get a deposit credited; one that returns nothing is served exactly.
    function testFuzz_A7_hostileTokensCreditExactlyOrRevert(uint128 amount, uint8 mannerPick) public {
        amount = uint128(bound(amount, 1, 1e30));
        HostileToken.Manner manner = HostileToken.Manner(mannerPick % 4);
        _hostile.mint(address(this), amount);
        _hostile.behave(manner);
        (bool ok, ) = attempt(address(this), address(_hostileLedger), abi.encodeCall(ISessionPayment.deposit, (ONE, amount)));
        bool fair = manner == HostileToken.Manner.Honest || manner == HostileToken.Manner.Mute;
        vm.assertTrue(ok == fair, "deposit");
        uint256 expected = fair ? amount : 0;
        vm.assertEq(_hostileLedger.balanceOf(ONE).available, expected, "credited");
        vm.assertEq(_hostileLedger.liabilities(), expected, "owed");
        vm.assertEq(_hostile.balanceOf(address(_hostileLedger)), expected, "held");
    }

    /// A token that calls back in the middle of a deposit or a withdrawal gains nothing.
    function testFuzz_A7_reentrancyGainsNothing(uint128 amount, uint8 outerPick, uint8 innerPick) public {
        amount = uint128(bound(amount, 1, 1e30));
        _hostile.mint(address(this), 4 * uint256(amount));
        _hostileLedger.deposit(ONE, amount);
        _hostileLedger.deposit(TWO, amount);
        oweTo(address(_hostile), amount);
        bytes[3] memory inner = [
            abi.encodeCall(ISessionPayment.withdraw, (ALICE)),
            abi.encodeCall(ISessionPayment.deposit, (TWO, 0)),
            abi.encodeCall(ISessionPayment.withdrawNode, (NodeId.wrap(uint24(uint160(address(this)))), ALICE))
        ];
        bytes[2] memory outer = [
            abi.encodeCall(ISessionPayment.deposit, (ONE, amount)),
            abi.encodeCall(ISessionPayment.refund, (ONE, ALICE, amount))
        ];
        _hostile.callInstead(address(_hostileLedger), inner[innerPick % 3]);
        attempt(address(this), address(_hostileLedger), outer[outerPick % 2]);
        vm.assertLe(_hostileLedger.liabilities(), _hostile.balanceOf(address(_hostileLedger)), "still solvent");
        uint256 sum = _hostileLedger.owedTo(address(_hostile));
        for (uint32 s = 1; s <= 2; ++s) sum += _hostileLedger.balanceOf(SessionId.wrap(s)).available;
        vm.assertEq(sum, _hostileLedger.liabilities(), "and still adds up");
    }

    /// Whom the token refuses to pay keeps what it is owed, and nobody else waits for it: neither its session, nor other accounts.
    function testFuzz_A9_G4_aBlockedRecipientHurtsOnlyItself(uint128 amount, bool hooked) public {
        amount = uint128(bound(amount, 1, 1e26));
        _hostile.mint(address(this), 4 * uint256(amount));
        oweTo(ALICE, amount);
        oweTo(TREASURY, amount);
        _hostileLedger.deposit(TWO, amount);
        _hostile.blockAccount(ALICE, true);
        if (hooked) _hostile.callInstead(address(_hostileLedger), abi.encodeCall(ISessionPayment.withdraw, (ALICE)));
        (bool ok, ) = attempt(ALICE, address(_hostileLedger), abi.encodeCall(ISessionPayment.withdraw, (ALICE)));
        vm.assertTrue(!ok, "the token refuses");
        vm.assertEq(_hostileLedger.owedTo(ALICE), amount, "and it is still owed");
        accepts(TREASURY, address(_hostileLedger), abi.encodeCall(ISessionPayment.withdraw, (TREASURY)), "another account");
        _hostileLedger.refund(TWO, TREASURY, amount);
        vm.assertEq(_hostile.balanceOf(TREASURY), 2 * uint256(amount), "paid to the others");
        accepts(
            ALICE,
            address(_hostileLedger),
            abi.encodeCall(ISessionPayment.withdraw, (address(0xb0b))),
            "to an address that may receive"
        );
        vm.assertEq(_hostile.balanceOf(address(0xb0b)), amount, "paid");
        vm.assertEq(_hostileLedger.liabilities(), 0, "nothing is left");
    }

    /// A permit that somebody else has used up does not stop the deposit; a bad one without allowance does.
    function testFuzz_A8_permitMayBeFrontRun(uint96 amount, bool frontRun, bool forged) public {
        amount = uint96(bound(amount, 1, 1e27));
        uint256 key = 0xdecaf;
        address owner = vm.addr(key);
        _cor.transfer(owner, amount);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(forged ? key + 1 : key, permitDigest(owner, amount));
        if (frontRun && !forged) IERC20Permit(address(_cor)).permit(owner, address(_ledger), amount, clock(), v, r, s);
        bytes memory call = abi.encodeCall(ISessionPayment.depositWithPermit, (ONE, amount, clock(), v, r, s));
        bool ok;
        (ok, ) = attempt(owner, address(_ledger), call);
        vm.assertTrue(ok == !forged, "deposit with permit");
        vm.assertEq(_ledger.balanceOf(ONE).available, forged ? 0 : amount, "credited");
    }

    function permitDigest(address owner, uint256 amount) private view returns (bytes32) {
        bytes32 typehash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 order = keccak256(abi.encode(typehash, owner, address(_ledger), amount, 0, clock()));
        return keccak256(abi.encodePacked(hex"1901", IERC20Permit(address(_cor)).DOMAIN_SEPARATOR(), order));
    }

    /// F4: score and counters follow the rule, stay inside their bounds, decay towards the floor, and never touch what is owed.
    function testFuzz_F4_scoreFollowsTheRule(uint256[16] memory dice) public {
        IReputation book = IReputation(deploy("Reputation", abi.encode(_ledger, address(0))));
        uint256 score = 1_000;
        uint256 owed = 0;
        uint256[5] memory sums;
        vm.assertEq(book.scoreOf(NODE), score, "a new node has the floor");
        _ledger.deposit(ONE, 1e24);
        _ledger.lock(ONE, 1e24);
        for (uint256 i = 0; i < dice.length; ++i) {
            score = decay(score, dice[i], i == 0);
            vm.assertEq(book.scoreOf(NODE), score, "decay");
            uint256 accepted = uint16(dice[i] >> 32) % 1_025;
            uint256 outliers = (dice[i] >> 64) % (1_025 - accepted);
            Score.Conduct conduct = Score.Conduct((dice[i] >> 96) % 4);
            if (conduct != Score.Conduct.Opened) (accepted, outliers) = (0, 0);
            uint128 pay = uint128(dice[i] >> 160) % 1e22;
            ISessionPayment.Split memory split;
            split.locked = pay;
            Due[] memory dues = new Due[](1);
            dues[0] = dueOf(NodeId.unwrap(NODE), pay, accepted, outliers, conduct);
            _ledger.settle(ONE, split, dues);
            uint256 before = score;
            score = step(score, accepted, outliers, conduct);
            vm.assertEq(book.scoreOf(NODE), score, "step");
            vm.assertTrue(score <= 10_000 && score + before / 4 >= before && score <= before + 625, "bounds");
            owed += pay;
            vm.assertEq(_ledger.owedToNode(NODE), owed, "owed");
            (sums[0], sums[1]) = (sums[0] + accepted, sums[1] + outliers);
            ++sums[
                conduct == Score.Conduct.Silent
                    ? 2
                    : conduct == Score.Conduct.Unopened
                        ? 3
                        : 4
            ];
        }
        checkRecord(book.recordOf(NODE), sums);
        vm.prank(ownerOfNode(NodeId.unwrap(NODE)));
        if (owed != 0) _ledger.withdrawNode(NODE, ALICE);
        checkRecord(book.recordOf(NODE), sums);
        vm.assertEq(book.scoreOf(NODE), score, "a withdrawal leaves the score");
    }

    function checkRecord(IReputation.Record memory record, uint256[5] memory sums) private pure {
        vm.assertEq(record.tasks, sums[2] + sums[3] + sums[4], "tasks");
        vm.assertEq(record.commits, sums[3] + sums[4], "commits");
        vm.assertEq(record.reveals, sums[4], "reveals");
        vm.assertTrue(record.accepted == sums[0] && record.outliers == sums[1], "points");
    }

    /// @dev Months pass, now and then; the score of a node without outcomes stays the floor.
    function decay(uint256 score, uint256 dice, bool fresh) private returns (uint256) {
        uint256 months = (dice >> 200) % 8 == 0 ? (dice >> 208) % 5 : 0;
        vm.warp(clock() + months * 30 days + (dice % 2 == 0 ? 0 : 30 days - 1));
        if (fresh) return score;
        for (uint256 m = 0; m < months; ++m) score = score > 1_000 ? 1_000 + (score - 1_000) / 2 : 1_000 - (1_000 - score) / 2;
        return score;
    }

    function step(uint256 score, uint256 accepted, uint256 outliers, Score.Conduct conduct) private pure returns (uint256) {
        if (conduct == Score.Conduct.Silent) return score - score / 8;
        if (conduct == Score.Conduct.Unopened) return score - score / 4;
        if (accepted > outliers) return score + (10_000 - score) / 16;
        if (accepted < outliers) return score - score / 8;
        return score;
    }

    /// Donations are nobody's, and change nothing.
    function testFuzz_A1_donationsChangeNothing(uint96 gift, uint96 amount) public {
        gift = uint96(bound(gift, 0, 5e26));
        amount = uint96(bound(amount, 1, 5e26));
        _ledger.deposit(ONE, amount);
        _cor.transfer(address(_ledger), gift);
        vm.assertEq(_ledger.liabilities(), amount, "owed");
        _ledger.refund(ONE, ALICE, amount);
        vm.assertEq(_cor.balanceOf(address(_ledger)), gift, "only the gift is left");
    }

    function ledgerOf(address token) private returns (ISessionPayment) {
        return ISessionPayment(deploy("SessionPayment", abi.encode(token, this, this, this, TREASURY, this)));
    }

    function ownerOfNode(uint24 node) private pure returns (address) {
        return address(uint160(node));
    }

    function works(bytes memory data) private returns (bool ok) {
        (ok, ) = attempt(address(this), address(_ledger), data);
    }

    function settleRandomly(SessionId id, uint128 amount, uint256 dice) private returns (bool ok, uint256 charged, uint256 most) {
        ISessionPayment.Split memory split;
        split.locked = amount;
        Due[] memory dues = new Due[]((dice >> 130) % 4);
        for (uint256 n = 0; n < dues.length; ++n) {
            // Node numbers repeat: one node may be paid twice in a settlement.
            uint256 pay = amount / (2 + ((dice >> 160) % 4));
            dues[n] = dueOf(1 + ((dice >> (140 + n)) % 2), pay, dice % 9, dice % 7, Score.Conduct(dice % 4));
            charged += pay;
        }
        (split.router, split.routerFee) = (ALICE, amount / 50);
        (split.keeper, split.bounty) = (address(this), amount / 60);
        split.protocolFee = amount / 70;
        charged += split.routerFee + split.bounty + split.protocolFee;
        ok = works(abi.encodeCall(ISessionPayment.settle, (id, split, dues)));
        most = amount;
    }

    function checkLedger(uint256[2] memory available, uint256[2] memory locked, uint256 inside) private view {
        uint256 sum = _ledger.owedTo(ALICE) + _ledger.owedTo(address(this)) + _ledger.accountOf(address(this)).fees;
        for (uint24 n = 1; n <= 10; ++n) sum += _ledger.owedToNode(NodeId.wrap(n));
        for (uint256 s = 0; s < 2; ++s) {
            ISessionPayment.Balance memory balance = _ledger.balanceOf(s == 0 ? ONE : TWO);
            vm.assertEq(balance.available, available[s], "available");
            vm.assertEq(balance.locked, locked[s], "locked");
            sum += available[s] + locked[s];
        }
        vm.assertEq(sum, inside, "sum of the buckets");
        vm.assertEq(_ledger.liabilities(), inside, "liabilities");
        vm.assertEq(_cor.balanceOf(address(_ledger)), inside, "held");
    }

    function oweTo(address account, uint128 amount) private {
        ISessionPayment.Split memory split;
        split.locked = amount;
        split.bounty = amount;
        split.keeper = account;
        _hostileLedger.deposit(ONE, amount);
        _hostileLedger.lock(ONE, amount);
        _hostileLedger.settle(ONE, split, new Due[](0));
    }

    /// @dev A word as `NodeLedger` says: amount, node, accepted, outliers, conduct.
    function dueOf(uint256 node, uint256 amount, uint256 accepted, uint256 outliers, Score.Conduct conduct) private pure returns (Due) {
        return Due.wrap(amount + node * 2 ** 96 + accepted * 2 ** 120 + outliers * 2 ** 136 + uint256(conduct) * 2 ** 152);
    }
}
