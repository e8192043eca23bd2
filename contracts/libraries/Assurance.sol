// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev What a task asks for beyond agreement, in one word; 0 where nothing is asked. From the lowest bit: validators 8,
/// sampleBps 16, verdictCommitWindow 16, verdictRevealWindow 16, appealWindow 16, bar 8, validatorPrice 96, rerun 8, holdRate 64.
type Assurance is uint256;

using AssuranceLib for Assurance global;

/// @title AssuranceLib: reads and writes `Assurance`
library AssuranceLib {
    /// @notice Validators that an appeal draws where no panel sat before.
    uint256 internal constant FIRST_APPEAL = 3;

    /// @notice The word, unpacked.
    /// @param validators v, drawn after the reveals; 0 to 4
    /// @param sampleBps share of the tasks that are validated, 1/10,000
    /// @param verdictCommitWindow time in which validators commit, seconds
    /// @param verdictRevealWindow time in which they open, seconds
    /// @param appealWindow time in which a verdict may be appealed, seconds; 0: not at all. At v = 0, a window in which a bond draws
    /// the first panel
    /// @param bar lowest median usefulness that is paid, 0 to 10; 0: none
    /// @param validatorPrice COR base units per validator and task
    /// @param rerun whether a task that ends without a majority runs once more with other nodes
    /// @param holdRate price of one node for one second of a draw that is made for this task, base units
    struct Unpacked {
        uint8 validators;
        uint16 sampleBps;
        uint16 verdictCommitWindow;
        uint16 verdictRevealWindow;
        uint16 appealWindow;
        uint8 bar;
        uint96 validatorPrice;
        bool rerun;
        uint64 holdRate;
    }

    function pack(Unpacked memory a) internal pure returns (Assurance) {
        return
            Assurance.wrap(
                uint256(a.validators) |
                    (uint256(a.sampleBps) << 8) |
                    (uint256(a.verdictCommitWindow) << 24) |
                    (uint256(a.verdictRevealWindow) << 40) |
                    (uint256(a.appealWindow) << 56) |
                    (uint256(a.bar) << 72) |
                    (uint256(a.validatorPrice) << 80) |
                    (uint256(a.rerun ? 1 : 0) << 176) |
                    (uint256(a.holdRate) << 184)
            );
    }

    function unpack(Assurance self) internal pure returns (Unpacked memory) {
        return
            Unpacked({
                validators: uint8(self.validators()),
                sampleBps: uint16(self.sampleBps()),
                verdictCommitWindow: uint16(self.verdictCommitWindow()),
                verdictRevealWindow: uint16(self.verdictRevealWindow()),
                appealWindow: uint16(self.appealWindow()),
                bar: uint8(self.bar()),
                validatorPrice: uint96(self.validatorPrice()),
                rerun: self.rerun(),
                holdRate: uint64(self.holdRate())
            });
    }

    function validators(Assurance self) internal pure returns (uint256) {
        return uint8(Assurance.unwrap(self));
    }

    function sampleBps(Assurance self) internal pure returns (uint256) {
        return uint16(Assurance.unwrap(self) >> 8);
    }

    function verdictCommitWindow(Assurance self) internal pure returns (uint256) {
        return uint16(Assurance.unwrap(self) >> 24);
    }

    function verdictRevealWindow(Assurance self) internal pure returns (uint256) {
        return uint16(Assurance.unwrap(self) >> 40);
    }

    function appealWindow(Assurance self) internal pure returns (uint256) {
        return uint16(Assurance.unwrap(self) >> 56);
    }

    function bar(Assurance self) internal pure returns (uint256) {
        return uint8(Assurance.unwrap(self) >> 72);
    }

    function validatorPrice(Assurance self) internal pure returns (uint256) {
        return uint96(Assurance.unwrap(self) >> 80);
    }

    function rerun(Assurance self) internal pure returns (bool) {
        return uint8(Assurance.unwrap(self) >> 176) != 0;
    }

    function holdRate(Assurance self) internal pure returns (uint256) {
        return uint64(Assurance.unwrap(self) >> 184);
    }

    /// @notice Whether a verdict can be asked for: by sampling, or by an appeal.
    function judged(Assurance self) internal pure returns (bool) {
        return self.validators() != 0 || self.appealWindow() != 0;
    }

    /// @notice Validators of the appeal panel: twice as many and one more, or `FIRST_APPEAL` where none sat before.
    function appealSize(Assurance self) internal pure returns (uint256) {
        uint256 first = self.validators();
        return first == 0 ? FIRST_APPEAL : 2 * first + 1;
    }

    /// @notice Most that validators can cost, base units: both panels where an appeal is possible.
    function mostForVerdicts(Assurance self) internal pure returns (uint256) {
        uint256 seats = self.validators() + (self.appealWindow() == 0 ? 0 : self.appealSize());
        return seats * self.validatorPrice();
    }
}
