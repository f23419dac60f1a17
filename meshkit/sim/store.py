"""What a process keeps on its disk: a journal and blobs, with faults; as entries, or as real bytes.

`Modelled` keeps entries as they are, which is what makes a campaign of thousands of seeds possible.
`Real` encodes each entry, chains and seals it, and reads it back, through the same code as a node
on a disk (`meshkit.runtime`). Both stand on the `MemoryDisk` of the journal, whose faults strike
one write of either: nothing of it may be there, or all, or a part, which a transaction undoes.

A life of a process opens its disk anew. What it staged is lost with it.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from blake3 import blake3

from meshkit.codec import decode_entry
from meshkit.consensus.messages import Committed, Decided
from meshkit.core.composite import Composite
from meshkit.core.history import Snapshotted
from meshkit.core.machine import Entry
from meshkit.core.snapshot import thaw
from meshkit.journal import Head, JournalFailed
from meshkit.journal.memory import Crashed, Fault, MemoryBlobs, MemoryDisk, MemoryJournal
from meshkit.node import address
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.log import EntryLog
from meshkit.runtime.restore import Restored, last_snapshot, restore
from meshkit.sim.people import Person

SERVED_MAX = 64  # blocks sent for one question, as the runtime does it

Observer = Callable[[int, Entry], None]
KEPT = (None, Fault.KEPT, Fault.EIO_KEPT)  # faults after which the data is on the disk
MARKED: frozenset[type] = frozenset({Decided, Snapshotted})  # what the journal is asked for again
CRASHES = (Fault.LOST, Fault.KEPT, Fault.TORN, Fault.REORDERED)  # those that end the process


class Log(Protocol):
    """What the shell appends to, and the host keeps snapshots with."""

    observers: list[Observer]
    snapshot: bytes

    def append(self, entries: Sequence[Entry]) -> int: ...


class Disk(MemoryDisk):
    """A disk that may hold entries as they are, too."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.entries: list[Entry] = []
        self.snapshots: list[tuple[int, bytes]] = []
        self.blocks: dict[int, Committed] = {}
        self.dropped = 0  # entries that are no longer kept

    @property
    def length(self) -> int:
        return self.dropped + len(self.entries)

    def since(self, index: int) -> list[Entry]:
        """The entries after the one with this index."""
        return self.entries[index - self.dropped :]

    def forget(self, heights: int) -> None:
        """Keep of long runs only what a start needs, and the last decisions for those who ask."""
        self.snapshots = self.snapshots[-1:]
        index = self.snapshots[-1][0] if self.snapshots else 0
        if index > self.dropped:
            del self.entries[: index - self.dropped]
            self.dropped = index
        last = max(self.blocks, default=0)
        for height in [height for height in self.blocks if height <= last - heights]:
            del self.blocks[height]

    def strike(self) -> Fault | None:
        self.writes += 1
        return super().strike()


class Store(Protocol):
    """One life's view of a disk."""

    @property
    def log(self) -> Log: ...
    @property
    def blobs(self) -> MemoryBlobs: ...
    @property
    def length(self) -> int: ...
    def head(self) -> Head: ...
    def restore(self, node: Composite) -> Restored: ...
    def restarts_from(self, node: Composite) -> int: ...
    def served(self, height: int) -> Iterable[Committed]: ...
    def entries(self) -> Iterator[Entry]: ...


class ModelledLog:
    """A journal of entries as they are."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.observers: list[Observer] = []
        self.snapshot = b""

    def append(self, entries: Sequence[Entry]) -> int:
        fault = self._disk.strike()
        if fault in KEPT:
            self._write(entries)
        if fault is not None:
            raise _struck(fault)
        last = self._disk.length
        first = last - len(entries) + 1
        for observe in self.observers:
            for index, entry in enumerate(entries, first):
                observe(index, entry)
        return last

    def _write(self, entries: Sequence[Entry]) -> None:
        self._disk.entries.extend(entries)
        for entry in entries:
            for event in entry.events:
                if type(event.body) in MARKED:
                    self._mark(event.body)

    def _mark(self, event: Decided | Snapshotted) -> None:
        match event:
            case Decided(certificate, value):
                self._disk.blocks[certificate.height] = Committed(certificate, value)
            case Snapshotted(index):
                self._disk.snapshots.append((index, self.snapshot))


def _struck(fault: Fault) -> Exception:
    if fault in CRASHES:
        return Crashed(fault.name)
    number = errno.ENOSPC if fault is Fault.ENOSPC else errno.EIO
    return JournalFailed(os.strerror(number))


class Modelled:
    """A store that keeps entries and snapshots without encoding the former."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.log = ModelledLog(disk)
        self.blobs = MemoryBlobs(disk)

    @property
    def length(self) -> int:
        return self._disk.length

    def head(self) -> Head:
        return Head(self.length, bytes(32))

    def restarts_from(self, node: Composite) -> int:
        return self._snapshot()[0]

    def _snapshot(self) -> tuple[int, bytes]:
        """The last one, if the entry behind it vouches for it."""
        index, data = self._disk.snapshots[-1] if self._disk.snapshots else (0, b"")
        wanted = Snapshotted(index, named(data))
        after = self._disk.since(index)[0] if index else None
        vouched = after is not None and any(e.body == wanted for e in after.events)
        return (index, data) if vouched else (0, b"")

    def restore(self, node: Composite) -> Restored:
        index, data = self._snapshot()
        state = thaw(node, data) if index else dict(node.initial())
        for entry in self._disk.since(index):
            for event in entry.events:
                state = dict(node.evolve(state, event))
        last_ns = self._disk.entries[-1].moment.now_ns if self._disk.entries else 0
        return Restored(state, last_ns)

    def served(self, height: int) -> Iterator[Committed]:
        for number in range(height, height + SERVED_MAX):
            if number not in self._disk.blocks:
                return
            yield self._disk.blocks[number]

    def entries(self) -> Iterator[Entry]:
        return iter(self._disk.entries)


class Real:
    """A store of real bytes, by the runtime's own code."""

    def __init__(self, disk: Disk, mesh: bytes, person: Person) -> None:
        identity = person.identity
        self._journal = MemoryJournal.open(disk, mesh, identity.key, identity.sign)
        self._blocks = BlockStore(self._journal, address)
        self.log = EntryLog(self._journal)
        self.blobs = MemoryBlobs(disk)

    @property
    def length(self) -> int:
        return self._journal.head.index

    def head(self) -> Head:
        return self._journal.head

    def restarts_from(self, node: Composite) -> int:
        return last_snapshot(node, self._journal)[0]

    def restore(self, node: Composite) -> Restored:
        return restore(node, self._journal)

    def served(self, height: int) -> Iterator[Committed]:
        return self._blocks.since(height, SERVED_MAX)

    def entries(self) -> Iterator[Entry]:
        for record in self._journal.read():
            yield decode_entry(record.body, address, record.index)


def named(blob: bytes) -> bytes:
    """The name of a blob."""
    return blake3(blob).digest()


def opened(disk: Disk, mesh: bytes, person: Person, real: bool) -> Store:
    """A new life's view of a disk."""
    return Real(disk, mesh, person) if real else Modelled(disk)
