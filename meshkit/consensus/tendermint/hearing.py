"""What others say, and the gates it passes: this height, proper form, something new.

Form is whose turn it is, who is a validator, how far a round may be ahead; signatures were verified
before. Of each voter, round and kind the first statement counts; a second that says something else
is evidence, and one that says the same is nothing, or a question.

For a node that is behind or stuck is noticed by what it says: whoever asks about a decided height
or votes in one is told the decision, and whoever votes in a round that is over is told the votes
that ended it; each once a window, and not while such a message may merely have been under way. So
is whoever asks in our height and has not cast the vote that we wait for: it has just come back. A
peer that is ahead of us is remembered and asked (T14, T16).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from meshkit.consensus.certificate import stands
from meshkit.consensus.messages import (
    NIL,
    Ask,
    Committed,
    Decided,
    EquivocationSeen,
    ProposalTaken,
)
from meshkit.consensus.quorum import Tally, count
from meshkit.consensus.tendermint.evidence import conflict, place, vouches
from meshkit.consensus.tendermint.fold import evolve, with_tally
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Event,
    HeightAnswered,
    Known,
    PeerAhead,
    Proposal,
    ProposalHeard,
    QuorumShown,
    RoundAnswered,
    StatementKept,
    ValueAnswered,
    Vote,
    VoteHeard,
    WantValue,
)
from meshkit.consensus.tendermint.rules import Timeouts, next_event, start
from meshkit.consensus.tendermint.state import (
    EMPTY,
    GRACE_NS,
    PROPOSE,
    ROUNDS_AHEAD,
    ROUNDS_KEPT,
    VALUES_KEPT,
    Round,
    State,
    bare,
    charge,
    may_answer,
    round_of,
    slot,
    turn,
)
from meshkit.core.value import Statement, Value, digest

LEAPS_MAX = 8  # how often a voter's far round is followed while we stay in one (a guess)
LATER_MAX = 3  # statements of the next height kept a validator: a proposal and two votes
CLAIMS_MAX = 1_024  # peers that may be asked (a guess): one honest among them is enough
KNOWN_MAX = 8  # statements in a bundle for each validator: two votes of four rounds


Unfolded: TypeAlias = Sequence[tuple[Event, State]]
"""What is decided, each event with the state after it."""


class Deciding:
    """One command being decided: the events so far, and the state after them."""

    __slots__ = ("me", "now_ns", "state", "timeouts", "unfolded")

    def __init__(self, state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> None:
        self.state = state
        self.me = me
        self.timeouts = timeouts
        self.now_ns = now_ns
        self.unfolded: list[tuple[Event, State]] = []  # each event, with the state after it

    def add(self, event: Event) -> None:
        self.state = state = evolve(self.state, event)
        self.unfolded.append((event, state))

    def obey(self) -> None:
        """Do what the rules say until they are silent."""
        while event := next_event(self.state, self.me, self.timeouts, self.now_ns):
            self.add(event)

    def open(self) -> None:
        """Start the clock of the height, if it does not run yet."""
        if self.state.round < 0:
            self.add(start(self.state, 0, self.me, self.timeouts, self.now_ns))


def hear(deciding: Deciding, sender: bytes, message: Value) -> None:
    """Take in a peer's message, or refuse it by doing nothing."""
    if not deciding.state.height:
        return
    match message:
        case Vote():
            _hear_vote(deciding, sender, message)
        case Proposal():
            _hear_proposal(deciding, sender, message)
        case Known():
            _hear_known(deciding, message)
        case Committed():
            _hear_committed(deciding, message)
        case Ask(height):
            _hear_ask(deciding, sender, height)
        case WantValue():
            _hear_want(deciding, sender, message)
        case _:
            return


# -- statements -----------------------------------------------------------------------------------


