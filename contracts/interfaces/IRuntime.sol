// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IRuntime: the address book
/// @notice One address resolves every module, so an agent needs no other setting and follows changes without a restart.
/// @dev No contract looks a dependency up here: contracts are wired by immutables. This is for programs and people.
interface IRuntime {
    /// @notice A module was set or switched; tasks that run end in the module in which they began.
    event ModuleChanged(bytes32 indexed key, address indexed from, address indexed to, string name);

    /// @notice The name is not set.
    error RuntimeUnknownModule(string name);
    /// @notice The address holds no code.
    error RuntimeNotAContract(address found);
    /// @notice The lists differ in length.
    error RuntimeLengthMismatch(uint256 names, uint256 addresses);

    /// @notice Governance: sets modules by name, for example "SessionQueue".
    function setModules(string[] calldata names, address[] calldata addresses) external;

    /// @notice The address of a module; reverts where it is not set.
    function moduleOf(string calldata name) external view returns (address);

    /// @notice All names and addresses.
    function modules() external view returns (string[] memory names, address[] memory addresses);
}
