// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Score} from "./Score.sol";

/// @dev One node's part in a round, in one word. From the lowest bit: node 24, role 8, conduct 8, mark 8, level 8, line 8, points 16.
type Part is uint256;

using Parts for Part global;

/// @title Parts: what a node was asked in a round and what it delivered
/// @notice The one form in which a round tells reputation, rewards and the log what became of its members.
library Parts {
    /// @notice What a node was drawn for.
    enum Role {
        Creator,
        Preparer,
        Answerer,
        Validator
    }

    /// @notice How well it did. `Capable`: a pass that also counts towards the next level.
    enum Mark {
        None,
        Pass,
        Capable,
        Miss
    }

    /// @notice Which line of the rewards its points belong to.
    enum Line {
        Liveness,
        Health,
        Service
    }

    function pack(
        uint24 who,
        Role drawnFor,
        Score.Conduct did,
        Mark marked,
        uint256 atLevel,
        Line row,
        uint256 worth
    ) internal pure returns (Part) {
        return
            Part.wrap(
                uint256(who) |
                    (uint256(drawnFor) << 24) |
                    (uint256(did) << 32) |
                    (uint256(marked) << 40) |
                    ((atLevel & 0xff) << 48) |
                    (uint256(row) << 56) |
                    ((worth & 0xffff) << 64)
            );
    }

    function node(Part self) internal pure returns (uint24) {
        return uint24(Part.unwrap(self));
    }

    function role(Part self) internal pure returns (Role) {
        return Role(uint8(Part.unwrap(self) >> 24));
    }

    function conduct(Part self) internal pure returns (Score.Conduct) {
        return Score.Conduct(uint8(Part.unwrap(self) >> 32));
    }

    function mark(Part self) internal pure returns (Mark) {
        return Mark(uint8(Part.unwrap(self) >> 40));
    }

    function level(Part self) internal pure returns (uint256) {
        return uint8(Part.unwrap(self) >> 48);
    }

    function line(Part self) internal pure returns (Line) {
        return Line(uint8(Part.unwrap(self) >> 56));
    }

    function points(Part self) internal pure returns (uint256) {
        return uint16(Part.unwrap(self) >> 64);
    }
}
