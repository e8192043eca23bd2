// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IRandomness} from "./IRandomness.sol";

/// @title IOracleRandomness: seeds that the oracle committee makes together, for chains whose block hashes are no source
/// @notice Time is cut into rounds of `EPOCH` blocks. In round r every oracle may commit to a secret, under a bond; in the epoch after it,
/// and not before, it opens. A request fixed at a block of round r is decided by round r's secrets: none of them was public when the
/// request was made. One honest oracle that opens is enough for a seed that nobody knew. Two epochs after its block at the latest, the
/// seed of a request stands for ever, however many oracles withhold.
/// @dev The last to open sees what the others opened and can choose to withhold: one bit a bond. Who committed and did not open loses
/// the whole bond of that round, whatever the reason; anyone may report it for a share. A round in which nobody opened is passed over:
/// the next counts, up to `MOST_SKIPS` of them; after that the seed follows from the rounds' numbers alone, which anyone can foresee, but
/// it ends. Holds bonds and nothing else: free + locked + forfeited == `held()` <= token balance. Nobody can take a bond that its owner
/// did not forfeit, and one who has left the committee still opens and withdraws. Amounts are base units of the token.
interface IOracleRandomness is IRandomness {
    /// @notice A member's money.
    /// @param free may be withdrawn or locked
    /// @param locked behind commitments that are not opened yet
    struct Bond {
        uint128 free;
        uint128 locked;
    }

    /// @notice A round as stored.
    /// @param mix all opened secrets, in an order that does not matter
    /// @param commits how many committed
    /// @param reveals how many opened
    struct Round {
        bytes32 mix;
        uint32 commits;
        uint32 reveals;
    }

    /// @notice Money came in for a member's bonds.
    event BondDeposited(address indexed oracle, uint128 amount);
    /// @notice Money that was not locked left.
    event BondWithdrawn(address indexed oracle, address indexed to, uint128 amount);
    /// @notice An oracle committed to a secret for a round.
    event SecretCommitted(uint256 indexed round, address indexed oracle, bytes32 commitment);
    /// @notice An oracle opened its secret; its bond is free again.
    event SecretOpened(uint256 indexed round, address indexed oracle, bytes32 secret);
    /// @notice An oracle did not open in time: its bond is forfeited, the reporter has its share.
    event SecretWithheld(uint256 indexed round, address indexed oracle, address indexed reporter, uint128 share);
    /// @notice Forfeited bonds went to the treasury.
    event ForfeitedSwept(uint128 amount);

    /// @notice The caller is no oracle.
    error OracleRandomnessNotOracle(address found);
    /// @notice The round is not in this phase now: rounds commit in their own epoch, open in the next, and end after it.
    error OracleRandomnessWrongEpoch(uint256 round, uint256 found, uint256 wanted);
    /// @notice The oracle has committed to a secret for this round already.
    error OracleRandomnessAlreadyCommitted(uint256 round, address oracle);
    /// @notice The commitment is zero.
    error OracleRandomnessEmptyCommitment();
    /// @notice No commitment of this oracle for this round waits to be opened.
    error OracleRandomnessNothingToOpen(uint256 round, address oracle);
    /// @notice The secret does not open the commitment.
    error OracleRandomnessWrongSecret(uint256 round, bytes32 found, bytes32 wanted);
    /// @notice Less is free than needed, base units.
    error OracleRandomnessBondTooLow(uint256 found, uint256 wanted);
    /// @notice Nothing is to be moved.
    error OracleRandomnessNothing();
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error OracleRandomnessDepositMismatch(uint256 found, uint256 wanted);
    /// @notice Zero address, or an epoch or bond of zero.
    error OracleRandomnessZero();

    /// @notice Anyone: pays into an oracle's bonds (approve first). Only the oracle can take it out.
    function deposit(address oracle, uint128 amount) external;

    /// @notice Caller: takes money that is not locked.
    function withdraw(address to, uint128 amount) external;

    /// @notice Oracle: commits to a secret for the round that runs now and locks a bond.
    /// @param commitment as `commitmentOf` gives it
    function commit(bytes32 commitment) external;

    /// @notice Who committed, in the epoch after the round: opens. Also possible for one who is no oracle any more.
    function open(uint256 round, bytes32 secret) external;

    /// @notice Anyone, once a round is over: an oracle that did not open forfeits its bond; a share is the caller's.
    function report(uint256 round, address oracle) external;

    /// @notice Anyone: moves forfeited bonds to the treasury.
    function sweep() external;

    /// @notice The hash to commit to: bound to chain, contract, round, oracle and secret (256 random bits).
    function commitmentOf(uint256 round, address oracle, bytes32 secret) external view returns (bytes32);

    /// @notice The round that runs now.
    function currentRound() external view returns (uint256);

    /// @notice A round as stored.
    function roundOf(uint256 round) external view returns (Round memory);

    /// @notice A member's money.
    function bondOf(address oracle) external view returns (Bond memory);

    /// @notice Sum of all bonds, free, locked and forfeited.
    function held() external view returns (uint256);
}
