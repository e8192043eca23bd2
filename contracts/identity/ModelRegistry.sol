// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title ModelRegistry
contract ModelRegistry is IModelRegistry, AccessManaged {
    /// @notice Longest name and quantisation, bytes.
    uint256 public constant MAX_TEXT = 64;
    /// @notice Largest Hamming distance between two sketches.
    uint16 public constant MAX_DISTANCE = 256;

    mapping(bytes32 model => Model) private _models;
    bytes32[] private _ids;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IModelRegistry
    function register(bytes32 model, Model calldata description) external restricted {
        if (_models[model].registeredAt != 0) revert ModelRegistryAlreadyRegistered(model);
        if (description.agreement > MAX_DISTANCE) revert ModelRegistryFieldOutOfRange("agreement", description.agreement, MAX_DISTANCE);
        if (bytes(description.name).length > MAX_TEXT)
            revert ModelRegistryFieldOutOfRange("name", bytes(description.name).length, MAX_TEXT);
        if (bytes(description.quantisation).length > MAX_TEXT) {
            revert ModelRegistryFieldOutOfRange("quantisation", bytes(description.quantisation).length, MAX_TEXT);
        }
        Model storage entry = _models[model];
        entry.price = description.price;
        entry.contextTokens = description.contextTokens;
        entry.agreement = description.agreement;
        entry.registeredAt = Windows.clock();
        entry.embedding = description.embedding;
        entry.quantisation = description.quantisation;
        entry.name = description.name;
        _ids.push(model);
        emit ModelRegistered(
            model,
            description.name,
            description.quantisation,
            description.price,
            description.agreement,
            description.embedding
        );
    }

    /// @inheritdoc IModelRegistry
    function reprice(bytes32 model, uint96 price) external restricted {
        _known(model).price = price;
        emit ModelPriceChanged(model, price);
    }

    /// @inheritdoc IModelRegistry
    function deprecate(bytes32 model) external restricted {
        Model storage entry = _known(model);
        if (entry.deprecatedAt != 0) revert ModelRegistryAlreadyDeprecated(model);
        entry.deprecatedAt = Windows.clock();
        emit ModelDeprecated(model);
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 model) external view returns (Model memory) {
        return _known(model);
    }

    /// @inheritdoc IModelRegistry
    function isCurrent(bytes32 model) external view returns (bool) {
        Model storage entry = _models[model];
        return entry.registeredAt != 0 && entry.deprecatedAt == 0;
    }

    /// @inheritdoc IModelRegistry
    function models(uint256 from, uint256 count) external view returns (bytes32[] memory page) {
        uint256 length = _ids.length;
        if (from >= length) return new bytes32[](0);
        if (count > length - from) count = length - from;
        page = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = _ids[from + i];
    }

    function _known(bytes32 model) private view returns (Model storage entry) {
        entry = _models[model];
        if (entry.registeredAt == 0) revert ModelRegistryUnknown(model);
    }
}
