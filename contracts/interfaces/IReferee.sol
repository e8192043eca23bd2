// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RoundBook} from "../libraries/RoundBook.sol";
import {Facts} from "../libraries/RoundLib.sol";

/// @title IReferee: draws a round's members, groups its answers, and says what became of everybody
/// @notice A contract without storage or money, so that this code has room beside the rounds' own.
/// @dev Trusts its caller: facts have been checked. Reverts on nothing that members say.
interface IReferee {
    /// @notice Draws members for a round's awaited role from the node pool's lists.
    /// @param model which they serve
    /// @param seated answerers so far, 24 bits each
    /// @param size how many are wanted; fewer are drawn where there are too few
    /// @param seed 256 unpredictable bits; the members are a function of it, the lists and the scores
    /// @return members 24 bits each, lowest first
    /// @return drawn how many
    function draw(
        Facts calldata facts,
        bytes32 model,
        uint256 seated,
        uint256 size,
        bytes32 seed
    ) external view returns (uint240 members, uint256 drawn);

    /// @notice Groups opened answers.
    /// @return canonical seat of the canonical answer; 255 where no group of a quorum stands alone
    /// @return agreed bitmap of seats in its group
    /// @return refused whether the group says that the question cannot be answered
    function group(
        uint256 revealed,
        bytes32[] calldata digests,
        bytes32[] calldata sketches,
        uint256 threshold,
        uint256 quorum
    ) external pure returns (uint8 canonical, uint8 agreed, bool refused);

    /// @notice Concludes a round.
    function conclude(RoundBook.Case calldata given) external pure returns (RoundBook.Result memory);
}
