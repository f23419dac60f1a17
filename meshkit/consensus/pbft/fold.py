"""How each event changes what a replica knows. Nothing here refuses or asks.

The fold follows the paper's order: what is said of one height in one view, then checkpoints, then
views, then the next height, and last the talk by which nodes help one another.
"""

from typing import TypeVar

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.certificate import weights_of
from meshkit.consensus.messages import (
    Committed,
    Decided,
    EquivocationSeen,
    ProposalTaken,
    ProposalWanted,
)
from meshkit.consensus.pbft import pace, views
from meshkit.consensus.pbft.evidence import accusation
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    CheckpointHeard,
    CheckpointTaken,
    Commit,
    CommitCast,
    CommitHeard,
    ConflictShown,
    Event,
    HeightAnswered,
    HeightBegun,
    NewViewMade,
    Opened,
    PeerAhead,
    Phase,
    Prepare,
    PrepareCast,
    PreparedProof,
    PrepareHeard,
    PrePrepare,
    PrePrepareHeard,
    PrimarySlow,
    Proposed,
    Repeated,
    StableAnswered,
    StableFound,
    StatementKept,
    TimerStarted,
    ValueAnswered,
    ValueJudged,
    ValueMissed,
    ViewAnswered,
    ViewChangeHeard,
    ViewEntered,
    ViewLeft,
)
from meshkit.consensus.pbft.state import (
    AGAIN_NS,
    AGAIN_NS_MAX,
    GRACE_NS,
    NO_VOTES,
    POLL_NS,
    POLL_NS_MAX,
    WINDOW_NS,
    Slot,
    State,
    charge,
    failed,
    first_again_ns,
    is_ahead,
    is_prepared,
    patience_ns,
    primary,
    question,
)
from meshkit.consensus.quorum import Tally, count, more_than_third, quorum
from meshkit.core.value import digest

T = TypeVar("T")

# -- evolving -------------------------------------------------------------------------------------


def evolve(state: State, event: Event) -> State:
    match event:
        case PrepareHeard(prepare=vote):
            return _prepared(_slotted(state, prepares=_counted(state, state.slot.prepares, vote)))
        case CommitHeard(commit=vote):
            return _commit_heard(state, vote)
        case PrePrepareHeard():
            return _prepared(_pre_prepare_heard(state, event))
        case PrepareCast():
            return _spoken(_slotted(state, prepared_id=event.value_id), event.now_ns)
        case CommitCast():
            return _spoken(_slotted(state, committed_id=event.value_id), event.now_ns)
        case ProposalWanted():
            return _slotted(state, asked=True)
        case Proposed(height=height, view=view, value_id=value_id):
            return _slotted(state, own=PrePrepare(view, height, value_id, primary(state)))
        case ProposalTaken():
            values, missed = state.values.set(event.value_id, event.value), state.missed
            if event.value_id in missed:
                missed = missed.delete(event.value_id)
            return replace(state, values=values, missed=missed)
        case ValueJudged():
            return replace(state, judged=state.judged.set(event.value_id, event.valid))
        case ValueMissed(value_id=value_id):
            return replace(state, missed=state.missed.set(value_id, True))
        case HeightBegun():
            return _height_begun(state, event)
        case Opened(now_ns=now_ns):
            return _spoken(replace(state, opened=True), now_ns)
        case TimerStarted():
            return _timer_started(state, event)
        case Decided(certificate=proof, value=value):
            return _decided(state, Committed(proof, value))
        case _:
            return _evolve_views(state, event)


def _evolve_views(state: State, event: Event) -> State:
    match event:
        case CheckpointTaken(height=height, digest=chain):
            due_ns = min(state.again_due_ns, state.begun_ns + AGAIN_NS)
            return replace(state, taken=state.taken.set(height, chain), again_due_ns=due_ns)
        case CheckpointHeard(checkpoint=checkpoint):
            return _checkpoint_heard(state, checkpoint)
        case StableFound():
            found = (event.height, event.digest, event.proof, event.now_ns)
            return _sifted(_stabilised(state, *found))
        case PrimarySlow():
            return replace(state, pace=pace.late(state.pace), slow_due_ns=0)
        case ViewLeft():
            return _view_left(state, event)
        case ViewChangeHeard(change=change):
            before = state.leaps.get(change.voter, 0)
            leaps = state.leaps.set(change.voter, before + (change.voter in state.changes))
            changes = state.changes.set(change.voter, change)
            return _weighed(replace(state, changes=changes, leaps=leaps))
        case NewViewMade(new_view=made):
            return replace(state, made=made)
        case ViewEntered():
            return _view_entered(state, event)
        case EquivocationSeen():
            proof = accusation(event)
            key = charge(proof.statements[0])
            return replace(state, convicted=state.convicted.set(key, proof))
        case _:
            return _evolve_talk(state, event)


