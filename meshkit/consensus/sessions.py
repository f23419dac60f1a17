"""Clients' sessions: each request happens once, however often it is decided (R20, P7).

A client that hears nothing asks again, perhaps somebody else, so one request may be decided twice.
The table of sessions is part of what is replicated, and of every snapshot: the last request of each
client and its reply. A request that is decided again is answered from the table, and changes
nothing. So every replica, and whoever restarts from a snapshot, agrees on what was done.

A client has one request under way at a time, and numbers them upwards. Who is a stranger registers
first, and the table names the session: by a number never given twice, so that a session that was
forgotten cannot be mistaken for a new one. The table is bounded; those least lately used go first,
by the order of requests alone, and a forgotten session's requests are refused, not executed: their
clients are told that the outcome is unknown. Members, who are known and few, are admitted by their
own name, and stay.

On the client's side an outcome is known only from a reply. A request that is given up may have been
done, or be done later; it cannot happen any more once a later request of the same session is
answered.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

from immutables import Map
from msgspec.structs import replace

from meshkit.core.value import Value

S = TypeVar("S")

SESSIONS_MAX = 4_096  # of strangers (a guess): a quarter more than that, and the oldest are dropped
SLACK = SESSIONS_MAX // 4  # so that the table is sorted rarely
REPLY_BYTES_MAX = 64 * 2**10  # a reply is kept in every snapshot (a guess)

FRESH = "fresh"  # was executed now
REPEATED = "repeated"  # was executed before; the reply is the one of then
STALE = "stale"  # a later request of the session was executed: this one's reply is gone
EXPIRED = "expired"  # no such session (any more): not executed, and whether it was is unknown


class Session(Value):
    """The last request of one client. `used` orders sessions by their last request."""

    sequence: int
    reply: bytes
    used: int
    lasting: bool


class Table(Value):
    """All sessions, how many strangers registered ever, and how many requests there were."""

    sessions: Map[bytes, Session] = Map()
    registered: int = 0
    requests: int = 0


def register(table: Table) -> tuple[Table, bytes]:
    """The table with a session for a stranger, and its name."""
    number = table.registered + 1
    name = number.to_bytes(8)
    session = Session(0, b"", table.requests, False)
    grown = replace(table, sessions=table.sessions.set(name, session), registered=number)
    return _bounded(grown), name


def admit(table: Table, client: bytes) -> Table:
    """The table with a lasting session for a member; its name is no stranger's: not 8 bytes."""
    assert len(client) != 8, "names of eight bytes are given by the table"
    if client in table.sessions:
        return table
    session = Session(0, b"", table.requests, True)
    return replace(table, sessions=table.sessions.set(client, session))


def dismiss(table: Table, client: bytes) -> Table:
    """The table without a session."""
    if client not in table.sessions:
        return table
    return replace(table, sessions=table.sessions.delete(client))


def standing(table: Table, client: bytes, sequence: int) -> str:
    """What would become of a request: FRESH, REPEATED, STALE or EXPIRED."""
    session = table.sessions.get(client)
    if session is None:
        return EXPIRED
    if sequence > session.sequence:
        return FRESH
    return REPEATED if sequence == session.sequence else STALE


class Applied(NamedTuple):
    """What became of a request: `outcome` is FRESH, REPEATED, STALE or EXPIRED."""

    table: Table
    outcome: str
    reply: bytes


def apply(
    table: Table, client: bytes, sequence: int, state: S, run: Callable[[S], tuple[S, bytes]]
) -> tuple[S, Applied]:
    """A decided request: `run` makes the service's next state and a reply, if it is fresh."""
    outcome = standing(table, client, sequence)
    if outcome == FRESH:
        state, reply = run(state)
        return state, Applied(done(table, client, sequence, reply), FRESH, reply)
    reply = table.sessions[client].reply if outcome == REPEATED else b""
    return state, Applied(table, outcome, reply)


def done(table: Table, client: bytes, sequence: int, reply: bytes) -> Table:
    """The table after a fresh request was executed."""
    assert len(reply) <= REPLY_BYTES_MAX, "a reply that large is not for the table"
    session = table.sessions[client]
    requests = table.requests + 1
    last = Session(sequence, reply, requests, session.lasting)
    return replace(table, sessions=table.sessions.set(client, last), requests=requests)


def _bounded(table: Table) -> Table:
    """Without those least lately used, when strangers are too many."""
    if len(table.sessions) <= SESSIONS_MAX + SLACK:
        return table
    strangers = sorted(
        (session.used, name) for name, session in table.sessions.items() if not session.lasting
    )
    sessions = table.sessions
    for _, name in strangers[: max(len(strangers) - SESSIONS_MAX, 0)]:
        sessions = sessions.delete(name)
    return replace(table, sessions=sessions)


# -- the client's side -----------------------------------------------------------------------------


class Done(Value):
    """The request was executed, once; this is its reply."""

    sequence: int
    reply: bytes


class Unknown(Value):
    """Whether the request was or will be executed is not known."""

    sequence: int


Outcome: TypeAlias = Done | Unknown


class Client(Value):
    """One client of a session: the number of its last request, and whether that is under way."""

    name: bytes
    sequence: int = 0
    waiting: bool = False


def request(client: Client) -> Client:
    """The client with its next request under way, numbered `sequence`: say it until an outcome."""
    assert not client.waiting, "one request at a time"
    return Client(client.name, client.sequence + 1, True)


def heard(
    client: Client, sequence: int, outcome: str, reply: bytes
) -> tuple[Client, Outcome | None]:
    """The client after an answer; None where it answers nothing that is under way."""
    if not client.waiting or sequence != client.sequence:
        return client, None
    over = replace(client, waiting=False)
    return over, Done(sequence, reply) if outcome in (FRESH, REPEATED) else Unknown(sequence)


def give_up(client: Client) -> tuple[Client, Outcome | None]:
    """The client that waits no longer: the outcome is unknown, and is said to be."""
    if not client.waiting:
        return client, None
    return replace(client, waiting=False), Unknown(client.sequence)