def one_more(state: State, vote: Vote, me: bytes) -> Unfolded | None:
    """What follows from the usual vote: the first of somebody in our round, with which there are
    not enough of its kind yet, or were already and alike. It is counted, and no rule has anything
    to say, for of a tally they ask no more than these two things; None of any other.
    """
    number, voter, kind, q = vote.round, vote.voter, vote.kind, state.quorum
    if number != state.round or number < 0 or vote.height != state.height or state.decided:
        return None
    weight = state.weights.get(voter)
    if weight is None or kind not in (PREVOTE, PRECOMMIT):
        return None
    if voter == me and state.cast.get(slot(number, kind)) != vote.value_id:
        return None
    at = state.rounds.get(number, EMPTY)
    tally = at.prevotes if kind == PREVOTE else at.precommits
    if tally.weight + weight >= q and (tally.quorum_for is None or tally.weight < q):
        return None
    if voter in tally.by_voter:
        return None
    grown = count(tally, voter, vote.value_id, vote, weight, q)
    return ((VoteHeard(vote), with_tally(state, number, at, kind, grown)),)


def _hear_vote(deciding: Deciding, sender: bytes, vote: Vote) -> None:
    state = deciding.state
    if vote.height != state.height or state.decided:
        _hear_elsewhere(deciding, sender, vote, vote.voter)
        return
    if vote.voter not in state.weights or vote.kind not in (PREVOTE, PRECOMMIT) or vote.round < 0:
        return
    if vote.voter == deciding.me and _cast(state, vote) != vote.value_id:
        return  # signed by our key, but never cast here: it is not ours to count (T11)
    if state.round < 0:
        deciding.open()
        state = deciding.state
    known = _known_vote(state, vote)
    if known is not None:
        _accuse(deciding, known, vote)
    elif vote.round == state.round or _is_wanted(state, vote):
        deciding.add(VoteHeard(vote))
    if vote.round < state.round and sender == vote.voter:
        _answer_round(deciding, sender, vote.round)


def _cast(state: State, vote: Vote) -> bytes | None:
    return state.cast.get(slot(vote.round, vote.kind))


def _known_vote(state: State, vote: Vote) -> Statement | None:
    """What its voter said before in its place."""
    if vote.round <= state.round + ROUNDS_AHEAD:
        at = state.rounds.get(vote.round, EMPTY)
        tally = at.prevotes if vote.kind == PREVOTE else at.precommits
        return tally.by_voter.get(vote.voter)
    for other in state.far.get(vote.voter, ()):
        if (other.round, other.kind) == (vote.round, vote.kind):
            return other
    return None


def _vote_in(at: Round, vote: Vote) -> Statement | None:
    tally = at.prevotes if vote.kind == PREVOTE else at.precommits
    return tally.by_voter.get(vote.voter)


def _tally(at: Round, kind: int) -> Tally:
    return at.prevotes if kind == PREVOTE else at.precommits


def _is_wanted(state: State, vote: Vote) -> bool:
    """Not a vote for nothing in a past prevote, nor of a round long past, nor one leap too many."""
    if vote.round > state.round + ROUNDS_AHEAD:
        highest = state.highest.get(vote.voter, -1)
        leaps = state.leaps.get(vote.voter, 0)
        return vote.round == highest or (vote.round > highest and leaps < LEAPS_MAX)
    if vote.round < state.round and vote.kind == PREVOTE and vote.value_id == NIL:
        return False
    return vote.round >= state.round - ROUNDS_KEPT


def _hear_proposal(deciding: Deciding, sender: bytes, proposal: Proposal) -> None:
    state = deciding.state
    if proposal.height != state.height or state.decided:
        _hear_elsewhere(deciding, sender, bare(proposal), proposal.proposer, proposal)
        return
    number = proposal.round
    if not -1 <= proposal.valid_round < number or proposal.proposer != _turn(state, number):
        return
    own = state.own.get(number)
    if proposal.proposer == deciding.me and (own is None or conflict(bare(proposal), own)):
        return  # as with votes (T11)
    known = round_of(state, number).proposal
    if known is not None:
        _accuse(deciding, known, bare(proposal))
    _take(deciding, proposal)


def _turn(state: State, number: int) -> bytes:
    if number == state.round:
        return state.proposer
    return turn(state, number)


def _take(deciding: Deciding, proposal: Proposal) -> None:
    """Take what is new of a proposal in proper form: its value, itself, or both.

    Of a round's proposals only the first is kept. But a value that a quorum voted for is taken
    from any: certificates override the bound.
    """
    state, number, value_id = deciding.state, proposal.round, proposal.value_id
    near = -VALUES_KEPT <= number - max(state.round, 0) <= ROUNDS_AHEAD
    first = near and round_of(state, number).proposal is None
    new = value_id not in state.values
    value = proposal.value if new else state.values[value_id]
    if value is None or not (first or (new and value_id in state.missed)):
        return
    if new and digest(value) != value_id:
        return
    deciding.open()
    if new:
        taken = (state.height, number, value_id, proposal.proposer, value)
        deciding.add(ProposalTaken(*taken))
    if first:
        deciding.add(ProposalHeard(bare(proposal)))


