// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Part} from "../libraries/Parts.sol";
import {LeaseId, NodeId} from "./INodePool.sol";

/// @dev A round's number; rises with every round, some numbers are skipped.
type RoundId is uint64;

/// @dev What a round measures. `Liveness` (level 1): answers in time and with the meaning of the others. `Capability` (level 2): useful
/// answers at speed, by the scores of validators and the clock of the chain.
enum Kind {
    None,
    Liveness,
    Capability
}

/// @dev Where a round is. `Ended` and `Aborted` are final.
enum Phase {
    None,
    Request,
    Create,
    Prepare,
    Start,
    Commit,
    Reveal,
    Score,
    Ended,
    Aborted
}

/// @dev What a round waits for: finer than the phase. `Advance`: for anyone's `advance`, nothing else helps. `Scores` and `ScoreOpenings`
/// are the halves of `Score`.
enum Awaits {
    Nothing,
    Seed,
    Claim,
    Topics,
    Questions,
    Commitments,
    Openings,
    Scores,
    ScoreOpenings,
    Advance
}

/// @dev Why a round ended as it did. Up to `Undecided` it ended, after that it aborted. `Judged`: answers were grouped, or scored.
/// `Undecided`: no group of a quorum stands alone, or too few validators scored.
enum Ending {
    Judged,
    Undecided,
    NoNodes,
    NoCreator,
    NoPreparer,
    TooFewCommitments,
    TooFewOpenings,
    ContentRefused
}

/// @title IPoUW: rounds of network work, in which the network measures itself
/// @notice A round is a virtual block. A drawn node creates topics from a template, another prepares a question on them, several others
/// answer it by commit-reveal, and validators drawn after that score the answers, hidden from each other. Who is late is replaced by
/// a fresh draw; without a quorum the round aborts. What became of every member goes to `Reputation` (and by it to levels), to `Rewards`
/// and to `NodePool`, where a pass lets a node into the pool.
///
/// | phase   | waits for                                             | step                          | ends                            |
/// | ------- | ----------------------------------------------------- | ----------------------------- | ------------------------------- |
/// | Request | the draw of type 1, then its claim                    | `advance`, `claim`/`create`   | claimed, or late: another draw  |
/// | Create  | the topics' digest                                    | `create`                      | handed in, or late: another draw |
/// | Prepare | the draw of type 2, then the question's digest        | `advance`, `prepare`          | handed in, or late: another draw |
/// | Start   | the draw of type 3                                    | `advance`                     | drawn                           |
/// | Commit  | commitments                                           | `commit`, `commitMany`        | all in, or time over            |
/// | Reveal  | openings                                              | `reveal`                      | all in, or time over            |
/// | Score   | the validators' draw, commitments and openings        | `advance`, `commit`, `revealScores` | all in, or time over      |
/// | Ended, Aborted | nothing                                        |                               |                                 |
/// @dev Content lies off chain under its digest. Every wait has a deadline after which `advance`, by anyone, moves the round on: a round
/// ends within `RoundLib.life` of its rules, whoever is silent. `advance` earns a bounty where the contract holds COR for it. Draws
/// are from blocks fixed one step ahead. No node is in two roles of a round, nor in a round and a session: each role is a lease of the pool.
/// No owner is in two roles of one round. Holds COR for bounties alone; nobody's stake or money passes through it.
interface IPoUW {
    /// @notice The rules of a kind of round; copied into each round at birth. Times in seconds.
    /// @param answerers drawn to answer (type 3), 2 to 7
    /// @param quorum commitments, openings and agreeing answers that are needed
    /// @param validators drawn to score, 0 to 4; 0: the round ends with its judgement of agreement
    /// @param bar lowest median usefulness that passes, 0 to 10
    /// @param passesUp capable passes in a row that lift a level
    /// @param missesDown misses that lower it
    /// @param drawWindow in which a draw must be made
    /// @param claimWindow in which the creator claims
    /// @param createWindow in which it creates
    /// @param prepareWindow in which the preparer prepares
    /// @param commitWindow in which answerers commit
    /// @param revealWindow in which they open
    /// @param scoreWindow in which validators commit, and again in which they open
    /// @param maxTokens most output tokens of an answer
    /// @param speed output tokens per 1,000 seconds and level that a capable answer reaches, from draw to commitment
    struct Rules {
        uint8 answerers;
        uint8 quorum;
        uint8 validators;
        uint8 bar;
        uint8 passesUp;
        uint8 missesDown;
        uint16 drawWindow;
        uint16 claimWindow;
        uint16 createWindow;
        uint16 prepareWindow;
        uint16 commitWindow;
        uint16 revealWindow;
        uint16 scoreWindow;
        uint24 maxTokens;
        uint32 speed;
    }

