"""Since when no quorum answers: what an operator is told when nothing is decided.

In the normal case a timer runs, and where it fires we change views. A change waits without a timer
until a quorum has given up on the views before: so if it lasts, fewer than a quorum were heard in
it, and they have not been since we left the last view.
"""

from meshkit.consensus.pbft.state import AGAIN_NS, State


def stalled_since(state: State, now_ns: int) -> int | None:
    """When the view change began in which a quorum is missing; None if none is, or not for long."""
    waiting = not state.active and not state.decided and not state.timer_due_ns
    late = now_ns - state.moved_ns > 2 * AGAIN_NS  # said again once, and answered
    return state.moved_ns if waiting and late and state.given_up < state.quorum else None


def heard_weight(state: State) -> int:
    """The weight of those heard in what we wait for."""
    if not state.active:
        return state.given_up
    return max(state.slot.prepares.weight, state.slot.commits.weight)


def silent(state: State) -> tuple[bytes, ...]:
    """The validators not heard in what we wait for, by id."""
    ids = [validator.id for validator in state.validators]
    if not state.active:
        there = [id_ for id_ in ids if _view_of(state, id_) >= state.view]
    else:
        slot = state.slot
        there = [
            id_ for id_ in ids if id_ in slot.prepares.by_voter or id_ in slot.commits.by_voter
        ]
    return tuple([id_ for id_ in ids if id_ not in there])


def _view_of(state: State, voter: bytes) -> int:
    change = state.changes.get(voter)
    return -1 if change is None else change.view