def _accuse(deciding: Deciding, first: Statement, second: Vote | Proposal) -> None:
    """Two statements for one place: the same again, or evidence, once (T12)."""
    if first == second:
        return
    culprit = conflict(first, second)
    _, height, _, kind = place(second)
    if culprit is not None and charge(height, kind, culprit) not in deciding.state.convicted:
        deciding.add(EquivocationSeen(culprit, first, second))


# -- bundles and certificates ---------------------------------------------------------------------


def _hear_known(deciding: Deciding, known: Known) -> None:
    """All of a bundle, again and again until it says nothing new: its last vote may bring us to
    the round that its first proposal is of."""
    size = len(known.proposals) + len(known.votes)
    if size > KNOWN_MAX * len(deciding.state.validators):
        return
    state = deciding.state
    said: list[Vote | Proposal] = [*known.proposals, *known.votes]
    fresh = [statement for statement in said if not _is_known(state, statement)]
    if not fresh:
        return
    _compare(deciding, fresh)
    before = -1
    while len(deciding.unfolded) > before:
        before = len(deciding.unfolded)
        for statement in fresh:
            hear(deciding, b"", statement)
        deciding.obey()
        _believe(deciding, known.votes)


def _is_known(state: State, statement: Vote | Proposal) -> bool:
    """Whether just this was heard before, in this height or the one just decided."""
    here = statement.height == state.height
    if not here and statement.height != state.height - 1:
        return False
    at = (state.rounds if here else state.former).get(statement.round)
    if at is None:
        return False
    if isinstance(statement, Vote):
        tally = at.prevotes if statement.kind == PREVOTE else at.precommits
        return tally.by_voter.get(statement.voter) == statement
    missing = here and statement.value is not None and statement.value_id not in state.values
    return not missing and at.proposal == bare(statement)


def _believe(deciding: Deciding, votes: tuple[Vote, ...]) -> None:
    """A quorum that a bundle shows by itself counts, whatever its voters told us before."""
    for shown in _quorums(deciding.state, votes):
        tally = _tally(round_of(deciding.state, shown.round), shown.kind)
        if tally.quorum_for is None and not deciding.state.decided:
            deciding.add(shown)
            deciding.obey()


def _compare(deciding: Deciding, statements: Iterable[Vote | Proposal]) -> None:
    """What a bundle proves by itself, in this height or the one before, whatever we heard of it."""
    state = deciding.state
    weights = {state.height: state.weights, state.height - 1: state.former_weights}
    first: dict[tuple[bytes, int, int, int], Vote | Proposal] = {}
    for statement in statements:
        where = place(statement)
        if where[0] in weights.get(where[1], ()):
            said = bare(statement) if isinstance(statement, Proposal) else statement
            _accuse(deciding, first.setdefault(where, said), said)


def _quorums(state: State, votes: tuple[Vote, ...]) -> Iterator[QuorumShown]:
    """The quorums for a value that a bundle shows by itself, in rounds that may concern us."""
    groups: dict[tuple[int, int, bytes], dict[bytes, Vote]] = {}
    for vote in votes:
        here = vote.height == state.height and vote.voter in state.weights
        near = vote.kind == PRECOMMIT or vote.round <= state.round + ROUNDS_AHEAD
        if here and near and vote.kind in (PREVOTE, PRECOMMIT) and vote.value_id != NIL:
            groups.setdefault((vote.round, vote.kind, vote.value_id), {})[vote.voter] = vote
    for (number, kind, value_id), group in groups.items():
        if sum(state.weights[voter] for voter in group) >= state.quorum:
            alike = tuple(vote for _, vote in sorted(group.items()))
            yield QuorumShown(state.height, number, kind, value_id, alike)


def _hear_committed(deciding: Deciding, message: Committed) -> None:
    """A decision of our height, from whomever. One of a later height proves nothing to us yet."""
    state, proof = deciding.state, message.certificate
    if proof.height != state.height or state.decided:
        return
    if stands(proof, state.weights, vouches) and digest(message.value) == proof.value_id:
        deciding.add(Decided(proof, message.value))


