"""What a node asks of the engine's state between events; every engine answers these questions."""

from collections.abc import Sequence

from meshkit.consensus.messages import Certificate, Committed
from meshkit.consensus.raft.messages import VALUE, Append
from meshkit.consensus.raft.rules import is_busy, may_propose
from meshkit.consensus.raft.state import LEADER, State, is_voter
from meshkit.core.value import Statement, Value

BUSY = "busy"
NOT_LEADER = "not the leader"
TRANSFERRING = "transferring"


def wanted(state: State) -> tuple[int, int] | None:
    """(height, round) for which a value of ours is awaited, as `ProposalWanted` said; else None."""
    if not state.asked or state.decided or not may_propose(state, state.height, state.term):
        return None
    return state.height, state.term


def is_dormant(state: State) -> bool:
    """Whether the height waits to be opened."""
    return not state.opened and not state.decided


def unjudged(state: State) -> tuple[tuple[int, bytes, Value], ...]:
    """Nothing: under Raft whoever proposes is trusted."""
    return ()


def unproved(message: Value) -> Sequence[Value | None]:
    """What a message brings that will be decided because its sender says so."""
    if type(message) is Append:
        return [entry.value for entry in message.entries if entry.kind == VALUE]
    return (message.value,) if type(message) is Committed else ()


def leader(state: State) -> bytes:
    """Who leads, as far as is known; else nobody."""
    return state.leader


def is_late(state: State, sender: bytes, message: Value, now_ns: int) -> bool:
    """Nothing is too late here: it has no signatures that would be verified in vain."""
    return False


def believes(state: State, sender: bytes, message: Value) -> bool:
    """Whether it is what a leader sends its followers, from one who may lead."""
    return type(message) is Append and is_voter(state.configuration, sender)


def vouches(certificate: Certificate, statement: Statement) -> bytes | None:
    """Nobody: a certificate of Raft holds no votes, and proves nothing to others."""
    return None


def refusal(state: State) -> str:
    """Why no value would be taken just now; empty if one would (R18)."""
    if state.role != LEADER:
        return NOT_LEADER
    if state.transferee:
        return TRANSFERRING
    return BUSY if is_busy(state) else ""
