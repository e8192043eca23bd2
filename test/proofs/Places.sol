// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Draw} from "../../contracts/libraries/Draw.sol";
import {Score} from "../../contracts/libraries/Score.sol";
import {Windows} from "../../contracts/libraries/Windows.sol";

/// @notice What holds of `Draw` and `Windows` for every roll and every second. Proved by `npm run prove`.
contract PlacesProof {
    function placesAreInTheList(uint256 rolled, uint32 count) external pure {
        require(count != 0);
        assert(Draw.place(rolled, count) < count);
    }

    function theHighestScoreIsAlwaysTaken(uint256 rolled) external pure {
        assert(Draw.accepts(rolled, Score.MAX));
    }

    function deadlinesAreInclusive(uint16 window) external view {
        uint256 time = block.timestamp;
        require(time < 2 ** 39);
        uint40 end = Windows.endOf(window);
        assert(!Windows.isPast(end));
    }

    function theSecondAfterIsLate(uint40 deadline) external view {
        require(block.timestamp < type(uint40).max);
        assert(Windows.isPast(deadline) == (block.timestamp > deadline));
    }
}
