// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {INodePool} from "../interfaces/INodePool.sol";
import {IOracleCommittee} from "../interfaces/IOracleCommittee.sol";
import {Awaits, Ending, IPoUW, Kind, Phase, RoundId} from "../interfaces/IPoUW.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {IReferee} from "../interfaces/IReferee.sol";
import {IReputation} from "../interfaces/IReputation.sol";
import {IRewards} from "../interfaces/IRewards.sol";
import {Facts, Round, RoundLib, Step} from "../libraries/RoundLib.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title RoundStore: what rounds store, and the rules that their two halves share
/// @notice `PoUW` is what members and readers call; `RoundDesk` holds the code that opens, advances and ends rounds, which PoUW runs by
/// delegatecall on its own storage, because all of it together passes EIP-170's limit. This base fixes the storage of both.
abstract contract RoundStore is AccessManaged {
    using RoundLib for Facts;

    /// @notice Places for running rounds.
    uint64 public constant RING = 16;
    /// @dev A panel's seats lie behind the answerers'.
    uint256 internal constant PANEL = 16;
    uint256 internal constant ENDING_BITS = 4;
    IERC20 public immutable TOKEN;
    INodePool public immutable POOL;
    IModelRegistry public immutable MODELS;
    IRandomness public immutable RANDOMNESS;
    IReputation public immutable REPUTATION;
    IRewards public immutable REWARDS;
    IOracleCommittee public immutable ORACLES;
    /// @notice Draws, groups and concludes.
    IReferee public immutable REFEREE;
    /// @notice Blocks between a request and the block whose hash decides it.
    uint16 public immutable SEED_DELAY;
    IPoUW.Parameters internal _parameters;
    uint64 internal _last;
    uint8 internal _running;
    uint40 internal _openedAt;
    uint128 internal _owed;
    mapping(uint256 place => Round) internal _rounds;
    /// @dev A commitment, or an opened verdict; by seat, a panel's behind the answerers'.
    mapping(uint256 place => mapping(uint256 seat => bytes32)) internal _sealed;
    mapping(uint256 place => mapping(uint256 seat => bytes32)) internal _digests;
    mapping(uint256 place => mapping(uint256 seat => bytes32)) internal _sketches;
    /// @dev Endings of all rounds, plus one, four bits each.
    mapping(uint256 word => uint256) internal _endings;
    mapping(Kind kind => IPoUW.Rules) internal _rules;
    mapping(Kind kind => bytes32) internal _templates;
    mapping(address account => uint256) internal _bounties;

    /// @notice The other modules.
    struct Wiring {
        IERC20 token;
        INodePool pool;
        IModelRegistry models;
        IRandomness randomness;
        IReputation reputation;
        IRewards rewards;
        IOracleCommittee oracles;
        IReferee referee;
        uint16 seedDelay;
    }

    constructor(address authority, Wiring memory wiring) AccessManaged(authority) {
        TOKEN = wiring.token;
        POOL = wiring.pool;
        MODELS = wiring.models;
        RANDOMNESS = wiring.randomness;
        REPUTATION = wiring.reputation;
        REWARDS = wiring.rewards;
        ORACLES = wiring.oracles;
        REFEREE = wiring.referee;
        SEED_DELAY = wiring.seedDelay;
    }

    /// @dev For the role of `f.step`. Steps and endings are handed on in `f`, not as arguments: the compiler would make a copy of the
    /// function for each.
    function _awaitDraw(Round storage r, Facts memory f) internal {
        uint40 seedBlock = uint40(block.number + SEED_DELAY);
        (f.since, f.seedBlock) = (Windows.clock(), seedBlock);
        f.deadline = Windows.endOf(r.rules.drawWindow);
        _save(r, f);
        emit IPoUW.DrawAwaited(RoundId.wrap(f.id), _roleOf(f.step), seedBlock, f.deadline);
        POOL.announceDraw(r.model, seedBlock);
    }

    /// @dev The one writer of a round's facts: the code that packs them is long, and not to be had nine times.
    function _save(Round storage r, Facts memory f) internal {
        r.facts = f;
    }

    function _isLive(Facts memory f, RoundId round) internal pure returns (bool) {
        return f.step != Step.None && f.id == RoundId.unwrap(round);
    }

    function _live(RoundId round) internal view returns (Round storage r, Facts memory f, Awaits awaits, uint40 deadline) {
        r = _rounds[RoundId.unwrap(round) % RING];
        f = r.facts;
        if (!_isLive(f, round)) revert IPoUW.PoUWWrongPhase(round, _phaseOf(round), Phase.Request);
        (awaits, deadline) = f.awaits(r.rules);
    }

    function _endingOf(RoundId round) internal view returns (uint256) {
        uint256 id = RoundId.unwrap(round);
        return (_endings[id / 64] >> (ENDING_BITS * (id % 64))) & 0xf;
    }

    function _roleOf(Step step) internal pure returns (uint8) {
        return
            step == Step.DrawCreator
                ? 0
                : step == Step.DrawPreparer
                    ? 1
                    : step == Step.DrawAnswerers
                        ? 2
                        : 3;
    }

    /// @dev Where a round is: derived, or remembered once it is over.
    function _phaseOf(RoundId round) internal view returns (Phase) {
        Facts memory f = _rounds[RoundId.unwrap(round) % RING].facts;
        if (_isLive(f, round)) return f.phase();
        uint256 ending = _endingOf(round);
        if (ending == 0) return Phase.None;
        return ending - 1 <= uint256(Ending.Undecided) ? Phase.Ended : Phase.Aborted;
    }

    function _nextOpenAt() internal view returns (uint40) {
        return _openedAt + _parameters.interval;
    }
}
