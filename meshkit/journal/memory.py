"""Both stores in memory, on a disk that fails on demand: what the simulator runs nodes on.

A `MemoryDisk` is what survives a crash. A `MemoryJournal` and a `MemoryBlobs` are a process's view
of one; to crash a node is to drop them, and to restart it is to open new ones on the same disk.
What was staged is then lost. A fault is armed on the disk and strikes a write to come; a crash in
the middle of a write raises `Crashed`, upon which the simulator ends the node.

The model, from Protocol-Aware Recovery (Alagappan et al. 2018) and the file system's habits:

    EIO        the write fails and left nothing
    EIO_KEPT   the fsync fails, yet the data reached the disk
    ENOSPC     the write fails for want of space
    LOST       a crash before anything of the write was on the disk
    KEPT       a crash after all of it was, and before anybody was told
    TORN       a crash after a first part was; a journal's transaction then rolls back
    REORDERED  a crash after a later part was and the first was not; the same
"""

import errno
import os
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import assert_never

from blake3 import blake3

from meshkit.journal.chain import UNSEALED, Head, Identity, MarkRow, Record, Signer, link
from meshkit.journal.errors import JournalError, JournalForeign, Latch

WHERE = Path("memory")  # what messages call a disk that is none


class Fault(Enum):
    EIO = auto()
    EIO_KEPT = auto()
    ENOSPC = auto()
    LOST = auto()
    KEPT = auto()
    TORN = auto()
    REORDERED = auto()


class Crashed(Exception):
    """The process ended in the middle of a write. Nothing in it may run on."""


class MemoryDisk:
    """What one node has written and synced. Whoever cuts or rots it plays the disk's part."""

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self.records: list[Record] = []
        self.marks: dict[str, dict[int, bytes]] = {}
        self.versions: dict[str, list[int]] = {}  # of the marks, in order
        self.blobs: dict[bytes, bytes] = {}
        self.expired: dict[bytes, None] = {}
        self._armed: dict[int, Fault] = {}
        self._writes = 0

    def arm(self, fault: Fault, writes: int = 0) -> None:
        """Let `fault` strike the next write, or the one `writes` after that."""
        self._armed[self._writes + writes] = fault

    def strike(self) -> Fault | None:
        """The fault that meets the write at hand."""
        fault = self._armed.pop(self._writes, None)
        self._writes += 1
        return fault

    def cut(self, index: int) -> None:
        """Lose the entries behind `index`, as a disk that lied about its fsyncs does."""
        del self.records[index:]

    def rot(self, index: int, position: int = 0) -> None:
        """Flip a bit in the body of entry `index`."""
        record = self.records[index - 1]
        self.records[index - 1] = Record(
            record.index, record.hash, record.seal, _flip(record.body, position)
        )

    def rot_blob(self, digest: bytes, position: int = 0) -> None:
        self.blobs[digest] = _flip(self.blobs[digest], position)


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def _error(fault: Fault) -> BaseException:
    match fault:
        case Fault.EIO | Fault.EIO_KEPT:
            return OSError(errno.EIO, os.strerror(errno.EIO))
        case Fault.ENOSPC:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        case Fault.LOST | Fault.KEPT | Fault.TORN | Fault.REORDERED:
            return Crashed(fault.name)
        case _:
            assert_never(fault)


def _shut(latch: Latch, fault: Fault) -> BaseException:
    """Nothing that was open on a disk that failed may go on; a crashed process even less."""
    error = _error(fault)
    refusal = latch.fail(error)
    return error if isinstance(error, Crashed) else refusal


class MemoryJournal:
    """A journal whose disk is a `MemoryDisk`."""

    @classmethod
    def open(
        cls, disk: MemoryDisk, mesh: bytes, node_key: bytes, signer: Signer
    ) -> "MemoryJournal":
        identity = Identity(mesh, node_key)
        if disk.identity is not None and disk.identity != identity:
            raise JournalForeign(
                f"{WHERE} is the journal of {disk.identity}, and this is {identity}"
            )
        disk.identity = identity
        return cls(disk, identity, signer)

    def __init__(self, disk: MemoryDisk, identity: Identity, signer: Signer) -> None:
        self._disk, self._signer = disk, signer
        self._identity = identity
        self._latch = Latch(WHERE)
        last = disk.records[-1] if disk.records else None
        self._head = Head(last.index, last.hash) if last else Head(0, identity.anchor)

    @property
    def head(self) -> Head:
        return self._head

    @property
    def identity(self) -> Identity:
        return self._identity

    def append(self, bodies: Sequence[bytes], marks: Sequence[MarkRow] = ()) -> Head:
        self._latch.admit()
        if not bodies and not marks:
            return self._head
        index, entry_hash = self._head.index, self._head.hash
        added: list[Record] = []
        for number, body in enumerate(bodies, 1):
            index, entry_hash = index + 1, link(entry_hash, body)
            sealed = number == len(bodies)
            stamp = self._identity.seal(self._signer, index, entry_hash) if sealed else UNSEALED
            added.append(Record(index, entry_hash, stamp, body))
        fault = self._disk.strike()
        if fault in (None, Fault.KEPT, Fault.EIO_KEPT):
            self._write(added, marks)
        if fault is not None:
            raise _shut(self._latch, fault)
        self._head = Head(index, entry_hash)
        return self._head

    def read(self, first: int = 1, last: int | None = None, batch: int = 1) -> Iterator[Record]:
        assert first >= 1 <= batch, "entries count from 1"
        self._latch.admit()
        records = self._disk.records
        if first - 1 > len(records):
            raise JournalError(f"{WHERE} has no entry {first - 1}")
        previous = records[first - 2].hash if first > 1 else self._identity.anchor
        for record in records[first - 1 : last]:
            if link(previous, record.body) != record.hash:
                raise JournalError(f"{WHERE}: entry {record.index} was altered or lost")
            previous = record.hash
            yield record

    def mark(self, stream: str, version: int) -> bytes | None:
        self._latch.admit()
        return self._disk.marks.get(stream, {}).get(version)

    def last_mark(self, stream: str, until: int | None = None) -> tuple[int, bytes] | None:
        self._latch.admit()
        versions = self._disk.versions.get(stream, [])
        count = len(versions) if until is None else bisect_right(versions, until)
        if not count:
            return None
        version = versions[count - 1]
        return version, self._disk.marks[stream][version]

    def idle(self) -> None:
        self._latch.admit()

    def close(self) -> None:
        self._latch.close()

    def _write(self, added: Sequence[Record], marks: Sequence[MarkRow]) -> None:
        for stream, version, content in marks:
            contents = self._disk.marks.setdefault(stream, {})
            assert version not in contents, f"a second mark {version} of {stream}"
            contents[version] = content
            insort(self._disk.versions.setdefault(stream, []), version)
        self._disk.records.extend(added)