    /// @notice Parameters of opening and advancing.
    /// @param interval least time between two openings, seconds
    /// @param most rounds that run at the same time, up to `RING`
    /// @param bounty for an `advance` or `open` that was due, base units
    struct Parameters {
        uint32 interval;
        uint8 most;
        uint96 bounty;
    }

    /// @notice A round as it stands. Of a round that is over and whose place was taken, only number, phase and ending are left.
    /// @param createdBy type 1; 0 while not drawn
    /// @param preparedBy type 2
    /// @param answerers type 3, 24 bits each by seat, lowest first
    /// @param validators the panel, the same way
    /// @param committed, revealed bitmaps of answerers' seats
    /// @param scored, opened bitmaps of validators' seats
    /// @param deadline last second of what it waits for; of a draw too
    /// @param seedBlock block whose hash decides the awaited draw; 0 where none is awaited
    /// @param startedAt when the answerers were drawn, seconds
    /// @param replaced how many were replaced, and draws repeated
    struct View {
        RoundId round;
        Kind kind;
        uint8 tier;
        Phase phase;
        Awaits awaits;
        Ending ending;
        bytes32 model;
        bytes32 template;
        bytes32 topics;
        bytes32 questions;
        NodeId createdBy;
        NodeId preparedBy;
        uint240 answerers;
        uint240 validators;
        uint16 committed;
        uint16 revealed;
        uint16 scored;
        uint16 opened;
        uint40 deadline;
        uint40 seedBlock;
        uint40 startedAt;
        uint8 replaced;
        Rules rules;
    }

    /// @notice A commitment that somebody else carries: `r`, `vs` are the short signature (EIP-2098) of the seat's operator over
    /// `Commit(round, node, commitment)` under this contract's domain.
    struct SignedCommitment {
        uint8 seat;
        bytes32 commitment;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Carried commitments of one round.
    struct Carried {
        RoundId round;
        SignedCommitment[] commitments;
    }

    /// @notice What opens an answerer's commitment.
    /// @param digest of the answer's bytes, or one of the two reserved refusals
    /// @param sketch of its embedding
    /// @param tokens declared output tokens
    /// @param finish why it ended, as in tasks
    /// @param claim digest of the claim list, as in tasks
    struct Opening {
        uint8 seat;
        bytes32 digest;
        bytes32 sketch;
        uint24 tokens;
        uint8 finish;
        bytes32 claim;
        bytes32 salt;
    }

    /// @notice What opens a validator's commitment: a verdict word (`Verdicts`), the digest of its evidence, and the salt.
    struct ScoreOpening {
        uint8 seat;
        uint256 verdict;
        bytes32 evidence;
        bytes32 salt;
    }

