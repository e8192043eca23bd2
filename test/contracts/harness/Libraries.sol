// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISessionQueue} from "../../../contracts/interfaces/ISessionQueue.sol";
import {Answers} from "../../../contracts/libraries/Answers.sol";
import {Draw} from "../../../contracts/libraries/Draw.sol";
import {Judging} from "../../../contracts/libraries/Judging.sol";
import {OpeningLib} from "../../../contracts/libraries/OpeningLib.sol";
import {Price} from "../../../contracts/libraries/Price.sol";
import {Sampling} from "../../../contracts/libraries/Sampling.sol";
import {Score} from "../../../contracts/libraries/Score.sol";
import {Sketch} from "../../../contracts/libraries/Sketch.sol";
import {TaskRules, TaskRulesLib} from "../../../contracts/libraries/TaskRules.sol";

/// @title Libraries: internal libraries over lists
/// @notice For tests that compare thousands of inputs with the TypeScript twin in a few calls. Adds no logic of its own.
contract Libraries {
    using OpeningLib for ISessionQueue.Opening;

    struct Comparing {
        bytes32[] digests;
        bytes32[] sketches;
        bool exact;
        uint256 threshold;
        uint256 quorum;
    }

    struct Pricing {
        uint256 tokens;
        uint256 price;
        uint256 bps;
        uint256 redundancy;
        uint256 bounty;
    }

    struct Priced {
        uint256 gross;
        uint256 share;
        uint256 worstCase;
    }

    struct Answer {
        bytes32 digest;
        bytes32 sketch;
        uint256 tokens;
    }

    /// @notice Static calls, with the clock that they saw.
    function askMany(
        address target,
        bytes[] calldata calls
    ) external view returns (uint256 blockNumber, uint256 timestamp, bytes[] memory answers) {
        answers = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) (, answers[i]) = target.staticcall(calls[i]);
        return (block.number, block.timestamp, answers);
    }

    function distances(bytes32[] calldata a, bytes32[] calldata b) external pure returns (uint256[] memory found) {
        found = new uint256[](a.length);
        for (uint256 i = 0; i < a.length; ++i) found[i] = Sketch.distance(a[i], b[i]);
    }

    function verdicts(Comparing[] calldata given) external pure returns (Sketch.Verdict[] memory found) {
        found = new Sketch.Verdict[](given.length);
        for (uint256 i = 0; i < given.length; ++i) {
            Comparing calldata one = given[i];
            found[i] = Sketch.judge(one.digests, one.sketches, one.exact, one.threshold, one.quorum);
        }
    }

    function judgements(ISessionQueue.Handover[] calldata handovers) external pure returns (Judging.Result[] memory found) {
        found = new Judging.Result[](handovers.length);
        for (uint256 i = 0; i < handovers.length; ++i) {
            uint256 seats = 0;
            for (uint256 j = 0; j < handovers[i].openings.length; ++j) {
                ISessionQueue.Opening calldata opening = handovers[i].openings[j];
                if (opening.isOpened()) seats |= 1 << opening.seat();
            }
            found[i] = Judging.judge(handovers[i], seats);
        }
    }

    function lowerMedians(uint256[][] memory values, uint256[] calldata members) external pure returns (uint256[] memory found) {
        found = new uint256[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            uint256 lanes = 0;
            for (uint256 j = 0; j < values[i].length; ++j) lanes |= values[i][j] << (25 * j);
            found[i] = Judging.lowerMedian(lanes, values[i].length, members[i]);
        }
    }

    function picks(
        bytes32[] calldata seeds,
        uint256[] calldata places,
        uint256[] calldata sizes
    ) external pure returns (uint256[] memory found) {
        found = new uint256[](seeds.length);
        for (uint256 i = 0; i < seeds.length; ++i) found[i] = Draw.place(Draw.roll(seeds[i], places[i]), sizes[i]);
    }

    function permutations(
        uint96[] calldata seeds,
        uint256[] calldata sizes,
        uint256[] calldata counts
    ) external pure returns (uint256[] memory found) {
        found = new uint256[](seeds.length);
        for (uint256 i = 0; i < seeds.length; ++i) found[i] = Draw.permutation(seeds[i], sizes[i], counts[i]);
    }

    function prices(Pricing[] calldata given) external pure returns (Priced[] memory found) {
        found = new Priced[](given.length);
        for (uint256 i = 0; i < given.length; ++i) {
            Pricing calldata one = given[i];
            uint256 gross = Price.gross(one.tokens, one.price);
            uint256 most = Price.worstCase(one.tokens, one.price, one.redundancy, one.bounty);
            found[i] = Priced({gross: gross, share: Price.share(gross, one.bps), worstCase: most});
        }
    }

    function packed(TaskRulesLib.Unpacked[] calldata given) external pure returns (TaskRules[] memory found) {
        found = new TaskRules[](given.length);
        for (uint256 i = 0; i < given.length; ++i) found[i] = TaskRulesLib.pack(given[i]);
    }

    function unpacked(TaskRules[] calldata given) external pure returns (TaskRulesLib.Unpacked[] memory found) {
        found = new TaskRulesLib.Unpacked[](given.length);
        for (uint256 i = 0; i < given.length; ++i) found[i] = given[i].unpack();
    }

    function forRequests(
        TaskRules[] calldata given,
        uint24[] calldata most,
        bool[] calldata routed
    ) external pure returns (TaskRules[] memory found) {
        found = new TaskRules[](given.length);
        for (uint256 i = 0; i < given.length; ++i) found[i] = given[i].forRequest(most[i], routed[i]);
    }

    function answersIn(bytes calldata data) external pure returns (Answer[] memory found) {
        found = new Answer[](data.length / Answers.SIZE);
        for (uint256 i = 0; i < found.length; ++i) {
            (bytes32 digest, bytes32 sketch, uint256 tokens) = Answers.load(Answers.position(data, i * Answers.SIZE));
            found[i] = Answer({digest: digest, sketch: sketch, tokens: tokens});
        }
    }

    function promptTokensIn(bytes calldata declared) external pure returns (uint256[] memory found) {
        found = new uint256[](declared.length / 3);
        for (uint256 i = 0; i < found.length; ++i) found[i] = Answers.promptTokensAt(declared, i);
    }

    function patched(bytes calldata base, bytes calldata changes) external pure returns (bytes memory found) {
        found = base;
        for (uint256 offset = 0; offset < changes.length; offset += Answers.CHANGE) {
            Answers.patch(found, Answers.promptAt(changes, offset), changes, offset);
        }
    }

    function outcomes(uint256[] calldata values) external pure returns (bytes memory found) {
        found = Answers.newOutcomes(values.length);
        for (uint256 i = 0; i < values.length; ++i) Answers.setOutcome(found, i, values[i]);
    }

    function decayed(uint256[] calldata scores, uint256[] calldata elapsed) external pure returns (uint256[] memory found) {
        found = new uint256[](scores.length);
        for (uint256 i = 0; i < scores.length; ++i) found[i] = Score.decayed(scores[i], elapsed[i]);
    }

    function sampleSizes(uint256[] calldata populations) external pure returns (uint256[] memory found) {
        found = new uint256[](populations.length);
        for (uint256 i = 0; i < populations.length; ++i) found[i] = Sampling.sampleSize(populations[i]);
    }

    function batchSizes(uint256 sample) external pure returns (uint256[] memory found) {
        found = new uint256[](Sampling.BATCHES);
        for (uint256 i = 0; i < found.length; ++i) found[i] = Sampling.batchSize(sample, i);
    }
}
