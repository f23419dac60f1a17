"""What a node asks of the engine's state between events: the same two questions for every engine."""

from meshkit.consensus.tendermint.state import State
from meshkit.core.value import Value


def wanted(state: State) -> tuple[int, int] | None:
    """(height, round) for which a value of ours is awaited, as `ProposalWanted` said; else None."""
    if not state.asked or state.decided or state.round in state.own:
        return None
    return state.height, state.round


def unjudged(state: State) -> tuple[tuple[int, bytes, Value], ...]:
    """(height, value id, value) of each proposed value that waits for the node's judgement."""
    if state.decided:
        return ()
    return tuple(
        (state.height, id_, value)
        for id_, value in sorted(state.values.items(), key=lambda item: item[0])
        if id_ not in state.judged
    )