    /// @notice A round was opened; the first draw is decided by `seedBlock`.
    event RoundOpened(
        RoundId indexed round,
        Kind indexed kind,
        bytes32 indexed model,
        uint8 tier,
        bytes32 template,
        uint16 threshold,
        Rules rules,
        uint40 seedBlock
    );
    /// @notice A role was drawn from the seed: 0 type 1, 1 type 2, 2 type 3, 3 validators. It acts until `deadline`.
    event RoleDrawn(RoundId indexed round, uint8 indexed role, LeaseId lease, uint240 members, uint8 size, uint40 deadline);
    /// @notice The next draw is decided by `seedBlock`, and must be made until `deadline`.
    event DrawAwaited(RoundId indexed round, uint8 indexed role, uint40 seedBlock, uint40 deadline);
    /// @notice Type 1 claimed the round.
    event RoundClaimed(RoundId indexed round, NodeId indexed node, uint40 deadline);
    /// @notice Type 1 created topics.
    event TopicsCreated(RoundId indexed round, NodeId indexed node, bytes32 topics);
    /// @notice Type 2 prepared a question.
    event QuestionsPrepared(RoundId indexed round, NodeId indexed node, bytes32 questions);
    /// @notice A member of a role was late and is replaced by a fresh draw.
    event MembersReplaced(RoundId indexed round, uint8 indexed role, uint240 members);
    /// @notice An answerer committed.
    event AnswerCommitted(RoundId indexed round, uint8 indexed seat, NodeId indexed node, bytes32 commitment);
    /// @notice An answerer opened its commitment.
    event AnswerRevealed(RoundId indexed round, uint8 indexed seat, NodeId indexed node, Opening opening);
    /// @notice A validator committed.
    event ScoreCommitted(RoundId indexed round, uint8 indexed seat, NodeId indexed node, bytes32 commitment);
    /// @notice A validator opened its scores.
    event ScoreRevealed(RoundId indexed round, uint8 indexed seat, NodeId indexed node, uint256 verdict, bytes32 evidence);
    /// @notice A carried commitment was passed over, with the error that it would have met alone.
    event CommitmentSkipped(RoundId indexed round, uint8 seat, bytes reason);
    /// @notice The round is over.
    /// @param canonical seat of the canonical answer; 255 where answers were not judged or none stood alone
    /// @param agreed bitmap of seats in its group
    /// @param medians usefulness by seat, 4 bits each; 0 without validators
    event RoundClosed(RoundId indexed round, Ending indexed ending, uint8 canonical, uint16 agreed, uint256 medians, Part[] parts);
    /// @notice An act that was due earned a bounty, base units.
    event BountyEarned(address indexed by, uint256 amount);
    /// @notice Bounties were paid out.
    event BountyPaid(address indexed by, address indexed to, uint256 amount);
    /// @notice Governance set the rules of a kind, and its template's content digest, for rounds to come.
    event RulesChanged(Kind indexed kind, Rules rules, bytes32 template);
    /// @notice Governance set the parameters.
    event RoundParametersChanged(Parameters parameters);

    /// @notice The round is elsewhere.
    error PoUWWrongPhase(RoundId round, Phase found, Phase wanted);
    /// @notice Nothing is due: the round waits for its members or for a block.
    error PoUWNotDue(RoundId round, Awaits awaits, uint40 deadline);
    /// @notice The caller is not the operator of the node whose turn it is.
    error PoUWNotOperator(RoundId round, address found, address wanted);
    /// @notice For now this is the leading oracle's to do.
    error PoUWLeaderFirst(address found, address leader);
    /// @notice No such seat.
    error PoUWNoSeat(RoundId round, uint8 found, uint8 seats);
    /// @notice The seat has committed (`committed`), or has not.
    error PoUWCommitted(RoundId round, uint8 seat, bool committed);
    /// @notice A commitment or digest of zero.
    error PoUWEmpty(RoundId round);
    /// @notice The opening does not give the commitment.
    error PoUWMismatch(RoundId round, uint8 seat, bytes32 found, bytes32 wanted);
    /// @notice The verdict word is malformed.
    error PoUWMalformed(RoundId round, uint8 seat, uint256 verdict);
    /// @notice Too few free nodes for the draw; after its deadline `advance` ends the wait.
    error PoUWTooFewNodes(RoundId round, uint256 found, uint256 wanted);
    /// @notice As many rounds run as may, or the last opening was too short a time ago.
    error PoUWTooManyRounds(uint256 found, uint256 most);
    /// @notice Too early: `wanted` is the first second at which it works.
    error PoUWTooEarly(uint256 found, uint256 wanted);
    /// @notice The model takes no new work.
    error PoUWModelUnavailable(bytes32 model);
    /// @notice A rule is out of range; `field` is its place in `Rules` or `Parameters`, from 0.
    error PoUWOutOfRange(uint256 field, uint256 found, uint256 most);
    /// @notice No such kind of round, or it has no rules.
    error PoUWNoKind(Kind kind);
    /// @notice Nothing is owed.
    error PoUWNothingOwed();

