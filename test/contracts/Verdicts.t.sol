// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Assurance, AssuranceLib} from "../../contracts/libraries/Assurance.sol";
import {Draw} from "../../contracts/libraries/Draw.sol";
import {Evidence} from "../../contracts/libraries/Evidence.sol";
import {Score} from "../../contracts/libraries/Score.sol";
import {Verdicts} from "../../contracts/libraries/Verdicts.sol";
import {Test} from "./Test.sol";

/// @notice Panels of validators against a plain model of them.
contract VerdictsTest is Test {
    uint256 private constant SEATS = 9;

    /// The verdict of a panel is the model's, for any words: whatever a validator writes, nothing reverts.
    function testFuzz_F3_G2_outcomeIsTheModels(
        uint256[9] memory raw,
        uint8 size,
        uint16 seats,
        uint8 quorum,
        uint8 bar,
        bool wild
    ) public pure {
        uint256[] memory words = wordsOf(raw, size % 10, wild);
        quorum = uint8(bound(quorum, 1, 5));
        bar %= 12;
        Verdicts.Outcome memory found = Verdicts.outcome(words, seats, quorum, bar);
        vm.assertTrue(found.decided == (words.length >= quorum), "decided");
        for (uint256 seat = 0; seat < 16; ++seat) {
            bool judged = found.decided && seat < SEATS && (seats >> seat) & 1 == 1;
            uint256[4] memory votes = judged ? votesOf(words, seat) : [uint256(0), 0, 0, 0];
            uint256 median = judged ? modelMedian(words, seat) : 0;
            vm.assertTrue(bit(found.genuine, seat) == (judged && votes[0] >= quorum), "genuine");
            vm.assertTrue(bit(found.mismatch, seat) == (judged && votes[2] >= quorum), "mismatch");
            vm.assertTrue(bit(found.notGenuine, seat) == (judged && votes[1] + votes[2] >= quorum), "not genuine");
            bool bad = judged && votes[1] + votes[2] + votes[3] >= quorum;
            vm.assertTrue(bit(found.bad, seat) == bad, "bad");
            vm.assertTrue(bit(found.rejected, seat) == (bad || (judged && median < bar)), "rejected");
            vm.assertEq((found.medians >> (4 * seat)) & 0xf, median, "median");
        }
    }

    /// The order in which validators open changes nothing.
    function testFuzz_F3_outcomeDoesNotCareAboutOrder(uint256[9] memory raw, uint8 size, uint8 turn, uint16 seats) public pure {
        uint256[] memory words = wordsOf(raw, 1 + (size % 9), false);
        uint256[] memory turned = new uint256[](words.length);
        for (uint256 i = 0; i < words.length; ++i) turned[i] = words[(i + turn) % words.length];
        bytes memory one = abi.encode(Verdicts.outcome(words, seats, 2, 5));
        vm.assertEq(one, abi.encode(Verdicts.outcome(turned, seats, 2, 5)), "the same verdict");
    }

    /// One validator of at least three moves the median no farther than to what its neighbours said.
    function testFuzz_F3_oneOutlierMovesTheMedianToANeighbour(uint256[9] memory raw, uint8 size, uint8 who, uint8 score) public pure {
        uint256[] memory words = wordsOf(raw, 3 + (size % 7), false);
        uint256[] memory sorted = sortedScores(words, 0);
        uint256 rank = (words.length - 1) / 2;
        who = uint8(who % words.length);
        words[who] = (words[who] & ~uint256(0x3c)) | (uint256(score % 11) << 2);
        uint256 moved = Verdicts.medianOf(words, 0);
        vm.assertTrue(moved >= (rank == 0 ? 0 : sorted[rank - 1]) && moved <= sorted[rank + 1], "between the neighbours");
    }

    /// Who stood with its panel and who did not.
    function testFuzz_F3_standingIsTheModels(uint256[9] memory raw, uint8 size, uint16 seats, uint256 word) public pure {
        uint256[] memory words = wordsOf(raw, 1 + (size % 9), false);
        Verdicts.Outcome memory found = Verdicts.outcome(words, seats, 1 + words.length / 2, 0);
        (uint256 near, uint256 far) = Verdicts.standing(word, found, seats);
        uint256 apart = 0;
        uint256 judged = 0;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            if (!bit(seats, seat)) continue;
            ++judged;
            (uint256 score, uint256 median) = (scoreIn(word, seat), modelMedian(words, seat));
            bool scored = score + 3 >= median && median + 3 >= score;
            if ((findingIn(word, seat) != 0) != bit(found.bad, seat) || !scored) ++apart;
        }
        vm.assertTrue(far == apart && near == judged - apart, "standing");
    }

    /// What a single verdict would reject.
    function testFuzz_F3_rejectionOfOneIsTheModels(uint256 word, uint16 seats, uint8 bar) public pure {
        bar %= 12;
        uint256 rejected = Verdicts.rejectedBy(word, seats, bar);
        for (uint256 seat = 0; seat < 16; ++seat) {
            bool expected = seat < SEATS && bit(seats, seat) && (findingIn(word, seat) != 0 || scoreIn(word, seat) < bar);
            vm.assertTrue(bit(rejected, seat) == expected, "rejected");
        }
    }

    /// A verdict's scores end at ten, and behind the last seat there is nothing.
    function testFuzz_F3_malformedWordsAreKnown(uint256 raw, uint8 seat, uint8 score, uint8 beyond) public pure {
        uint256[9] memory one;
        one[0] = raw;
        uint256 word = wordsOf(one, 1, false)[0];
        vm.assertTrue(Verdicts.isWellFormed(word), "well formed");
        seat %= 9;
        uint256 worse = (word & ~(uint256(0xf) << (22 * seat + 2))) | (uint256(11 + (score % 5)) << (22 * seat + 2));
        vm.assertTrue(!Verdicts.isWellFormed(worse), "a score above ten");
        vm.assertTrue(!Verdicts.isWellFormed(word | (1 << (198 + (beyond % 58)))), "a bit behind the last seat");
    }

    /// The sum of evidence is a walk that never goes below nothing; exactly five findings in a row prove.
    function testFuzz_E8_evidenceIsAWalk(uint256 path, uint16 start) public pure {
        uint256 sum = start;
        for (uint256 i = 0; i < 32; ++i) {
            bool finding = (path >> i) & 1 == 1;
            uint256 next = Evidence.after_(sum, finding);
            uint256 expected = finding ? sum + 281 : (sum > 66 ? sum - 66 : 0);
            vm.assertEq(next, expected, "a step");
            vm.assertTrue(Evidence.proves(next) == (next > 1_382), "a proof");
            sum = next;
        }
    }

    function test_E8_fewerThanFiveFindingsProveNothing() public pure {
        uint256 sum = 0;
        for (uint256 i = 1; i <= 5; ++i) {
            sum = Evidence.after_(sum, true);
            vm.assertTrue(Evidence.proves(sum) == (i == 5), "after five");
        }
        vm.assertTrue(!Evidence.proves(1_382) && Evidence.proves(1_383), "the threshold");
    }

    /// What a session asks for beyond agreement is read field by field, and comes back from its word unchanged.
    function testFuzz_B6_assuranceRoundTrips(AssuranceLib.Unpacked memory given) public pure {
        Assurance word = AssuranceLib.pack(given);
        vm.assertEq(abi.encode(word.unpack()), abi.encode(given), "unpacked");
        vm.assertEq(word.validators(), given.validators, "validators");
        vm.assertEq(word.sampleBps(), given.sampleBps, "sampled");
        vm.assertEq(word.bar(), given.bar, "bar");
        vm.assertEq(word.holdRate(), given.holdRate, "hold rate");
        vm.assertTrue(word.rerun() == given.rerun, "rerun");
        vm.assertTrue(word.judged() == (given.validators != 0 || given.appealWindow != 0), "judged");
        uint256 appeal = given.validators == 0 ? 3 : 2 * uint256(given.validators) + 1;
        vm.assertEq(word.appealSize(), appeal, "appeal");
        uint256 most = given.validators + (given.appealWindow == 0 ? 0 : appeal);
        vm.assertEq(word.mostForVerdicts(), most * given.validatorPrice, "most");
    }

    /// A validator that finds everything genuine without looking earns less than one that looks, where a share of what comes is not:
    /// it falls away from its panels, and so is drawn less. (Copying another's verdict is impossible while it is hidden: C3.)
    function testFuzz_F5_whoDoesNotLookEarnsLess(uint256 seed) public pure {
        uint256[2] memory scores = [uint256(Score.FLOOR), uint256(Score.FLOOR)];
        uint256[2] memory earned;
        for (uint256 task = 0; task < 300; ++task) {
            uint256 dice = Draw.roll(bytes32(seed), task);
            // Three seats, of which each is bad with a chance of three in ten; who looks errs with one in thirty.
            uint256 truth = 0;
            for (uint256 seat = 0; seat < 3; ++seat) {
                if ((dice >> (32 * seat)) % 10 < 3) truth |= 1 << (22 * seat);
            }
            uint256[] memory words = new uint256[](3);
            for (uint256 i = 0; i < 3; ++i) words[i] = truth;
            for (uint256 who = 0; who < 2; ++who) {
                words[2] = who == 0 ? ((dice >> 200) % 30 == 0 ? truth ^ 1 : truth) : 0;
                Verdicts.Outcome memory found = Verdicts.outcome(words, 7, 2, 0);
                (uint256 near, uint256 far) = Verdicts.standing(words[2], found, 7);
                // Drawn with the chance that its score gives; paid alike whenever it is drawn.
                if (!Draw.accepts(dice, scores[who])) continue;
                ++earned[who];
                scores[who] = Score.step(scores[who], Score.Conduct.Opened, near, far);
            }
        }
        vm.assertTrue(scores[1] < scores[0], "a lower score");
        vm.assertTrue(earned[1] < earned[0], "less work");
    }

    // --- the model ---

    /// @dev Words of validators; unless `wild`, with scores of at most ten and nothing behind the last seat.
    function wordsOf(uint256[9] memory raw, uint256 size, bool wild) private pure returns (uint256[] memory words) {
        words = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) {
            if (wild) {
                words[i] = raw[i];
                continue;
            }
            for (uint256 seat = 0; seat < SEATS; ++seat) {
                uint256 part = raw[i] >> (22 * seat);
                words[i] |= ((part & 0x3fffc3) | (((part >> 2) & 0xf) % 11 << 2)) << (22 * seat);
            }
        }
    }

    function votesOf(uint256[] memory words, uint256 seat) private pure returns (uint256[4] memory votes) {
        for (uint256 i = 0; i < words.length; ++i) ++votes[findingIn(words[i], seat)];
    }

    function sortedScores(uint256[] memory words, uint256 seat) private pure returns (uint256[] memory sorted) {
        sorted = new uint256[](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 score = scoreIn(words[i], seat);
            uint256 at = i;
            for (; at > 0 && sorted[at - 1] > score; --at) sorted[at] = sorted[at - 1];
            sorted[at] = score;
        }
    }

    function modelMedian(uint256[] memory words, uint256 seat) private pure returns (uint256) {
        uint256 found = sortedScores(words, seat)[(words.length - 1) / 2];
        return found > 10 ? 10 : found;
    }

    function findingIn(uint256 word, uint256 seat) private pure returns (uint256) {
        return (word / 2 ** (22 * seat)) % 4;
    }

    function scoreIn(uint256 word, uint256 seat) private pure returns (uint256) {
        return (word / 2 ** (22 * seat + 2)) % 16;
    }

    function bit(uint256 map, uint256 place) private pure returns (bool) {
        return (map / 2 ** place) % 2 == 1;
    }
}
