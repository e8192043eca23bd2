// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {NodeId} from "./INodePool.sol";

/// @title IImageRegistry: which builds of a node exist, and who runs which
/// @notice Anybody publishes the digest of a node's binary or system image under a bond. Nodes declare which they run, so that builds can
/// be ranked by the results of their nodes, from events alone.
/// @dev A declaration is a claim: nothing on chain can tell what a machine runs. The bond says that a publisher means it and keeps the
/// list short; nobody, governance included, can take it. It is the publisher's again some time after the image was retired. Amounts are
/// COR base units, times seconds. At all times: sum of the bonds that are held == `held()` <= token balance.
interface IImageRegistry {
    /// @notice What the digest is of.
    enum Kind {
        Binary,
        SystemImage
    }

    /// @notice A published image.
    /// @param publisher who published it and gets the bond back
    /// @param kind what the digest is of
    /// @param publishedAt seconds
    /// @param retiredAt seconds; 0 while it may be declared
    /// @param bond what is held for it; 0 once returned
    /// @param delay time from retirement to the bond's return, as it was when published
    /// @param nodes how many nodes declare it now
    /// @param source where to get it and what it is: untrusted text, at most 256 bytes
    struct Image {
        address publisher;
        Kind kind;
        uint40 publishedAt;
        uint40 retiredAt;
        uint128 bond;
        uint32 delay;
        uint32 nodes;
        string source;
    }

    /// @notice An image was published; its id is the sha256 of its bytes.
    event ImagePublished(bytes32 indexed image, address indexed publisher, Kind kind, uint128 bond, string source);
    /// @notice No node may declare the image any more; the bond can be taken from `bondAt` on.
    event ImageRetired(bytes32 indexed image, uint40 bondAt);
    /// @notice The bond went back to the publisher's choice of account.
    event BondReturned(bytes32 indexed image, address indexed to, uint128 amount);
    /// @notice A node says that it runs this image; 0: that it says nothing.
    event ImageDeclared(NodeId indexed node, bytes32 indexed image);
    /// @notice Terms of images published from now on.
    event TermsChanged(uint128 bond, uint32 delay);

    /// @notice The caller may not do this.
    error ImageRegistryUnauthorized(address found, address wanted);
    /// @notice No such image.
    error ImageRegistryUnknown(bytes32 image);
    /// @notice The image is published already.
    error ImageRegistryAlreadyPublished(bytes32 image);
    /// @notice The image is retired.
    error ImageRegistryRetired(bytes32 image);
    /// @notice The image is not retired, or its bond was returned.
    error ImageRegistryNoBond(bytes32 image);
    /// @notice Too early: `found` is now.
    error ImageRegistryTooEarly(uint256 found, uint256 wanted);
    /// @notice A value is out of range.
    error ImageRegistryOutOfRange(string field, uint256 found, uint256 most);
    /// @notice Zero address.
    error ImageRegistryZeroAddress();
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error ImageRegistryBondMismatch(uint256 found, uint256 wanted);

    /// @notice Anyone: publishes an image under the bond in force (approve COR first).
    /// @param image sha256 of its bytes, not 0
    function publish(bytes32 image, Kind kind, string calldata source) external;

    /// @notice Publisher: nodes may no longer declare it; those that do keep their declaration until they change it.
    function retire(bytes32 image) external;

    /// @notice Publisher: takes the bond, `delay` seconds after retirement.
    function withdrawBond(bytes32 image, address to) external;

    /// @notice A node's owner or operator: says which image the node runs; 0 takes the word back.
    function declare(NodeId node, bytes32 image) external;

    /// @notice Governance: terms of images published from now on.
    /// @param bond base units
    /// @param delay seconds, at most 90 days
    function setTerms(uint128 bond, uint32 delay) external;

    /// @notice An image as stored; reverts where unknown.
    function imageOf(bytes32 image) external view returns (Image memory);

    /// @notice The image that a node declares; 0 if none.
    function declaredBy(NodeId node) external view returns (bytes32);

    /// @notice Published ids, in order, paged.
    function images(uint256 from, uint256 count) external view returns (bytes32[] memory);

    /// @notice The terms in force: bond and delay.
    function terms() external view returns (uint128 bond, uint32 delay);

    /// @notice Sum of the bonds that are held.
    function held() external view returns (uint256);
}
