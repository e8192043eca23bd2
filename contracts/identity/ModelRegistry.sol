// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title ModelRegistry
contract ModelRegistry is IModelRegistry, AccessManaged {
    using Checkpoints for Checkpoints.Trace208;

    /// @notice Longest name and quantisation, bytes.
    uint256 public constant MAX_TEXT = 64;
    /// @notice Largest Hamming distance between two sketches.
    uint16 public constant MAX_DISTANCE = 256;

    /// @notice Highest service type.
    uint8 public constant MAX_SERVICE = 5;
    uint16 private constant ALL_POSITIONS = 10_000;

    mapping(bytes32 model => Model) private _models;
    bytes32[] private _ids;
    /// @dev One more than the threshold; 0 where none was set.
    mapping(bytes32 model => mapping(uint8 service => uint16)) private _agreements;
    /// @dev By second: the delta, and above its 32 bits the match.
    mapping(bytes32 model => Checkpoints.Trace208) private _genuineness;
    mapping(bytes32 model => mapping(bytes32 engine => Checkpoints.Trace208)) private _admissions;
    mapping(bytes32 model => bytes32[]) private _engines;

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
    function setAgreement(bytes32 model, uint8 service, uint16 agreement) external restricted {
        _known(model);
        if (service > MAX_SERVICE) revert ModelRegistryFieldOutOfRange("service", service, MAX_SERVICE);
        if (agreement > MAX_DISTANCE) revert ModelRegistryFieldOutOfRange("agreement", agreement, MAX_DISTANCE);
        _agreements[model][service] = agreement + 1;
        emit AgreementChanged(model, service, agreement);
    }

    /// @inheritdoc IModelRegistry
    function setGenuineness(bytes32 model, Genuineness calldata thresholds) external restricted {
        _known(model);
        (uint16 leastMatch, uint32 mostDelta) = (thresholds.leastMatch, thresholds.mostDelta);
        if (leastMatch > ALL_POSITIONS) revert ModelRegistryFieldOutOfRange("leastMatch", leastMatch, ALL_POSITIONS);
        _genuineness[model].push(Windows.clock(), (uint208(leastMatch) << 32) | mostDelta);
        emit GenuinenessChanged(model, leastMatch, mostDelta);
    }

    /// @inheritdoc IModelRegistry
    function admitEngine(bytes32 model, bytes32 engine, bool admitted) external restricted {
        _known(model);
        Checkpoints.Trace208 storage history = _admissions[model][engine];
        if (history.length() == 0) _engines[model].push(engine);
        history.push(Windows.clock(), admitted ? 1 : 0);
        emit EngineAdmitted(model, engine, admitted);
    }

    /// @inheritdoc IModelRegistry
    function agreementOf(bytes32 model, uint8 service) external view returns (uint16) {
        uint16 set = _agreements[model][service];
        return set == 0 ? _known(model).agreement : set - 1;
    }

    /// @inheritdoc IModelRegistry
    function genuinenessOf(bytes32 model, uint40 bornAt) external view returns (Genuineness memory) {
        uint208 word = _genuineness[model].upperLookupRecent(bornAt);
        return Genuineness({leastMatch: uint16(word >> 32), mostDelta: uint32(word)});
    }

    /// @inheritdoc IModelRegistry
    function isEngineAdmitted(bytes32 model, bytes32 engine, uint40 bornAt) external view returns (bool) {
        return _admissions[model][engine].upperLookupRecent(bornAt) == 1;
    }

    /// @inheritdoc IModelRegistry
    function enginesOf(bytes32 model, uint256 from, uint256 count) external view returns (bytes32[] memory) {
        return _page(_engines[model], from, count);
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
    function models(uint256 from, uint256 count) external view returns (bytes32[] memory) {
        return _page(_ids, from, count);
    }

    function _page(bytes32[] storage list, uint256 from, uint256 count) private view returns (bytes32[] memory page) {
        uint256 length = list.length;
        if (from >= length) return new bytes32[](0);
        if (count > length - from) count = length - from;
        page = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) page[i] = list[from + i];
    }

    function _known(bytes32 model) private view returns (Model storage entry) {
        entry = _models[model];
        if (entry.registeredAt == 0) revert ModelRegistryUnknown(model);
    }
}
