"""The shell's one rule, without its sockets: journal, then act.

A tick takes what has come in, steps it all, hands the entries to the journal as one durable
transaction and only then lets the effects go. Its duties, in order:

1. stamp each command with a moment that is later than every moment before it;
2. step the node; a command without events leaves no entry, only a count;
3. append every entry of the tick, and wait until they are durable;
4. name the entry and the number of each effect, so that what is sent can be traced to its cause;
5. return the effects. Whether they happen is nobody's concern: what is owed is asked for again.

What must be durable before what? Whatever others hear from us, with all that led to it: that is
what binds us. `urgency` tells four kinds of effects apart. What is said NOW takes the tick's
entries to the disk first. What may be said LATER waits, with its entries, for the next time that
something goes there. FREE work inside our own walls is done at once: to lose its entry is to have
never heard what caused it. So most votes cost no fsync of their own, and the one that makes a
quorum takes the others along. Whoever drives the shell calls `flush` when things have waited long
enough.

And what goes AHEAD leaves before its entry is durable, while the disk is at it: it binds nobody
until it is answered, and an answer comes in a later tick. Only a leader's entries under Raft are
of that kind, and what tells the others of commits. Its entries go to the disk in the same tick.

The runtime calls this between polls of real sockets, the simulator between events of virtual time.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from meshkit.core.composite import At, Composite, State
from meshkit.core.machine import Entry, Moment
from meshkit.core.value import Value

TICK_COMMANDS_MAX = 1_024  # of one transaction: bounds how long acting waits (a guess)


class Log(Protocol):
    """Where entries become durable. `append` returns when they are, or raises and stays broken."""

    def append(self, entries: Sequence[Entry]) -> int:
        """Make the entries durable, all or none; the index of the last one, counted from 1."""
        ...


FREE, LATER, NOW, AHEAD = range(4)  # how an effect waits for its entry to be durable


def at_once(effect: Any) -> int:
    """Every effect takes its entry to the disk, and so does every entry without one."""
    return NOW


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
        urgency: Callable[[Any], int] = at_once,
        ahead: Callable[[list[Caused]], None] | None = None,
    ) -> None:
        """`state` is that after the journal's entry `index`, its last. `ahead` does what goes ahead
        of its entry."""
        self.node = node
        self.state = node.initial() if state is None else state
        self.stepped = 0  # commands so far
        self.counts: Counter[str] = Counter()  # of commands that led to nothing, by their type
        self.observers: list[Callable[[Entry], None]] = []  # see each entry before it is durable
        self._log = log
        self._moment = moment
        self._index = index
        self.urgency = urgency
        self.ahead = ahead
        self.inbox: list[tuple[At, bytes]] = []  # of the next tick; see `take`
        self._unsaved: list[Entry] = []
        self._held: list[Caused] = []  # effects that wait for their entries

    def take(self, command: At, envelope: bytes = b"") -> None:
        """Put a command into the inbox of the next tick."""
        self.inbox.append((command, envelope))

    @property
    def waiting(self) -> int:
        return len(self.inbox)

    @property
    def held(self) -> Sequence[Caused]:
        """Effects that wait until their entries are durable."""
        return self._held

    @property
    def unsaved(self) -> int:
        """Entries that are not durable yet."""
        return len(self._unsaved)

    def tick(self) -> list[Caused]:
        """Step what is in the inbox, up to TICK_COMMANDS_MAX; what it returns may now be done."""
        batch, self.inbox = self.inbox, []
        if len(batch) > TICK_COMMANDS_MAX:
            batch, self.inbox = batch[:TICK_COMMANDS_MAX], batch[TICK_COMMANDS_MAX:]
        self.stepped += len(batch)
        free: list[Caused] = []
        ahead: list[Caused] = []
        state, urgency_of = self.state, self.urgency
        now = urgency_of is at_once
        run, moment_of, unsaved, observers = (
            self.node.run, self._moment, self._unsaved, self.observers,
        )  # fmt: skip
        for command, envelope in batch:
            moment = moment_of()
            state, events, asked = run(state, command, moment)
            if not events:
                self.counts[f"{command.name}.{_kind(command)}"] += 1
                continue
            entry = Entry(moment, command, events, envelope)
            unsaved.append(entry)
            if asked:
                index = self._index + len(unsaved)
                for number, effect in enumerate(asked):
                    urgency = urgency_of(effect.body)
                    now = now or urgency >= NOW
                    caused = Caused(index, number, effect)
                    if urgency == AHEAD:
                        ahead.append(caused)
                    else:
                        (self._held if urgency else free).append(caused)
            for observe in observers:
                observe(entry)
        if ahead:
            assert self.ahead is not None, "somebody does what goes ahead of its entry"
            self.ahead(ahead)
        held = self.flush() if now else []
        self.state = state
        return free + held if held else free

    def flush(self) -> list[Caused]:
        """Make every entry durable that is not yet; what waited for that may now be done."""
        if self._unsaved:
            self._index = self._log.append(self._unsaved)
            self._unsaved = []
        held, self._held = self._held, []
        return held


def _kind(command: At) -> str:
    body = command.body
    message = getattr(body, "message", body)
    return type(message).__name__
