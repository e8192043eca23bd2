// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IModelRegistry: which models exist, by the sha256 of their file
/// @notice A model's id is the sha256 of its GGUF file, so a name can never mean two files.
/// @dev Governance registers, reprices and deprecates. Sessions copy what they need when they are opened; a deprecated
/// model takes no new sessions and no new nodes, and nothing that runs is touched.
interface IModelRegistry {
    /// @notice A registered model.
    /// @param price COR base units per 1,000 tokens (prompt + output) and answer
    /// @param contextTokens longest context, tokens
    /// @param agreement largest Hamming distance between sketches of answers that mean the same, 0 to 256
    /// @param registeredAt seconds; 0 where unknown
    /// @param deprecatedAt seconds; 0 while current
    /// @param embedding sha256 of the embedding model that makes the sketches
    /// @param quantisation class of precision, for example "F16"
    /// @param name short human name, for example "toy-world-f16"
    struct Model {
        uint96 price;
        uint32 contextTokens;
        uint16 agreement;
        uint40 registeredAt;
        uint40 deprecatedAt;
        bytes32 embedding;
        string quantisation;
        string name;
    }

    /// @notice A model was registered.
    event ModelRegistered(bytes32 indexed model, string name, string quantisation, uint96 price, uint16 agreement, bytes32 embedding);
    /// @notice The price for sessions to come changed.
    event ModelPriceChanged(bytes32 indexed model, uint96 price);
    /// @notice The model takes no new sessions and nodes.
    event ModelDeprecated(bytes32 indexed model);

    /// @notice The model is not registered.
    error ModelRegistryUnknown(bytes32 model);
    /// @notice The model is registered already.
    error ModelRegistryAlreadyRegistered(bytes32 model);
    /// @notice The model is deprecated already.
    error ModelRegistryAlreadyDeprecated(bytes32 model);
    /// @notice A field is out of range.
    error ModelRegistryFieldOutOfRange(string field, uint256 found, uint256 most);

    /// @notice Governance: registers a model. Times are set by the contract.
    function register(bytes32 model, Model calldata description) external;

    /// @notice Governance: new price for sessions to come, base units per 1,000 tokens.
    function reprice(bytes32 model, uint96 price) external;

    /// @notice Governance: no new sessions and nodes.
    function deprecate(bytes32 model) external;

    /// @notice The model as registered; reverts where unknown.
    function modelOf(bytes32 model) external view returns (Model memory);

    /// @notice Registered and not deprecated.
    function isCurrent(bytes32 model) external view returns (bool);

    /// @notice Registered ids, in order of registration, paged.
    function models(uint256 from, uint256 count) external view returns (bytes32[] memory);
}
