// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IImageRegistry} from "../interfaces/IImageRegistry.sol";
import {INodePool, NodeId} from "../interfaces/INodePool.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title ImageRegistry
contract ImageRegistry is IImageRegistry, AccessManaged {
    using SafeERC20 for IERC20;

    /// @notice Longest source, bytes.
    uint256 public constant MAX_SOURCE = 256;
    /// @notice Longest time from retirement to the bond's return, seconds.
    uint32 public constant MAX_DELAY = 90 days;

    IERC20 public immutable TOKEN;
    INodePool public immutable POOL;

    uint128 private _bond;
    uint32 private _delay;
    uint256 private _held;
    mapping(bytes32 image => Image) private _images;
    mapping(NodeId node => bytes32) private _declared;
    bytes32[] private _ids;

    constructor(address authority, IERC20 token, INodePool pool, uint128 bond, uint32 delay) AccessManaged(authority) {
        TOKEN = token;
        POOL = pool;
        _setTerms(bond, delay);
    }

    /// @inheritdoc IImageRegistry
    function publish(bytes32 image, Kind kind, string calldata source) external {
        if (image == 0) revert ImageRegistryUnknown(image);
        if (_images[image].publisher != address(0)) revert ImageRegistryAlreadyPublished(image);
        if (bytes(source).length > MAX_SOURCE) {
            revert ImageRegistryOutOfRange("source", bytes(source).length, MAX_SOURCE);
        }
        uint128 bond = _bond;
        _images[image] = Image({
            publisher: msg.sender,
            kind: kind,
            publishedAt: Windows.clock(),
            retiredAt: 0,
            bond: bond,
            delay: _delay,
            nodes: 0,
            source: source
        });
        _ids.push(image);
        _held += bond;
        emit ImagePublished(image, msg.sender, kind, bond, source);
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), bond);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != bond) revert ImageRegistryBondMismatch(received, bond);
    }

    /// @inheritdoc IImageRegistry
    function retire(bytes32 image) external {
        Image storage entry = _published(image);
        if (entry.retiredAt != 0) revert ImageRegistryRetired(image);
        entry.retiredAt = Windows.clock();
        emit ImageRetired(image, Windows.clock() + entry.delay);
    }

    /// @inheritdoc IImageRegistry
    function withdrawBond(bytes32 image, address to) external {
        Image storage entry = _published(image);
        if (to == address(0)) revert ImageRegistryZeroAddress();
        uint128 bond = entry.bond;
        if (entry.retiredAt == 0 || bond == 0) revert ImageRegistryNoBond(image);
        uint40 bondAt = entry.retiredAt + entry.delay;
        if (Windows.clock() < bondAt) revert ImageRegistryTooEarly(Windows.clock(), bondAt);
        entry.bond = 0;
        _held -= bond;
        emit BondReturned(image, to, bond);
        TOKEN.safeTransfer(to, bond);
    }

    /// @inheritdoc IImageRegistry
    function declare(NodeId node, bytes32 image) external {
        address owner = POOL.ownerOf(node);
        // Number 0 is no node, and is what an account without one operates.
        bool operates = owner != address(0) && POOL.nodeOfOperator(msg.sender) == node;
        if (msg.sender != owner && !operates) revert ImageRegistryUnauthorized(msg.sender, owner);
        if (image != 0) {
            Image storage entry = _known(image);
            if (entry.retiredAt != 0) revert ImageRegistryRetired(image);
            ++entry.nodes;
        }
        bytes32 former = _declared[node];
        if (former != 0) --_images[former].nodes;
        _declared[node] = image;
        emit ImageDeclared(node, image);
    }

    /// @inheritdoc IImageRegistry
    function setTerms(uint128 bond, uint32 delay) external restricted {
        _setTerms(bond, delay);
    }

    /// @inheritdoc IImageRegistry
    function imageOf(bytes32 image) external view returns (Image memory) {
        return _known(image);
    }

    /// @inheritdoc IImageRegistry
    function declaredBy(NodeId node) external view returns (bytes32) {
        return _declared[node];
    }

    /// @inheritdoc IImageRegistry
    function images(uint256 from, uint256 count) external view returns (bytes32[] memory page) {
        uint256 length = _ids.length;
        if (from >= length) return new bytes32[](0);
        if (count > length - from) count = length - from;
        page = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = _ids[from + i];
    }

    /// @inheritdoc IImageRegistry
    function terms() external view returns (uint128 bond, uint32 delay) {
        return (_bond, _delay);
    }

    /// @inheritdoc IImageRegistry
    function held() external view returns (uint256) {
        return _held;
    }

    function _setTerms(uint128 bond, uint32 delay) private {
        if (delay > MAX_DELAY) revert ImageRegistryOutOfRange("delay", delay, MAX_DELAY);
        (_bond, _delay) = (bond, delay);
        emit TermsChanged(bond, delay);
    }

    function _known(bytes32 image) private view returns (Image storage entry) {
        entry = _images[image];
        if (entry.publisher == address(0)) revert ImageRegistryUnknown(image);
    }

    function _published(bytes32 image) private view returns (Image storage entry) {
        entry = _known(image);
        if (msg.sender != entry.publisher) revert ImageRegistryUnauthorized(msg.sender, entry.publisher);
    }
}
