// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev The facts of a running task in one word (one slot). From the lowest bit: seed 96, lease 32, commitsCloseAt 32,
/// revealWindow 16, commitWindow 16, committed 12, revealed 12, redundancy 4, quorum 4, generation 16, state 8, flags 8. Unpacked
/// in `ISessionQueue.Facts`.
type TaskFacts is uint256;

using TaskFactsLib for TaskFacts global;

/// @title TaskFactsLib: reads and writes `TaskFacts`
/// @dev Values are masked to their field; callers hand in what fits.
library TaskFactsLib {
    uint256 internal constant UNSEEDED = 1;
    uint256 internal constant SEEDED = 2;
    uint256 internal constant ENDED = 3;

    /// @notice Flag: nodes are still to be drawn; `lease` then names the one whose members are to be avoided (0: none).
    uint256 internal constant WAITING = 1;
    /// @notice Flag: the second attempt.
    uint256 internal constant RERUN = 2;
    /// @notice Flag: the committee's lease has a member more, who may stand in for one silent seat.
    uint256 internal constant STANDBY = 4;
    /// @notice Flag: the standby has committed.
    uint256 internal constant STOOD_IN = 8;
    /// @notice Flag: a verdict of validators is or may be asked for.
    uint256 internal constant JUDGED = 16;

    /// @notice What the facts of a new task are made of.
    struct Birth {
        uint256 seedBlock;
        uint256 lease;
        uint256 closeAt;
        uint256 revealWindow;
        uint256 commitWindow;
        uint256 redundancy;
        uint256 quorum;
        uint256 generation;
        uint256 flags;
    }

    /// @notice The facts of a task that is born now.
    function born(Birth memory birth) internal pure returns (TaskFacts) {
        return
            TaskFacts.wrap(
                uint96(birth.seedBlock) |
                    (uint256(uint32(birth.lease)) << 96) |
                    (uint256(uint32(birth.closeAt)) << 128) |
                    (uint256(uint16(birth.revealWindow)) << 160) |
                    (uint256(uint16(birth.commitWindow)) << 176) |
                    ((birth.redundancy & 0xf) << 216) |
                    ((birth.quorum & 0xf) << 220) |
                    (uint256(uint16(birth.generation)) << 224) |
                    (UNSEEDED << 240) |
                    (birth.flags << 248)
            );
    }

    function seed(TaskFacts self) internal pure returns (uint96) {
        return uint96(TaskFacts.unwrap(self));
    }

    function lease(TaskFacts self) internal pure returns (uint32) {
        return uint32(TaskFacts.unwrap(self) >> 96);
    }

    function commitsCloseAt(TaskFacts self) internal pure returns (uint40) {
        return uint32(TaskFacts.unwrap(self) >> 128);
    }

    function revealWindow(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 160);
    }

    function commitWindow(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 176);
    }

    function committed(TaskFacts self) internal pure returns (uint16) {
        return uint16((TaskFacts.unwrap(self) >> 192) & 0xfff);
    }

    function revealed(TaskFacts self) internal pure returns (uint16) {
        return uint16((TaskFacts.unwrap(self) >> 204) & 0xfff);
    }

    function redundancy(TaskFacts self) internal pure returns (uint8) {
        return uint8((TaskFacts.unwrap(self) >> 216) & 0xf);
    }

    function quorum(TaskFacts self) internal pure returns (uint8) {
        return uint8((TaskFacts.unwrap(self) >> 220) & 0xf);
    }

    function generation(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 224);
    }

    function state(TaskFacts self) internal pure returns (uint256) {
        return uint8(TaskFacts.unwrap(self) >> 240);
    }

    function has(TaskFacts self, uint256 flag) internal pure returns (bool) {
        return (TaskFacts.unwrap(self) >> 248) & flag != 0;
    }

    /// @notice Whether the slot's task runs.
    function isLive(TaskFacts self) internal pure returns (bool) {
        return self.state() == UNSEEDED || self.state() == SEEDED;
    }

    /// @notice The seed takes the place of the number of the block that decided it.
    function withSeed(TaskFacts self, bytes32 fullSeed) internal pure returns (TaskFacts) {
        uint256 rest = TaskFacts.unwrap(self) & ~(uint256(type(uint96).max) | (uint256(0xff) << 240));
        return TaskFacts.wrap(rest | uint96(uint256(fullSeed)) | (SEEDED << 240));
    }

    /// @notice Nodes were drawn: nothing is waited for any more.
    function withLease(TaskFacts self, uint32 value) internal pure returns (TaskFacts) {
        return _with(_with(self, 248, WAITING, 0), 96, type(uint32).max, value);
    }

    function withClose(TaskFacts self, uint40 value) internal pure returns (TaskFacts) {
        return _with(self, 128, type(uint32).max, value);
    }

    function withCommitted(TaskFacts self, uint256 seats) internal pure returns (TaskFacts) {
        return TaskFacts.wrap(TaskFacts.unwrap(self) | (seats << 192));
    }

    function withRevealed(TaskFacts self, uint256 seats) internal pure returns (TaskFacts) {
        return TaskFacts.wrap(TaskFacts.unwrap(self) | (seats << 204));
    }

    function withFlag(TaskFacts self, uint256 flag) internal pure returns (TaskFacts) {
        return TaskFacts.wrap(TaskFacts.unwrap(self) | (flag << 248));
    }

    function ended(TaskFacts self) internal pure returns (TaskFacts) {
        return _with(self, 240, 0xff, ENDED);
    }

    function _with(TaskFacts self, uint256 shift, uint256 mask, uint256 value) private pure returns (TaskFacts) {
        return TaskFacts.wrap((TaskFacts.unwrap(self) & ~(mask << shift)) | (value << shift));
    }
}
