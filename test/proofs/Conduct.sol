// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Evidence} from "../../contracts/libraries/Evidence.sol";
import {Score} from "../../contracts/libraries/Score.sol";

/// @notice What holds of `Score` and `Evidence` for every score and every sum. Proved by `npm run prove`.
contract ConductProof {
    function scoreStaysInRange(uint16 score, uint8 conduct, uint16 accepted, uint16 outliers) external pure {
        require(score <= Score.MAX && conduct <= 3);
        assert(Score.step(score, Score.Conduct(conduct), accepted, outliers) <= Score.MAX);
    }

    function aTaskMovesTheScoreByAtMostAQuarter(uint16 score, uint8 conduct, uint16 accepted, uint16 outliers) external pure {
        require(score <= Score.MAX && conduct <= 3);
        uint256 next = Score.step(score, Score.Conduct(conduct), accepted, outliers);
        assert(next <= uint256(score) + Score.MAX / 16);
        assert(next + Score.MAX / 4 >= score);
    }

    function silenceNeverPays(uint16 score, uint16 accepted, uint16 outliers) external pure {
        require(score <= Score.MAX);
        assert(Score.step(score, Score.Conduct.Silent, accepted, outliers) <= score);
        assert(
            Score.step(score, Score.Conduct.Unopened, accepted, outliers) <= Score.step(score, Score.Conduct.Silent, accepted, outliers)
        );
    }

    function scoreWaitsForItsHalfLife(uint16 score, uint32 elapsed) external pure {
        require(elapsed < Score.HALF_LIFE);
        assert(Score.decayed(score, elapsed) == score);
    }

    function evidenceMovesByOneAnswer(uint128 sum, bool notGenuine) external pure {
        uint256 next = Evidence.after_(sum, notGenuine);
        assert(notGenuine ? next == uint256(sum) + Evidence.FINDING : next <= sum);
        assert(next + Evidence.CLEARED >= sum);
    }

    /// One finding proves nothing, nor do four in a row; five do.
    function fiveFindingsInARowProve() external pure {
        uint256 sum = 0;
        sum = Evidence.after_(sum, true);
        assert(!Evidence.proves(sum));
        sum = Evidence.after_(Evidence.after_(Evidence.after_(sum, true), true), true);
        assert(!Evidence.proves(sum));
        assert(Evidence.proves(Evidence.after_(sum, true)));
    }

    /// An answer found genuine never takes a miner closer to a proof.
    function clearingNeverProves(uint128 sum) external pure {
        require(!Evidence.proves(sum));
        assert(!Evidence.proves(Evidence.after_(sum, false)));
    }
}
