"""A pool for the tests: ours, and what our neighbours and we ourselves want in the ledger."""

from typing import ClassVar

from msgspec.structs import replace

from meshkit.core.machine import Moment, step
from meshkit.core.value import Statement
from meshkit.pool.machine import Pool
from meshkit.pool.messages import Command, Effect, Event
from meshkit.pool.state import State

ME, ANN, BEN, CAL = (name.encode() * 32 for name in "mabc")
SIGNED = b"s" * 64
LINK = b"l" * 32
MS = 1_000_000


class Wish(Statement):
    """Something its author wants in the ledger."""

    DOMAIN: ClassVar[str] = "test/wish/1"
    SIGNER: ClassVar[str] = "author"

    author: bytes
    serial: int
    words: bytes = b""
    signature: bytes = SIGNED


class Proof(Statement):
    """Likewise, but its author does not number it."""

    DOMAIN: ClassVar[str] = "test/proof/1"
    SIGNER: ClassVar[str] = "author"

    author: bytes
    words: bytes
    signature: bytes = SIGNED


class Oath(Proof):
    """Likewise, and without ours the world comes to a halt."""

    DOMAIN: ClassVar[str] = "test/oath/1"


class Chatter(Statement):
    """No item."""

    DOMAIN: ClassVar[str] = "test/chatter/1"
    SIGNER: ClassVar[str] = "author"

    author: bytes
    signature: bytes = SIGNED


KINDS = (Wish, Proof, Oath)


def unsigned(serial: int = 1, author: bytes = ME) -> Wish:
    return Wish(author, serial, b"", b"")


class Node:
    """A pool, its state, and all it ever asked of the world."""

    def __init__(self, now_ns: int = 0) -> None:
        self.pool = Pool(ME, KINDS, (Oath,))
        self.state: State = self.pool.initial()
        self.now_ns = now_ns
        self.effects: list[Effect] = []

    def hears(self, command: Command, after_ms: int = 0) -> tuple[Event, ...]:
        self.now_ns += after_ms * MS
        self.state, entry, effects = step(self.pool, self.state, command, Moment(self.now_ns, 0))
        self.effects.extend(effects)
        return entry.events

    def asked(self) -> list[Effect]:
        """What was asked of the world since we last looked."""
        effects, self.effects = self.effects, []
        return effects

    def limit(self, **fields: int) -> None:
        self.state = replace(self.state, limits=replace(self.state.limits, **fields))


def names(items: tuple[Statement, ...]) -> list[tuple[str, int]]:
    """Whose items, and their serials: "a1" reads better than 32 bytes."""
    return [(chr(wish.author[0]), wish.serial) for wish in items if isinstance(wish, Wish)]
