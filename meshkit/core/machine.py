"""The machine: the one shape in which every meshkit protocol is written.

A machine is a handful of pure functions over plain values. Nothing here reads a clock, draws a
random number or opens a socket: the shell does that, once a command, and hands the result in as a
`Moment`. So a machine replayed from its journal, stepped by the simulator or driven by a live
socket is the same machine.

`decide` may refuse, `evolve` may not fail, `react` may be lost. A lost effect is a lost packet:
whatever is still owed, a later wake asks for again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from meshkit.core.value import Value

S = TypeVar("S")  # state: what has been learnt so far
C_in = TypeVar("C_in", contravariant=True)  # command: something asked of us, which we may refuse
E = TypeVar("E")  # event: something that happened, which we may not
O_out = TypeVar("O_out", covariant=True)  # effect: something we ask of the world


class Moment(Value):
    """What the world looked like when a command arrived. Journaled beside it."""

    now_ns: int  # never the same twice in one journal, never backwards
    seed: int  # 64 public random bits; draw more by hashing it with a counter


class Machine(Protocol[S, C_in, E, O_out]):
    """Pure functions; `deadline` must be O(1), for it is asked after every command."""

    def initial(self) -> S: ...
    def decide(self, state: S, command: C_in, moment: Moment) -> Sequence[E]: ...
    def evolve(self, state: S, event: E) -> S: ...  # total: never raises, never asks
    def react(self, state: S, event: E) -> Sequence[O_out]: ...
    def deadline(self, state: S) -> int | None: ...  # when to be woken, ns; timers are state


def earliest(*due_ns: int | None) -> int | None:
    """The first of several deadlines; None if there is none."""
    return min([due for due in due_ns if due is not None], default=None)


class Wake(Value):
    """The deadline has come. Every machine takes this command."""


class Restarted(Value):
    """The process has started on this journal: effects of a former life may be lost."""


class Heard(Value):
    """A peer's message, as a command. `sender` signed the envelope it came in."""

    sender: bytes
    message: Value


class Entry(Value):
    """One line of the journal: a command, the moment it came, and what it caused.

    `envelope` holds the bytes of the signed envelope if a peer caused the entry: the command is
    then read from it, and it is the evidence. Otherwise it is empty.
    """

    moment: Moment
    command: Any
    events: tuple[Any, ...]
    envelope: bytes = b""


class Broadcast(Value):
    """Effect: say this to every member."""

    message: Value


class Send(Value):
    """Effect: say this to one member."""

    to: bytes
    message: Value


class Divergence(Exception):
    """A journal does not follow from the rules: entry `index` decides otherwise than recorded."""

    def __init__(self, index: int, recorded: tuple[Any, ...], decided: tuple[Any, ...]) -> None:
        super().__init__(f"entry {index} decides otherwise than recorded")
        self.index, self.recorded, self.decided = index, recorded, decided


def step(
    machine: Machine[S, Any, Any, Any],
    state: S,
    command: Any,
    moment: Moment,
    envelope: bytes = b"",
) -> tuple[S, Entry, list[Any]]:
    """Take one command all the way. The shell must journal the entry before it acts on effects."""
    run = getattr(machine, "run", None)
    if run is not None:  # a composite evolves while it decides: no need to do it twice
        state, decided, effects = run(state, command, moment)
        return state, Entry(moment, command, decided, envelope), effects
    events = tuple(machine.decide(state, command, moment))
    asked: list[Any] = []
    for event in events:
        state = machine.evolve(state, event)
        asked.extend(machine.react(state, event))
    return state, Entry(moment, command, events, envelope), asked


def replay(
    machine: Machine[S, Any, Any, Any], journal: Iterable[Entry], state: S | None = None
) -> S:
    """The state a journal tells of, from `state` or the beginning. It decides and does nothing."""
    now = machine.initial() if state is None else state
    for entry in journal:
        for event in entry.events:
            now = machine.evolve(now, event)
    return now


def recheck(
    machine: Machine[S, Any, Any, Any], journal: Iterable[Entry], state: S | None = None
) -> S:
    """Replay, deciding every command afresh; raises `Divergence` at the first difference."""
    now = machine.initial() if state is None else state
    for index, entry in enumerate(journal, start=1):
        now, again, _ = step(machine, now, entry.command, entry.moment)
        if again.events != entry.events:
            raise Divergence(index, entry.events, again.events)
    return now
