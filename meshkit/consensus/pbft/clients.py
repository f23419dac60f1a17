"""What a client of the service believes: requests, replies, and the cache of replies (P6, P7, P15).

In a mesh a request is an item, signed by its author, and who asks reads the reply at its own node.
A client that has no node of its own believes no single replica: it sends its request to all, again
and again, and believes a reply that replicas of more than a third of the weight give alike, for one
of them is honest. A replica that has executed the request answers from the table of sessions, which
is part of what is replicated and of every checkpoint; one that has not passes it on to the others
and waits for the primary, so that a primary cannot ignore a client for long.

Requests are signed, not authenticated by a vector of MACs: a client whose MACs are valid for some
replicas only could make honest ones disagree about whether it had asked at all. A signature is
valid for all or for none.
"""

from typing import ClassVar

from immutables import Map

from meshkit.consensus import sessions
from meshkit.consensus.quorum import more_than_third
from meshkit.core.value import Statement, Value


class Request(Statement):
    """A client's request; `sequence` is the paper's timestamp t."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/request/1"
    SIGNER: ClassVar[str] = "client"

    client: bytes
    sequence: int
    body: bytes
    signature: bytes = b""


class Reply(Statement):
    """What a replica says became of a request; `outcome` is a word of `sessions`."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/reply/1"
    SIGNER: ClassVar[str] = "voter"

    view: int
    client: bytes
    sequence: int
    outcome: str
    reply: bytes
    voter: bytes
    signature: bytes = b""


class Caller(Value):
    """A client: its session, the request under way, and what replicas say became of it."""

    session: sessions.Client
    request: Request | None = None
    replies: Map[bytes, Reply] = Map()
    view: int = 0  # in which the last reply that was believed was given


def call(caller: Caller, body: bytes) -> Caller:
    """The client with its next request, to be signed and said to all replicas until an outcome."""
    session = sessions.request(caller.session)
    asked = Request(session.name, session.sequence, body)
    return Caller(session, asked, Map(), caller.view)


def hear(
    caller: Caller, said: Reply, weights: Map[bytes, int]
) -> tuple[Caller, sessions.Outcome | None]:
    """The client after a reply, and the outcome if that is believed now (P6).

    A replica's later reply replaces its earlier one, so that it counts once; that a request was
    executed just now or before is the same to the client.
    """
    asked = caller.request
    ours = asked is not None and (said.client, said.sequence) == (asked.client, asked.sequence)
    if not ours or said.voter not in weights:
        return caller, None
    replies = caller.replies.set(said.voter, said)
    alike = [
        weights[by] for by, other in sorted(replies.items()) if _meaning(other) == _meaning(said)
    ]
    if not more_than_third(sum(alike), sum(weights.values())):
        return Caller(caller.session, asked, replies, caller.view), None
    session, outcome = sessions.heard(caller.session, said.sequence, said.outcome, said.reply)
    return Caller(session, None, Map(), said.view), outcome


def cached(table: sessions.Table, request: Request, view: int, me: bytes) -> Reply | None:
    """What a replica says at once, without anything being decided; None where it must be (P7).

    `table` is that after what the replica has decided so far.
    """
    client, sequence = request.client, request.sequence
    outcome = sessions.standing(table, client, sequence)
    if outcome == sessions.FRESH:
        return None
    reply = table.sessions[client].reply if outcome == sessions.REPEATED else b""
    return Reply(view, client, sequence, outcome, reply, me)


def _meaning(said: Reply) -> tuple[str, bytes]:
    repeated = said.outcome == sessions.REPEATED
    return sessions.FRESH if repeated else said.outcome, said.reply
