"""The shell's one rule, without its sockets: journal, then act.

A tick takes what has come in, steps it all, hands the entries to the journal as one durable
transaction and only then lets the effects go. Its duties, in order:

1. stamp each command with a moment that is later than every moment before it;
2. step the node; a command without events leaves no entry, only a count;
3. append every entry of the tick, and wait until they are durable;
4. name the entry and the number of each effect, so that what is sent can be traced to its cause;
5. return the effects. Whether they happen is nobody's concern: what is owed is asked for again.

What must be durable before what? Whatever others hear from us, with all that led to it: that is
what binds us. An entry that asks for nothing, or only for work inside our own walls (`binds` says
which effects reach outside), may wait for the next one that does: to lose it is to have never heard
what caused it. So most votes cost no fsync of their own, and the one that makes a quorum takes the
others along. Whoever drives the shell calls `flush` when entries have waited long enough.

The runtime calls this between polls of real sockets, the simulator between events of virtual time.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from meshkit.core.composite import At, Composite, State
from meshkit.core.machine import Entry, Moment, step
from meshkit.core.value import Value

TICK_COMMANDS_MAX = 1_024  # of one transaction: bounds how long acting waits (a guess)


class Log(Protocol):
    """Where entries become durable. `append` returns when they are, or raises and stays broken."""

    def append(self, entries: Sequence[Entry]) -> int:
        """Make the entries durable, all or none; the index of the last one, counted from 1."""
        ...


def always(effect: Any) -> bool:
    """Every effect waits for the journal, and so does every entry."""
    return True


class Caused(Value):
    """An effect, and where it comes from: number `number` of what entry `entry` asks for."""

    entry: int
    number: int
    effect: At


class Shell:
    """A node's state, its inbox and its journal; the single place where the state is replaced."""

    def __init__(
        self,
        node: Composite,
        log: Log,
        moment: Callable[[], Moment],
        state: State | None = None,
        index: int = 0,
        binds: Callable[[Any], bool] = always,
    ) -> None:
        """`state` is that after the journal's entry `index`, its last."""
        self.node = node
        self.state = node.initial() if state is None else state
        self.counts: Counter[str] = Counter()  # of commands that led to nothing, by their type
        self.observers: list[Callable[[Entry], None]] = []  # see each entry before it is durable
        self._log = log
        self._moment = moment
        self._index = index
        self._binds = binds
        self._inbox: list[tuple[At, bytes]] = []
        self._unsaved: list[Entry] = []

    def take(self, command: At, envelope: bytes = b"") -> None:
        """Put a command into the inbox of the next tick."""
        self._inbox.append((command, envelope))

    @property
    def waiting(self) -> int:
        return len(self._inbox)

    @property
    def unsaved(self) -> int:
        """Entries that are not durable yet."""
        return len(self._unsaved)

    def tick(self) -> list[Caused]:
        """Step what is in the inbox, up to TICK_COMMANDS_MAX; what it returns may now be done."""
        batch, self._inbox = self._inbox[:TICK_COMMANDS_MAX], self._inbox[TICK_COMMANDS_MAX:]
        effects: list[Caused] = []
        state, binding = self.state, False
        for command, envelope in batch:
            state, entry, asked = step(self.node, state, command, self._moment(), envelope)
            if not entry.events:
                self.counts[f"{command.name}.{_kind(command)}"] += 1
                continue
            self._unsaved.append(entry)
            index = self._index + len(self._unsaved)
            effects.extend([Caused(index, number, one) for number, one in enumerate(asked)])
            binding = binding or any(self._binds(one.body) for one in asked)
            for observe in self.observers:
                observe(entry)
        if binding or self._binds is always:
            self.flush()
        self.state = state
        return effects

    def flush(self) -> None:
        """Make every entry durable that is not yet."""
        if self._unsaved:
            self._index = self._log.append(self._unsaved)
            self._unsaved = []


def _kind(command: At) -> str:
    body = command.body
    message = getattr(body, "message", body)
    return type(message).__name__
