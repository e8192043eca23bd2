// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IOracleCommittee: who keeps time now
/// @notice Oracles take turns in a fixed order, one slot each. The leader acts first; after a grace period anyone may do all that it does.
/// A leader that is silent is passed over by anyone's `rotate`.
/// @dev Trusted with liveness alone: an oracle can open and advance rounds and so can everybody else a little later. It cannot alter a
/// result, touch money or keep anyone out. Which slot it is follows from the clock; who leads it follows from the order and from how
/// often a leader was passed over. In one slot the acts of at most one leader are accepted as such.
interface IOracleCommittee {
    /// @notice Governance set the order.
    event CommitteeChanged(address[] oracles);
    /// @notice A leader's first act or heartbeat in a slot.
    event LeaderActed(uint40 indexed slot, address indexed leader);
    /// @notice A silent leader was passed over: the order moved on by one for good.
    event LeaderRotated(uint40 indexed slot, address indexed silent, address indexed leader, address by);

    /// @notice The caller is not the one who may do this.
    error OracleCommitteeUnauthorized(address found, address wanted);
    /// @notice The leader may still act: `wanted` is the first second in which it may be passed over.
    error OracleCommitteeNotSilent(uint256 found, uint256 wanted);
    /// @notice Another leader has acted in this slot.
    error OracleCommitteeSlotTaken(uint40 slot, address by);
    /// @notice Too many oracles, one twice, or none where one is needed.
    error OracleCommitteeMembers(uint256 found, uint256 most);

    /// @notice Governance: sets the oracles and their order; at most `MAX`. None: anyone may act at once.
    function setOracles(address[] calldata oracles) external;

    /// @notice Leader: shows that it lives.
    function heartbeat() external;

    /// @notice Anyone: passes over a leader that neither acted nor sent a heartbeat for `SILENCE` seconds of its slot. Reverts before.
    function rotate() external;

    /// @notice PoUW: somebody acted; counts as a sign of life where it is the leader.
    function note(address actor) external;

    /// @notice Whether somebody may do a leader's act that has been due since `dueAt` (seconds): the leader, or anyone after the grace.
    function mayAct(address actor, uint40 dueAt) external view returns (bool);

    /// @notice Whether it is on the committee.
    function isOracle(address account) external view returns (bool);

    /// @notice Who leads now; zero where there is nobody.
    function leader() external view returns (address);

    /// @notice The oracles in their order.
    function oracles() external view returns (address[] memory);

    /// @notice Whose act as leader was accepted in a slot; zero where nobody's was.
    function actorOf(uint40 slot) external view returns (address);

    /// @notice The running slot: seconds divided by `SLOT`.
    function currentSlot() external view returns (uint40);
}
