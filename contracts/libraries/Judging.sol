// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISessionQueue} from "../interfaces/ISessionQueue.sol";
import {Answers} from "./Answers.sol";
import {OpeningLib} from "./OpeningLib.sol";
import {Sketch} from "./Sketch.sol";
import {TaskRules} from "./TaskRules.sol";
import {Words} from "./Words.sol";

/// @title Judging: from openings to outcomes, prompt by prompt
/// @notice Where no opening differs from the base, all agree and nothing is compared; otherwise `Sketch.judge` decides.
/// @dev Works on calldata whose shape and hashes the queue has checked. Cannot revert on what answers say.
library Judging {
    using OpeningLib for ISessionQueue.Opening;
    using Words for uint256[];
    using Words for bytes32[];

    /// @notice The outcome of a task.
    /// @param outcomes two bytes a prompt: canonical seat (4 bits, 15 for none), bitmap of accepted seats (12 bits)
    /// @param tokens what every opened seat is paid for: tokens of the prompts and outputs on which nobody differs
    /// @param agreed number of prompts with a quorum
    /// @param refused number of prompts on which the quorum says that they cannot be answered
    /// @param refusedByAll how many of them are answered alike by all
    /// @param differing number of prompts on which some seat differs
    /// @param own where some prompts differ, one more word per opening: tokens (lowest 64 bits), accepted (16), outliers (16)
    struct Result {
        bytes outcomes;
        uint256 tokens;
        uint256 agreed;
        uint256 refused;
        uint256 refusedByAll;
        uint256 differing;
        uint256[] own;
    }

    uint256 private constant ACCEPTED = 1 << 64;
    uint256 private constant OUTLIER = 1 << 80;
    uint256 private constant NO_SEAT = 0xf000;

    /// @dev Working memory of a handover with differences, allocated once; one entry per opened seat, by seat.
    /// @param places place of the seat's opening among all openings
    /// @param seats the seat's number
    /// @param cursors where in calldata the seat's next change lies
    /// @param ends where in calldata its changes end
    /// @param digests, sketches, counts its answer to the prompt at hand
    struct Bench {
        uint256[] places;
        uint256[] seats;
        uint256[] cursors;
        uint256[] ends;
        uint256[] counts;
        bytes32[] digests;
        bytes32[] sketches;
    }

    /// @notice Judges every prompt.
    /// @param seats bitmap of the opened seats: those that the handover opens, at least the quorum and at least one
    function judge(ISessionQueue.Handover calldata handover, uint256 seats) internal pure returns (Result memory result) {
        if (handover.changes.length == 0) return judgeAlike(handover, seats);
        uint256 prompts = handover.terms.promptTokens.length / 3;
        result.outcomes = Answers.newOutcomes(prompts);
        uint256 outcome = (_lowest(seats) << 12) | seats;
        TaskRules rules = handover.terms.rules;
        Bench memory bench = _bench(handover, seats);
        result.own = new uint256[](handover.openings.length);
        uint256 prompt = 0;
        while (true) {
            uint256 changed = _nextChange(bench, prompts);
            _agree(handover, result, prompt, changed, outcome);
            if (changed == prompts) return result;
            _judgePrompt(handover, rules, bench, result, changed);
            prompt = changed + 1;
        }
    }

    /// @notice The same, for a handover in which no opening differs from the base.
    function judgeAlike(ISessionQueue.Handover calldata handover, uint256 seats) internal pure returns (Result memory result) {
        uint256 prompts = handover.terms.promptTokens.length / 3;
        result.outcomes = Answers.newOutcomes(prompts);
        _agree(handover, result, 0, prompts, (_lowest(seats) << 12) | seats);
    }

    /// @dev Prompts on which all answer alike, byte for byte.
    function _agree(
        ISessionQueue.Handover calldata handover,
        Result memory result,
        uint256 from,
        uint256 to,
        uint256 outcome
    ) private pure {
        bytes calldata declared = handover.terms.promptTokens;
        bytes calldata base = handover.base;
        bytes memory outcomes = result.outcomes;
        uint256 most = handover.terms.rules.maxTokens();
        uint256 tokens = 0;
        uint256 refused = 0;
        unchecked {
            // Three-byte counts of at most 1,024 prompts: no sum comes near 2^256.
            for (uint256 prompt = from; prompt < to; ++prompt) {
                (bytes32 digest, , uint256 count) = Answers.load(Answers.position(base, prompt * Answers.SIZE));
                uint256 asked = Answers.promptTokensAt(declared, prompt);
                if (Answers.isRefusal(digest)) {
                    ++refused;
                    tokens += _lesser(asked, Answers.REFUSAL_TOKENS);
                } else {
                    tokens += asked + _lesser(count, most);
                }
                Answers.setOutcome(outcomes, prompt, outcome);
            }
            result.tokens += tokens;
            result.agreed += to - from;
            result.refused += refused;
            result.refusedByAll += refused;
        }
    }

    /// @dev A prompt on which at least one opening differs from the base.
    function _judgePrompt(
        ISessionQueue.Handover calldata handover,
        TaskRules rules,
        Bench memory bench,
        Result memory result,
        uint256 prompt
    ) private pure {
        _load(bench, prompt, Answers.position(handover.base, prompt * Answers.SIZE));
        Sketch.Verdict memory verdict = Sketch.judge(bench.digests, bench.sketches, rules.exact(), rules.threshold(), rules.quorum());
        ++result.differing;
        if (!verdict.agreed) {
            Answers.setOutcome(result.outcomes, prompt, NO_SEAT);
            return;
        }
        ++result.agreed;
        uint256 accepted = verdict.accepted;
        uint256 due = Answers.promptTokensAt(handover.terms.promptTokens, prompt);
        if (Answers.isRefusal(bench.digests.get(verdict.canonical))) {
            ++result.refused;
            due = _lesser(due, Answers.REFUSAL_TOKENS);
        } else {
            due += ACCEPTED + _lesser(lowerMedian(bench.counts, accepted), rules.maxTokens());
        }
        uint256[] memory own = result.own;
        uint256 seats = 0;
        unchecked {
            // Three-byte counts of at most 1,024 prompts stay below 2^64, and at most 1,024 prompts below 2^16.
            uint256[] memory places = bench.places;
            for (uint256 i = 0; i < places.length; ++i) {
                uint256 place = places.get(i);
                uint256 booked = OUTLIER;
                if ((accepted >> i) & 1 == 1) {
                    booked = due;
                    seats |= 1 << bench.seats.get(i);
                }
                own.set(place, own.get(place) + booked);
            }
        }
        Answers.setOutcome(result.outcomes, prompt, (bench.seats.get(verdict.canonical) << 12) | seats);
    }

    /// @dev Reads every seat's answer to a prompt, its own where it changed it, else the base's, and moves the cursors on.
    function _load(Bench memory bench, uint256 prompt, uint256 base) private pure {
        unchecked {
            // Positions in calldata.
            uint256[] memory cursors = bench.cursors;
            for (uint256 i = 0; i < cursors.length; ++i) {
                uint256 cursor = cursors.get(i);
                uint256 position = base;
                if (cursor < bench.ends.get(i) && Answers.promptOf(cursor) == prompt) {
                    position = cursor + 2;
                    cursors.set(i, cursor + Answers.CHANGE);
                }
                (bytes32 digest, bytes32 sketch, uint256 count) = Answers.load(position);
                bench.digests.set(i, digest);
                bench.sketches.set(i, sketch);
                bench.counts.set(i, count);
            }
        }
    }

    /// @notice The lower median of the values whose place is set in `members`; 0 where none is.
    function lowerMedian(uint256[] memory values, uint256 members) internal pure returns (uint256) {
        uint256 size = Sketch.seatCount(members);
        if (size == 0) return 0;
        uint256 rank = (size - 1) / 2;
        unchecked {
            // Counters of at most 16.
            for (uint256 i = 0; i < values.length; ++i) {
                if ((members >> i) & 1 == 0) continue;
                uint256 value = values.get(i);
                uint256 less = 0;
                uint256 most = 0;
                for (uint256 j = 0; j < values.length; ++j) {
                    if ((members >> j) & 1 == 0) continue;
                    uint256 other = values.get(j);
                    if (other < value) ++less;
                    if (other <= value) ++most;
                }
                if (less <= rank && rank < most) return value;
            }
        }
        return 0;
    }

    function _lowest(uint256 seats) private pure returns (uint256 seat) {
        while ((seats >> seat) & 1 == 0) ++seat;
    }

    /// @dev Judging goes by seat, not by the order in which they committed: ties go to the lowest seat.
    function _bench(ISessionQueue.Handover calldata handover, uint256 opened) private pure returns (Bench memory bench) {
        uint256 count = Sketch.seatCount(opened);
        bench.places = new uint256[](count);
        bench.seats = new uint256[](count);
        bench.cursors = new uint256[](count);
        bench.ends = new uint256[](count);
        bench.counts = new uint256[](count);
        bench.digests = new bytes32[](count);
        bench.sketches = new bytes32[](count);
        uint256 order = 0;
        for (uint256 i = 0; i < handover.openings.length; ++i) order |= i << (4 * handover.openings[i].seat());
        uint256 found = 0;
        for (uint256 seat = 0; found < count; ++seat) {
            if ((opened >> seat) & 1 == 0) continue;
            uint256 place = (order >> (4 * seat)) & 0xf;
            bytes calldata changes = handover.changes[place];
            bench.places[found] = place;
            bench.seats[found] = seat;
            bench.cursors[found] = Answers.position(changes, 0);
            bench.ends[found++] = Answers.position(changes, changes.length);
        }
    }

    /// @dev The lowest prompt that any opening changes from where the cursors stand; `prompts` if none.
    function _nextChange(Bench memory bench, uint256 prompts) private pure returns (uint256 next) {
        next = prompts;
        unchecked {
            // An index.
            uint256[] memory cursors = bench.cursors;
            for (uint256 i = 0; i < cursors.length; ++i) {
                uint256 cursor = cursors.get(i);
                if (cursor < bench.ends.get(i)) next = _lesser(next, Answers.promptOf(cursor));
            }
        }
    }

    function _lesser(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
