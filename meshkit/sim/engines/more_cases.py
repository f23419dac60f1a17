"""What is searched exhaustively of PBFT, with a liar as its first primary, and of Raft.

Of Raft the journaled half alone is searched: whenever the volatile one may want to stand for
election, the node is told to, for safety must not rest on when that is. What Raft's messages vow
is in no signature: nobody grants two votes in a term, and a term has one leader.
"""

from collections.abc import Callable, Sequence
from typing import Any

from meshkit.consensus.engines import PBFT, RAFT, Timeouts
from meshkit.consensus.pbft.messages import Commit, Prepare, PrePrepare
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    Campaign,
    RequestVote,
    VoteReply,
)
from meshkit.core.shell import at_once
from meshkit.core.value import Value, digest
from meshkit.runtime.perform import urgency
from meshkit.sim.search import SIGNED, Before, Case, Choice, Said, Vow, everything

IDS = tuple(bytes([number]) * 32 for number in range(1, 5))
ONE, OTHER = Choice(8, 0), Choice(9, 0)  # the values that the liar assigns
NAMES = (digest(ONE), digest(OTHER))
OPEN = 0b111  # something waits at all honest nodes
TIMEOUTS = Timeouts(1_000, 500, 500)


# -- PBFT ------------------------------------------------------------------------------------------


def _pbft(name: str, before: Sequence[Before] = (), wakes: int = 0, crashes: int = 0) -> Case:
    liar, *honest = IDS  # the first primary is the first in order
    assigned = [PrePrepare(0, 1, digest(value), liar, value, SIGNED) for value in (ONE, OTHER)]
    votes = [kind(0, 1, value_id, liar, SIGNED) for kind in (Prepare, Commit) for value_id in NAMES]
    return Case(
        name=f"pbft: {name}",
        engine=PBFT,
        urgency=urgency,
        timeouts=TIMEOUTS,
        ids=(*honest, liar),
        honest=3,
        repertoire=(*assigned, *votes),
        wakes=wakes,
        crashes=crashes,
        openers=OPEN,
        before=before,
    )


def assigned(first: int) -> Callable[[int, Value], bool]:
    """To the nodes whose bits are in `first` the one value is assigned, to the rest the other."""

    def hears(node: int, message: Value) -> bool:
        wanted = ONE if first >> node & 1 else OTHER
        return isinstance(message, PrePrepare) and message.value == wanted

    return hears


def prepares(node: int, message: Value) -> bool:
    """What the honest prepare."""
    return isinstance(message, Prepare) and message.voter != IDS[0]


ASSIGNED = (Before((0, 1, 2), assigned(0b011)),)
PREPARED = (*ASSIGNED, Before((0, 1, 2), prepares))

PBFT_CASES = (
    _pbft("from the beginning"),
    _pbft("from the beginning, with a crash and a timeout", wakes=1, crashes=1),
    _pbft("two values assigned", ASSIGNED, wakes=1),
    _pbft("two values assigned and prepared, with a crash", PREPARED, crashes=1),
)


# -- Raft ------------------------------------------------------------------------------------------


def stand(state: Any) -> Campaign:
    """The election timeout of a node."""
    return Campaign(state.term + 1)


def vows(said: Said) -> tuple[Vow, ...]:
    """Nobody votes twice in a term, and only one leads it."""
    match said.message:
        case VoteReply(term, True):
            return ((("vote", said.sender, term), said.to.to_bytes(1)),)
        case Append(term=term):
            return ((("lead", term), said.sender),)
        case _:
            return ()


def _raft(
    name: str,
    before: Sequence[Before] = (),
    wakes: int = 0,
    crashes: int = 0,
    matters: Callable[[Value], bool] = everything,
) -> Case:
    return Case(
        name=f"raft: {name}",
        engine=RAFT,
        urgency=at_once,
        timeouts=Timeouts(150, 50, 0),
        ids=IDS[:3],
        honest=3,
        repertoire=(),
        wakes=wakes,
        crashes=crashes,
        openers=OPEN,
        before=before,
        matters=matters,
        roused=stand,
        vow=vows,
    )


def of_elections(node: int, message: Value) -> bool:
    return isinstance(message, RequestVote | VoteReply)


def of_logs(node: int, message: Value) -> bool:
    return isinstance(message, Append | AppendReply)


# The first leads; the second has what it appends, the third nothing.
LED = (Before((0,), of_elections, wakes=1), Before((0, 1), of_elections))
APPENDED = (*LED, Before((0, 1), of_logs))

RAFT_CASES = (
    _raft("from the beginning", wakes=2),
    _raft("from the beginning, with crashes", wakes=2, crashes=2),
    _raft("one leads, another stands", LED, wakes=1, crashes=1),
    _raft("a value at two of three, the third stands", APPENDED, wakes=2, crashes=1),
)
