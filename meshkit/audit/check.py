"""`check`: every command of a journal decided again, and compared with what was recorded.

Each snapshot's digest is compared with the state that was come to. Signatures and other journals
are left to `verify`: this answers one question, whether the rules here and what was recorded are
the same, as fast as it can. It stops at the first difference.
"""

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from blake3 import blake3

from meshkit.audit.folding import Opened
from meshkit.core.composite import At
from meshkit.core.history import Snapshot, Snapshotted
from meshkit.core.snapshot import freeze

DONE_ENTRIES = 1_024  # between two words on how far it has come


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


def check(journal: Opened) -> Checked:
    """Decide the journal again; raises JournalError and AuditError where it cannot be read."""
    started = time.perf_counter()
    with undisturbed():
        index, state, difference = _decide(journal)
    seconds = time.perf_counter() - started
    return Checked(index, seconds, blake3(freeze(state)).digest(), difference)


def _decide(journal: Opened) -> tuple[int, Any, Difference | None]:
    run = journal.machine.run
    state = journal.machine.initial()
    index = 0
    for index, entry in journal.entries():
        before, recorded = state, entry.events
        state, decided, _ = run(before, entry.command, entry.moment)
        if decided != recorded:
            return index, before, Difference(index, recorded, decided)
        if isinstance(entry.command.body, Snapshot):
            true = Snapshotted(index - 1, blake3(freeze(before)).digest())
            if any(event.body != true for event in recorded):
                decided = tuple(At(event.name, true) for event in recorded)
                return index, before, Difference(index, recorded, decided)
    return index, state, None


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