def _evolve_talk(state: State, event: Event) -> State:
    match event:
        case Repeated():
            return _repeated(state, event)
        case PeerAhead():
            return _peer_ahead(state, event)
        case StatementKept(sender, statement, now_ns):
            kept = state.later.set(sender, (*state.later.get(sender, ()), statement))
            state = replace(state, later=kept)
            ahead = PeerAhead(sender, statement.height, statement.view, now_ns)
            return _peer_ahead(state, ahead)
        case ConflictShown(to=to, now_ns=now_ns):
            return _answered(state, question("conflict", to), now_ns)
        case HeightAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("height", to), now_ns)
        case ViewAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("view", to), now_ns)
        case StableAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("stable", to), now_ns)
        case ValueAnswered(to=to, now_ns=now_ns):
            return _answered(state, question("value", to), now_ns)
        case _:
            raise AssertionError(f"no event of this machine: {event!r:.200}")


def _slotted(state: State, **changes: object) -> State:
    return replace(state, slot=replace(state.slot, **changes))


def _counted(state: State, tally: Tally, vote: Prepare | Commit) -> Tally:
    weight = state.weights.get(vote.voter, 0)
    return count(tally, vote.voter, vote.value_id, vote, weight, state.quorum)


def _commit_heard(state: State, vote: Commit) -> State:
    """Where a quorum has committed the primary has spoken in time, though not to us: what it said
    was lost, and is no reason to leave its view."""
    commits = _counted(state, state.slot.commits, vote)
    slow_due_ns = state.slow_due_ns if commits.quorum_for is None else 0
    return replace(_slotted(state, commits=commits), slow_due_ns=slow_due_ns)


def _timer_started(state: State, event: TimerStarted) -> State:
    first_ns = first_again_ns(event.due_ns - event.now_ns)
    return replace(
        state,
        waiting_ns=event.now_ns,
        timer_due_ns=event.due_ns,
        slow_due_ns=event.slow_ns,
        again_first_ns=first_ns,
        again_due_ns=min(state.again_due_ns, event.now_ns + first_ns),
    )


def _spoken(state: State, now_ns: int) -> State:
    return replace(state, again_count=0, again_due_ns=now_ns + patience_ns(state))


def _pre_prepare_heard(state: State, event: PrePrepareHeard) -> State:
    """A view that began in the middle of a height says nothing yet of its primary's pace: a new
    view and the first pre-prepare in it come together. Nor do we measure ourselves."""
    waited = state.waiting_ns if state.timer_due_ns else event.now_ns
    measured = state.moved_ns <= state.begun_ns and state.slot.own is None
    return replace(
        state,
        slot=replace(state.slot, pre_prepare=event.pre_prepare),
        slow_due_ns=0,
        pace=pace.kept(state.pace, event.now_ns - waited) if measured else state.pace,
    )


def _prepared(state: State) -> State:
    """P4: the primary's word and that of distinct backups, together a quorum, prepare a value."""
    said, prepares = state.slot.pre_prepare, state.slot.prepares
    if said is None or is_prepared(state):
        return state
    backups = prepares.by_value.get(said.value_id, 0)
    if state.weights.get(said.proposer, 0) + backups < state.quorum:
        return state
    votes = tuple(
        [
            vote
            for _, vote in sorted(prepares.by_voter.items())
            if isinstance(vote, Prepare) and vote.value_id == said.value_id
        ]
    )
    proof = PreparedProof(said, votes)
    return replace(state, prepared=state.prepared.set(state.height, proof))


def _decided(state: State, committed: Committed) -> State:
    value_id = committed.certificate.value_id
    return replace(
        state,
        decided=True,
        last=committed,
        chain=digest((state.chain, value_id)),
        failures=0 if state.active else state.failures,
        absent=0 if state.active else state.absent,
    )