# -- other heights --------------------------------------------------------------------------------


def _hear_elsewhere(
    deciding: Deciding,
    sender: bytes,
    statement: Vote | Proposal,
    signer: bytes,
    whole: Proposal | None = None,
) -> None:
    """A statement of a height that is not open: evidence, a question, or too early."""
    state, height = deciding.state, statement.height
    known = _known_before(state, statement)
    if known is not None:
        _accuse(deciding, known, statement)
    if sender != signer:
        return
    if height > state.height:
        _keep(deciding, sender, whole or statement)
    elif height < state.height and deciding.now_ns >= state.begun_ns + GRACE_NS:
        _answer_height(deciding, sender, height)


def is_late(state: State, sender: bytes, vote: Vote, now_ns: int) -> bool:
    """Whether a vote of a height that is over leads to nothing, whoever signed it: it repeats what
    we know or adds to what nobody counts any more, and asks for no answer.

    In each height the last votes come after the decision. Who asks this first need not verify them.
    """
    over = vote.height < state.height or (vote.height == state.height and state.decided)
    if not over or _known_before(state, vote) not in (None, vote):
        return False
    behind = vote.height < state.height and now_ns >= state.begun_ns + GRACE_NS
    return not (behind and sender == vote.voter)


def _known_before(state: State, statement: Vote | Proposal) -> Statement | None:
    """What its signer said before in its place, in the height just decided."""
    if statement.height != state.height - (not state.decided):
        return None
    rounds = state.rounds if state.decided else state.former
    at = rounds.get(statement.round, EMPTY)
    return _vote_in(at, statement) if isinstance(statement, Vote) else at.proposal


def _keep(deciding: Deciding, sender: bytes, statement: Vote | Proposal) -> None:
    state = deciding.state
    kept = state.later.get(sender, ())
    room = len(kept) < LATER_MAX and sender in state.weights
    alike = any(place(other)[3] == place(statement)[3] for other in kept)
    if statement.height == state.height + 1 and room and not alike:
        deciding.add(StatementKept(sender, statement, deciding.now_ns))
    else:
        _notice(deciding, sender, statement.height)


def _notice(deciding: Deciding, sender: bytes, height: int) -> None:
    """A peer is ahead: noted once while we are at a height, whatever it claims."""
    claims = deciding.state.claims
    if sender not in claims and len(claims) < CLAIMS_MAX:
        deciding.add(PeerAhead(sender, height, deciding.now_ns))


# -- answers --------------------------------------------------------------------------------------


def _hear_ask(deciding: Deciding, sender: bytes, height: int) -> None:
    state = deciding.state
    if height > state.height:
        _notice(deciding, sender, height)
    elif height < state.height or state.decided:
        _answer_height(deciding, sender, height)
    elif _is_awaited(state, sender):
        _answer_round(deciding, sender, state.round)


def _is_awaited(state: State, peer: bytes) -> bool:
    """Whether we wait for its vote: who has just come back has heard nothing of our round, and we
    may not repeat ourselves for seconds."""
    if state.step == PROPOSE or peer not in state.weights:
        return False
    return peer not in _tally(round_of(state, state.round), state.step).by_voter


def _hear_want(deciding: Deciding, sender: bytes, want: WantValue) -> None:
    state = deciding.state
    if want.height != state.height or state.decided:
        _hear_ask(deciding, sender, want.height)
    elif want.value_id in state.values and _may_answer(deciding, "value", sender):
        deciding.add(ValueAnswered(sender, state.height, want.value_id, deciding.now_ns))


def _answer_height(deciding: Deciding, to: bytes, height: int) -> None:
    if height > 0 and _may_answer(deciding, "height", to):
        deciding.add(HeightAnswered(to, height, deciding.now_ns))


def _answer_round(deciding: Deciding, to: bytes, number: int) -> None:
    state = deciding.state
    late = deciding.now_ns >= state.round_ns + GRACE_NS
    if late and _may_answer(deciding, "round", to):
        deciding.add(RoundAnswered(to, state.height, number, deciding.now_ns))


def _may_answer(deciding: Deciding, kind: str, to: bytes) -> bool:
    return to != deciding.me and may_answer(deciding.state, kind, to, deciding.now_ns)
