"""What a journal says about itself: which code wrote it, where snapshots stand, whose heads it saw.

A start names the release and the version of the rules, so that whoever decides the journal again
knows which code to take. A snapshot entry holds the digest of the node's state just before it, so
a restart that begins there begins from something the chain vouches for. A shown head is a message
whose only content is its envelope, which carries the sender's durable head: each peer that journals
it can later prove a cut or rewritten tail.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Wake
from meshkit.core.value import Value


class Start(Value):
    """Command: a process has opened this journal."""

    release: str
    rules: int


class Snapshot(Value):
    """Command: the state after entry `index` has this digest, and is kept beside the chain."""

    index: int
    state: bytes


class ShowHead(Value):
    """Command: tell everyone how far this journal goes."""


class Started(Value):
    release: str
    rules: int


class Snapshotted(Value):
    index: int
    state: bytes


class HeadShown(Value):
    """Ours was shown: the envelopes of this entry's effect carry it."""


class HeadNoted(Value):
    """A peer showed its head; the envelope of this entry carries it."""

    of: bytes


class Head(Value):
    """Message: see the envelope."""


class History(Value):
    """How often this node started, by which rules, and where its last snapshot stands."""

    starts: int = 0
    release: str = ""
    rules: int = 0
    snapshot: int = 0


Command: TypeAlias = Start | Snapshot | ShowHead | Heard | Restarted | Wake
Event: TypeAlias = Started | Snapshotted | HeadShown | HeadNoted


class Historian:
    """The machine that writes what the journal says about itself. It never wants to be woken."""

    TIMELESS = True

    def initial(self) -> History:
        return History()

    def decide(self, state: History, command: Command, moment: Moment) -> Sequence[Event]:
        match command:
            case Start(release, rules):
                return (Started(release, rules),)
            case Snapshot(index, digest):
                return (Snapshotted(index, digest),) if index > state.snapshot else ()
            case ShowHead():
                return (HeadShown(),)
            case Heard(sender, message):
                return (HeadNoted(sender),) if isinstance(message, Head) else ()
            case Restarted() | Wake():
                return ()
            case _:
                assert_never(command)

    def evolve(self, state: History, event: Event) -> History:
        match event:
            case Started(release, rules):
                return History(state.starts + 1, release, rules, state.snapshot)
            case Snapshotted(index, _):
                return History(state.starts, state.release, state.rules, index)
            case HeadShown() | HeadNoted():
                return state
            case _:
                assert_never(event)

    def react(self, state: History, event: Event) -> Sequence[Broadcast]:
        return (Broadcast(Head()),) if isinstance(event, HeadShown) else ()

    def deadline(self, state: History) -> int | None:
        return None
