"""How each event changes what a node knows: total, for what is journaled has happened."""

from collections.abc import Callable, Mapping
from typing import Any

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.absence import among
from meshkit.consensus.certificate import weights_of
from meshkit.consensus.messages import (
    NIL,
    Committed,
    Decided,
    EquivocationSeen,
    ProposalTaken,
    ProposalWanted,
)
from meshkit.consensus.quorum import Tally, count, more_than_third, quorum, show
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
from meshkit.consensus.tendermint.state import (
    AGAIN_NS_MAX,
    EMPTY,
    GRACE_NS,
    POLL_NS,
    POLL_NS_MAX,
    PROPOSE,
    ROUNDS_AHEAD,
    ROUNDS_KEPT,
    VALUES_KEPT,
    WINDOW_NS,
    Round,
    State,
    absences_after,
    charge,
    chosen_id,
    first_again_ns,
    patience_ns,
    polka_id,
    question,
    round_of,
    slot,
    turn,
)


def evolve(state: State, event: Event) -> State:
    return FOLDS[event.__class__](state, event)


def _vote_heard(state: State, event: VoteHeard) -> State:
    near = event.vote.round <= state.round + ROUNDS_AHEAD
    return counted(state, event.vote) if near else _heard_far(state, event.vote)


def _proposal_heard(state: State, event: ProposalHeard) -> State:
    proposal = event.proposal
    known = replace(round_of(state, proposal.round), proposal=proposal)
    return replace(state, rounds=state.rounds.set(proposal.round, known))


def _proposal_taken(state: State, event: ProposalTaken) -> State:
    values, missed = state.values.set(event.value_id, event.value), state.missed
    if event.value_id in missed:
        missed = missed.delete(event.value_id)
    return replace(state, values=values, missed=missed)


def _value_judged(state: State, event: ValueJudged) -> State:
    return replace(state, judged=state.judged.set(event.value_id, event.valid))


def _value_missed(state: State, event: ValueMissed) -> State:
    return replace(state, missed=state.missed.set(event.value_id, True))


def _valid_found(state: State, event: ValidFound) -> State:
    return replace(state, valid_round=event.round, valid_id=event.value_id)


def _timer_started(state: State, event: TimerStarted) -> State:
    if event.kind == PREVOTE:
        return replace(state, step_due_ns=event.due_ns)
    return replace(state, round_due_ns=event.due_ns)


def _wanted(state: State, _: ProposalWanted) -> State:
    return replace(state, asked=True)


def _proposed(state: State, event: Proposed) -> State:
    own = Proposal(event.height, event.round, event.valid_round, event.value_id, state.proposer)
    return replace(state, own=state.own.set(event.round, own))


def _decided(state: State, event: Decided) -> State:
    return replace(state, decided=True, last=Committed(event.certificate, event.value))


def _ahead_heard(state: State, event: PeerAhead) -> State:
    return _peer_ahead(state, event.sender, event.height, event.now_ns)


def _statement_kept(state: State, event: StatementKept) -> State:
    kept = (*state.later.get(event.sender, ()), event.statement)
    state = replace(state, later=state.later.set(event.sender, kept))
    return _peer_ahead(state, event.sender, state.height + 1, event.now_ns)


def _height_answered(state: State, event: HeightAnswered) -> State:
    return _answered(state, question("height", event.to), event.now_ns)


def _round_answered(state: State, event: RoundAnswered) -> State:
    return _answered(state, question("round", event.to), event.now_ns)


def _value_answered(state: State, event: ValueAnswered) -> State:
    return _answered(state, question("value", event.to), event.now_ns)


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
    tally = at.prevotes if vote.kind == PREVOTE else at.precommits
    grown = count(tally, voter, vote.value_id, vote, weight, state.quorum)
    state = with_tally(state, number, at, vote.kind, grown)
    if grown.quorum_for != tally.quorum_for:
        state = _quorum_reached(state, number, vote.kind, grown.quorum_for)
    return _ahead(state, vote) if number > state.round else state


def with_tally(state: State, number: int, at: Round, kind: int, tally: Tally) -> State:
    """The state in which this is the tally of a kind of vote in a round, so far `at`."""
    if kind == PREVOTE:
        known = Round(at.proposal, tally, at.precommits)
    else:
        known = Round(at.proposal, at.prevotes, tally)
    return replace(state, rounds=state.rounds.set(number, known))


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
    tally = at.prevotes if event.kind == PREVOTE else at.precommits
    shown = show(tally, event.value_id, event.votes)
    state = with_tally(state, event.round, at, event.kind, shown)
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
        proposer=turn(state, number),
        asked=False,
        round_ns=event.now_ns,
        step_ns=event.now_ns,
        step_due_ns=event.due_ns,
        round_due_ns=0,
        again_count=0,
        again_first_ns=first_again_ns(event.due_ns and event.due_ns - event.now_ns),
        highest=_above(state.highest, number),
        far=Map(),
        leaps=Map(),
    )
    now = replace(now, again_due_ns=event.now_ns + patience_ns(now))
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
    absences = absences_after(state, event.height, event.builder)
    return State(
        height=event.height,
        validators=event.validators,
        weights=weights,
        total=total,
        quorum=quorum(total),
        turns=event.turns or event.validators,
        absences=absences if same else among(absences, event.validators),
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
    first, most = (POLL_NS, POLL_NS_MAX) if idle else (state.again_first_ns, AGAIN_NS_MAX)
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


# How each event is folded. A table, for a third of all that a node does goes through it.
FOLDS: Mapping[type, Callable[[State, Any], State]] = {
    VoteHeard: _vote_heard,
    VoteCast: _vote_cast,
    HeightBegun: _height_begun,
    RoundStarted: _round_started,
    ProposalTaken: _proposal_taken,
    ProposalHeard: _proposal_heard,
    ProposalWanted: _wanted,
    Proposed: _proposed,
    ValueJudged: _value_judged,
    ValueMissed: _value_missed,
    ValidFound: _valid_found,
    TimerStarted: _timer_started,
    QuorumShown: _quorum_shown,
    Decided: _decided,
    EquivocationSeen: _equivocation_seen,
    Repeated: _repeated,
    PeerAhead: _ahead_heard,
    StatementKept: _statement_kept,
    HeightAnswered: _height_answered,
    RoundAnswered: _round_answered,
    ValueAnswered: _value_answered,
}