    /// @notice Leading oracle, and anyone after the grace: opens a round.
    /// @param tier class of nodes that answer: 0 all, 1 medium, 2 high; 0 for liveness
    function open(bytes32 model, Kind kind, uint8 tier) external returns (RoundId);

    /// @notice Leading oracle, and anyone after the grace: does what is due: a draw, replacing the late, closing a phase, ending the round.
    function advance(RoundId round) external;

    /// @notice Type 1's operator: takes the round on, and has `createWindow` from now.
    function claim(RoundId round) external;

    /// @notice Type 1's operator: hands in the topics' content digest; a claim is not needed before.
    function create(RoundId round, bytes32 topics) external;

    /// @notice Type 2's operator: hands in the question's content digest.
    function prepare(RoundId round, bytes32 questions) external;

    /// @notice A seat's operator: commits; an answerer in Commit, a validator in the first half of Score.
    function commit(RoundId round, uint8 seat, bytes32 commitment) external;

    /// @notice Anyone: carries signed commitments of both kinds, of any rounds. What cannot be recorded is passed over.
    function commitMany(Carried[] calldata carried) external;

    /// @notice Anyone: opens answers. What is open already is passed over. The opening of the last seat fixes the validators' seed.
    function reveal(RoundId round, Opening[] calldata openings) external;

    /// @notice Anyone: opens scores. What is open already is passed over.
    function revealScores(RoundId round, ScoreOpening[] calldata openings) external;

    /// @notice Caller: takes the bounties it is owed.
    function withdrawBounty(address to) external returns (uint256 amount);

    /// @notice Governance: rules and template (content digest) of rounds to come.
    function setRules(Kind kind, Rules calldata rules, bytes32 template) external;

    /// @notice Governance: parameters of opening and advancing.
    function setParameters(Parameters calldata parameters) external;

    /// @notice A round as it stands.
    function roundOf(RoundId round) external view returns (View memory);

    /// @notice Where a round is.
    function phaseOf(RoundId round) external view returns (Phase);

    /// @notice An answer that was opened in a round whose place was not taken yet.
    function answerOf(RoundId round, uint8 seat) external view returns (bytes32 digest, bytes32 sketch, uint256 tokens, uint256 seconds_);

    /// @notice The commitment of an answer: the EIP-712 digest of `Result(round, 0, node, model, params, payload, salt)`, as in tasks.
    function commitmentOf(RoundId round, NodeId node, Opening calldata opening) external view returns (bytes32);

    /// @notice The commitment of scores: the EIP-712 digest of `Verdict(round, 0, node, verdict, evidence, salt)`, as in tasks.
    function scoreCommitmentOf(RoundId round, NodeId node, ScoreOpening calldata opening) external view returns (bytes32);

    /// @notice Rules and template of a kind.
    function rulesOf(Kind kind) external view returns (Rules memory rules, bytes32 template);

    /// @notice The parameters in force.
    function parameters() external view returns (Parameters memory);

    /// @notice Number of the last round, and how many run.
    function roundCount() external view returns (RoundId last, uint256 running);

    /// @notice First second in which a round may be opened.
    function nextOpenAt() external view returns (uint40);

    /// @notice Bounties owed to an account, base units.
    function bountyOf(address account) external view returns (uint256);
}
