"""What one node knows of the height it is at, and how each event changes that.

Rounds are kept apart: each has its first proposal and two tallies, which grow by one vote at a
time. What the rules ask again and again is kept beside them, so that no rule ever searches: the
latest round with a quorum of prevotes for a value (`polka_round`), the round with a quorum of
precommits for one (`chosen_round`), the round to skip to (`skip_to`).

Memory is bounded whatever others send. Of each voter, round and kind the first vote is kept; of
rounds further ahead than the next one only each voter's highest; of past rounds the last
ROUNDS_KEPT and those that a lock or a quorum rests on; of the next height a few statements a
sender; of the height before what convicts a late liar; of all others nothing.
"""

from typing import assert_never, cast

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.certificate import weights_of
from meshkit.consensus.messages import (
    NIL,
    Certificate,
    Committed,
    Decided,
    EquivocationSeen,
    ProposalTaken,
    ProposalWanted,
    Validator,
)
from meshkit.consensus.quorum import Tally, count, more_than_third, quorum, quorum_votes, show
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    Event,
    HeightAnswered,
    HeightBegun,
    Known,
    PeerAhead,
    Proposal,
    ProposalHeard,
    Proposed,
    QuorumShown,
    Repeated,
    RoundAnswered,
    RoundStarted,
    StatementKept,
    TimerStarted,
    ValidFound,
    ValueAnswered,
    ValueJudged,
    ValueMissed,
    Vote,
    VoteCast,
    VoteHeard,
)
from meshkit.core.value import Value

PROPOSE = 0  # the step before PREVOTE and PRECOMMIT; the kind of a proposal among statements

ROUNDS_KEPT = 32  # of those heard of, for evidence and for answers to laggards (a guess)
VALUES_KEPT = 4  # the latest proposed ones; others can be asked for (a guess)
ROUNDS_AHEAD = 1  # CometBFT's: votes of the next round are counted, later ones only remembered
MS_NS = 1_000_000  # nanoseconds in a millisecond
AGAIN_NS = 400 * MS_NS  # a few round trips between continents
AGAIN_NS_MAX = 6_400 * MS_NS  # a healed partition is noticed within seconds (a guess)
POLL_NS = 1_000 * MS_NS  # of an idle node: a decision nobody told us of is found soon after it
POLL_NS_MAX = 60_000 * MS_NS  # and a day of idling costs 1,440 entries
GRACE_NS = 100 * MS_NS  # what was under way when a height or round began is no question
WINDOW_NS = 100 * MS_NS  # of one answer a peer and kind; as GRACE_NS, after which a peer asks again
ANSWERED_MAX = 1_024  # answers in a window (a guess): five thousand questions a second are a flood


class Round(Value):
    """What was heard of one round: its first proposal, without the value, and its votes."""

    proposal: Proposal | None = None
    prevotes: Tally = Tally()
    precommits: Tally = Tally()


EMPTY = Round()


class State(Value):
    """The paper's variables stand under their names; -1 is its -1, `NIL` its nil."""

    # The height.
    height: int = 0
    validators: tuple[Validator, ...] = ()
    weights: Map[bytes, int] = Map()
    total: int = 0
    quorum: int = 1
    begun_ns: int = 0
    decided: bool = False

    # Where we are. The round is -1 until the height is opened.
    round: int = -1
    step: int = PROPOSE
    proposer: bytes = b""
    asked: bool = False  # for a value to propose
    round_ns: int = 0
    step_ns: int = 0
    locked_round: int = -1
    locked_id: bytes = NIL
    valid_round: int = -1
    valid_id: bytes = NIL

    # Timers: 0 is none.
    step_due_ns: int = 0  # timeoutPropose or timeoutPrevote
    round_due_ns: int = 0  # timeoutPrecommit
    again_due_ns: int = 0
    again_count: int = 0
    again_ns: int = 0  # when we last repeated ourselves

    # What we have bound ourselves to; see `slot`.
    cast: Map[int, bytes] = Map()
    own: Map[int, Proposal] = Map()  # by round, unsigned and without its value

    # What was heard.
    rounds: Map[int, Round] = Map()
    values: Map[bytes, Value] = Map()
    judged: Map[bytes, bool] = Map()
    missed: Map[bytes, bool] = Map()
    polka_round: int = -1
    chosen_round: int = -1
    highest: Map[bytes, int] = Map()  # each voter's highest round, where it is above ours
    far: Map[bytes, tuple[Vote, ...]] = Map()  # its votes of that round, where not counted yet
    leaps: Map[bytes, int] = Map()  # how often `far` was replaced in our round
    skip_to: int = -1
    convicted: Map[bytes, Known] = Map()  # the proof by `charge`

    # The other heights.
    last: Committed | None = None
    former: Map[int, Round] = Map()  # the rounds of the height before
    former_weights: Map[bytes, int] = Map()
    later: Map[bytes, tuple[Vote | Proposal, ...]] = Map()  # of the next height, by sender
    claims: Map[bytes, int] = Map()  # the height a peer spoke of, where it is above ours
    window_ns: int = 0
    answered: Map[bytes, bool] = Map()  # since window_ns; see `question`


