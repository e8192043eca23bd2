// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IModelRegistry: which models exist, by the sha256 of their file
/// @notice A model's id is the sha256 of its GGUF file, so a name can never mean two files.
/// @dev Governance registers, reprices, sets thresholds, admits engine classes and deprecates. Sessions copy price and agreement when
/// they are opened; what validators look up later is kept with its history, so that a task is judged by what was in force when it was
/// born. A deprecated model takes no new sessions and no new nodes, and nothing that runs is touched: its sessions may still lease and
/// submit, its nodes still commit, reveal and judge. Holds no token.
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

    /// @notice When an answer passes as the model's own (Proof of Inference).
    /// @param leastMatch least share of positions at which the reference's draw is the claimed token, 1/10,000
    /// @param mostDelta largest mean |difference| of the top log-probabilities, millionths of a nat
    struct Genuineness {
        uint16 leastMatch;
        uint32 mostDelta;
    }

    /// @notice A model was registered.
    event ModelRegistered(bytes32 indexed model, string name, string quantisation, uint96 price, uint16 agreement, bytes32 embedding);
    /// @notice The price for sessions to come changed.
    event ModelPriceChanged(bytes32 indexed model, uint96 price);
    /// @notice The model takes no new sessions and nodes.
    event ModelDeprecated(bytes32 indexed model);

    /// @notice Answers of this service are compared with another threshold in sessions to come; 0 to 256.
    event AgreementChanged(bytes32 indexed model, uint8 indexed service, uint16 agreement);
    /// @notice Tasks born from this second on are judged by these thresholds.
    event GenuinenessChanged(bytes32 indexed model, uint16 leastMatch, uint32 mostDelta);
    /// @notice An engine class may (or may no longer) claim answers of the model, from this second on.
    event EngineAdmitted(bytes32 indexed model, bytes32 indexed engine, bool admitted);

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

    /// @notice Governance: the agreement threshold of one service type (`ISession.Service`), for sessions opened or updated from now on.
    /// @dev Reverts with `ModelRegistryFieldOutOfRange` above 256 and for services above `MAX_SERVICE`.
    function setAgreement(bytes32 model, uint8 service, uint16 agreement) external;

    /// @notice Governance: genuineness thresholds for tasks born from now on.
    /// @dev Reverts with `ModelRegistryFieldOutOfRange` where `leastMatch` exceeds 10,000.
    function setGenuineness(bytes32 model, Genuineness calldata thresholds) external;

    /// @notice Governance: admits an engine class (hash of its canonical description: llama.cpp release, backend, CPU variant, KV types,
    /// flash attention, batch), or stops admitting it, for tasks born from now on.
    function admitEngine(bytes32 model, bytes32 engine, bool admitted) external;

    /// @notice The agreement threshold of a service type; where none was set, the model's own. Reverts where the model is unknown.
    function agreementOf(bytes32 model, uint8 service) external view returns (uint16);

    /// @notice The thresholds that judge a task born in this second; zeros where none were set by then.
    function genuinenessOf(bytes32 model, uint40 bornAt) external view returns (Genuineness memory);

    /// @notice Whether answers of an engine class were admitted for tasks born in this second.
    function isEngineAdmitted(bytes32 model, bytes32 engine, uint40 bornAt) external view returns (bool);

    /// @notice Engine classes that were ever admitted, in order, paged.
    function enginesOf(bytes32 model, uint256 from, uint256 count) external view returns (bytes32[] memory);

    /// @notice The model as registered; reverts where unknown.
    function modelOf(bytes32 model) external view returns (Model memory);

    /// @notice Registered and not deprecated.
    function isCurrent(bytes32 model) external view returns (bool);

    /// @notice Registered ids, in order of registration, paged.
    function models(uint256 from, uint256 count) external view returns (bytes32[] memory);
}
