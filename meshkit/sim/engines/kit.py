"""What an engine brings to the proving ground beside itself: how it lies, and what is rare in it.

This is the one small adapter that each engine needs here (`tendermint`); all else in this package
is the same for every engine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from meshkit.consensus.engines import Engine, Timeouts
from meshkit.consensus.messages import Ask, Committed
from meshkit.core.machine import Entry, Moment
from meshkit.core.value import Statement, Value
from meshkit.sim.dice import Dice
from meshkit.sim.engines.service import Call
from meshkit.sim.liars import Tongue
from meshkit.sim.process import Process

CONSENSUS, SERVICE, HISTORY = "consensus", "service", "history"  # the machines of a replica

# The names of the rare states that an entry of an honest replica shows; see `meshkit.sim.rare`.
Rare: TypeAlias = Callable[[Process, Entry], Iterator[str]]


class Asked(NamedTuple):
    """What a volatile half asks: effects, commands, and the reads that may be served now."""

    effects: Sequence[Any] = ()
    commands: Sequence[Any] = ()
    readable: Sequence[bytes] = ()


class Heeded(NamedTuple):
    """What comes of a message, and whether the journaled half may hear it."""

    admitted: bool
    asked: Asked


class Volatile(Protocol):
    """The half of an engine that is lost in a crash, where it has one: one life of it.

    Each method returns what that half asks: effects, and commands for the journaled half.
    """

    def takes(self, message: Value) -> bool:
        """Whether this half alone hears it."""
        ...

    def hear(self, sender: bytes, message: Value, moment: Moment) -> Heeded:
        """A message that it hears, too; whether the journaled half may hear it."""
        ...

    def look(self, state: Any, moment: Moment) -> Asked:
        """The journaled half's state now, which is durable."""
        ...

    def wake(self, moment: Moment) -> Asked: ...

    def read(self, token: bytes, moment: Moment) -> Asked:
        """Somebody wants to read what is committed by now."""
        ...

    def deadline(self) -> int | None: ...


class Kit(NamedTuple):
    """One engine, ready to be tested."""

    engine: Engine
    sizes: Sequence[int]  # how many validators a seed draws
    timeouts: Sequence[Timeouts]  # of which a seed draws one
    urgency: Callable[[Any], int]  # how urgently an effect needs its entry to be durable
    rare: Rare
    sometimes: Sequence[str]  # what a campaign must have reached
    lies: Mapping[str, type[Tongue]]  # none where nobody may lie
    volatile: Callable[[bytes, Timeouts], Volatile] | None = None
    leased: Callable[[bytes, Timeouts], Volatile] | None = None  # one that believes in leases
    orders: Mapping[str, Callable[[Dice, Any, Sequence[bytes]], Value | None]] = {}  # see `orders`
    early: tuple[type[Value], ...] = ()  # effects that may be done before their entry is durable


def addressees(engine: Engine) -> dict[type[Value], str]:
    """The machine of a replica that hears each kind of message."""
    consensus: dict[type[Value], str] = dict.fromkeys((Ask, Committed, *engine.messages), CONSENSUS)
    return {**consensus, Call: SERVICE}


def place_of(engine: Engine, statement: Statement) -> tuple[object, ...] | None:
    """Where an honest signer says one thing only; None of what may be said anew."""
    fields = engine.places.get(type(statement))
    if fields is None:
        return None
    return (type(statement).__name__, *(getattr(statement, name) for name in fields))


def is_enough(engine: Engine, part: int, total: int) -> bool:
    """Whether those who weigh `part` can decide without the others."""
    return 3 * part > 2 * total if engine.attests else 2 * part > total


def is_borne(engine: Engine, part: int, total: int) -> bool:
    """Whether the engine bears that those who weigh `part` are gone for ever, or lie."""
    return is_enough(engine, total - part, total)
