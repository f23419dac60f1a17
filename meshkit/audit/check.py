"""`check`: every command of a journal decided again, and compared with what was recorded.

Each snapshot's digest is compared with the state that was come to. Signatures and other journals
are left to `verify`: this answers one question, whether the rules here and what was recorded are
the same, as fast as it can. It stops at the first difference.

A long journal is decided on several processors. To fold what was recorded takes less than half as
long as to decide it, so one process reads and folds, and hands each stretch, with the state before
it, to a child that decides it. If every stretch follows from the folded state before it, the whole
follows from the beginning, by induction.
"""

import gc
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from blake3 import blake3

from meshkit.audit.folding import Opened
from meshkit.audit.forks import Forks
from meshkit.codec.convert import prepare
from meshkit.core.composite import At, Composite
from meshkit.core.history import Snapshot, Snapshotted
from meshkit.core.machine import Entry, Machine
from meshkit.core.snapshot import freeze

BATCH_ENTRIES = 512  # decoded before they are decided, for the caches' sake (measured)
STRETCH_ENTRIES = 2_048  # of a child: a fork costs as much as deciding 50 to 100 (measured)
FINE = b"\0"  # a child's word that its stretch follows; otherwise it says nothing

Stretch: TypeAlias = Sequence[tuple[int, Entry]]


class Difference(NamedTuple):
    """Where the journal and the rules part: the entry, what it records, what they decide."""

    entry: int
    recorded: tuple[At, ...]
    decided: tuple[At, ...]


class Checked(NamedTuple):
    """How far it was decided again, and what state it came to."""

    entries: int
    seconds: float
    digest: bytes
    difference: Difference | None


class Reached(NamedTuple):
    """The last entry decided, and the state after it; at a difference, the state before it."""

    entry: int
    state: Any
    difference: Difference | None = None


class Parted(Exception):
    """A stretch does not follow."""

    def __init__(self, reached: Reached) -> None:
        super().__init__(f"entry {reached.entry} decides otherwise than recorded")
        self.reached = reached


class Unasked:
    """A machine whose effects nobody performs: they follow from its events, so they are left out.

    They are not recorded; what was sent of them `verify` holds against others' journals.
    """

    def __init__(self, machine: Machine[Any, Any, Any, Any]) -> None:
        self.initial, self.decide, self.evolve = machine.initial, machine.decide, machine.evolve
        self.deadline = machine.deadline
        unfold = getattr(machine, "unfold", None)
        if unfold is not None:
            self.unfold = unfold

    def react(self, state: Any, event: Any) -> tuple[()]:
        return ()


def unasked(machine: Composite) -> Composite:
    """The same node, but for its effects."""
    silent = {name: Unasked(each) for name, each in machine.machines.items()}
    return Composite(silent, machine.policies, machine.guard)


def check(journal: Opened, workers: int = 1) -> Checked:
    """Decide the journal again; raises JournalError and AuditError where it cannot be read."""
    journal = journal._replace(machine=unasked(journal.machine))
    prepare()
    started = time.perf_counter()
    with undisturbed():
        reached = _alone(journal) if workers <= 1 else _together(journal, workers)
    seconds = time.perf_counter() - started
    digest = blake3(freeze(reached.state)).digest()
    return Checked(reached.entry, seconds, digest, reached.difference)


def _alone(journal: Opened) -> Reached:
    reached = Reached(0, journal.machine.initial())
    entries = journal.entries()
    while (batch := list(islice(entries, BATCH_ENTRIES))) and reached.difference is None:
        reached = decide(journal.machine, reached.state, batch)
    return reached


def _together(journal: Opened, workers: int) -> Reached:
    machine, entries = journal.machine, journal.entries()
    reached = Reached(0, machine.initial())
    with Forks(workers) as children:
        try:
            while stretch := list(islice(entries, STRETCH_ENTRIES)):
                if len(stretch) == STRETCH_ENTRIES:
                    children.give(_deciding(machine, reached.state, stretch))
                    reached = Reached(stretch[-1][0], _folded(machine, reached.state, stretch))
                else:  # the last one, which is not worth a fork
                    reached = decide(machine, reached.state, stretch)
            for _ in children.results():
                pass
        except Parted as parted:
            return parted.reached
    return reached


def _deciding(machine: Composite, state: Any, stretch: Stretch) -> Any:
    """The work of a child: in the parent, after a child found a difference, it raises `Parted`."""

    def work() -> bytes:
        reached = decide(machine, state, stretch)
        if reached.difference is not None:
            raise Parted(reached)
        return FINE

    return work


def _folded(machine: Composite, state: Any, stretch: Stretch) -> Any:
    states = dict(state)
    machines = machine.machines
    for _, entry in stretch:
        for event in entry.events:
            name = event.name
            states[name] = machines[name].evolve(states[name], event.body)
    return states


def decide(machine: Composite, state: Any, stretch: Stretch) -> Reached:
    """Decide a stretch of entries again, from the state before it, up to the first difference."""
    run, index = machine.run, 0
    for index, entry in stretch:
        before, recorded = state, entry.events
        state, decided, _ = run(before, entry.command, entry.moment)
        if decided != recorded:
            return Reached(index, before, Difference(index, recorded, decided))
        if isinstance(entry.command.body, Snapshot):
            true = Snapshotted(index - 1, blake3(freeze(before)).digest())
            if any(event.body != true for event in recorded):
                decided = tuple(At(event.name, true) for event in recorded)
                return Reached(index, before, Difference(index, recorded, decided))
    return Reached(index, state)


@contextmanager
def undisturbed() -> Generator[None]:
    """Without the collector of cycles: values have none, and it would look at each of them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
