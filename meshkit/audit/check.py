"""`check`: every command of a journal decided again, and compared with what was recorded.

Each snapshot's digest is compared with the state that was come to. Signatures and other journals
are left to `verify`: this answers one question, whether the rules here and what was recorded are
the same, as fast as it can. It stops at the first difference.

In the time that is told are reading the entries, checking their chain, decoding them and the
envelopes in them, deciding and comparing; opening the file and building the converters are not.
"""

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from blake3 import blake3

from meshkit.audit.deciding import Difference, Reached, decide, unasked
from meshkit.audit.folding import Opened
from meshkit.audit.relay import Broken, relayed
from meshkit.codec.convert import prepare
from meshkit.core.snapshot import freeze
from meshkit.journal import JournalError

BATCH_ENTRIES = 512  # decoded before they are decided, for the caches' sake (measured)
RELAY_ENTRIES_MIN = 600  # from here on a second process is worth its fork (measured)
MEMBER_ENTRIES_MIN = 1_000  # of each, if there are more than two (a guess: ten times a fork)


class Checked(NamedTuple):
    """How far it was decided again, and what state it came to."""

    entries: int
    seconds: float
    digest: bytes
    difference: Difference | None


def check(journal: Opened, workers: int = 1) -> Checked:
    """Decide the journal again; raises JournalError and AuditError where it cannot be read."""
    journal = journal._replace(machine=unasked(journal.machine))
    prepare()
    started = time.perf_counter()
    with undisturbed():
        reached = _together(journal, workers) or _alone(journal)
    seconds = time.perf_counter() - started
    digest = blake3(freeze(reached.state)).digest()
    return Checked(reached.entry, seconds, digest, reached.difference)


def _alone(journal: Opened) -> Reached:
    reached = Reached(0, journal.machine.initial())
    entries = journal.entries(_end(journal) or None)
    while (batch := list(islice(entries, BATCH_ENTRIES))) and reached.difference is None:
        reached = decide(journal.machine, reached.state, batch)
    return reached


def _together(journal: Opened, workers: int) -> Reached | None:
    """The end of a long journal, if several processes come to it; else one must look alone."""
    entries = _end(journal) if workers > 1 else 0
    try:
        if entries < RELAY_ENTRIES_MIN:
            return None
        members = min(workers, max(2, entries // MEMBER_ENTRIES_MIN))
        return relayed(journal, entries, members)
    except Broken:
        return None


def _end(journal: Opened) -> int:
    """The last entry for now: a running node goes on. Where that entry is damaged it is 0, and
    whoever reads on to it is told."""
    try:
        return journal.reader.head.index
    except JournalError:
        return 0


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