class MemoryBlobs:
    """A blob store whose disk is a `MemoryDisk`."""

    def __init__(self, disk: MemoryDisk, blob_bytes_max: int = 1 << 30) -> None:
        self._disk, self._blob_bytes_max = disk, blob_bytes_max
        self._latch = Latch(WHERE)
        self._staged: dict[bytes, bytes] = {}
        self._expiring: dict[bytes, None] = {}

    def put(self, blob: bytes) -> bytes:
        self._latch.admit()
        if len(blob) > self._blob_bytes_max:
            raise ValueError(f"a blob of {len(blob)} bytes is over {self._blob_bytes_max}")
        digest = blake3(blob).digest()
        self._expiring.pop(digest, None)
        if not self.has(digest):
            self._staged[digest] = blob
        return digest

    def expire(self, digest: bytes) -> bool:
        self._latch.admit()
        if not self.has(digest):
            return False
        self._staged.pop(digest, None)
        self._expiring[digest] = None
        return True

    def commit(self) -> None:
        self._latch.admit()
        if not self._staged and not self._expiring:
            return
        fault = self._disk.strike()
        steps = [*self._staged.items(), *((digest, None) for digest in self._expiring)]
        for digest, blob in _kept(fault, steps):
            self._write(digest, blob)
        if fault is not None:
            raise _shut(self._latch, fault)
        self._staged.clear()
        self._expiring.clear()

    def get(self, digest: bytes) -> bytes | None:
        self._latch.admit()
        if not self.has(digest):
            return None
        blob = self._staged.get(digest)
        if blob is None:
            blob = self._disk.blobs[digest]
            if blake3(blob).digest() != digest:
                del self._disk.blobs[digest]
                return None
        return blob

    def chunk(self, digest: bytes, offset: int, length: int) -> bytes | None:
        assert offset >= 0, "a chunk begins within its blob"
        self._latch.admit()
        blob = self._here(digest)
        return None if blob is None else blob[offset : offset + length]

    def has(self, digest: bytes) -> bool:
        return self._here(digest) is not None

    def size(self, digest: bytes) -> int | None:
        blob = self._here(digest)
        return None if blob is None else len(blob)

    def expired(self, digest: bytes) -> bool:
        known = digest in self._expiring or digest in self._disk.expired
        return known and not self.has(digest)

    def __iter__(self) -> Iterator[bytes]:
        known = sorted(self._staged.keys() | self._disk.blobs.keys())
        return iter([digest for digest in known if self.has(digest)])

    def close(self) -> None:
        self._latch.close()

    def _here(self, digest: bytes) -> bytes | None:
        if digest in self._staged:
            return self._staged[digest]
        return None if digest in self._expiring else self._disk.blobs.get(digest)

    def _write(self, digest: bytes, blob: bytes | None) -> None:
        if blob is None:
            self._disk.blobs.pop(digest, None)
            self._disk.expired[digest] = None
        else:
            self._disk.blobs[digest] = blob
            self._disk.expired.pop(digest, None)


def _kept(
    fault: Fault | None, steps: Sequence[tuple[bytes, bytes | None]]
) -> Sequence[tuple[bytes, bytes | None]]:
    """What of a commit is on the disk once `fault` has struck."""
    half = (len(steps) + 1) // 2
    match fault:
        case None | Fault.KEPT | Fault.EIO_KEPT:
            return steps
        case Fault.TORN:
            return steps[:half]
        case Fault.REORDERED:
            return steps[half:]
        case Fault.EIO | Fault.ENOSPC | Fault.LOST:
            return ()
        case _:
            assert_never(fault)
