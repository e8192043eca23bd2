// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice The cheatcodes that these tests use. forge-std is not imported: solc 0.8.37 warns about it sixty times in every build.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function signCompact(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 vs);
    function prank(address caller) external;
    function assume(bool condition) external pure;
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function getBlockTimestamp() external view returns (uint256);
    function getBlockNumber() external view returns (uint256);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getNonce(address account) external view returns (uint64);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function assertTrue(bool condition, string calldata note) external pure;
    function assertEq(uint256 left, uint256 right, string calldata note) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata note) external pure;
    function assertEq(address left, address right, string calldata note) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata note) external pure;
    function assertEq(string calldata left, string calldata right, string calldata note) external pure;
    function assertLe(uint256 left, uint256 right, string calldata note) external pure;
}

/// @notice What every Solidity test and harness starts from.
/// @dev Time is read through cheatcodes: under viaIR `block.timestamp` and `block.number` are read once a call, whatever is
/// warped in between.
abstract contract Test {
    bool public constant IS_TEST = true;
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function bound(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        if (x >= least && x <= most) return x;
        uint256 size = most - least + 1;
        return size == 0 ? x : least + (x % size);
    }

    function clock() internal view returns (uint40) {
        return uint40(vm.getBlockTimestamp());
    }

    function height() internal view returns (uint256) {
        return vm.getBlockNumber();
    }

    /// @dev Mines blocks whose hashes differ, and lets seconds pass.
    function pass(uint256 blocks, uint256 seconds_) internal {
        uint256 from = height();
        vm.roll(from + blocks);
        for (uint256 back = 1; back <= blocks && back <= 256; ++back) {
            vm.setBlockhash(from + blocks - back, keccak256(abi.encode("block", from + blocks - back)));
        }
        vm.warp(clock() + seconds_);
    }

    /// @dev Deploys an artifact by name, so that no test carries a second copy of a contract's code.
    function deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = bytes.concat(vm.getCode(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        vm.assertTrue(deployed != address(0), string.concat(name, " did not deploy"));
    }

    /// @dev Calls as somebody; never reverts itself.
    function attempt(address caller, address target, bytes memory data) internal returns (bool ok, bytes memory answer) {
        vm.prank(caller);
        return target.call(data);
    }

    /// @dev The call must go through.
    function accepts(address caller, address target, bytes memory data, string memory note) internal returns (bytes memory answer) {
        bool ok;
        (ok, answer) = attempt(caller, target, data);
        vm.assertTrue(ok, string.concat(note, ": refused"));
    }

    /// @dev The call must fail with this error.
    function refuses(address caller, address target, bytes memory data, bytes4 wanted, string memory note) internal {
        (bool ok, bytes memory answer) = attempt(caller, target, data);
        vm.assertTrue(!ok, string.concat(note, ": accepted"));
        vm.assertEq(bytes32(bytes4(answer)), bytes32(wanted), string.concat(note, ": another error"));
    }
}
