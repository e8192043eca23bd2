// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title HostileToken: a token that misbehaves as it is told
/// @notice Holds balances like an ERC-20; allowances are not checked. `Skim` keeps a part of every transfer, `Lie` returns false
/// without moving anything, `Mute` moves and returns nothing (as USDT does), `Call` makes a call before it moves. Whatever its
/// manner, it moves nothing to a blocked account.
contract HostileToken {
    enum Manner {
        Honest,
        Skim,
        Lie,
        Mute,
        Call
    }

    Manner public manner;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => bool) public blocked;
    address private _target;
    bytes private _data;
    /// @notice Whether the call that was made on the way went through.
    bool public reentered;
    bytes public answer;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function behave(Manner next) external {
        manner = next;
    }

    function blockAccount(address account, bool isBlocked) external {
        blocked[account] = isBlocked;
    }

    /// @notice Calls `target` with `data` in every transfer from now on.
    function callInstead(address target, bytes calldata data) external {
        manner = Manner.Call;
        _target = target;
        _data = data;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        require(!blocked[to], "blocked");
        if (manner == Manner.Lie) return false;
        if (manner == Manner.Call) {
            manner = Manner.Honest;
            (reentered, answer) = _target.call(_data);
        }
        balanceOf[from] -= amount;
        balanceOf[to] += manner == Manner.Skim ? amount - (amount + 99) / 100 : amount;
        if (manner == Manner.Mute) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }
}
