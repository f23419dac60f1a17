"""Since when no majority answers: what an operator is told when nothing is decided.

A leader that has appended waits for a majority; whoever opened a height waits for a leader. An idle
height waits for nobody, and whether a majority could be reached is not known before one is needed.
"""

from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.state import AGAIN_NS, LEADER, State


def stalled_since(state: State, now_ns: int) -> int | None:
    """When the height began for which a majority is missing; None if none is, or not for long."""
    waiting = state.height > 0 and state.opened and not state.decided
    late = now_ns - state.begun_ns > 2 * AGAIN_NS  # said again once, and answered
    return state.begun_ns if waiting and late and not _has_majority(state) else None


def heard_weight(state: State) -> int:
    """How many voters have all that this leader has; of others only ourselves is known."""
    return len(state.configuration.voters) - len(silent(state))


def silent(state: State) -> tuple[bytes, ...]:
    """The voters that have not acknowledged all of the log, by id."""
    last = last_index(state.log)
    return tuple(
        voter
        for voter in state.configuration.voters
        if voter != state.me and (voter not in state.peers or state.peers[voter].match < last)
    )


def _has_majority(state: State) -> bool:
    return state.role == LEADER and state.commit == last_index(state.log)