def _checkpoint_heard(state: State, checkpoint: Checkpoint) -> State:
    height = checkpoint.height
    known: Map[bytes, Checkpoint] = state.checkpoints.get(height, NO_VOTES)
    votes = known.set(checkpoint.voter, checkpoint)
    state = replace(state, checkpoints=state.checkpoints.set(height, votes))
    weight = sum(
        state.weights[vote.voter]
        for _, vote in sorted(votes.items())
        if vote.digest == checkpoint.digest
    )
    return replace(state, settled=height) if weight >= state.quorum else state


def _stabilised(
    state: State, height: int, chain: bytes, proof: tuple[Checkpoint, ...], now_ns: int
) -> State:
    """The window moves up, and all below is forgotten (P8)."""
    if height <= state.stable:
        return state
    return replace(
        state,
        stable=height,
        stable_chain=chain,
        stable_ns=now_ns,
        proof=proof,
        checkpoints=_above(state.checkpoints, height),
        taken=_above(state.taken, height),
        prepared=_above(state.prepared, height),
    )


def _sifted(state: State) -> State:
    """The state without those kept statements that we have come up to."""
    kept: dict[bytes, tuple[Phase, ...]] = {}
    for sender, statements in sorted(state.later.items()):
        still = tuple([said for said in statements if is_ahead(state, said)])
        if still:
            kept[sender] = still
    return replace(state, later=Map(kept))


def _above(numbered: Map[int, T], height: int) -> Map[int, T]:
    """The entries of a map by height that are above `height`."""
    if not numbered:
        return numbered
    return Map([(at, numbered[at]) for at in sorted(numbered) if at > height])


def _beyond(numbers: Map[bytes, int], number: int) -> Map[bytes, int]:
    """Those that are above; mostly there are none at all."""
    return numbers and Map({by: at for by, at in sorted(numbers.items()) if at > number})


# -- views ----------------------------------------------------------------------------------------


def _weighed(state: State) -> State:
    """How many gave up on views, counted when that changes: see the rules that ask for it."""
    given_up, alike, above = 0, 0, 0
    least = 0
    for voter, change in sorted(state.changes.items()):
        weight = state.weights.get(voter, 0)
        if change.view >= state.view:
            given_up += weight
        if change.view == state.view:
            alike += weight
        if change.view > state.view:
            above += weight
            least = min(least or change.view, change.view)
    join_to = least if more_than_third(above, state.total) else 0
    return replace(state, given_up=given_up, alike=alike, join_to=join_to)


def _view_left(state: State, event: ViewLeft) -> State:
    change = event.change
    paces = pace.remembered(state.paces, state.pace, len(state.validators))
    failures, absent = failed(state)
    left = replace(
        state,
        view=change.view,
        active=False,
        change=change,
        made=None,
        slot=Slot(),
        bound=Map(),
        failures=failures,
        absent=absent,
        pace=pace.FRESH,
        paces=paces,
        leaps=Map(),
        timer_due_ns=0,
        slow_due_ns=0,
        moved_ns=event.now_ns,
        again_count=0,
        again_due_ns=event.now_ns + patience_ns(state),
    )
    return _weighed(_cleared(left))


def _cleared(state: State) -> State:
    """Of values only those that may have been decided are kept from one view to the next."""
    proof = state.prepared.get(state.height)
    bound = state.bound.get(state.height)
    said = [proof.pre_prepare] if proof else []
    ids = [one.value_id for one in (*said, *([bound] if bound else []))]
    return replace(
        state,
        values=Map({key: value for key, value in sorted(state.values.items()) if key in ids}),
        judged=Map({key: valid for key, valid in sorted(state.judged.items()) if key in ids}),
        missed=Map({key: True for key in sorted(state.missed) if key in ids}),
    )


