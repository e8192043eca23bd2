// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Price} from "../../contracts/libraries/Price.sol";

/// @notice What holds of `Price` for all prices up to 2^96, all shares, and tasks of up to 2^40 tokens and 2^8 seats. Proved by `npm run prove`.
contract MoneyProof {
    function grossRoundsDownByLessThanAUnit(uint40 tokens, uint96 price) external pure {
        uint256 gross = Price.gross(tokens, price);
        assert(gross * Price.PER <= uint256(tokens) * price);
        assert(uint256(tokens) * price < gross * Price.PER + Price.PER);
    }

    function grossGrowsWithTokens(uint40 fewer, uint40 more, uint96 price) external pure {
        require(fewer <= more);
        assert(Price.gross(fewer, price) <= Price.gross(more, price));
    }

    /// The lock covers seats that are each paid for at most the tokens it was made for. In three steps: what a seat is paid, times 1,000,
    /// is at most tokens times price (above); so it is for all seats together; so the lock, which rounds up, is at least that.
    function allSeatsTogetherRoundDownToo(uint136 gross, uint136 exact, uint8 seats) external pure {
        require(gross * Price.PER <= exact);
        assert(gross * Price.PER * seats <= uint256(exact) * seats);
    }

    function lockCoversWhatRoundsDown(uint144 exactForAll, uint144 grossForAll, uint96 bounty) external pure {
        require(grossForAll * Price.PER <= exactForAll);
        assert(uint256(grossForAll) + bounty <= Price.worstCase(exactForAll, 1, 1, bounty));
    }

    function lockIsLessThanAUnitTooMuch(uint40 tokens, uint96 price, uint8 seats, uint96 bounty) external pure {
        uint256 lock = Price.worstCase(tokens, price, seats, bounty) - bounty;
        assert(lock * Price.PER < uint256(tokens) * price * seats + Price.PER);
    }

    function shareIsAtMostTheWhole(uint96 amount, uint16 bps) external pure {
        require(bps <= Price.BPS);
        assert(Price.share(amount, bps) <= amount);
    }

    function shareRoundsDown(uint96 amount, uint16 bps) external pure {
        assert(Price.share(amount, bps) * Price.BPS <= uint256(amount) * bps);
    }

    /// What protocol and router take together is at most the whole, because each rounds down (above).
    function sharesNeverExceedTheWhole(uint96 amount, uint16 protocol, uint16 router, uint96 first, uint96 second) external pure {
        require(uint256(protocol) + router <= Price.BPS);
        require(uint256(first) * Price.BPS <= uint256(amount) * protocol);
        require(uint256(second) * Price.BPS <= uint256(amount) * router);
        assert(uint256(first) + second <= amount);
    }

    function shareOfNothingIsNothing(uint16 bps) external pure {
        assert(Price.share(0, bps) == 0);
    }
}
