"""The protocol's rules: what a replica does next, given all that it knows.

`next_event` is asked again after every event until it has nothing more to say, so no rule depends
on the order in which messages came. The paper's order is kept: what a certificate proves first,
then the normal case, then the change of views.

What is ours and not the paper's:

* *One height at a time, and none twice.* The primary assigns the next height when it has decided
  the one before. A height that a replica has decided is over for it: in a later view it does not
  vote there again, but shows the certificate to whoever lacks it.
* *A quorum of commits decides*, whether or not it came with prepares: more than a third of the
  weight in it is honest and has seen the value prepared.
* *An invalid value* from the primary is reason enough to leave its view at once.
* *Above the window nothing moves*: no value is asked for and no timer runs, since a new view would
  not bring the missing checkpoints (P8).
"""

from meshkit.consensus.messages import Decided, ProposalWanted
from meshkit.consensus.pbft import pace, views
from meshkit.consensus.pbft.messages import (
    CommitCast,
    Event,
    NewViewMade,
    Opened,
    PrepareCast,
    StableFound,
    TimerStarted,
    ValueMissed,
    ViewChange,
    ViewLeft,
)
from meshkit.consensus.pbft.state import (
    MS_NS,
    State,
    certificate,
    is_blocked,
    is_prepared,
    primary,
    replicas,
    stable_proof,
)
from meshkit.core.value import Value

DOUBLINGS_MAX = 6  # of a second: no network that is of use takes a minute (a guess)


class Timeouts(Value):
    """How long a view may take from when something waits until it is decided, at first."""

    view_ms: int = 1_000  # as a propose step of the ledger's default policy
    pace_ms: int = 300  # floor for a late pre-prepare: leaves the p99 under half a second


def next_event(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> Event | None:
    """What follows from the state by itself; None when every rule has been obeyed."""
    if state.decided or not state.height:
        return None
    if state.settled > state.stable:
        proof = stable_proof(state, state.settled)
        return StableFound(state.settled, proof[0].digest, proof, now_ns)
    if state.slot.commits.quorum_for is not None and (event := _decide(state)):
        return event
    if me in state.weights and state.join_to:  # P12: the least of the views that others are in
        return leave(state, state.join_to, me, now_ns)
    if not state.active:
        return _change(state, me, timeouts, now_ns)
    return None if is_blocked(state) else _act(state, me, timeouts, now_ns)


def leave(state: State, view: int, me: bytes, now_ns: int) -> ViewLeft:
    """Give up on all views below `view`, and show what may have been decided in them."""
    assert view > state.view, "views only grow"
    prepared = tuple([proof for _, proof in sorted(state.prepared.items())])
    change = ViewChange(state.since, view, state.stable, state.proof, prepared, me)
    return ViewLeft(change, now_ns)


def wait_ns(state: State, timeouts: Timeouts) -> int:
    """How long a view may take: twice as long after each that failed, from the second on (P12)."""
    doublings = min(max(state.failures - 1, 0), DOUBLINGS_MAX)
    return (timeouts.view_ms * MS_NS) << doublings


def _decide(state: State) -> Event | None:
    """P5: heights are decided in sequence, for no later one is begun before."""
    proof = certificate(state)
    if proof.value_id in state.values:
        return Decided(proof, state.values[proof.value_id])
    return _miss(state, proof.value_id)


def _miss(state: State, value_id: bytes) -> Event | None:
    return None if value_id in state.missed else ValueMissed(state.height, value_id)


def _act(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> Event | None:
    """The normal case."""
    said = state.slot.pre_prepare
    if said is not None and not state.opened:
        return Opened(state.height, now_ns)
    if me not in state.weights:
        return None  # who does not vote only follows
    if state.opened and not state.timer_due_ns:
        return _start_timer(state, me, timeouts, now_ns)
    if said is None:
        return _propose(state, me)
    value_id = said.value_id
    if value_id not in state.values:
        return _miss(state, value_id)
    judged = state.judged.get(value_id)
    if judged is False and state.height not in state.bound:
        return leave(state, state.view + 1, me, now_ns)
    if judged and state.slot.prepared_id is None and primary(state) != me:  # P4: only backups
        return PrepareCast(state.height, state.view, value_id, now_ns)
    if state.slot.committed_id is None and is_prepared(state):
        return CommitCast(state.height, state.view, value_id, now_ns)
    return None


def _propose(state: State, me: bytes) -> Event | None:
    slot = state.slot
    wanted = state.opened and primary(state) == me and not slot.asked and slot.own is None
    return ProposalWanted(state.height, state.view) if wanted else None


def _start_timer(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> TimerStarted:
    """P12 when something waits; P16 beside it, while the primary has not spoken."""
    slow_ns = 0
    if state.slot.pre_prepare is None and primary(state) != me:
        floor_ns = timeouts.pace_ms * MS_NS
        slow_ns = now_ns + pace.allowed_ns(state.paces, len(state.validators), floor_ns)
    return TimerStarted(state.view, now_ns, now_ns + wait_ns(state, timeouts), slow_ns)


def _change(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> Event | None:
    """Between views: the primary of the new one begins it once a quorum has changed to it.

    The next timer waits until a quorum has given up on all views below ours, whichever they are in
    now: who went further counts too, else replicas in different views could wait for ever.
    """
    if state.given_up >= state.quorum and not state.timer_due_ns:
        return TimerStarted(state.view, now_ns, now_ns + wait_ns(state, timeouts), 0)
    if state.alike < state.quorum or state.made is not None or primary(state) != me:
        return None
    changes = [c for _, c in sorted(state.changes.items()) if c.view == state.view]
    return NewViewMade(views.compose(state.view, changes, me, replicas(state)))
