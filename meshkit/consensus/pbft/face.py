"""What a node asks of the engine's state between events; every engine answers these questions."""

from meshkit.consensus.pbft.hearing import is_late
from meshkit.consensus.pbft.state import State, is_blocked, primary
from meshkit.core.value import Value

__all__ = ["is_dormant", "is_late", "leader", "unjudged", "wanted"]


def wanted(state: State) -> tuple[int, int] | None:
    """(height, view) for which a value of ours is awaited, as `ProposalWanted` said; else None."""
    slot = state.slot
    over = state.decided or not state.active or is_blocked(state)
    if not slot.asked or over or slot.own is not None or slot.pre_prepare is not None:
        return None
    return state.height, state.view


def is_dormant(state: State) -> bool:
    """Whether the height waits to be opened."""
    return not state.opened and not state.decided


def unjudged(state: State) -> tuple[tuple[int, bytes, Value], ...]:
    """(height, value id, value) of each proposed value that waits for the node's judgement."""
    if state.decided:
        return ()
    return tuple(
        (state.height, value_id, value)
        for value_id, value in sorted(state.values.items(), key=lambda item: item[0])
        if value_id not in state.judged
    )


def leader(state: State) -> bytes:
    """The primary of our view; empty where there are no validators yet."""
    return primary(state) if state.validators else b""
