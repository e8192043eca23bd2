// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISessionQueue} from "../interfaces/ISessionQueue.sol";
import {Answers} from "./Answers.sol";
import {OpeningLib} from "./OpeningLib.sol";
import {Sketch} from "./Sketch.sol";
import {TaskRules} from "./TaskRules.sol";
import {Words} from "./Words.sol";

/// @title Judging: from openings to outcomes, prompt by prompt
/// @notice Where no opening differs from the base, all agree and nothing is compared; otherwise `Sketch` decides.
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
    /// @dev Lanes of a token count each, and one bit on top (`lowerMedian`).
    uint256 private constant LANES = 10;
    uint256 private constant LANE_BITS = 25;
    uint256 private constant LANE = 0xffffff;
    /// @dev A one in every lane.
    uint256 private constant ONES = ((1 << 250) - 1) / ((1 << 25) - 1);
    uint256 private constant MARKS = ONES << 24;
    /// @dev No prompt has this number.
    uint256 private constant NEVER = type(uint256).max;

    /// @dev Working memory of a handover with differences, allocated once; one entry per opened seat, by seat: ties go to the lowest,
    /// whatever the order in which they committed.
    /// @param counts declared output tokens of the answers to the prompt at hand, in lanes
    /// @param limit see `Sketch.limitOf`
    /// @param quorum q
    /// @param most most output tokens that are paid per prompt
    /// @param whole all seats from 0 on opened, so that places in these lists are seat numbers
    /// @param places place of the seat's opening among all openings
    /// @param seats the seat's number
    /// @param cursors where in calldata the seat's next change lies
    /// @param ends where in calldata its changes end
    /// @param heads the prompt that the next change is of, or `NEVER`
    /// @param due what the seat is paid and booked for, as in `Result.own`
    /// @param digests, sketches its answer to the prompt at hand
    struct Bench {
        uint256 counts;
        uint256 limit;
        uint256 quorum;
        uint256 most;
        bool whole;
        uint256[] places;
        uint256[] seats;
        uint256[] cursors;
        uint256[] ends;
        uint256[] heads;
        uint256[] due;
        bytes32[] digests;
        bytes32[] sketches;
    }

    /// @notice Judges every prompt.
    /// @param seats bitmap of the opened seats: those that the handover opens, at least the quorum and at least one
    function judge(ISessionQueue.Handover calldata handover, uint256 seats) internal pure returns (Result memory result) {
        if (handover.changes.length == 0) return judgeAlike(handover, seats);
        bytes calldata declared = handover.terms.promptTokens;
        uint256 base = Answers.position(handover.base, 0);
        uint256 prompts = declared.length / 3;
        uint256 outcome = (_lowest(seats) << 12) | seats;
        result.outcomes = Answers.newOutcomes(prompts);
        Bench memory bench = _bench(handover, seats);
        uint256 next = 0;
        uint256 prompt = _firstChange(bench);
        unchecked {
            // Prompt numbers.
            while (prompt < prompts) {
                if (prompt != next) _agree(handover, result, next, prompt, outcome);
                uint256 following = _load(bench, prompt, base + prompt * Answers.SIZE);
                _judgePrompt(bench, result, prompt, Answers.promptTokensAt(declared, prompt));
                next = prompt + 1;
                prompt = following;
            }
        }
        if (next != prompts) _agree(handover, result, next, prompts, outcome);
        result.own = new uint256[](handover.openings.length);
        for (uint256 i = 0; i < bench.places.length; ++i) result.own[bench.places[i]] = bench.due[i];
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

    /// @dev A prompt on which at least one opening differs from the base; its answers lie on the bench.
    function _judgePrompt(Bench memory bench, Result memory result, uint256 prompt, uint256 asked) private pure {
        (uint256 canonical, uint256 accepted) = Sketch.canonicalOf(bench.digests, bench.sketches, bench.limit, bench.quorum);
        unchecked {
            // Counts of at most 1,024 prompts: three-byte numbers of tokens stay below 2^64, numbers of prompts below 2^16.
            ++result.differing;
            if (accepted == 0) return Answers.setOutcome(result.outcomes, prompt, NO_SEAT);
            ++result.agreed;
            uint256 due = ACCEPTED;
            if (Answers.isRefusal(bench.digests.get(canonical))) {
                ++result.refused;
                due = _lesser(asked, Answers.REFUSAL_TOKENS);
            } else {
                due += asked + _lesser(lowerMedian(bench.counts, bench.due.length, accepted), bench.most);
            }
            uint256[] memory sums = bench.due;
            uint256 count = sums.length;
            for (uint256 i = 0; i < count; ++i) {
                sums.set(i, sums.get(i) + ((accepted >> i) & 1 == 1 ? due : OUTLIER));
            }
            if (!bench.whole) (canonical, accepted) = (bench.seats.get(canonical), _seatsOf(bench.seats, accepted));
            Answers.setOutcome(result.outcomes, prompt, (canonical << 12) | accepted);
        }
    }

    /// @dev Reads every seat's answer to a prompt, its own where it changed it, else the base's, and moves the cursors on.
    /// @return next the lowest prompt behind it that any seat changes, or `NEVER`
    function _load(Bench memory bench, uint256 prompt, uint256 base) private pure returns (uint256 next) {
        next = NEVER;
        uint256 counts = 0;
        uint256[] memory heads = bench.heads;
        uint256 count = heads.length;
        unchecked {
            // Positions in calldata.
            for (uint256 i = 0; i < count; ++i) {
                uint256 head = heads.get(i);
                uint256 position = base;
                if (head == prompt) {
                    uint256 cursor = bench.cursors.get(i);
                    position = cursor + 2;
                    cursor += Answers.CHANGE;
                    bench.cursors.set(i, cursor);
                    head = cursor < bench.ends.get(i) ? Answers.promptOf(cursor) : NEVER;
                    heads.set(i, head);
                }
                if (head < next) next = head;
                (bytes32 digest, bytes32 sketch, uint256 tokens) = Answers.load(position);
                bench.digests.set(i, digest);
                bench.sketches.set(i, sketch);
                counts |= tokens << (LANE_BITS * i);
            }
            bench.counts = counts;
        }
    }

    /// @notice The lower median of the values whose place is set in `members`; 0 where none is.
    /// @dev Compares one value with all at once: taken from lanes whose top bit is set, it clears that bit in every lane that holds less.
    /// @param values up to ten values of 24 bits, in lanes of 25 bits from the lowest
    /// @param count how many values there are
    function lowerMedian(uint256 values, uint256 count, uint256 members) internal pure returns (uint256) {
        uint256 rank = Sketch.seatCount(members);
        if (rank == 0) return 0;
        unchecked {
            // Lanes and counters of at most 16.
            rank = (rank - 1) / 2;
            uint256 shift = LANE_BITS * count;
            // Lanes that hold no member's value count as the highest.
            values |= type(uint256).max << shift;
            if (members + 1 != 1 << count) {
                for (uint256 i = 0; i < count; ++i) {
                    if ((members >> i) & 1 == 0) values |= LANE << (LANE_BITS * i);
                }
            }
            uint256 marked = values | MARKS;
            do {
                shift -= LANE_BITS;
                uint256 value = (values >> shift) & LANE;
                uint256 least = marked - value * ONES;
                // More than `rank` values are not above it, and at most `rank` are less.
                if (_marks(least - ONES) + rank < LANES && _marks(least) + rank >= LANES) return value;
            } while (shift != 0);
        }
        return 0;
    }

    /// @dev How many lanes still have their top bit.
    function _marks(uint256 lanes) private pure returns (uint256) {
        unchecked {
            return ((((lanes & MARKS) >> 24) * ONES) >> (LANE_BITS * (LANES - 1))) & 0xf;
        }
    }

    function _lowest(uint256 seats) private pure returns (uint256 seat) {
        while ((seats >> seat) & 1 == 0) ++seat;
    }

    /// @dev Bitmap of seats, from a bitmap of places.
    function _seatsOf(uint256[] memory seats, uint256 places) private pure returns (uint256 bitmap) {
        for (uint256 i = 0; i < seats.length; ++i) {
            if ((places >> i) & 1 == 1) bitmap |= 1 << seats[i];
        }
    }

    function _bench(ISessionQueue.Handover calldata handover, uint256 opened) private pure returns (Bench memory bench) {
        uint256 count = Sketch.seatCount(opened);
        TaskRules rules = handover.terms.rules;
        bench.limit = Sketch.limitOf(rules.exact(), rules.threshold());
        bench.quorum = rules.quorum();
        bench.most = rules.maxTokens();
        bench.whole = opened + 1 == 1 << count;
        bench.places = new uint256[](count);
        bench.seats = new uint256[](count);
        bench.cursors = new uint256[](count);
        bench.ends = new uint256[](count);
        bench.heads = new uint256[](count);
        bench.due = new uint256[](count);
        bench.digests = new bytes32[](count);
        bench.sketches = new bytes32[](count);
        uint256 order = 0;
        for (uint256 i = 0; i < handover.openings.length; ++i) order |= i << (4 * handover.openings[i].seat());
        uint256 found = 0;
        for (uint256 seat = 0; found < count; ++seat) {
            if ((opened >> seat) & 1 == 0) continue;
            uint256 place = (order >> (4 * seat)) & 0xf;
            bytes calldata changes = handover.changes[place];
            uint256 cursor = Answers.position(changes, 0);
            bench.places[found] = place;
            bench.seats[found] = seat;
            bench.cursors[found] = cursor;
            bench.ends[found] = cursor + changes.length;
            bench.heads[found++] = changes.length == 0 ? NEVER : Answers.promptOf(cursor);
        }
    }

    /// @dev The lowest prompt that any seat changes, or `NEVER`.
    function _firstChange(Bench memory bench) private pure returns (uint256 first) {
        first = NEVER;
        for (uint256 i = 0; i < bench.heads.length; ++i) first = _lesser(first, bench.heads[i]);
    }

    function _lesser(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
