"""What a node asks of the engine's state between events; every engine answers these questions."""

from collections.abc import Collection, Sequence

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


def may_lose(state: State, gone: Collection[bytes]) -> bool:
    """Whether the rest can still decide, and change who votes, when nobody hears `gone`.

    Whoever is removed is heard no more as soon as the ledger says so, but the configuration changes
    by entries after that height, and until then most of its voters are needed. Asked of a leader:
    those who were to go already are not heard, and newcomers may never come up.

    While a change is under way nobody goes. Before this height is decided the next change may
    begin: it can make voters of newcomers that go now, and they would be missed like the others.
    """
    configuration = state.configuration
    if state.log.configurations or configuration.outgoing:
        return False
    wanted, voting = state.wanted, configuration.voters
    staying = [who for who in voting if who in wanted]
    heard = [who for who in staying if who not in gone]
    joining = [who for who in gone if who not in voting]
    return 2 * len(heard) > max(len(voting), len(staying) + len(joining))


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
