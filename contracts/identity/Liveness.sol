// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ILiveness} from "../interfaces/ILiveness.sol";
import {INodePool, NodeId} from "../interfaces/INodePool.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Liveness
contract Liveness is ILiveness, EIP712 {
    bytes32 private constant PING_TYPEHASH = keccak256("Ping(uint24 node,uint40 window)");
    /// @notice Shortest window, seconds.
    uint40 public constant MIN_WINDOW = 10;

    INodePool public immutable POOL;
    /// @inheritdoc ILiveness
    uint40 public immutable WINDOW;

    mapping(uint256 window => mapping(uint256 word => uint256)) private _bits;

    constructor(INodePool pool, uint40 window) EIP712("Corroborate", "1") {
        if (window < MIN_WINDOW) revert LivenessWindowTooShort(window, MIN_WINDOW);
        POOL = pool;
        WINDOW = window;
    }

    /// @inheritdoc ILiveness
    function ping(uint40 window, Ping[] calldata pings) external returns (uint256 fresh) {
        if (window != currentWindow()) revert LivenessWrongWindow(window, currentWindow());
        bytes32 domain = _domainSeparatorV4();
        uint256 word = 0;
        uint256 bits = 0;
        for (uint256 i = 0; i < pings.length; ++i) {
            Ping calldata given = pings[i];
            uint256 node = NodeId.unwrap(given.node);
            if (node >> 8 != word) {
                fresh += _write(window, word, bits);
                (word, bits) = (node >> 8, 0);
            }
            bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, _structHash(given.node, window)));
            (address signer, , ) = ECDSA.tryRecover(digest, given.r, given.vs);
            if (signer != address(0) && signer == POOL.operatorOf(given.node)) bits |= 1 << (node & 0xff);
        }
        fresh += _write(window, word, bits);
    }

    /// @inheritdoc ILiveness
    function isAlive(NodeId node) external view returns (bool) {
        uint40 window = currentWindow();
        return pinged(window, node) || (window != 0 && pinged(window - 1, node));
    }

    /// @inheritdoc ILiveness
    function pinged(uint40 window, NodeId node) public view returns (bool) {
        uint256 number = NodeId.unwrap(node);
        return (_bits[window][number >> 8] >> (number & 0xff)) & 1 == 1;
    }

    /// @inheritdoc ILiveness
    function pingsOf(NodeId node, uint40 from, uint256 count) external view returns (uint256 found) {
        for (uint40 i = 0; i < count; ++i) {
            if (pinged(from + i, node)) ++found;
        }
    }

    /// @inheritdoc ILiveness
    function currentWindow() public view returns (uint40) {
        return Windows.clock() / WINDOW;
    }

    /// @inheritdoc ILiveness
    function pingDigest(NodeId node, uint40 window) external view returns (bytes32) {
        return _hashTypedDataV4(_structHash(node, window));
    }

    function _structHash(NodeId node, uint40 window) private pure returns (bytes32) {
        return keccak256(abi.encode(PING_TYPEHASH, node, window));
    }

    /// @dev Sets the bits that are new, and says how many there are.
    function _write(uint40 window, uint256 word, uint256 bits) private returns (uint256 fresh) {
        if (bits == 0) return 0;
        uint256 known = _bits[window][word];
        bits &= ~known;
        if (bits == 0) return 0;
        _bits[window][word] = known | bits;
        emit Pinged(window, word, bits);
        for (uint256 rest = bits; rest != 0; rest &= rest - 1) ++fresh;
    }
}
