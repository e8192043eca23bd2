// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAnchor} from "../../contracts/interfaces/IAnchor.sol";
import {IOracleMembership} from "../../contracts/interfaces/IOracleMembership.sol";
import {IOracleRandomness} from "../../contracts/interfaces/IOracleRandomness.sol";
import {IRestrictedList} from "../../contracts/interfaces/IRestrictedList.sol";
import {IStaking} from "../../contracts/interfaces/IStaking.sol";
import {Emission} from "../../contracts/libraries/Emission.sol";
import {Test} from "./Test.sol";

/// @title Economy: the money of staking, checkpoints and randomness under random acts
/// @notice Each test keeps a book of its own and compares.
contract EconomyTest is Test, IRestrictedList, IOracleMembership {
    uint256 private constant ACTORS = 3;
    uint256 private constant EACH = 300_000_000e18;

    IERC20 private _cor;
    IStaking private _staking;
    IAnchor private _anchor;
    IOracleRandomness private _randomness;
    uint40 private _start;
    uint256 private _principal;
    uint256 private _funded;
    uint256 private _claimed;

    function setUp() public {
        address authority = deploy("AccessManager", abi.encode(this));
        _cor = IERC20(deploy("COR", abi.encode(this)));
        _start = clock() + 3 days;
        _staking = IStaking(deploy("Staking", abi.encode(authority, _cor, this, _start)));
        _anchor = IAnchor(deploy("Anchor", abi.encode(authority, _cor, 7, address(7), uint40(1 days), uint128(5e18))));
        _randomness = IOracleRandomness(deploy("OracleRandomness", abi.encode(_cor, this, address(0x7ea5), 10, uint128(7e18))));
        for (uint256 i = 0; i < ACTORS; ++i) {
            _cor.transfer(actor(i), EACH);
            vm.prank(actor(i));
            _cor.approve(address(_staking), type(uint256).max);
            vm.prank(actor(i));
            _cor.approve(address(_anchor), type(uint256).max);
        }
        _cor.approve(address(_staking), type(uint256).max);
        _cor.approve(address(_randomness), type(uint256).max);
    }

    function setRestricted(address[] calldata, bool) external {}

    function isRestricted(address) external pure returns (bool) {
        return false;
    }

    function requireUnrestricted(address) external view {}

    function isOracle(address) external pure returns (bool) {
        return true;
    }

    function actor(uint256 i) private pure returns (address) {
        return address(uint160(0xac70 + (i % ACTORS)));
    }

    /// Whatever is done in whatever order, nothing is paid that was not funded, principal is where it belongs, and in the end all of it leaves.
    function testFuzz_A1_A9_F1_F2_stakingStaysSolvent(uint256[24] memory dice) public {
        uint256 earnedBefore = 0;
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 die = dice[i];
            address who = actor(die >> 8);
            uint256 position = 1 + ((die >> 16) % (_staking.positionCount() + 1));
            if (die % 7 == 0) stake(who, die);
            else if (die % 7 == 1) unstake(who, position);
            else if (die % 7 == 2) claim(who, position);
            else if (die % 7 == 3) attempt(who, address(_staking), abi.encodeCall(IStaking.relock, (position, uint8((die >> 24) % 4))));
            else if (die % 7 == 4) fund((die >> 32) % 4e24);
            else vm.warp(clock() + ((die >> 40) % 60 days));
            checkStaking();
            // What one position has earned in all never falls.
            uint256 earned = _staking.positionOf(1).index;
            vm.assertTrue(earned >= earnedBefore, "index");
            earnedBefore = earned;
        }
        vm.warp(clock() + 84 days);
        uint256 count = _staking.positionCount();
        for (uint256 p = 1; p <= count; ++p) {
            IStaking.Position memory entry = _staking.positionOf(p);
            if (entry.amount == 0) continue;
            accepts(entry.owner, address(_staking), abi.encodeCall(IStaking.unstake, (p, entry.owner)), "exit");
            _principal -= entry.amount;
        }
        for (uint256 i = 0; i < ACTORS; ++i) claim(actor(i), 0);
        checkStaking();
        vm.assertEq(_staking.totalStaked(), 0, "all principal left");
        vm.assertLe(_claimed, _funded, "claimed");
        uint256 sum = 0;
        for (uint256 i = 0; i < ACTORS; ++i) sum += _cor.balanceOf(actor(i));
        vm.assertEq(sum, ACTORS * EACH + _claimed, "and all of it is its owners'");
        vm.assertLe(_staking.owed(), 2 * count * (dice.length + 1), "what rounding keeps");
        vm.assertLe(_claimed, Emission.most(clock() - _start), "never more than the schedule");
    }

    function stake(address who, uint256 die) private {
        uint128 amount = uint128((die >> 64) % (EACH / 3));
        (bool ok, ) = attempt(who, address(_staking), abi.encodeCall(IStaking.stake, (uint8((die >> 24) % 4), amount)));
        if (ok) _principal += amount;
    }

    function unstake(address who, uint256 position) private {
        uint256 amount = _staking.positionOf(position).amount;
        bool mine = _staking.positionOf(position).owner == who;
        bool due = clock() >= _staking.positionOf(position).unlockAt;
        (bool ok, ) = attempt(who, address(_staking), abi.encodeCall(IStaking.unstake, (position, who)));
        vm.assertTrue(ok == (mine && due && amount != 0), "unstake: the owner, after the lock, once");
        if (ok) _principal -= amount;
    }

    function claim(address who, uint256 position) private {
        uint256[] memory list = new uint256[](position == 0 || _staking.positionOf(position).owner != who ? 0 : 1);
        if (list.length == 1) list[0] = position;
        uint256 before = _cor.balanceOf(who);
        attempt(who, address(_staking), abi.encodeCall(IStaking.claim, (list, who)));
        _claimed += _cor.balanceOf(who) - before;
    }

    function fund(uint256 amount) private {
        if (amount > _cor.balanceOf(address(this))) return;
        _staking.fund(uint128(amount));
        _funded += amount;
    }

    function checkStaking() private view {
        vm.assertEq(_staking.totalStaked(), _principal, "principal");
        uint256 inVaults = 0;
        for (uint256 i = 0; i < ACTORS; ++i) inVaults += _cor.balanceOf(_staking.vaultOf(actor(i)));
        vm.assertEq(inVaults, _principal, "vaults");
        uint256 held = _cor.balanceOf(address(_staking));
        vm.assertEq(_staking.reserve() + _staking.owed(), held, "rewards");
        vm.assertEq(held, _funded - _claimed, "held");
        uint256 owed = 0;
        for (uint256 i = 0; i < ACTORS; ++i) owed += _staking.owedTo(actor(i));
        uint256 count = _staking.positionCount();
        for (uint256 p = 1; p <= count; ++p) owed += _staking.earnedBy(p);
        vm.assertLe(owed, held, "what all could claim now is there");
    }

    /// Bonds of checkpoints: held by nobody else, moved by the rules alone, all back out in the end.
    function testFuzz_A1_A9_E7_bondsOfCheckpointsAddUp(uint256[20] memory dice) public {
        uint256 moved = 0;
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 die = dice[i];
            address who = actor(die >> 8);
            uint256 id = 1 + ((die >> 16) % (_anchor.checkpointCount() + 1));
            if (die % 6 == 0) attempt(who, address(_anchor), abi.encodeCall(IAnchor.propose, (bytes32(die | 1), 0, uint48(i + 1))));
            else if (die % 6 == 1) attempt(who, address(_anchor), abi.encodeCall(IAnchor.contest, (id, "no")));
            else if (die % 6 == 2) attempt(address(this), address(_anchor), abi.encodeCall(IAnchor.resolve, (id, die % 5 < 2)));
            else if (die % 6 == 3) attempt(who, address(_anchor), abi.encodeCall(IAnchor.close, (id)));
            else if (die % 6 == 4) attempt(who, address(_anchor), abi.encodeCall(IAnchor.withdraw, (who)));
            else vm.warp(clock() + ((die >> 40) % 20 days));
            if (die % 11 == 0) _anchor.setBond(uint128((die >> 48) % 9e18));
            vm.assertEq(_cor.balanceOf(address(_anchor)), _anchor.held(), "held");
        }
        vm.warp(clock() + 60 days);
        for (uint256 id = 1; id <= _anchor.checkpointCount(); ++id) {
            attempt(address(this), address(_anchor), abi.encodeCall(IAnchor.close, (id)));
            vm.assertTrue(_anchor.checkpointOf(id).paid, "G1 every checkpoint ends");
            refuses(address(this), address(_anchor), abi.encodeCall(IAnchor.close, (id)), IAnchor.AnchorNothingOwed.selector, "twice");
        }
        for (uint256 i = 0; i < ACTORS; ++i) {
            attempt(actor(i), address(_anchor), abi.encodeCall(IAnchor.withdraw, (actor(i))));
            moved += _cor.balanceOf(actor(i));
        }
        vm.assertEq(_anchor.held(), 0, "all bonds left");
        vm.assertEq(moved, ACTORS * EACH, "and came back");
    }

    /// Bonds of oracles: free, locked and forfeited add up; a withheld secret costs one bond and nobody else anything.
    function testFuzz_A1_E3_bondsOfOraclesAddUp(uint256[24] memory dice) public {
        uint256 inside = 0;
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 die = dice[i];
            address who = actor(die >> 8);
            uint256 round = _randomness.currentRound();
            if (die % 6 == 0) {
                uint128 amount = uint128((die >> 64) % 30e18);
                _randomness.deposit(who, amount);
                inside += amount;
            } else if (die % 6 == 1) {
                bytes32 commitment = _randomness.commitmentOf(round, who, bytes32(uint256(1)));
                attempt(who, address(_randomness), abi.encodeCall(IOracleRandomness.commit, (commitment)));
            } else if (die % 6 == 2 && round > 0) {
                attempt(who, address(_randomness), abi.encodeCall(IOracleRandomness.open, (round - 1, bytes32(uint256(1)))));
            } else if (die % 6 == 3 && round > 3) {
                attempt(
                    actor(die >> 12),
                    address(_randomness),
                    abi.encodeCall(IOracleRandomness.report, (round - 2 - ((die >> 20) % 2), who))
                );
            } else if (die % 6 == 4) {
                uint128 amount = uint128((die >> 64) % 20e18);
                bool may = _randomness.bondOf(who).free >= amount && amount != 0;
                (bool ok, ) = attempt(who, address(_randomness), abi.encodeCall(IOracleRandomness.withdraw, (who, amount)));
                vm.assertTrue(ok == may, "what is free leaves, nothing else");
                if (ok) inside -= amount;
            } else {
                pass((die >> 40) % 12, 1);
            }
            vm.assertEq(_randomness.held(), inside, "held");
            vm.assertEq(_cor.balanceOf(address(_randomness)), inside, "balance");
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < ACTORS; ++i) sum += _randomness.bondOf(actor(i)).free + _randomness.bondOf(actor(i)).locked;
        (bool swept, ) = attempt(STRANGER, address(_randomness), abi.encodeCall(IOracleRandomness.sweep, ()));
        uint256 forfeited = _cor.balanceOf(address(0x7ea5));
        vm.assertTrue(swept == (forfeited != 0), "swept");
        vm.assertEq(sum + forfeited, inside, "nothing appeared or vanished");
    }

    address private constant STRANGER = address(0x5742);
}
