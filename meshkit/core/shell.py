"""The shell's one rule, without its sockets: journal, then act.

A tick takes what has come in, steps it all, hands the entries to the journal as one durable
transaction and only then lets the effects go. Its duties, in order:

1. stamp each command with a moment that is later than every moment before it;
2. step the node; a command without events leaves no entry, only its effects (a duplicate may have
   the answers to it repeated) and a count;
3. append every entry of the tick, and wait until they are durable;
4. name the entry and the number of each effect, so that what is sent can be traced to its cause;
5. return the effects. Whether they happen is nobody's concern: what is owed is asked for again.

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
    ) -> None:
        self.node = node
        self.state = node.initial() if state is None else state
        self.counts: Counter[str] = Counter()  # of commands that led to nothing, by their type
        self._log = log
        self._moment = moment
        self._inbox: list[tuple[At, bytes]] = []

    def take(self, command: At, envelope: bytes = b"") -> None:
        """Put a command into the inbox of the next tick."""
        self._inbox.append((command, envelope))

    @property
    def waiting(self) -> int:
        return len(self._inbox)

    def tick(self) -> list[Caused]:
        """Step what is in the inbox, up to TICK_COMMANDS_MAX; what it returns may now be done."""
        batch, self._inbox = self._inbox[:TICK_COMMANDS_MAX], self._inbox[TICK_COMMANDS_MAX:]
        entries: list[Entry] = []
        effects: list[tuple[int, list[Any]]] = []
        state = self.state
        for command, envelope in batch:
            state, entry, asked = step(self.node, state, command, self._moment(), envelope)
            if entry.events:
                entries.append(entry)
                effects.append((len(entries), asked))
            else:
                self.counts[f"{command.name}.{_kind(command)}"] += 1
        if not entries:
            return []
        first = self._log.append(entries) - len(entries)
        self.state = state
        return [
            Caused(first + offset, number, effect)
            for offset, asked in effects
            for number, effect in enumerate(asked)
        ]


def _kind(command: At) -> str:
    body = command.body
    message = getattr(body, "message", body)
    return type(message).__name__
