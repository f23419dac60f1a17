"""Entries to the journal: encoded, indexed by height, and shown to who watches them go by."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from meshkit.codec import encode_entry
from meshkit.consensus.messages import Decided
from meshkit.core.history import Snapshotted
from meshkit.core.machine import Entry
from meshkit.journal import JournalPort, Mark
from meshkit.journal.chain import BLOCKS

SNAPSHOTS = "snapshots"  # stream of marks: an index, and the state after that entry
INDEX_BYTES = 8

Observer: TypeAlias = Callable[[int, Entry], None]  # an entry's index, and the entry, once durable


class EntryLog:
    """What the shell appends to. Observers see each entry once it is durable and decide nothing."""

    def __init__(self, journal: JournalPort) -> None:
        self.journal = journal
        self.observers: list[Observer] = []
        self.snapshot = b""  # the state that the next `Snapshotted` entry speaks of

    def append(self, entries: Sequence[Entry]) -> int:
        """Make the entries durable in one transaction; raises JournalFailed, which is final."""
        first = self.journal.head.index + 1
        numbered = list(enumerate(entries, start=first))
        bodies = [encode_entry(entry, index) for index, entry in numbered]
        marks = [mark for index, entry in numbered for mark in self._marks(index, entry)]
        head = self.journal.append(bodies, marks)
        for index, entry in numbered:
            for observe in self.observers:
                observe(index, entry)
        return head.index

    def _marks(self, index: int, entry: Entry) -> list[Mark]:
        marks: list[Mark] = []
        for event in entry.events:
            match event.body:
                case Decided(certificate):
                    at = index.to_bytes(INDEX_BYTES, "big")
                    marks.append(Mark(BLOCKS, certificate.height, at))
                case Snapshotted(state_index):
                    marks.append(Mark(SNAPSHOTS, state_index, self.snapshot))
                case _:
                    pass
        return marks
