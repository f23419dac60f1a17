"""One journaled half, played by hand: what it is told, what it does.

A `Play` is member 0 of a few. The node around it begins the next height when one is decided, and
what it is asked to propose it proposes only when told to.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from meshkit.consensus.messages import Begin, Decided, Open, Propose, Validator
from meshkit.consensus.raft import Raft, State, Timing
from meshkit.consensus.raft.log import last_index, last_term
from meshkit.consensus.raft.messages import (
    NOOP,
    VALUE,
    Append,
    AppendReply,
    Campaign,
    LogEntry,
    VoteReply,
)
from meshkit.consensus.raft.state import LEADER
from meshkit.core.machine import Entry, Heard, Moment, Wake, step
from meshkit.core.value import Value, canonical, digest
from tests.consensus.raft.network import MS, Block, equals, name

E = TypeVar("E")
ME = name(0)
TIMING = Timing()


def value_entry(term: int, index: int, height: int, text: str = "v") -> LogEntry:
    value = Block(height, text)
    return LogEntry(term, index, VALUE, height, value, digest(value), len(canonical(value)))


def noop(term: int, index: int, height: int = 0) -> LogEntry:
    return LogEntry(term, index, NOOP, height)


def append(
    term: int, entries: Sequence[LogEntry] = (), previous: tuple[int, int] = (0, 0), commit: int = 0
) -> Append:
    """The entries after `previous` = (index, term)."""
    return Append(term, *previous, tuple(entries), commit, False)


def accepted(term: int, index: int) -> AppendReply:
    return AppendReply(term, index, False, 0, 0)


def refused(term: int, index: int, hint: tuple[int, int] = (0, 0)) -> AppendReply:
    return AppendReply(term, index, True, *hint)


class Play:
    """A machine and its state; `do` steps it, and keeps what came of it."""

    def __init__(
        self,
        count: int = 3,
        me: int = 0,
        validators: Sequence[Validator] | None = None,
        targets: bool = True,
        begin: bool = True,
    ) -> None:
        self.machine = Raft(name(me), TIMING, targets)
        self.state: State = self.machine.initial()
        self.validators = tuple(equals(count) if validators is None else validators)
        self.now_ns = 1_000 * MS
        self.begin = begin
        self.events: list[Any] = []
        self.effects: list[Any] = []
        self.journal: list[Entry] = []
        self.story: list[tuple[Any, int]] = []  # every command, refused ones too, and when
        self.do(Begin(1, self.validators))
        self.forget()

    def do(self, command: Any) -> list[Any]:
        """Step at a new moment, then let the node answer; the events of all of it."""
        self.now_ns += 1
        self.story.append((command, self.now_ns))
        moment = Moment(self.now_ns, 0)
        self.state, entry, effects = step(self.machine, self.state, command, moment)
        events = list(entry.events)
        if events:
            self.journal.append(entry)
        self.events += events
        self.effects += effects
        for event in list(events):
            if isinstance(event, Decided) and self.begin:
                events += self.do(Begin(event.certificate.height + 1, self.validators))
        return events

    def hear(self, sender: int, *messages: Value) -> list[Any]:
        return [event for message in messages for event in self.do(Heard(name(sender), message))]

    def wake(self) -> list[Any]:
        """Sleep until the deadline."""
        due = self.machine.deadline(self.state)
        assert due is not None
        self.now_ns = max(self.now_ns, due)
        return self.do(Wake())

    def lead(self, ready: bool = True) -> "Play":
        """Stand and win; if `ready`, everybody acknowledges the no-op."""
        term = self.state.term + 1
        self.do(Campaign(term))
        for other in self.others:
            self.hear(other, VoteReply(term, True))
        assert self.state.role == LEADER
        if ready:
            self.acknowledge()
        self.forget()
        return self

    def acknowledge(self, *others: int) -> None:
        """These, or everybody, have all of the log."""
        for other in others or self.others:
            self.hear(other, accepted(self.state.term, last_index(self.state.log)))

    def propose(self, text: str = "v", height: int | None = None) -> list[Any]:
        height = self.state.height if height is None else height
        return self.do(Propose(height, self.state.term, Block(height, text)))

    def decide(self, *texts: str) -> None:
        """Put values through."""
        for text in texts:
            self.propose(text)
            self.acknowledge()
        self.forget()

    def open(self) -> list[Any]:
        return self.do(Open())

    @property
    def others(self) -> list[int]:
        configuration = self.state.configuration
        members = {*configuration.voters, *configuration.outgoing, *configuration.learners}
        return sorted(member[0] for member in members if member != self.machine.me)

    @property
    def end(self) -> tuple[int, int]:
        """(index, term) of the last entry."""
        return last_index(self.state.log), last_term(self.state.log)

    def forget(self) -> None:
        self.events, self.effects = [], []

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind since the last `forget`."""
        return [event for event in self.events if isinstance(event, kind)]

    def sent(self, kind: type[E], to: int | None = None) -> list[E]:
        """The messages of a kind that left since the last `forget`."""
        heading = [e for e in self.effects if to is None or getattr(e, "to", None) == name(to)]
        messages = [getattr(effect, "message", None) for effect in heading]
        return [message for message in messages if isinstance(message, kind)]
