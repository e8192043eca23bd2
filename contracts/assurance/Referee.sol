// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {INodePool} from "../interfaces/INodePool.sol";
import {Kind} from "../interfaces/IPoUW.sol";
import {IReferee} from "../interfaces/IReferee.sol";
import {IReputation} from "../interfaces/IReputation.sol";
import {Answers} from "../libraries/Answers.sol";
import {RoundBook} from "../libraries/RoundBook.sol";
import {RoundDraw} from "../libraries/RoundDraw.sol";
import {Facts, RoundLib, Step} from "../libraries/RoundLib.sol";
import {Sketch} from "../libraries/Sketch.sol";

/// @title Referee
contract Referee is IReferee {
    using RoundDraw for RoundDraw.Hat;

    INodePool public immutable POOL;
    IReputation public immutable REPUTATION;

    constructor(INodePool pool, IReputation reputation) {
        POOL = pool;
        REPUTATION = reputation;
    }

    /// @inheritdoc IReferee
    /// @dev Answerers of a liveness round come from those who lack a pass, then from the pool; of a capability round from their class; all
    /// others from the pool, and where that is small, then from those who lack a pass.
    function draw(
        Facts calldata f,
        bytes32 model,
        uint256 seated,
        uint256 size,
        bytes32 seed
    ) external view returns (uint240 members, uint256 drawn) {
        RoundDraw.Hat memory hat;
        hat.owners = new address[](2 + uint256(f.seats) + f.lates + size);
        hat.shun(POOL, f.createdBy);
        hat.shun(POOL, f.preparedBy);
        for (uint256 i = 0; i < f.seats; ++i) hat.shun(POOL, RoundLib.memberAt(seated, i));
        for (uint256 i = 0; i < f.lates; ++i) hat.shun(POOL, RoundLib.memberAt(f.late, i));
        bool answers = f.step == Step.DrawAnswerers;
        bool liveness = answers && f.kind == Kind.Liveness;
        if (liveness) hat.fill(POOL, REPUTATION, model, RoundDraw.UNPROVEN, size, seed);
        hat.fill(POOL, REPUTATION, model, answers ? f.tier : 0, size, seed);
        if (!answers && POOL.drawable(model, 0) < RoundDraw.SMALL_POOL) {
            hat.fill(POOL, REPUTATION, model, RoundDraw.UNPROVEN, size, seed);
        }
        return (hat.members, hat.drawn);
    }

    /// @inheritdoc IReferee
    function group(
        uint256 revealed,
        bytes32[] calldata digests,
        bytes32[] calldata sketches,
        uint256 threshold,
        uint256 quorum
    ) external pure returns (uint8 canonical, uint8 agreed, bool refused) {
        Sketch.Verdict memory verdict = Sketch.judge(digests, sketches, false, threshold, quorum);
        if (!verdict.agreed) return (RoundLib.NO_SEAT, 0, false);
        refused = Answers.isRefusal(digests[verdict.canonical]);
        uint256 found = 0;
        for (uint8 seat = 0; found < digests.length; ++seat) {
            if ((revealed >> seat) & 1 == 0) continue;
            if (found == verdict.canonical) canonical = seat;
            if ((verdict.accepted >> found) & 1 == 1) agreed |= uint8(1 << seat);
            ++found;
        }
    }

    /// @inheritdoc IReferee
    function conclude(RoundBook.Case calldata given) external pure returns (RoundBook.Result memory) {
        return RoundBook.conclude(given);
    }
}
