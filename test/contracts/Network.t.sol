// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Handler} from "./Handler.sol";
import {Test} from "./Test.sol";

/// @notice Random sequences of acts by everybody: invariants after every act, and a way out from every state.
contract NetworkTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private _handler;

    function setUp() public {
        _handler = Handler(deploy("Handler", ""));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[12] memory acts = [
            Handler.letTimePass.selector,
            Handler.submit.selector,
            Handler.cancel.selector,
            Handler.moveMoney.selector,
            Handler.holdLease.selector,
            Handler.commit.selector,
            Handler.reveal.selector,
            Handler.keep.selector,
            Handler.work.selector,
            Handler.manageNode.selector,
            Handler.administer.selector,
            Handler.trespass.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_handler);
        targets[0].selectors = new bytes4[](acts.length);
        for (uint256 i = 0; i < acts.length; ++i) targets[0].selectors[i] = acts[i];
    }

    function invariant_A1_A2_A3_A4_tokensCoverLiabilities() public {
        _handler.checkMoney();
    }

    function invariant_B1_B2_B3_C4_C5_tasksFollowTheirEdges() public {
        _handler.checkTasks();
    }

    function invariant_D1_D6_E1_E3_E7_poolIsConsistent() public {
        _handler.checkPool();
    }

    function invariant_F4_B4_reputationIsBounded() public {
        _handler.checkReputation();
    }

    /// A5, B1, B4, B6, B7, C1 to C5, D1, D5, E4 to E6, F3, F6, G1, H3, H4: what each act checks for itself.
    function invariant_A5_B4_C1_C2_C3_H4_noActWasWronglyTakenOrRefused() public view {
        vm.assertEq(_handler.breach(), "", "breach");
    }

    /// From a random prefix a stranger's fixed script ends every task, and everyone withdraws.
    /// hardhat-config: fuzz.runs = 64
    function testFuzz_G1_A9_everyTaskEndsAndAllMoneyLeaves(uint256 seed, uint8 length) public {
        for (uint256 i = 0; i < 16 + (length % 48); ++i) _handler.step(uint256(keccak256(abi.encode(seed, i))));
        _handler.checkMoney();
        _handler.endEverything();
        _handler.checkMoney();
        _handler.checkTasks();
        _handler.checkPool();
    }

    /// The random acts reach every ending; otherwise the invariants would say little.
    function test_sequencesReachEveryEnding() public {
        string[10] memory names = [
            "submitted",
            "leased",
            "assigned",
            "committed",
            "stood in",
            "opened",
            "slashed",
            "accepted",
            "inconclusive",
            "failed"
        ];
        uint256[10] memory times;
        for (uint256 run = 0; run < 12; ++run) {
            Handler handler = Handler(deploy("Handler", ""));
            for (uint256 i = 0; i < 100; ++i) handler.step(uint256(keccak256(abi.encode(run, i))));
            vm.assertEq(handler.breach(), "", "breach");
            for (uint256 i = 0; i < 10; ++i) times[i] += handler.times(names[i]);
        }
        for (uint256 i = 0; i < 10; ++i) vm.assertTrue(times[i] >= 8, string.concat("too rare: ", names[i]));
    }
}
