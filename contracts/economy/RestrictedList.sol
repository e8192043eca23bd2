// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IRestrictedList} from "../interfaces/IRestrictedList.sol";

/// @title RestrictedList
contract RestrictedList is IRestrictedList, AccessManaged {
    mapping(address account => bool) private _restricted;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IRestrictedList
    function setRestricted(address[] calldata accounts, bool listed) external restricted {
        for (uint256 i = 0; i < accounts.length; ++i) {
            _restricted[accounts[i]] = listed;
            emit RestrictionChanged(accounts[i], listed);
        }
    }

    /// @inheritdoc IRestrictedList
    function isRestricted(address account) external view returns (bool) {
        return _restricted[account];
    }

    /// @inheritdoc IRestrictedList
    function requireUnrestricted(address account) external view {
        if (_restricted[account]) revert RestrictedAccount(account);
    }
}