def _view_entered(state: State, event: ViewEntered) -> State:
    """The view begins with what V says, and our window at its stable checkpoint."""
    new_view, now_ns = event.new_view, event.now_ns
    must = views.outcome(new_view.changes)
    mine = state.made if state.made and state.made.view == new_view.view else None
    entered = replace(
        state,
        view=new_view.view,
        active=True,
        new_view=new_view,
        made=mine,
        change=None,
        bound=Map({said.height: said for said in new_view.chosen if said.height >= state.height}),
        changes=Map({v: c for v, c in sorted(state.changes.items()) if c.view > new_view.view}),
        leaps=Map(),
        pace=pace.FRESH,
        paces=pace.remembered(state.paces, state.pace, len(state.validators)),
        timer_due_ns=0,
        slow_due_ns=0,
        ahead=_beyond(state.ahead, new_view.view),
        moved_ns=now_ns,
        again_count=0,
        again_due_ns=now_ns + patience_ns(state),
    )
    if must.checkpoints:
        found = (must.stable, must.checkpoints[0].digest, must.checkpoints, now_ns)
        entered = _stabilised(entered, *found)
    return _sifted(_weighed(_cleared(_fresh_slot(entered))))


def _fresh_slot(state: State) -> State:
    """Nothing was said of this height in this view, but what the view began with."""
    return _prepared(replace(state, slot=Slot(pre_prepare=state.bound.get(state.height))))


# -- heights --------------------------------------------------------------------------------------


def _height_begun(state: State, event: HeightBegun) -> State:
    claims = _beyond(state.claims, event.height)
    first = (event.height - 1).to_bytes(8)
    begun = replace(
        state,
        height=event.height,
        begun_ns=event.now_ns,
        opened=False,
        decided=False,
        former=state.slot.pre_prepare or state.former,
        values=Map(),
        judged=Map(),
        missed=Map(),
        bound=_above(state.bound, event.height - 1),
        timer_due_ns=0 if state.active else state.timer_due_ns,
        slow_due_ns=0,
        claims=claims,
        again_count=0,
        again_due_ns=event.now_ns + (GRACE_NS if claims else POLL_NS),
        convicted=Map({k: proof for k, proof in sorted(state.convicted.items()) if k >= first}),
    )
    if event.since != state.since:
        begun = _set_begun(begun, event)
    return _sifted(_fresh_slot(begun))


def _set_begun(state: State, event: HeightBegun) -> State:
    """Views, checkpoints and proofs are those of one validator set: all begin afresh."""
    weights = weights_of(event.validators)
    total = sum(weights.values())
    return State(
        height=event.height,
        validators=event.validators,
        weights=weights,
        total=total,
        quorum=quorum(total),
        since=event.since,
        every=event.every,
        begun_ns=event.now_ns,
        chain=state.chain,
        last=state.last,
        former=state.former,
        stable=event.height - 1,
        stable_chain=state.chain,
        stable_ns=event.now_ns,
        moved_ns=event.now_ns,
        paces=(),
        again_due_ns=state.again_due_ns,
        later=state.later,
        claims=state.claims,
        window_ns=state.window_ns,
        answered=state.answered,
        convicted=state.convicted,
    )


# -- talk -----------------------------------------------------------------------------------------


def _repeated(state: State, event: Repeated) -> State:
    owes = state.opened or not state.active or state.claims or state.ahead or state.taken
    first, most = (state.again_first_ns, AGAIN_NS_MAX) if owes else (POLL_NS, POLL_NS_MAX)
    wait = min(first << min(state.again_count + 1, 32), most)  # 32 doublings pass any maximum
    return replace(
        state,
        slot=replace(state.slot, asked=False),
        again_count=state.again_count + 1,
        again_due_ns=event.now_ns + wait,
        again_ns=event.now_ns,
    )


def _peer_ahead(state: State, event: PeerAhead) -> State:
    """A peer is asked soon after it was first heard ahead, then whenever we repeat ourselves."""
    sender = event.sender
    known = sender in state.claims or sender in state.ahead
    due_ns = state.again_due_ns if known else min(state.again_due_ns, event.now_ns + GRACE_NS)
    if event.height > state.height:
        claims = state.claims.set(sender, max(event.height, state.claims.get(sender, 0)))
        return replace(state, claims=claims, again_due_ns=due_ns)
    if event.view > state.view:
        return replace(state, ahead=state.ahead.set(sender, event.view), again_due_ns=due_ns)
    return state


def _answered(state: State, key: bytes, now_ns: int) -> State:
    if now_ns >= state.window_ns + WINDOW_NS:
        return replace(state, window_ns=now_ns, answered=Map({key: True}))
    return replace(state, answered=state.answered.set(key, True))
