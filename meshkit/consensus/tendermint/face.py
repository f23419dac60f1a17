"""What a node asks of the engine's state between events; every engine answers these questions."""

from meshkit.consensus.tendermint import hearing
from meshkit.consensus.tendermint.messages import Vote
from meshkit.consensus.tendermint.state import PROPOSE, State, turn
from meshkit.core.value import Value


def wanted(state: State) -> tuple[int, int] | None:
    """(height, round) for which a value of ours is awaited, as `ProposalWanted` said; else None."""
    late = state.decided or state.step != PROPOSE
    if not state.asked or late or state.round in state.own:
        return None
    return state.height, state.round


def is_dormant(state: State) -> bool:
    """Whether the height waits to be opened."""
    return state.round < 0 and not state.decided


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
    """Who proposes, or would if the height were open; empty where there are no validators yet."""
    return turn(state, max(state.round, 0))


def is_late(state: State, sender: bytes, message: Value, now_ns: int) -> bool:
    """Whether a message leads to nothing, whoever signed it: it need not even be verified.

    Votes that come after the decision are a sixth of all that comes.
    """
    return isinstance(message, Vote) and hearing.is_late(state, sender, message, now_ns)
