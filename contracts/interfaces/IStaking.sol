// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title IStaking: holders lock COR, earn by the schedule, and vote as before
/// @notice A position locks an amount for 28, 56 or 84 days. While it is staked, also after the lock, it earns its share of the emission;
/// a longer lock earns the same and weighs more in the stake-to-use allowance. Principal lies in a vault of its own for every staker,
/// whose votes go where the staker delegates them.
/// @dev Nobody but its owner can move a position's principal, and governance has no function that touches it. After the lock, `unstake`
/// asks nobody: no pause, no list, no reward can stop it. Rewards are paid out of what `fund` brought, never out of principal: every change
/// of the total accrues first, what accrues is taken out of the funded reserve, and where the reserve is used up nothing accrues until more is
/// brought (that time is not made up for). At all times: `reserve()` + `owed()` <= token balance here, and the sum of the vaults' balances
/// >= `totalStaked()`. A pause (`IPausable`) and the restricted list stop `stake` alone. Amounts are COR base units, rounded to the staker's
/// disadvantage by less than one unit a claim; times are seconds.
interface IStaking {
    /// @notice A position.
    /// @param owner whose it is
    /// @param unlockAt from this second on it can be unstaked
    /// @param tier 0: 28 days, 1: 56 days, 2: 84 days
    /// @param amount principal; 0 once unstaked
    /// @param index what one unit had earned since the start when the position was last settled, 1e-18 basis-point seconds
    struct Position {
        address owner;
        uint40 unlockAt;
        uint8 tier;
        uint128 amount;
        uint256 index;
    }

    /// @notice COR was locked.
    event Staked(uint256 indexed position, address indexed owner, uint8 tier, uint128 amount, uint40 unlockAt);
    /// @notice A position begins another lock.
    event Relocked(uint256 indexed position, uint8 tier, uint40 unlockAt);
    /// @notice Principal went back.
    event Unstaked(uint256 indexed position, address indexed owner, address indexed to, uint128 amount);
    /// @notice A position's earnings were put to its owner's account.
    event RewardSettled(uint256 indexed position, address indexed owner, uint256 amount);
    /// @notice Earnings left.
    event RewardClaimed(address indexed owner, address indexed to, uint256 amount);
    /// @notice Rewards to be earned came in.
    event RewardFunded(address indexed from, uint256 amount);
    /// @notice A staker's vault was made.
    event VaultCreated(address indexed owner, address vault);

    /// @notice The caller is not the position's owner.
    error StakingUnauthorized(address found, address wanted);
    /// @notice No such tier.
    error StakingUnknownTier(uint8 found, uint8 most);
    /// @notice Nothing to stake, unstake or claim.
    error StakingNothing();
    /// @notice The lock has not ended: `found` is now.
    error StakingLocked(uint256 found, uint256 wanted);
    /// @notice Zero address.
    error StakingZeroAddress();
    /// @notice The token moved another amount than asked for (fee on transfer?).
    error StakingDepositMismatch(uint256 found, uint256 wanted);

    /// @notice Locks COR (approve first). The vault's votes go to the staker, or to whom it delegates its other COR, until `delegate`.
    /// @dev Reverts with `PauseActive`, `RestrictedAccount`, `StakingUnknownTier`, `StakingNothing`.
    function stake(uint8 tier, uint128 amount) external returns (uint256 position);

    /// @notice The same with an ERC-2612 permit; works also where the permit was submitted before by somebody else.
    function stakeWithPermit(
        uint8 tier,
        uint128 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint256 position);

    /// @notice Owner, once the lock has ended: begins another lock of the whole position, with its earnings settled.
    function relock(uint256 position, uint8 tier) external;

    /// @notice Owner, once the lock has ended: the principal goes to `to`, the earnings to the owner's account.
    function unstake(uint256 position, address to) external;

    /// @notice Caller: settles its listed positions and withdraws all that it has earned.
    function claim(uint256[] calldata positions, address to) external returns (uint256 amount);

    /// @notice Caller: whom its vault's votes go to.
    function delegate(address to) external;

    /// @notice Anyone: brings rewards to be earned (approve first). They cannot be taken back.
    function fund(uint128 amount) external;

    /// @notice A position as stored.
    function positionOf(uint256 position) external view returns (Position memory);

    /// @notice What a position has earned and not settled, now.
    function earnedBy(uint256 position) external view returns (uint256);

    /// @notice What is settled and not claimed.
    function owedTo(address owner) external view returns (uint256);

    /// @notice A staker's weight for allowances: principal times 1, 2 or 3 by tier.
    function weightOf(address owner) external view returns (uint256);

    /// @notice Where a staker's principal lies, whether it is there yet or not.
    function vaultOf(address owner) external view returns (address);

    /// @notice All principal.
    function totalStaked() external view returns (uint256);

    /// @notice Funded and not yet earned, as of the last accrual.
    function reserve() external view returns (uint256);

    /// @notice Earned by stakers and not yet claimed, as of the last accrual.
    function owed() external view returns (uint256);

    /// @notice Number of positions ever opened; ids run from 1 to this.
    function positionCount() external view returns (uint256);
}