def slot(round_: int, kind: int) -> int:
    """The key of what is cast once: a kind of vote in a round."""
    return 3 * round_ + kind


def charge(height: int, kind: int, culprit: bytes) -> bytes:
    """The key of what is proved once: a height, a kind of statement, a culprit."""
    return height.to_bytes(8) + bytes([kind]) + culprit


def question(kind: str, to: bytes) -> bytes:
    """The key of what is answered once a window."""
    return kind.encode() + to


def bare(proposal: Proposal) -> Proposal:
    """The proposal without its value: the signature still holds."""
    return proposal if proposal.value is None else replace(proposal, value=None)


# -- reading --------------------------------------------------------------------------------------


def round_of(state: State, number: int) -> Round:
    return state.rounds.get(number, EMPTY)


def polka_id(state: State) -> bytes | None:
    """The id that a quorum prevoted in `polka_round`."""
    return round_of(state, state.polka_round).prevotes.quorum_for


def chosen_id(state: State) -> bytes | None:
    """The id that a quorum precommitted in `chosen_round`."""
    return round_of(state, state.chosen_round).precommits.quorum_for


def polka(state: State, number: int) -> tuple[Vote, ...]:
    """The quorum of prevotes of a round: what vouches for a proposal with that valid round."""
    return cast("tuple[Vote, ...]", quorum_votes(round_of(state, number).prevotes))


def certificate(state: State) -> Certificate:
    """The proof of a decision, once `chosen_round` is one."""
    tally = round_of(state, state.chosen_round).precommits
    assert tally.quorum_for is not None
    return Certificate(state.height, state.chosen_round, tally.quorum_for, quorum_votes(tally))


def signed_proposal(state: State, value_id: bytes) -> Proposal | None:
    """Some signed proposal of a value at hand, with the value."""
    value = state.values.get(value_id)
    for _, round_ in sorted(state.rounds.items()):
        proposal = round_.proposal
        if value is not None and proposal is not None and proposal.value_id == value_id:
            return replace(proposal, value=value)
    return None


def may_answer(state: State, kind: str, to: bytes, now_ns: int) -> bool:
    """Whether a question of this kind was not answered in this window yet."""
    if now_ns >= state.window_ns + WINDOW_NS:
        return True
    return len(state.answered) < ANSWERED_MAX and question(kind, to) not in state.answered


def patience_ns(state: State) -> int:
    """How long we listen before we repeat ourselves; not long, if others seem to be ahead."""
    return GRACE_NS if state.claims else AGAIN_NS


# -- evolving -------------------------------------------------------------------------------------


def evolve(state: State, event: Event) -> State:
    match event:
        case VoteHeard():
            near = event.vote.round <= state.round + ROUNDS_AHEAD
            return counted(state, event.vote) if near else _heard_far(state, event.vote)
        case VoteCast():
            return _vote_cast(state, event)
        case ProposalHeard():
            proposal = event.proposal
            at = round_of(state, proposal.round)
            known = replace(at, proposal=proposal)
            return replace(state, rounds=state.rounds.set(proposal.round, known))
        case ProposalTaken():
            values, missed = state.values.set(event.value_id, event.value), state.missed
            if event.value_id in missed:
                missed = missed.delete(event.value_id)
            return replace(state, values=values, missed=missed)
        case ValueJudged():
            return replace(state, judged=state.judged.set(event.value_id, event.valid))
        case TimerStarted(kind=kind, due_ns=due_ns):
            if kind == PREVOTE:
                return replace(state, step_due_ns=due_ns)
            return replace(state, round_due_ns=due_ns)
        case RoundStarted():
            return _round_started(state, event)
        case HeightBegun():
            return _height_begun(state, event)
        case Decided():
            last = Committed(event.certificate, event.value)
            return replace(state, decided=True, last=last)
        case ProposalWanted():
            return replace(state, asked=True)
        case Proposed():
            own = Proposal(
                event.height, event.round, event.valid_round, event.value_id, state.proposer
            )
            return replace(state, own=state.own.set(event.round, own))
        case ValidFound():
            return replace(state, valid_round=event.round, valid_id=event.value_id)
        case ValueMissed(value_id=value_id):
            return replace(state, missed=state.missed.set(value_id, True))
        case QuorumShown():
            return _quorum_shown(state, event)
        case EquivocationSeen():
            return _equivocation_seen(state, event)
        case _:
            return _evolve_talk(state, event)


