// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title COR, the network's token
/// @notice One billion, all minted at deployment to one holder that distributes them; nobody can mint, burn, pause or seize.
/// @dev ERC-20 with permit (ERC-2612), votes (ERC-5805, clock in seconds) and transfers by authorisation (ERC-3009).
contract COR is ERC20, ERC20Permit, ERC20Votes, ERC3009 {
    uint256 public constant CAP = 1_000_000_000e18;

    /// @param holder receives the whole supply
    constructor(address holder) ERC20("Corroborate", "COR") ERC20Permit("Corroborate") {
        _mint(holder, CAP);
    }

    /// @dev Block numbers mean different things on different chains; seconds do not.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @dev ERC-6372.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The next nonce of an owner's permits and delegations by signature.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
