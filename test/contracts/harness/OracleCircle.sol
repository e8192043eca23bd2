// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IOracleMembership} from "../../../contracts/interfaces/IOracleMembership.sol";

/// @title OracleCircle: a committee whose members a test names
contract OracleCircle is IOracleMembership {
    mapping(address account => bool) public isOracle;

    function set(address account, bool member) external {
        isOracle[account] = member;
    }
}
