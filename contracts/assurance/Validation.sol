// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {INodePool, LeaseId, NodeId} from "../interfaces/INodePool.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {ISession, SessionId} from "../interfaces/ISession.sol";
import {ISessionPayment} from "../interfaces/ISessionPayment.sol";
import {TaskId} from "../interfaces/ISessionQueue.sol";
import {IValidation} from "../interfaces/IValidation.sol";
import {Assurance} from "../libraries/Assurance.sol";
import {CommitReveal} from "../libraries/CommitReveal.sol";
import {Evidence} from "../libraries/Evidence.sol";
import {Due, NodeLedger} from "../libraries/NodeLedger.sol";
import {Score} from "../libraries/Score.sol";
import {Sketch} from "../libraries/Sketch.sol";
import {Verdicts} from "../libraries/Verdicts.sol";
import {Windows} from "../libraries/Windows.sol";

/// @title Validation
contract Validation is IValidation, EIP712 {
    using SafeCast for uint256;

    /// @notice Places per session, as many as the queue has.
    uint32 public constant RING = 64;
    /// @dev In a seat's word: the verdict is open. Below it lie the 198 bits of the verdict; a commitment is a hash.
    uint256 private constant OPENED = 1 << 255;

    address public immutable QUEUE;
    ISession public immutable SESSION;
    INodePool public immutable POOL;
    ISessionPayment public immutable PAYMENT;
    IRandomness public immutable RANDOMNESS;
    /// @notice Blocks between a request and the block whose hash decides it.
    uint16 public immutable SEED_DELAY;

    /// @dev What is known of a verdict. `closeAt`: last second to commit, moved forward to now when the last seat commits; without
    /// validators, last second to appeal. `firstCloseAt`: that of the first panel, once there is an appeal. `askedAt`: when this round
    /// began. `openedAt`: when the last seat of this round opened; 0 before.
    struct Facts {
        uint40 seedBlock;
        uint40 askedAt;
        uint40 closeAt;
        uint40 openedAt;
        LeaseId miners;
        uint16 generation;
        uint8 round;
        bool live;
        uint32 firstCloseAt;
    }

    struct Bond {
        address appellant;
        uint96 amount;
    }

    mapping(uint256 place => Facts) private _facts;
    mapping(uint256 place => Assurance) private _assurances;
    mapping(uint256 place => bytes32) private _models;
    mapping(uint256 place => Bond) private _bonds;
    mapping(uint256 place => mapping(uint256 round => Panel)) private _panels;
    /// @dev A commitment, or the opened verdict; by round and seat.
    mapping(uint256 place => mapping(uint256 seat => uint256)) private _seats;
    mapping(NodeId node => uint256) private _evidence;

    constructor(
        address queue,
        ISession session,
        INodePool pool,
        ISessionPayment payment,
        IRandomness randomness,
        uint16 seedDelay
    ) EIP712("Corroborate", "1") {
        QUEUE = queue;
        SESSION = session;
        POOL = pool;
        PAYMENT = payment;
        RANDOMNESS = randomness;
        SEED_DELAY = seedDelay;
    }

    modifier onlyQueue() {
        if (msg.sender != QUEUE) revert ValidationUnauthorized(msg.sender, QUEUE);
        _;
    }

    /// @inheritdoc IValidation
    function open(TaskId task, bytes32 model, LeaseId miners, Assurance assurance) external onlyQueue {
        uint256 place = _place(task);
        if (_isLive(task, place)) revert ValidationOpen(task);
        bool panel = assurance.validators() != 0;
        uint40 closeAt = Windows.endOf(panel ? assurance.verdictCommitWindow() : assurance.appealWindow());
        uint40 seedBlock = uint40(block.number + SEED_DELAY);
        _facts[place] = Facts({
            seedBlock: seedBlock,
            askedAt: Windows.clock(),
            closeAt: closeAt,
            openedAt: 0,
            miners: miners,
            generation: _generation(task),
            round: 0,
            live: true,
            firstCloseAt: 0
        });
        _assurances[place] = assurance;
        _models[place] = model;
        emit VerdictAsked(task, seedBlock, closeAt);
    }

    /// @inheritdoc IValidation
    function draw(TaskId task) external returns (uint216 members, uint8 size) {
        _require(task, Stage.Committing);
        Panel memory panel = _seated(task, _place(task));
        return (panel.members, panel.size);
    }

    /// @inheritdoc IValidation
    function commit(TaskId task, uint8 seat, bytes32 commitment) external {
        _require(task, Stage.Committing);
        uint256 place = _place(task);
        Panel memory panel = _seated(task, place);
        bytes memory refusal = _refusal(task, place, panel, seat, commitment, msg.sender);
        if (refusal.length != 0) {
            assembly ("memory-safe") {
                revert(add(refusal, 32), mload(refusal))
            }
        }
        _record(task, place, panel, seat, commitment);
    }

    /// @inheritdoc IValidation
    function commitMany(CarriedVerdicts[] calldata carried) external {
        bytes32 domain = _domainSeparatorV4();
        for (uint256 i = 0; i < carried.length; ++i) {
            TaskId task = carried[i].task;
            Stage stage = stageOf(task);
            if (stage != Stage.Committing) {
                emit VerdictSkipped(
                    task,
                    type(uint8).max,
                    abi.encodeWithSelector(ValidationWrongStage.selector, task, stage, Stage.Committing)
                );
                continue;
            }
            uint256 place = _place(task);
            Panel memory panel = _seated(task, place);
            SignedVerdict[] calldata list = carried[i].verdicts;
            for (uint256 j = 0; j < list.length; ++j) {
                SignedVerdict calldata given = list[j];
                address signer = address(0);
                if (given.seat < panel.size) {
                    uint24 author = _member(panel, given.seat);
                    bytes32 digest = CommitReveal.commitDigest(domain, TaskId.unwrap(task), author, given.commitment);
                    (signer, , ) = ECDSA.tryRecover(digest, given.r, given.vs);
                }
                bytes memory refusal = _refusal(task, place, panel, given.seat, given.commitment, signer);
                if (refusal.length == 0) panel = _record(task, place, panel, given.seat, given.commitment);
                else emit VerdictSkipped(task, given.seat, refusal);
            }
        }
    }

    /// @inheritdoc IValidation
    function reveal(TaskId task, VerdictOpening[] calldata openings) external {
        _require(task, Stage.Revealing);
        uint256 place = _place(task);
        uint8 round = _facts[place].round;
        Panel memory panel = _panels[place][round];
        for (uint256 i = 0; i < openings.length; ++i) {
            VerdictOpening calldata opening = openings[i];
            uint8 seat = opening.seat;
            if (seat >= panel.size) revert ValidationNoSeat(task, seat, panel.size);
            if ((panel.committed >> seat) & 1 == 0) revert ValidationCommitted(task, seat, false);
            if ((panel.revealed >> seat) & 1 == 1) continue;
            if (!Verdicts.isWellFormed(opening.verdict)) revert ValidationMalformed(task, seat, opening.verdict);
            NodeId author = NodeId.wrap(_member(panel, seat));
            bytes32 found = commitmentOf(task, round, author, opening.verdict, opening.evidence, opening.salt);
            uint256 wanted = _seats[place][_key(round, seat)];
            if (uint256(found) != wanted) revert ValidationMismatch(task, seat, found, bytes32(wanted));
            _seats[place][_key(round, seat)] = opening.verdict | OPENED;
            panel.revealed |= uint16(1 << seat);
            emit VerdictRevealed(task, round, seat, author, opening.verdict, opening.evidence);
        }
        _panels[place][round] = panel;
        if (panel.revealed == panel.committed) _facts[place].openedAt = Windows.clock();
    }

    /// @inheritdoc IValidation
    function appeal(TaskId task) external {
        _require(task, Stage.Appealable);
        uint256 place = _place(task);
        Assurance assurance = _assurances[place];
        Facts storage facts = _facts[place];
        uint128 bond = (assurance.appealSize() * assurance.validatorPrice()).toUint128();
        facts.round = 1;
        facts.firstCloseAt = uint32(facts.closeAt);
        facts.seedBlock = uint40(block.number + SEED_DELAY);
        facts.askedAt = Windows.clock();
        facts.closeAt = Windows.endOf(assurance.verdictCommitWindow());
        facts.openedAt = 0;
        _bonds[place] = Bond({appellant: msg.sender, amount: uint256(bond).toUint96()});
        emit Appealed(task, msg.sender, bond, facts.seedBlock, facts.closeAt);
        PAYMENT.takeBond(msg.sender, bond);
    }

    /// @dev What a settlement needs while it is put together.
    struct Closing {
        TaskId task;
        uint256 place;
        uint256 opened;
        uint256 bar;
        uint256 price;
        bool appealed;
        bool overturned;
        Verdicts.Outcome first;
        Verdicts.Outcome last;
        uint256 cost;
    }

    /// @inheritdoc IValidation
    function close(TaskId task, uint256 opened, uint256 nodes) external onlyQueue returns (Ruling memory ruling) {
        _require(task, Stage.Final);
        Closing memory closing;
        closing.task = task;
        closing.place = _place(task);
        closing.opened = opened;
        closing.bar = _assurances[closing.place].bar();
        closing.price = _assurances[closing.place].validatorPrice();
        closing.appealed = _facts[closing.place].round == 1;
        closing.first = _outcome(closing.place, 0, opened);
        closing.last = closing.first;
        if (closing.appealed) {
            Verdicts.Outcome memory second = _outcome(closing.place, 1, opened);
            if (second.decided) {
                closing.overturned = second.rejected != closing.first.rejected;
                closing.last = second;
            }
        }
        _facts[closing.place].live = false;
        ruling.rejected = closing.last.rejected;
        _bookPanels(closing, ruling);
        emit VerdictClosed(task, closing.last.decided, closing.last.rejected, closing.last.medians, closing.overturned);
        if (closing.last.decided) _weigh(closing, nodes);
    }

    // --- views ---

    /// @inheritdoc IValidation
    function stageOf(TaskId task) public view returns (Stage) {
        uint256 place = _place(task);
        if (!_isLive(task, place)) return Stage.None;
        Facts memory facts = _facts[place];
        Assurance assurance = _assurances[place];
        uint40 decidedAt = facts.askedAt;
        if (facts.round == 1 || assurance.validators() != 0) {
            Stage running;
            (running, decidedAt) = _running(task, place, facts, assurance);
            if (running != Stage.Final) return running;
        }
        if (facts.round == 1 || assurance.appealWindow() == 0) return Stage.Final;
        return Windows.isPast(decidedAt + uint40(assurance.appealWindow())) ? Stage.Final : Stage.Appealable;
    }

    /// @inheritdoc IValidation
    function panelOf(TaskId task, uint8 round) external view returns (Panel memory panel) {
        uint256 place = _place(task);
        if (_isLive(task, place)) panel = _panels[place][round];
    }

    /// @inheritdoc IValidation
    function outcomeOf(TaskId task, uint8 round, uint256 seats) external view returns (Verdicts.Outcome memory found) {
        uint256 place = _place(task);
        if (_isLive(task, place)) found = _outcome(place, round, seats);
    }

    /// @inheritdoc IValidation
    function evidenceOf(NodeId node) external view returns (uint256) {
        return _evidence[node];
    }

    /// @inheritdoc IValidation
    function commitmentOf(
        TaskId task,
        uint8 round,
        NodeId author,
        uint256 verdict,
        bytes32 evidence,
        bytes32 salt
    ) public view returns (bytes32) {
        return
            _hashTyped(
                _domainSeparatorV4(),
                CommitReveal.verdictHash(TaskId.unwrap(task), round, NodeId.unwrap(author), verdict, evidence, salt)
            );
    }

    // --- stages ---

    /// @dev A round with a panel: its stage, `Final` where it is over, and then since when.
    function _running(TaskId task, uint256 place, Facts memory facts, Assurance assurance) private view returns (Stage, uint40) {
        Panel memory panel = _panels[place][facts.round];
        if (panel.size == 0) {
            if (block.number <= facts.seedBlock) return (Stage.Waiting, 0);
            if (Windows.isPast(facts.closeAt)) return (Stage.Final, facts.closeAt);
            // Once the deciding hash is gone nobody is drawn any more: who was sampled cannot be tried again.
            bool first = RANDOMNESS.isFirstSeed(facts.seedBlock);
            if (first && facts.round == 0 && !_isSampled(_seed(task, facts), assurance)) return (Stage.Final, facts.askedAt);
            return (Stage.Committing, 0);
        }
        if (!Windows.isPast(facts.closeAt)) return (Stage.Committing, 0);
        if (Sketch.seatCount(panel.committed) < _quorum(facts.round, assurance)) return (Stage.Final, facts.closeAt);
        if (panel.revealed == panel.committed) return (Stage.Final, facts.openedAt);
        uint40 endsAt = facts.closeAt + uint40(assurance.verdictRevealWindow());
        return Windows.isPast(endsAt) ? (Stage.Final, endsAt) : (Stage.Revealing, 0);
    }

    function _isSampled(bytes32 seed, Assurance assurance) private pure returns (bool) {
        return uint256(uint16(uint256(keccak256(abi.encode(seed, "sample"))))) * 10_000 < assurance.sampleBps() * 65_536;
    }

    function _seed(TaskId task, Facts memory facts) private view returns (bytes32) {
        return RANDOMNESS.seedOf(facts.seedBlock, keccak256(abi.encode("panel", task, facts.round)));
    }

    function _wantedOf(uint256 round, Assurance assurance) private pure returns (uint256) {
        return round == 0 ? assurance.validators() : assurance.appealSize();
    }

    /// @dev More than half of the seats that were to be drawn, however many could be.
    function _quorum(uint256 round, Assurance assurance) private pure returns (uint256) {
        return _wantedOf(round, assurance) / 2 + 1;
    }

    function _require(TaskId task, Stage wanted) private view {
        Stage found = stageOf(task);
        if (found != wanted) revert ValidationWrongStage(task, found, wanted);
    }

    // --- panels ---

    /// @dev The panel of the current round, drawn now if it has not been.
    function _seated(TaskId task, uint256 place) private returns (Panel memory panel) {
        Facts memory facts = _facts[place];
        panel = _panels[place][facts.round];
        if (panel.size != 0) return panel;
        if (!RANDOMNESS.isFirstSeed(facts.seedBlock)) revert ValidationSeedGone(task, facts.seedBlock);
        Panel memory former = _panels[place][0];
        (uint240 members, uint8 size) = POOL.drawPanel(
            _models[place],
            uint8(_wantedOf(facts.round, _assurances[place])),
            _seed(task, facts),
            facts.miners,
            facts.round == 0 ? 0 : former.members,
            facts.round == 0 ? 0 : former.size,
            SESSION.ownerOf(SessionId.wrap(uint32(TaskId.unwrap(task) >> 32)))
        );
        if (size == 0) revert ValidationNoValidators(task);
        panel = Panel({members: uint216(members), size: size, committed: 0, revealed: 0});
        _panels[place][facts.round] = panel;
        emit PanelSeated(task, facts.round, panel.members, size);
    }

    /// @dev Why a commitment cannot be recorded, as an encoded error; empty where it can.
    function _refusal(
        TaskId task,
        uint256 place,
        Panel memory panel,
        uint8 seat,
        bytes32 commitment,
        address key
    ) private view returns (bytes memory) {
        if (seat >= panel.size) return abi.encodeWithSelector(ValidationNoSeat.selector, task, seat, panel.size);
        if ((panel.committed >> seat) & 1 == 1) return abi.encodeWithSelector(ValidationCommitted.selector, task, seat, true);
        if (commitment == 0) return abi.encodeWithSelector(ValidationEmptyCommitment.selector, task, seat);
        NodeId node = NodeId.wrap(_member(panel, seat));
        address operator = POOL.operatorOf(node);
        bool signs = key != address(0) && (key == operator || key == POOL.formerOperatorOf(node));
        // The last commitment of a list closes the stage for the rest of it.
        if (Windows.isPast(_facts[place].closeAt)) {
            return abi.encodeWithSelector(ValidationWrongStage.selector, task, Stage.Revealing, Stage.Committing);
        }
        return signs ? bytes("") : abi.encodeWithSelector(ValidationNotOperator.selector, task, seat, key, operator);
    }

    function _record(TaskId task, uint256 place, Panel memory panel, uint8 seat, bytes32 commitment) private returns (Panel memory) {
        uint8 round = _facts[place].round;
        panel.committed |= uint16(1 << seat);
        _panels[place][round] = panel;
        _seats[place][_key(round, seat)] = uint256(commitment);
        // Openings begin in the next second at the earliest.
        if (uint256(panel.committed) + 1 == 1 << panel.size) _facts[place].closeAt = Windows.clock();
        emit VerdictCommitted(task, round, seat, NodeId.wrap(_member(panel, seat)), commitment);
        return panel;
    }

    // --- closing ---

    function _outcome(uint256 place, uint8 round, uint256 seats) private view returns (Verdicts.Outcome memory) {
        Assurance assurance = _assurances[place];
        Panel memory panel = _panels[place][round];
        uint256[] memory words = new uint256[](Sketch.seatCount(panel.revealed));
        uint256 found = 0;
        for (uint256 seat = 0; seat < panel.size; ++seat) {
            if ((panel.revealed >> seat) & 1 == 1) words[found++] = _seats[place][_key(round, seat)] & ~OPENED;
        }
        return Verdicts.outcome(words, seats, _quorum(round, assurance), assurance.bar());
    }

    /// @dev Dues of both panels, the bond, penalties for verdicts kept back; frees and clears the panels.
    function _bookPanels(Closing memory closing, Ruling memory ruling) private {
        Panel memory first = _panels[closing.place][0];
        Panel memory second = _panels[closing.place][1];
        Due[] memory firstDues = _dues(closing, first, 0);
        Due[] memory secondDues = _dues(closing, second, 1);
        // The bond pays the appeal's panel unless it was right to appeal; else the lock does.
        bool byBond = closing.appealed && !closing.overturned;
        ruling.dues = byBond ? firstDues : _joined(firstDues, secondDues);
        for (uint256 i = 0; i < ruling.dues.length; ++i) ruling.cost += ruling.dues[i].amountOf();
        if (closing.appealed) {
            Bond memory bond = _bonds[closing.place];
            PAYMENT.settleBond(bond.appellant, bond.amount, byBond ? secondDues : new Due[](0));
        }
        Facts memory facts = _facts[closing.place];
        _dismiss(closing.place, first, 0, closing.appealed ? facts.firstCloseAt : facts.closeAt);
        _dismiss(closing.place, second, 1, facts.closeAt);
    }

    /// @dev One due per seat of a panel. Who would have paid or refused other miners than the verdict does is paid nothing: a guess
    /// costs what it earns.
    function _dues(Closing memory closing, Panel memory panel, uint256 round) private view returns (Due[] memory dues) {
        dues = new Due[](panel.size);
        bool opens = Sketch.seatCount(panel.committed) >= _quorum(round, _assurances[closing.place]);
        for (uint256 seat = 0; seat < panel.size; ++seat) {
            uint24 node = _member(panel, seat);
            if ((panel.revealed >> seat) & 1 == 1) {
                uint256 word = _seats[closing.place][_key(round, seat)] & ~OPENED;
                bool wrong = closing.last.decided && Verdicts.rejectedBy(word, closing.opened, closing.bar) != closing.last.rejected;
                (uint256 near, uint256 far) = closing.last.decided ? Verdicts.standing(word, closing.last, closing.opened) : (0, 0);
                dues[seat] = NodeLedger.due(node, wrong ? 0 : closing.price, near, far, Score.Conduct.Opened);
            } else if ((panel.committed >> seat) & 1 == 1) {
                dues[seat] = NodeLedger.due(node, 0, 0, 0, opens ? Score.Conduct.Unopened : Score.Conduct.Excused);
            } else {
                dues[seat] = NodeLedger.due(node, 0, 0, 0, Score.Conduct.Silent);
            }
        }
    }

    function _dismiss(uint256 place, Panel memory panel, uint256 round, uint40 closedAt) private {
        if (panel.size == 0) return;
        delete _panels[place][round];
        Assurance assurance = _assurances[place];
        if (Sketch.seatCount(panel.committed) >= _quorum(round, assurance)) {
            uint40 until = closedAt + uint40(assurance.verdictRevealWindow());
            for (uint256 seat = 0; seat < panel.size; ++seat) {
                bool kept = ((panel.committed & ~panel.revealed) >> seat) & 1 == 1;
                if (kept) POOL.slashUnopened(NodeId.wrap(_member(panel, seat)), closedAt, until);
            }
        }
        POOL.releasePanel(panel.members, panel.size);
    }

    /// @dev Sums evidence on every judged miner, and takes stake from those it proves something of.
    function _weigh(Closing memory closing, uint256 nodes) private {
        address finder = closing.overturned ? _bonds[closing.place].appellant : address(0);
        Verdicts.Outcome memory found = closing.last;
        for (uint256 seat = 0; seat < Verdicts.SEATS; ++seat) {
            if ((closing.opened >> seat) & 1 == 0) continue;
            NodeId node = NodeId.wrap(uint24(nodes >> (24 * seat)));
            if ((found.mismatch >> seat) & 1 == 1) {
                POOL.slashFraud(node, finder);
                continue;
            }
            bool untrue = (found.notGenuine >> seat) & 1 == 1;
            if (!untrue && (found.genuine >> seat) & 1 == 0) continue;
            uint256 sum = Evidence.after_(_evidence[node], untrue);
            bool proven = Evidence.proves(sum);
            _evidence[node] = proven ? 0 : sum;
            emit EvidenceChanged(node, closing.task, sum);
            if (proven) POOL.slashFraud(node, finder);
        }
    }

    function _joined(Due[] memory a, Due[] memory b) private pure returns (Due[] memory all) {
        all = new Due[](a.length + b.length);
        for (uint256 i = 0; i < a.length; ++i) all[i] = a[i];
        for (uint256 i = 0; i < b.length; ++i) all[a.length + i] = b[i];
    }

    // --- numbers ---

    function _isLive(TaskId task, uint256 place) private view returns (bool) {
        Facts storage facts = _facts[place];
        return facts.live && facts.generation == _generation(task);
    }

    function _member(Panel memory panel, uint256 seat) private pure returns (uint24) {
        return uint24(panel.members >> (24 * seat));
    }

    function _key(uint256 round, uint256 seat) private pure returns (uint256) {
        return (round << 8) | seat;
    }

    function _place(TaskId task) private pure returns (uint256) {
        uint64 id = TaskId.unwrap(task);
        return (uint256(id >> 32) << 32) | (uint32(id) % RING);
    }

    function _generation(TaskId task) private pure returns (uint16) {
        return uint16(uint32(TaskId.unwrap(task)) / RING);
    }

    function _hashTyped(bytes32 domain, bytes32 hash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }
}