def _evolve_talk(
    state: State,
    event: Repeated | PeerAhead | StatementKept | HeightAnswered | RoundAnswered | ValueAnswered,
) -> State:
    match event:
        case Repeated():
            return _repeated(state, event)
        case PeerAhead(sender, height, now_ns):
            return _peer_ahead(state, sender, height, now_ns)
        case StatementKept(sender, statement, now_ns):
            kept = state.later.set(sender, (*state.later.get(sender, ()), statement))
            return _peer_ahead(replace(state, later=kept), sender, state.height + 1, now_ns)
        case HeightAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("height", to), now_ns)
        case RoundAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("round", to), now_ns)
        case ValueAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("value", to), now_ns)
        case _:
            assert_never(event)


def _heard_far(state: State, vote: Vote) -> State:
    before = state.highest.get(vote.voter, -1)
    alike = state.far.get(vote.voter, ()) if before == vote.round else ()
    leaps = state.leaps.get(vote.voter, 0) + (before != vote.round)
    return _ahead(
        replace(
            state,
            far=state.far.set(vote.voter, (*alike, vote)),
            leaps=state.leaps.set(vote.voter, leaps),
        ),
        vote,
    )


def counted(state: State, vote: Vote) -> State:
    """The state with the first vote of its voter, round and kind."""
    number, voter = vote.round, vote.voter
    at = state.rounds.get(number, EMPTY)
    weight = state.weights.get(voter, 0)
    if vote.kind == PREVOTE:
        tally = at.prevotes
        grown = count(tally, voter, vote.value_id, vote, weight, state.quorum)
        known = Round(at.proposal, grown, at.precommits)
    else:
        tally = at.precommits
        grown = count(tally, voter, vote.value_id, vote, weight, state.quorum)
        known = Round(at.proposal, at.prevotes, grown)
    state = replace(state, rounds=state.rounds.set(number, known))
    if grown.quorum_for != tally.quorum_for:
        state = _quorum_reached(state, number, vote.kind, grown.quorum_for)
    return _ahead(state, vote) if number > state.round else state


def _quorum_reached(state: State, number: int, kind: int, value_id: bytes | None) -> State:
    if value_id == NIL:
        return state
    if kind == PREVOTE:
        return replace(state, polka_round=max(number, state.polka_round))
    return replace(state, chosen_round=number) if state.chosen_round < 0 else state


def _ahead(state: State, vote: Vote) -> State:
    """Line 55: remember who is in a later round, and whether that is more than a third."""
    if vote.round <= state.highest.get(vote.voter, -1):
        return state
    highest = state.highest.set(vote.voter, vote.round)
    return replace(state, highest=highest, skip_to=_skip_to(state, highest))


def _skip_to(state: State, highest: Map[bytes, int]) -> int:
    """The highest round that more than a third has reached or passed; -1 where there is none.

    The paper asks for votes of one and the same round. Whoever votes in a later round was in the
    earlier one or skipped it, so counting those too only brings us on sooner.
    """
    weight = 0
    for number, voter in sorted(
        ((number, voter) for voter, number in highest.items()), reverse=True
    ):
        weight += state.weights.get(voter, 0)
        if more_than_third(weight, state.total):
            return number
    return -1


def _quorum_shown(state: State, event: QuorumShown) -> State:
    at = round_of(state, event.round)
    if event.kind == PREVOTE:
        known = replace(at, prevotes=show(at.prevotes, event.value_id, event.votes))
    else:
        known = replace(at, precommits=show(at.precommits, event.value_id, event.votes))
    state = replace(state, rounds=state.rounds.set(event.round, known))
    return _quorum_reached(state, event.round, event.kind, event.value_id)


def _vote_cast(state: State, event: VoteCast) -> State:
    state = replace(
        state,
        step=event.kind,
        step_ns=event.now_ns,
        step_due_ns=0,
        cast=state.cast.set(slot(event.round, event.kind), event.value_id),
        again_count=0,
        again_due_ns=event.now_ns + patience_ns(state),
    )
    if event.kind == PREVOTE or event.value_id == NIL:
        return state
    return replace(  # lines 38-43
        state,
        locked_round=event.round,
        locked_id=event.value_id,
        valid_round=event.round,
        valid_id=event.value_id,
    )


