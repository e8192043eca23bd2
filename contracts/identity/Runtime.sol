// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IRuntime} from "../interfaces/IRuntime.sol";

/// @title Runtime
contract Runtime is IRuntime, AccessManaged {
    mapping(bytes32 key => address) private _modules;
    string[] private _names;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IRuntime
    function setModules(string[] calldata names, address[] calldata addresses) external restricted {
        if (names.length != addresses.length) revert RuntimeLengthMismatch(names.length, addresses.length);
        for (uint256 i = 0; i < names.length; ++i) {
            if (addresses[i].code.length == 0) revert RuntimeNotAContract(addresses[i]);
            bytes32 key = keccak256(bytes(names[i]));
            address from = _modules[key];
            if (from == address(0)) _names.push(names[i]);
            _modules[key] = addresses[i];
            emit ModuleChanged(key, from, addresses[i], names[i]);
        }
    }

    /// @inheritdoc IRuntime
    function moduleOf(string calldata name) external view returns (address module) {
        module = _modules[keccak256(bytes(name))];
        if (module == address(0)) revert RuntimeUnknownModule(name);
    }

    /// @inheritdoc IRuntime
    function modules() external view returns (string[] memory names, address[] memory addresses) {
        names = _names;
        addresses = new address[](names.length);
        for (uint256 i = 0; i < names.length; ++i) addresses[i] = _modules[keccak256(bytes(names[i]))];
    }
}
