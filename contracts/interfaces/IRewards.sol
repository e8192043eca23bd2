// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Part} from "../libraries/Parts.sol";
import {NodeId} from "./INodePool.sol";

/// @title IRewards: the network's incentive allocation, paid out by epochs
/// @notice Each epoch has a budget in three lines: liveness (rounds of level 1), health (all other network work) and service (users'
/// prompts). A node's share of a line is its weight among all weights of the line, and of that the part of the epoch in which it was alive.
/// @dev Weight = points x (1 + level x beta), by the level at which the points were made. The gates: of what the node was asked in rounds
/// of the epoch it must have begun at least `commitGateBps`, and done at least `totalGateBps`; else it earns nothing of the epoch.
/// Funded by sending COR here; nothing is minted. An epoch's budget is set aside when its first point is made, from what is held and
/// not yet promised, so the sum of claims never passes what was sent. What nobody earned or claimed goes back to the pot by `lapse`.
/// No call walks over nodes: shares follow from sums that grow as points come in.
///
/// Service is paid per accepted prompt, and never more than `perPrompt` each. Keep that below the protocol fee on the cheapest prompt that
/// any session lets through (one token at the lowest price): then whoever sends prompts to its own nodes pays more in fees than it earns here.
interface IRewards {
    /// @notice The governed parameters; an epoch keeps those with which it opened.
    /// @param budget of an epoch, base units; less where less is left
    /// @param perPrompt most that an accepted prompt earns, base units
    /// @param livenessBps share of the budget for liveness, 1/10,000
    /// @param healthBps share for health
    /// @param serviceBps share for service; the three are at most 10,000 together
    /// @param betaBps how much a level adds to weight, 1/10,000
    /// @param commitGateBps least share of assignments begun
    /// @param totalGateBps least share of assignments done
    struct Parameters {
        uint96 budget;
        uint64 perPrompt;
        uint16 livenessBps;
        uint16 healthBps;
        uint16 serviceBps;
        uint16 betaBps;
        uint16 commitGateBps;
        uint16 totalGateBps;
    }

    /// @notice An epoch as stored.
    /// @param parameters in force when it opened; `budget` is what was set aside
    /// @param liveness, health, service sums of all weights, 1/10,000 of a point
    /// @param claimed paid out, base units
    /// @param opened whether any point was made in it
    /// @param lapsed whether what was left went back to the pot
    struct Epoch {
        Parameters parameters;
        uint80 liveness;
        uint80 health;
        uint80 service;
        uint96 claimed;
        bool opened;
        bool lapsed;
    }

    /// @notice What a node did in an epoch.
    /// @param liveness, health, service its weights, 1/10,000 of a point
    /// @param prompts accepted prompts that were counted
    /// @param asked assignments in rounds
    /// @param begun of them, not silent
    /// @param done of them, delivered and not missed
    /// @param claimed whether it was paid
    struct Tally {
        uint56 liveness;
        uint56 health;
        uint56 service;
        uint24 prompts;
        uint16 asked;
        uint16 begun;
        uint16 done;
        bool claimed;
    }

    /// @notice The first point of an epoch was made: so much is set aside for it.
    event EpochOpened(uint40 indexed epoch, Parameters parameters);
    /// @notice Parts in a round were counted (see `Parts`).
    event PartsCounted(uint40 indexed epoch, Part[] parts);
    /// @notice Accepted prompts of a node were counted up to `total`, at its level; the first time only `total` is noted.
    event ServiceCounted(uint40 indexed epoch, NodeId indexed node, uint256 prompts, uint256 level, uint256 total);
    /// @notice A node was paid for an epoch, line by line, base units.
    event RewardClaimed(uint40 indexed epoch, NodeId indexed node, address indexed to, uint256 liveness, uint256 health, uint256 service);
    /// @notice What was left of an epoch went back to the pot, base units.
    event EpochLapsed(uint40 indexed epoch, uint256 amount);
    /// @notice The parameters of epochs to come.
    event RewardParametersChanged(Parameters parameters);

    /// @notice The caller is not the one who may do this.
    error RewardsUnauthorized(address found, address wanted);
    /// @notice A field is out of range.
    error RewardsOutOfRange(uint256 found, uint256 most);
    /// @notice The epoch runs, or may still be claimed: `wanted` is the first second at which it works.
    error RewardsTooEarly(uint256 found, uint256 wanted);
    /// @notice The node was paid for the epoch.
    error RewardsAlreadyClaimed(uint40 epoch, NodeId node);
    /// @notice The epoch never opened, or has lapsed.
    error RewardsNoEpoch(uint40 epoch);
    /// @notice Zero address.
    error RewardsZeroAddress();

    /// @notice PoUW: counts parts in a round for the running epoch. Reverts on nothing that parts say.
    function count(Part[] calldata parts) external;

    /// @notice Anyone: counts the prompts that were accepted from nodes since they were last counted, for the running epoch. The first time
    /// of a node only notes where it stands.
    function countService(NodeId[] calldata nodes) external;

    /// @notice Node's owner: is paid for epochs that are over. An epoch that earned nothing is marked as paid too.
    /// @return amount base units, each line rounded down
    function claim(NodeId node, uint40[] calldata epochs, address to) external returns (uint256 amount);

    /// @notice Anyone: returns to the pot what was not claimed of an epoch within `CLAIM_PERIOD` of its end.
    function lapse(uint40 epoch) external;

    /// @notice Governance: parameters of epochs to come.
    function setParameters(Parameters calldata parameters) external;

    /// @notice What `claim` would pay for an epoch, base units: 0 while it runs, and after it was paid.
    function claimable(NodeId node, uint40 epoch) external view returns (uint256 liveness, uint256 health, uint256 service);

    /// @notice An epoch as stored.
    function epochOf(uint40 epoch) external view returns (Epoch memory);

    /// @notice What a node did in an epoch.
    function tallyOf(uint40 epoch, NodeId node) external view returns (Tally memory);

    /// @notice Accepted prompts up to which the node was counted, and whether it ever was.
    function countedOf(NodeId node) external view returns (uint256 prompts, bool known);

    /// @notice The share of an epoch's windows in which the node pinged, 1/10,000.
    function uptimeOf(uint40 epoch, NodeId node) external view returns (uint256);

    /// @notice The running epoch: seconds divided by `EPOCH`.
    function currentEpoch() external view returns (uint40);

    /// @notice COR set aside for epochs and not yet claimed or lapsed, base units.
    function promised() external view returns (uint256);

    /// @notice The governed parameters in force.
    function parameters() external view returns (Parameters memory);
}
