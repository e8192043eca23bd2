// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";
import {VestingWalletCliff} from "@openzeppelin/contracts/finance/VestingWalletCliff.sol";

/// @title Vesting: an allocation that becomes its beneficiary's over time
/// @notice Linear over `duration` seconds from `start`, nothing before the cliff. OpenZeppelin's wallet as it is: nobody can revoke it; the
/// beneficiary can hand it on.
contract Vesting is VestingWalletCliff {
    constructor(
        address beneficiary,
        uint64 startsAt,
        uint64 durationSeconds,
        uint64 cliffSeconds
    ) VestingWallet(beneficiary, startsAt, durationSeconds) VestingWalletCliff(cliffSeconds) {}
}
