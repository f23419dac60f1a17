"""Ways to lie that no engine is needed for, and what engines' own liars are made of."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from msgspec.structs import replace

from meshkit.core.value import Statement, Value, digest
from meshkit.sim.agenda import MS
from meshkit.sim.engines.service import BATCH_MAX, Answer, Call, CallBatch
from meshkit.sim.liars import Tongue
from meshkit.sim.voice import signed_by

CALLS_KEPT = 64  # of clients' calls, to be proposed again long after they were done
LATE_NS = (50 * MS, 150 * MS, 450 * MS)  # how late a slow one speaks: about what others wait for
OWN_REGISTER = 99  # of liars that call: what clients saw of theirs is to have an order
ELSEWHERE = digest("another mesh")


class FalseAnswers(Tongue):
    """Tells clients anything but what came of their calls."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if type(message) is not Answer:
            return (message,)
        return (replace(message, result=message.result + 1),)


class Slow(Tongue):
    """Says everything, and all of it late: by about as long as the others are patient."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, bytes, Value]] = []

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if type(message) is Answer:
            return ()
        now_ns = self.process.mesh.agenda.now_ns
        self.kept.append((now_ns + LATE_NS[self.me[0] % len(LATE_NS)], to, message))
        return ()

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        now_ns = self.process.mesh.agenda.now_ns
        due = [(to, message) for when_ns, to, message in self.kept if when_ns <= now_ns]
        self.kept = [one for one in self.kept if one[0] > now_ns]
        yield from due


class Foreigner(Tongue):
    """Says also what it signed for another mesh: no door may let that in."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Statement) or type(message) is Call:
            return (message,)
        if getattr(message, message.SIGNER) != self.me or not self.process.dice.chance(100_000):
            return (message,)
        bare = replace(message, signature=b"")
        return (message, signed_by(self.process.person, bare, ELSEWHERE, False))


class Batches(Tongue):
    """What all have in common who propose something of their own: a memory of calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def remember(self, batch: CallBatch) -> None:
        self.calls = [*self.calls, *batch.calls][-CALLS_KEPT:]

    def another(self, batch: CallBatch) -> CallBatch:
        """A batch as good as this one, and another: of calls that were done before, or fewer."""
        self.remember(batch)
        if not batch.calls:  # another tongue has spoilt it already
            return batch
        old = self.process.dice.pick(self.calls)
        calls = (*batch.calls[1:], old) if old not in batch.calls else batch.calls[::-1]
        if calls == batch.calls:
            calls = (*calls, old)
        return replace(batch, calls=calls[:BATCH_MAX])

    def wrong(self, batch: CallBatch, number: int) -> Value:
        """What nobody may vote for, one fault after another."""
        odd = Call(self.me, 1, 99, OWN_REGISTER)
        faults: tuple[Value, ...] = (
            replace(batch, height=batch.height + 1),
            replace(batch, previous=self.made_up("previous")),
            replace(batch, calls=()),
            replace(batch, calls=batch.calls * BATCH_MAX * 2),
            replace(batch, calls=(self.signed(odd),)),
            Answer(self.me, 1, 1),
        )
        return faults[(batch.height + number) % len(faults)]


class Proposer(Batches):
    """Whoever has something of its own to propose, where others say what they were given."""

    def mine(self, message: Value) -> CallBatch | None:
        """The batch that we propose by this message, if that is what it does."""
        value: object = getattr(message, "value", None)
        ours = getattr(message, "proposer", b"") == self.me
        return value if ours and type(value) is CallBatch else None

    def proposing(self, message: Any, value: Value) -> Value:
        """The same proposal, of another value."""
        return self.signed(cast(Statement, replace(message, value_id=digest(value), value=value)))


class OldCalls(Proposer):
    """Proposes what was done long ago once more, to everybody."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        batch = self.mine(message)
        if batch is None:
            return (message,)
        self.remember(batch)
        return (self.proposing(message, replace(batch, calls=(*batch.calls, *self.calls[:4]))),)


class WrongValues(Proposer):
    """Proposes what nobody may vote for."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        batch = self.mine(message)
        if batch is None:
            return (message,)
        number: int = getattr(message, "round", getattr(message, "view", 0))
        return (self.proposing(message, self.wrong(batch, number)),)
