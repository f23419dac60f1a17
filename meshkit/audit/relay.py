"""A journal decided by several processes, each of which takes every so-manyth stretch of it.

To read a stretch, one needs only the journal; to decide it, the state before it too. To fold what
was recorded takes a third as long as to decide it. So each member of the relay reads its stretch,
waits for the state before it, folds, hands the state behind it on, and only then decides. If every
stretch follows from the folded state before it, the whole follows from the beginning, by induction.

A state is handed on in its canonical form, as in a snapshot from which a node restarts. A member
that finds a difference, or cannot read on, says nothing and is gone, and so in turn is everybody
whom it leaves without a state. Then the relay is `Broken`, and one process, which begins at the
first entry, sees why.

The parent takes the last stretch, so the state behind it is there at the end.
"""

import os
from typing import Any, NamedTuple

from meshkit.audit.deciding import Reached, decide, folded
from meshkit.audit.errors import AuditError
from meshkit.audit.folding import Opened
from meshkit.audit.forks import Forks
from meshkit.core.snapshot import freeze, thaw
from meshkit.journal import JournalError, JournalReader

STRETCH_ENTRIES_MAX = 4_096  # in memory at once, some 20 MB; to hand a state on costs 50 (measured)
LENGTH_BYTES = 8  # before a state, its length
PART_BYTES = 1 << 20  # of a state, read at once
FINE = b"\0"  # a child's word that its stretches follow; otherwise it says nothing


class Broken(Exception):
    """The relay did not reach the end: look alone."""


class Lap(NamedTuple):
    """Who runs: `members` processes take turns at `stretches` stretches of `entries` entries."""

    members: int
    entries: int

    @property
    def stretches(self) -> int:
        rounds = -(-self.entries // (self.members * STRETCH_ENTRIES_MAX))
        return self.members * rounds

    def before(self, stretch: int) -> int:
        """The last entry before a stretch."""
        return self.entries * stretch // self.stretches


class Place(NamedTuple):
    """One member's: where the states before its stretches come from, and those behind them go."""

    number: int
    reading: int
    writing: int


class Links:
    """The pipes in a ring: number `n` brings member `n` what the one before it hands on."""

    def __init__(self, members: int) -> None:
        self._pipes = [os.pipe() for _ in range(members)]

    def keep(self, number: int) -> Place:
        """Close in this process whatever is not member `number`'s: who is gone must be missed."""
        following = (number + 1) % len(self._pipes)
        for at, (reading, writing) in enumerate(self._pipes):
            if at != number:
                os.close(reading)
            if at != following:
                os.close(writing)
        return Place(number, self._pipes[number][0], self._pipes[following][1])


def relayed(journal: Opened, entries: int, members: int) -> Reached:
    """Decide the first `entries` entries; raises `Broken` wherever something is not as it should.

    `members` are 2 or more, and no more than there are entries.
    """
    assert 2 <= members <= entries, f"{members} members for {entries} entries"
    lap, parent = Lap(members, entries), os.getpid()
    with Forks(members) as children:
        if children.workers < members:
            raise Broken("nothing can be forked here")
        links = Links(members)
        for number in range(members - 1):
            children.give(_child(journal, lap, links, number, parent))
        place = links.keep(members - 1)
        try:
            reached = _run(journal, lap, place)
        except (AuditError, JournalError, OSError) as error:
            raise Broken(str(error)) from error
        finally:
            os.close(place.reading)
            os.close(place.writing)
        for _ in children.results():
            pass
    return reached


def _child(journal: Opened, lap: Lap, links: Links, number: int, parent: int) -> Any:
    def work() -> bytes:
        if os.getpid() == parent:
            raise Broken(f"member {number} is gone")
        place = links.keep(number)
        # A connection of its own: SQLite's do not survive a fork.
        with JournalReader.open(journal.path) as reader:
            _run(journal._replace(reader=reader), lap, place)
        return FINE

    return work


def _run(journal: Opened, lap: Lap, place: Place) -> Reached:
    """Take the stretches of one member in turn; what is reached is the end of the last one."""
    machine = journal.machine
    reached = Reached(0, machine.initial())
    for number in range(place.number, lap.stretches, lap.members):
        first, last = lap.before(number) + 1, lap.before(number + 1)
        stretch = list(journal.entries(last, first))
        state = thaw(machine, _received(place.reading)) if number else machine.initial()
        if number + 1 < lap.stretches:
            _hand_on(place.writing, freeze(folded(machine, state, stretch)))
        reached = decide(machine, state, stretch)
        if reached.difference is not None:
            raise Broken(f"entry {reached.entry} decides otherwise than recorded")
    return reached


def _hand_on(pipe: int, state: bytes) -> None:
    with open(pipe, "wb", closefd=False) as file:
        file.write(len(state).to_bytes(LENGTH_BYTES, "big"))
        file.write(state)


def _received(pipe: int) -> bytes:
    return _exactly(pipe, int.from_bytes(_exactly(pipe, LENGTH_BYTES), "big"))


def _exactly(pipe: int, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        part = os.read(pipe, min(size - len(found), PART_BYTES))
        if not part:
            raise Broken("whoever comes before is gone")
        found += part
    return bytes(found)
