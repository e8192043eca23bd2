// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Answers} from "../../contracts/libraries/Answers.sol";
import {Draw} from "../../contracts/libraries/Draw.sol";
import {Judging} from "../../contracts/libraries/Judging.sol";
import {Due, NodeAccount, NodeLedger} from "../../contracts/libraries/NodeLedger.sol";
import {Price} from "../../contracts/libraries/Price.sol";
import {Score} from "../../contracts/libraries/Score.sol";
import {Sketch} from "../../contracts/libraries/Sketch.sol";
import {TaskFacts, TaskFactsLib} from "../../contracts/libraries/TaskFacts.sol";
import {TaskRules, TaskRulesLib} from "../../contracts/libraries/TaskRules.sol";
import {NaiveJudge} from "./NaiveJudge.sol";
import {Test} from "./Test.sol";

/// @notice The libraries against naive models.
contract LibrariesTest is Test {
    function testFuzz_popcountCountsBits(uint256 x) public pure {
        vm.assertEq(Sketch.popcount(x), NaiveJudge.distance(bytes32(x), 0), "popcount");
        vm.assertEq(Sketch.popcount(~x), 256 - Sketch.popcount(x), "complement");
    }

    function test_popcountAtTheEdges() public pure {
        vm.assertEq(Sketch.popcount(0), 0, "none");
        vm.assertEq(Sketch.popcount(type(uint256).max), 256, "all");
        for (uint256 i = 0; i < 256; ++i) {
            vm.assertEq(Sketch.popcount(1 << i), 1, "one");
            vm.assertEq(Sketch.popcount(~(uint256(1) << i)), 255, "all but one");
        }
    }

    function testFuzz_seatCountCountsSixteenBits(uint16 seats) public pure {
        vm.assertEq(Sketch.seatCount(seats), NaiveJudge.distance(bytes32(uint256(seats)), 0), "seats");
    }

    function testFuzz_distanceIsAMetric(bytes32 a, bytes32 b, bytes32 c) public pure {
        uint256 ab = Sketch.distance(a, b);
        vm.assertEq(ab, Sketch.distance(b, a), "symmetric");
        vm.assertEq(Sketch.distance(a, a), 0, "zero on itself");
        vm.assertTrue((ab == 0) == (a == b), "zero only on itself");
        vm.assertLe(ab, Sketch.distance(a, c) + Sketch.distance(c, b), "triangle");
        vm.assertEq(ab, NaiveJudge.distance(a, b), "model");
    }

    /// F3: the judge answers for any answers, and says what the naive model says.
    function testFuzz_F3_judgeIsTotalAndAgreesWithTheModel(
        uint256 seed,
        bytes32[16] memory wild,
        uint256 count,
        bool exact,
        uint16 threshold,
        uint8 quorum
    ) public pure {
        (bytes32[] memory digests, bytes32[] memory sketches) = opinions(seed, wild, bound(count, 0, 16));
        uint256 near = bound(threshold, 0, 256);
        Sketch.Verdict memory verdict = Sketch.judge(digests, sketches, exact, near, quorum);
        (bool agreed, uint256 canonical, uint256 members) = NaiveJudge.judge(digests, sketches, exact, near, quorum);
        vm.assertTrue(verdict.agreed == agreed, "agreed");
        vm.assertEq(verdict.accepted, members, "members");
        if (!agreed) return;
        vm.assertEq(verdict.canonical, canonical, "canonical");
        vm.assertTrue((members >> canonical) & 1 == 1, "the canonical answer is in its group");
        vm.assertTrue(Sketch.popcount(members) >= quorum, "quorum");
    }

    /// F3: the order of the seats decides nothing but between equals: the group's size and the decision stay.
    function testFuzz_F3_judgeDoesNotCareAboutOrder(uint256 seed, bytes32[16] memory wild, uint8 count, uint96 shuffle) public pure {
        uint256 n = bound(count, 1, 10);
        (bytes32[] memory digests, bytes32[] memory sketches) = opinions(seed, wild, n);
        uint256 places = Draw.permutation(shuffle, n, n);
        bytes32[] memory digests2 = new bytes32[](n);
        bytes32[] memory sketches2 = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) {
            digests2[i] = digests[(places >> (4 * i)) & 0xf];
            sketches2[i] = sketches[(places >> (4 * i)) & 0xf];
        }
        // With exact comparison groups are classes, so a decision is unique up to renaming.
        Sketch.Verdict memory one = Sketch.judge(digests, sketches, true, 0, n / 2 + 1);
        Sketch.Verdict memory two = Sketch.judge(digests2, sketches2, true, 0, n / 2 + 1);
        vm.assertTrue(one.agreed == two.agreed, "agreed");
        uint256 renamed = 0;
        for (uint256 i = 0; i < n; ++i) if ((two.accepted >> i) & 1 == 1) renamed |= 1 << ((places >> (4 * i)) & 0xf);
        vm.assertEq(renamed, one.accepted, "members");
        // With sketches, groups overlap; the size of the largest does not depend on the order.
        one = Sketch.judge(digests, sketches, false, 45, 1);
        two = Sketch.judge(digests2, sketches2, false, 45, 1);
        if (one.agreed && two.agreed) vm.assertEq(Sketch.popcount(one.accepted), Sketch.popcount(two.accepted), "size");
    }

    /// Equal answers always agree: without doubt, all of them, the first is canonical.
    function testFuzz_equalAnswersAgree(
        bytes32 digest,
        bytes32[9] memory sketches_,
        uint8 count,
        bool exact,
        uint16 threshold
    ) public pure {
        uint256 n = bound(count, 1, 9);
        bytes32[] memory digests = new bytes32[](n);
        bytes32[] memory sketches = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) (digests[i], sketches[i]) = (digest, sketches_[i]);
        Sketch.Verdict memory verdict = Sketch.judge(digests, sketches, exact, threshold, n);
        vm.assertTrue(verdict.agreed, "agreed");
        vm.assertEq(verdict.accepted, (1 << n) - 1, "all of them");
        vm.assertEq(verdict.canonical, 0, "the first");
    }

    /// D1: places are distinct and in range, whatever the seed.
    function testFuzz_D1_permutationIsDistinctAndInRange(uint96 seed, uint8 sizePick, uint8 countPick) public pure {
        uint256 size = bound(sizePick, 1, 10);
        uint256 count = bound(countPick, 0, size);
        uint256 places = Draw.permutation(seed, size, count);
        uint256 seen = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 place = (places >> (4 * i)) & 0xf;
            vm.assertTrue(place < size, "in range");
            vm.assertEq((seen >> place) & 1, 0, "distinct");
            seen |= 1 << place;
        }
        vm.assertEq(places >> (4 * count), 0, "nothing behind the last");
        vm.assertEq(places, Draw.permutation(seed, size, size) & ((1 << (4 * count)) - 1), "a shorter cut is a prefix");
    }

    function testFuzz_D1_picksAreInRange(bytes32 seed, uint256 i, uint256 size) public pure {
        size = bound(size, 1, type(uint256).max);
        vm.assertTrue(Draw.place(Draw.roll(seed, i), size) < size, "in range");
    }

    /// D4: every place comes first about equally often: chi-squared over 2,000 seeds and ten places, nine degrees of freedom.
    function test_D4_firstPlacesAreEven() public pure {
        uint256[10] memory hits;
        for (uint96 seed = 0; seed < 2_000; ++seed) ++hits[Draw.permutation(seed, 10, 1) & 0xf];
        uint256 squares = 0;
        for (uint256 i = 0; i < 10; ++i) squares += (hits[i] > 200 ? hits[i] - 200 : 200 - hits[i]) ** 2;
        // 27.88 is the 0.1 % point.
        vm.assertLe(squares / 200, 27, "chi-squared");
    }

    /// F3: the lower median is a member's value, and one outlier moves it no further than a neighbour.
    function testFuzz_F3_lowerMedianIsTheModels(uint24[10] memory raw, uint8 size, uint256 members, uint8 range) public pure {
        uint256 n = bound(size, 1, 10);
        uint256[] memory values = new uint256[](n);
        uint256 lanes = 0;
        for (uint256 i = 0; i < n; ++i) {
            values[i] = range == 0 ? raw[i] : raw[i] % range;
            lanes |= values[i] << (25 * i);
        }
        members &= (1 << n) - 1;
        uint256 median = Judging.lowerMedian(lanes, n, members);
        vm.assertEq(median, NaiveJudge.lowerMedian(values, members), "model");
        uint256 below = 0;
        uint256 above = 0;
        for (uint256 i = 0; i < n; ++i) {
            if ((members >> i) & 1 == 0) continue;
            if (values[i] < median) ++below;
            if (values[i] > median) ++above;
        }
        uint256 half = Sketch.popcount(members) / 2;
        vm.assertTrue(below <= half && above <= half, "no majority on one side");
    }

    /// Reading and patching packed answers agree with cutting them out byte by byte.
    function testFuzz_answersRoundTrip(bytes32[12] memory words, uint8 prompt, uint8 target) public view {
        bytes memory packed;
        for (uint256 i = 0; i < 12; i += 2) packed = bytes.concat(packed, words[i], words[i + 1], bytes4(words[i] ^ words[i + 1]));
        this.checkAnswers(packed, prompt % 6);
        bytes memory change = bytes.concat(bytes2(uint16(target % 6)), words[3], words[8], bytes4(words[5]));
        this.checkPatch(packed, change, target % 6);
    }

    function checkAnswers(bytes calldata packed, uint256 prompt) external pure {
        (bytes32 digest, bytes32 sketch, uint256 tokens) = NaiveJudge.answerOf(packed, prompt);
        (bytes32 foundDigest, bytes32 foundSketch, uint256 found) = Answers.load(Answers.position(packed, prompt * Answers.SIZE));
        vm.assertTrue(foundDigest == digest && foundSketch == sketch && found == tokens, "answer");
        vm.assertEq(Answers.tokensAt(packed, prompt * Answers.SIZE), tokens, "tokens");
        uint256 promptTokens = uint256(NaiveJudge.word(packed, prompt * 3)) >> 232;
        vm.assertEq(Answers.promptTokensAt(packed, prompt), promptTokens, "prompt tokens");
    }

    function checkPatch(bytes calldata packed, bytes calldata change, uint256 target) external pure {
        vm.assertEq(Answers.promptAt(change, 0), target, "prompt of the change");
        vm.assertEq(Answers.promptOf(Answers.position(change, 0)), target, "prompt of the change, by position");
        bytes memory patched = packed;
        Answers.patch(patched, target, change, 0);
        bytes memory wanted = bytes.concat(packed[:target * 68], change[2:70], packed[(target + 1) * 68:]);
        vm.assertEq(patched, wanted, "patched");
    }

    /// Outcomes written in order are the pairs of bytes, and nothing beside the buffer is touched.
    function testFuzz_outcomesStayInTheirBuffer(uint16[] memory values) public pure {
        bytes memory outcomes = Answers.newOutcomes(values.length);
        bytes memory neighbour = abi.encode("next to it in memory");
        bytes32 before = keccak256(neighbour);
        bytes memory wanted;
        for (uint256 i = 0; i < values.length; ++i) {
            Answers.setOutcome(outcomes, i, values[i]);
            wanted = bytes.concat(wanted, bytes2(values[i]));
        }
        vm.assertEq(outcomes, wanted, "outcomes");
        vm.assertEq(keccak256(neighbour), before, "neighbour");
    }

    /// A5, A6: the lock covers every charge, at the extremes of every type, and shares never exceed the whole.
    function testFuzz_A5_A6_lockCoversEveryCharge(
        uint24[9] memory output,
        uint24 promptTokens,
        uint24 maxTokens,
        uint96 price,
        uint96 bounty,
        uint16 protocolBps,
        uint16 routerBps
    ) public pure {
        uint256 prompts = 1_024;
        protocolBps %= 3_001;
        routerBps %= 3_001 - protocolBps;
        uint256 locked = Price.worstCase(prompts * promptTokens + prompts * maxTokens, price, 9, bounty);
        vm.assertLe(locked, type(uint128).max, "fits");
        uint256 charged = bounty;
        for (uint256 i = 0; i < 9; ++i) {
            uint256 tokens = output[i] < maxTokens ? output[i] : maxTokens;
            uint256 gross = Price.gross(prompts * (promptTokens + tokens), price);
            uint256 fees = Price.share(gross, protocolBps) + Price.share(gross, routerBps);
            vm.assertLe(fees, (gross * 3_000) / 10_000, "fees");
            charged += gross;
        }
        vm.assertLe(charged, locked, "covered");
    }

    /// B6: every rule comes out of the packed word as it went in, and a request changes its own two fields alone.
    function testFuzz_B6_rulesRoundTrip(TaskRulesLib.Unpacked memory given, uint24 most, bool routed) public pure {
        (given.service, given.level) = (given.service & 7, given.level & 3);
        TaskRules rules = TaskRulesLib.pack(given);
        vm.assertEq(keccak256(abi.encode(rules.unpack())), keccak256(abi.encode(given)), "round trip");
        vm.assertEq(rules.bounty(), uint256(given.bounty) * 1e12, "bounty");
        given.maxTokens = most;
        if (!routed) given.routerFeeBps = 0;
        TaskRules asked = rules.forRequest(most, routed);
        vm.assertEq(keccak256(abi.encode(asked.unpack())), keccak256(abi.encode(given)), "for a request");
    }

    /// B3: facts come out of their word as they went in, whatever is changed after.
    function testFuzz_B3_factsRoundTrip(
        uint96 seed,
        uint32 lease,
        uint32 closeAt,
        uint16 window,
        uint8 redundancy,
        uint16 generation
    ) public pure {
        redundancy &= 0xf;
        TaskFacts facts = TaskFactsLib.born(
            TaskFactsLib.Birth(seed, lease, closeAt, window, window ^ 0x33, redundancy, redundancy / 2, generation, TaskFactsLib.WAITING)
        );
        vm.assertTrue(facts.has(TaskFactsLib.WAITING) && facts.commitWindow() == window ^ 0x33, "waits");
        vm.assertTrue(facts.seed() == seed && facts.lease() == lease && facts.commitsCloseAt() == closeAt, "born");
        vm.assertTrue(facts.state() == TaskFactsLib.UNSEEDED && facts.isLive(), "unseeded");
        facts = facts.withLease(lease ^ 0x55).withClose(closeAt ^ 0x77).withSeed(keccak256(abi.encode(seed)));
        facts = facts.withCommitted(redundancy).withRevealed(redundancy & 5).ended();
        facts = facts.withFlag(TaskFactsLib.STOOD_IN);
        vm.assertTrue(facts.has(TaskFactsLib.STOOD_IN) && !facts.has(TaskFactsLib.WAITING | TaskFactsLib.RERUN), "flags");
        vm.assertTrue(facts.commitWindow() == window ^ 0x33, "kept");
        vm.assertTrue(facts.seed() == uint96(uint256(keccak256(abi.encode(seed)))), "seed");
        vm.assertTrue(facts.lease() == lease ^ 0x55 && facts.commitsCloseAt() == closeAt ^ 0x77, "changed");
        vm.assertTrue(facts.revealWindow() == window && facts.redundancy() == redundancy && facts.quorum() == redundancy / 2, "kept");
        vm.assertTrue(facts.committed() == redundancy && facts.revealed() == redundancy & 5 && facts.generation() == generation, "kept");
        vm.assertTrue(facts.state() == TaskFactsLib.ENDED && !facts.isLive(), "ended");
    }

    /// A2, F4: a node's account takes in a due field by field, saturating, and nothing runs over into its neighbour.
    function testFuzz_A2_F4_accountsBookFieldByField(
        uint256 raw,
        uint96 pay,
        uint16 accepted,
        uint16 outliers,
        uint8 conductPick,
        uint32 time
    ) public pure {
        NodeLedger.Account memory a = NodeAccount.wrap(raw).unpacked();
        a.score %= 10_001;
        if (time < a.updatedAt) (time, a.updatedAt) = (a.updatedAt, time);
        uint256 word = (raw & ~(uint256(type(uint48).max) << 96)) | (uint256(a.updatedAt) << 96) | (uint256(a.score) << 128);
        if (uint256(a.owed) + pay > type(uint96).max) pay = type(uint96).max - a.owed;
        Score.Conduct conduct = Score.Conduct(conductPick % 4);
        Due due = NodeLedger.due(77, pay, accepted, outliers, conduct);
        vm.assertTrue(due.nodeOf() == 77 && due.amountOf() == pay, "due");
        NodeLedger.Account memory b = NodeAccount.wrap(word).booked(due, time).unpacked();
        vm.assertEq(b.owed, uint256(a.owed) + pay, "owed");
        vm.assertEq(b.updatedAt, time, "time");
        vm.assertEq(b.tasks, lesser(uint256(a.tasks) + 1, type(uint24).max), "tasks");
        vm.assertEq(b.silent, lesser(uint256(a.silent) + (conduct == Score.Conduct.Silent ? 1 : 0), type(uint16).max), "silent");
        vm.assertEq(b.unopened, lesser(uint256(a.unopened) + (conduct == Score.Conduct.Unopened ? 1 : 0), type(uint16).max), "unopened");
        vm.assertEq(b.accepted, lesser(uint256(a.accepted) + accepted, type(uint32).max), "accepted");
        vm.assertEq(b.outliers, lesser(uint256(a.outliers) + outliers, type(uint24).max), "outliers");
        vm.assertLe(b.score, 10_000, "score");
        uint256 left = pay / 2;
        NodeLedger.Account memory c = NodeAccount.wrap(word).withOwed(left).unpacked();
        (a.owed, c.owed) = (0, uint96(c.owed - left));
        vm.assertEq(keccak256(abi.encode(a)), keccak256(abi.encode(c)), "only what is owed changes");
    }

    function lesser(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// @dev Few distinct digests and sketches around two centres, mixed with arbitrary ones.
    function opinions(
        uint256 seed,
        bytes32[16] memory wild,
        uint256 n
    ) private pure returns (bytes32[] memory digests, bytes32[] memory sketches) {
        digests = new bytes32[](n);
        sketches = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            digests[i] = dice % 3 == 0 ? wild[i] : bytes32(dice % 4);
            uint256 centre = uint256(keccak256(abi.encode(seed, dice % 2)));
            sketches[i] = (dice >> 8) % 7 == 0 ? wild[i] : bytes32(centre ^ ((1 << ((dice >> 16) % 50)) - 1));
        }
    }
}