def _round_started(state: State, event: RoundStarted) -> State:
    number = event.round
    now = replace(
        state,
        round=number,
        step=PROPOSE,
        proposer=proposer(state.validators, state.height, number) if state.validators else b"",
        asked=False,
        round_ns=event.now_ns,
        step_ns=event.now_ns,
        step_due_ns=event.due_ns,
        round_due_ns=0,
        again_count=0,
        again_due_ns=event.now_ns + patience_ns(state),
        highest=_above(state.highest, number),
        far=Map(),
        leaps=Map(),
    )
    if state.round < 0:
        return replace(now, skip_to=_skip_to(now, now.highest))  # nothing was heard before it
    now = _pruned(now)
    for voter, votes in sorted(state.far.items()):
        if votes[0].round > number + ROUNDS_AHEAD:
            now = replace(now, far=now.far.set(voter, votes))
            continue
        for vote in votes:
            now = counted(now, vote)
    return replace(now, skip_to=_skip_to(now, now.highest))


def _above(numbers: Map[bytes, int], number: int) -> Map[bytes, int]:
    """Those that are above; mostly there are none at all."""
    return numbers and Map({by: at for by, at in sorted(numbers.items()) if at > number})


def _pruned(state: State) -> State:
    """The state without the rounds and values that nothing in this height rests on any more."""
    pinned = (state.valid_round, state.locked_round, state.polka_round, state.chosen_round)
    known = sorted(state.rounds.items())
    latest = known[-ROUNDS_KEPT:]
    rounds = Map([*latest, *((n, at) for n, at in known[:-ROUNDS_KEPT] if n in pinned)])
    ids = [at.proposal.value_id for _, at in latest if at.proposal][-VALUES_KEPT:]
    ids += [state.valid_id, state.locked_id, polka_id(state) or NIL, chosen_id(state) or NIL]
    first = state.round - ROUNDS_KEPT
    return replace(
        state,
        rounds=rounds,
        values=Map({key: value for key, value in sorted(state.values.items()) if key in ids}),
        judged=Map({key: valid for key, valid in sorted(state.judged.items()) if key in ids}),
        missed=Map({key: True for key in sorted(state.missed) if key in ids}),
        cast=Map({key: cast for key, cast in sorted(state.cast.items()) if key >= slot(first, 0)}),
        own=Map({n: proposal for n, proposal in sorted(state.own.items()) if n >= first}),
    )


def _height_begun(state: State, event: HeightBegun) -> State:
    same = event.validators == state.validators
    weights = state.weights if same else weights_of(event.validators)
    total = state.total if same else sum(weights.values())
    claims = _above(state.claims, event.height)
    first = charge(event.height - 1, 0, b"") if event.height else b""
    return State(
        height=event.height,
        validators=event.validators,
        weights=weights,
        total=total,
        quorum=quorum(total),
        begun_ns=event.now_ns,
        step_ns=event.now_ns,
        again_due_ns=event.now_ns + (GRACE_NS if claims else POLL_NS),
        convicted=Map({k: proof for k, proof in sorted(state.convicted.items()) if k >= first}),
        last=state.last,
        former=state.rounds,
        former_weights=state.weights,
        claims=claims,
        window_ns=state.window_ns,
        answered=state.answered,
    )


def _equivocation_seen(state: State, event: EquivocationSeen) -> State:
    first, second = event.first, event.second
    if isinstance(first, Vote) and isinstance(second, Vote):
        key, proof = charge(first.height, first.kind, event.culprit), Known((), (first, second))
    elif isinstance(first, Proposal) and isinstance(second, Proposal):
        key, proof = charge(first.height, PROPOSE, event.culprit), Known((first, second), ())
    else:
        return state
    return replace(state, convicted=state.convicted.set(key, proof))


def _repeated(state: State, event: Repeated) -> State:
    idle = state.round < 0 and not state.claims
    first, most = (POLL_NS, POLL_NS_MAX) if idle else (AGAIN_NS, AGAIN_NS_MAX)
    wait = min(first << min(state.again_count + 1, 32), most)  # 32 doublings pass any maximum
    return replace(
        state,
        asked=False,
        again_count=state.again_count + 1,
        again_due_ns=event.now_ns + wait,
        again_ns=event.now_ns,
    )


def _peer_ahead(state: State, sender: bytes, height: int, now_ns: int) -> State:
    """A peer is asked soon after it was first heard ahead, then whenever we repeat ourselves."""
    soon = now_ns + GRACE_NS
    due = state.again_due_ns if sender in state.claims else min(state.again_due_ns, soon)
    claims = state.claims.set(sender, max(height, state.claims.get(sender, 0)))
    return replace(state, claims=claims, again_due_ns=due)


def _answered(state: State, key: bytes, now_ns: int) -> State:
    if now_ns >= state.window_ns + WINDOW_NS:
        return replace(state, window_ns=now_ns, answered=Map({key: True}))
    return replace(state, answered=state.answered.set(key, True))
