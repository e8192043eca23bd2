// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev The facts of a running task in one word (one slot). From the lowest bit: seed 96, lease 32, commitsCloseAt 40,
/// revealWindow 16, committed 16, revealed 16, redundancy 8, quorum 8, generation 16, state 8. Unpacked in `ISessionQueue.Facts`.
type TaskFacts is uint256;

using TaskFactsLib for TaskFacts global;

/// @title TaskFactsLib: reads and writes `TaskFacts`
/// @dev Values are masked to their field; callers hand in what fits.
library TaskFactsLib {
    uint256 internal constant UNSEEDED = 1;
    uint256 internal constant SEEDED = 2;
    uint256 internal constant ENDED = 3;

    /// @notice The facts of a task that is born now.
    function born(
        uint256 seedBlock,
        uint256 lease_,
        uint256 closeAt,
        uint256 revealWindow_,
        uint256 redundancy_,
        uint256 quorum_,
        uint256 generation_
    ) internal pure returns (TaskFacts) {
        return
            TaskFacts.wrap(
                uint96(seedBlock) |
                    (uint256(uint32(lease_)) << 96) |
                    (uint256(uint40(closeAt)) << 128) |
                    (uint256(uint16(revealWindow_)) << 168) |
                    (uint256(uint8(redundancy_)) << 216) |
                    (uint256(uint8(quorum_)) << 224) |
                    (uint256(uint16(generation_)) << 232) |
                    (UNSEEDED << 248)
            );
    }

    function seed(TaskFacts self) internal pure returns (uint96) {
        return uint96(TaskFacts.unwrap(self));
    }

    function lease(TaskFacts self) internal pure returns (uint32) {
        return uint32(TaskFacts.unwrap(self) >> 96);
    }

    function commitsCloseAt(TaskFacts self) internal pure returns (uint40) {
        return uint40(TaskFacts.unwrap(self) >> 128);
    }

    function revealWindow(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 168);
    }

    function committed(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 184);
    }

    function revealed(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 200);
    }

    function redundancy(TaskFacts self) internal pure returns (uint8) {
        return uint8(TaskFacts.unwrap(self) >> 216);
    }

    function quorum(TaskFacts self) internal pure returns (uint8) {
        return uint8(TaskFacts.unwrap(self) >> 224);
    }

    function generation(TaskFacts self) internal pure returns (uint16) {
        return uint16(TaskFacts.unwrap(self) >> 232);
    }

    function state(TaskFacts self) internal pure returns (uint256) {
        return TaskFacts.unwrap(self) >> 248;
    }

    /// @notice Whether the slot's task runs.
    function isLive(TaskFacts self) internal pure returns (bool) {
        return self.state() == UNSEEDED || self.state() == SEEDED;
    }

    /// @notice The seed takes the place of the number of the block that decided it.
    function withSeed(TaskFacts self, bytes32 fullSeed) internal pure returns (TaskFacts) {
        uint256 rest = TaskFacts.unwrap(self) & ~(uint256(type(uint96).max) | (uint256(0xff) << 248));
        return TaskFacts.wrap(rest | uint96(uint256(fullSeed)) | (SEEDED << 248));
    }

    function withLease(TaskFacts self, uint32 value) internal pure returns (TaskFacts) {
        return _with(self, 96, type(uint32).max, value);
    }

    function withClose(TaskFacts self, uint40 value) internal pure returns (TaskFacts) {
        return _with(self, 128, type(uint40).max, value);
    }

    function withCommitted(TaskFacts self, uint256 seats) internal pure returns (TaskFacts) {
        return TaskFacts.wrap(TaskFacts.unwrap(self) | (seats << 184));
    }

    function withRevealed(TaskFacts self, uint256 seats) internal pure returns (TaskFacts) {
        return TaskFacts.wrap(TaskFacts.unwrap(self) | (seats << 200));
    }

    function ended(TaskFacts self) internal pure returns (TaskFacts) {
        return _with(self, 248, 0xff, ENDED);
    }

    function _with(TaskFacts self, uint256 shift, uint256 mask, uint256 value) private pure returns (TaskFacts) {
        return TaskFacts.wrap((TaskFacts.unwrap(self) & ~(mask << shift)) | (value << shift));
    }
}
