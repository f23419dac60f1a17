"""What a journal says about itself: which code wrote it, where snapshots stand, whose heads it saw.

A start names the release and the version of the rules, so that whoever decides the journal again
knows which code to take. A snapshot entry holds the digest of the node's state just before it, so
a restart that begins there begins from something the chain vouches for. A shown head is a message
whose only content is its envelope, which carries the sender's durable head: each peer that journals
it can later prove a cut or rewritten tail. Since each is an entry, only so many of one peer are
noted: a few at once, and then one in ten seconds.

What a peer sends and is not believed, or not even read, leaves no entry, or a flood would fill the
journal too. A tally does: how much of it there was, by reason, noted when it becomes much and each
time that it has doubled since. It is our own count and proves nothing; it tells whoever asks later.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from immutables import Map
from msgspec.structs import replace

from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Wake
from meshkit.core.value import Value

HEAD_NS = 10_000_000_000  # between two heads of one peer that are noted, in the long run
HEADS_NS = 8 * HEAD_NS  # and how far that may be ahead: eight at once, for tasks that end together
TALLIED_MIN = 100  # messages of one peer: far more than a broken link garbles (a guess)


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


class Count(Value):
    """How many messages were refused for this reason."""

    reason: str
    number: int


class Tally(Value):
    """Command: what was refused of a peer since this process started."""

    of: bytes
    counts: tuple[Count, ...]  # sorted by reason


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
    paid_ns: int  # until then it has used up what is noted of it


class Tallied(Value):
    """Since this process started, so many messages of a peer were not believed, or not read."""

    of: bytes
    counts: tuple[Count, ...]


class Head(Value):
    """Message: see the envelope."""


class History(Value):
    """How often this node started, by which rules, and where its last snapshot stands."""

    starts: int = 0
    release: str = ""
    rules: int = 0
    snapshot: int = 0
    paid_ns: Map[bytes, int] = Map()  # of each peer whose head was noted not long ago
    tallied: Map[bytes, int] = Map()  # of each peer of which much was refused: how much


Command: TypeAlias = Start | Snapshot | ShowHead | Tally | Heard | Restarted | Wake
Event: TypeAlias = Started | Snapshotted | HeadShown | HeadNoted | Tallied


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
            case Tally(of, counts):
                much = is_much(total(counts), state.tallied.get(of, 0))
                return (Tallied(of, counts),) if much else ()
            case Heard(sender, message):
                return _note(state, sender, moment.now_ns) if isinstance(message, Head) else ()
            case Restarted() | Wake():
                return ()
            case _:
                assert_never(command)

    def evolve(self, state: History, event: Event) -> History:
        match event:
            case Started(release, rules):
                starts = state.starts + 1
                return replace(state, starts=starts, release=release, rules=rules, tallied=Map())
            case Snapshotted(index, _):
                return replace(state, snapshot=index)
            case HeadNoted(of, paid_ns):
                # Who has not shown anything for a while is as good as new.
                over_ns = paid_ns - HEADS_NS - HEAD_NS
                kept = Map((who, to) for who, to in state.paid_ns.items() if to > over_ns)
                return replace(state, paid_ns=kept.set(of, paid_ns))
            case Tallied(of, counts):
                return replace(state, tallied=state.tallied.set(of, total(counts)))
            case HeadShown():
                return state
            case _:
                assert_never(event)

    def react(self, state: History, event: Event) -> Sequence[Broadcast]:
        return (Broadcast(Head()),) if isinstance(event, HeadShown) else ()

    def deadline(self, state: History) -> int | None:
        return None


def total(counts: Sequence[Count]) -> int:
    """How many there were, for whatever reason."""
    return sum(count.number for count in counts)


def is_much(refused: int, tallied: int) -> bool:
    """Whether so many are to be noted where `tallied` were noted before: so there are few notes."""
    return refused >= max(TALLIED_MIN, 2 * tallied)


def _note(state: History, sender: bytes, now_ns: int) -> Sequence[HeadNoted]:
    # A leaky bucket that needs one number (the generic cell rate algorithm, ITU-T I.371).
    paid_ns = max(state.paid_ns.get(sender, 0), now_ns)
    return (HeadNoted(sender, paid_ns + HEAD_NS),) if paid_ns <= now_ns + HEADS_NS else ()
