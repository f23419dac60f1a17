"""The packs of one store as a log: what the last record of each digest says is what holds."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from meshkit.journal.files import FILE_MODE, sync_folder, write_each
from meshkit.journal.packs import (
    HEADER_BYTES,
    Damage,
    Kind,
    Packed,
    header,
    numbers,
    pack_path,
    read_body,
    scan,
)

Addition = tuple[Kind, bytes, bytes]  # kind, digest, body


class PackLog:
    """`latest` maps each digest to its last record; `damages` is what opening came upon.

    Only headers are read, except in the newest pack: what was written last is what a crash can
    have mangled, so its bodies are hashed, and what is unsound at its end is cut off.
    """

    def __init__(self, folder: Path, pack_bytes_max: int, writable: bool) -> None:
        self._folder, self._pack_bytes_max = folder, pack_bytes_max
        self.latest: dict[bytes, Packed] = {}
        self.damages: list[Damage] = []
        self._sizes: dict[int, int] = {}
        self._live: dict[int, int] = {}  # bytes of the records in `latest`, by pack
        self._descriptor = -1
        packs = numbers(folder)
        self._newest = packs[-1] if packs else 0
        for pack in packs:
            self._load(pack, writable)

    def append(self, additions: Sequence[Addition]) -> None:
        """Make all durable in one write and one fsync; any `OSError` leaves the store unusable."""
        if self._sizes.get(self._newest, self._pack_bytes_max) >= self._pack_bytes_max:
            self._begin()
        self._write(additions)

    def read(self, record: Packed) -> bytes:
        return read_body(self._folder, record)

    def forget(self, digest: bytes) -> None:
        """Its record proved unsound: as if it had never been written."""
        self._live[self.latest[digest].pack] -= _total(self.latest.pop(digest))

    def compact(self, dead_share_min: float) -> int:
        """Rewrite one pack, of which that share or more is dead; returns the bytes it took.

        What still holds goes to the newest pack and is durable there before the old one goes. A
        crash in between leaves records twice, which say the same.
        """
        for pack, size in self._sizes.items():
            dead = size - self._live[pack]
            if dead and dead >= dead_share_min * size:
                return self._rewrite(pack)
        return 0

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _load(self, pack: int, writable: bool) -> None:
        path = pack_path(self._folder, pack)
        newest = pack == self._newest
        self._sizes[pack], self._live[pack] = path.stat().st_size, 0
        tail: list[Damage] = []  # what is unsound since the last sound record
        for found in scan(path, pack, hashing=newest):
            if isinstance(found, Damage):
                tail.append(found)
            else:
                self.damages += tail
                tail.clear()
                self._hold(found)
        self.damages += tail
        if tail and newest and writable:
            self._cut(path, tail[0].offset)

    def _cut(self, path: Path, size: int) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._sizes[self._newest] = size

    def _hold(self, record: Packed) -> None:
        if record.digest in self.latest:
            self.forget(record.digest)
        self.latest[record.digest] = record
        self._live[record.pack] += _total(record)

    def _begin(self) -> None:
        """Start a new pack. Its name is durable before anything in it is acknowledged."""
        self.close()
        self._newest += 1
        self._sizes[self._newest] = self._live[self._newest] = 0
        self._open(os.O_CREAT | os.O_EXCL)
        sync_folder(self._folder)

    def _open(self, flags: int = 0) -> None:
        path = pack_path(self._folder, self._newest)
        flags |= os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, FILE_MODE)

    def _write(self, additions: Iterable[Addition]) -> None:
        if self._descriptor < 0:
            self._open()
        pack, offset = self._newest, self._sizes[self._newest]
        parts: list[bytes] = []
        records: list[Packed] = []
        for kind, digest, body in additions:
            parts += header(pack, offset, kind, digest, len(body)), body
            records.append(Packed(pack, kind, digest, offset + HEADER_BYTES, len(body)))
            offset = records[-1].end
        write_each(self._descriptor, parts)
        os.fdatasync(self._descriptor)
        self._sizes[pack] = offset
        for record in records:
            self._hold(record)

    def _rewrite(self, pack: int) -> int:
        holding = [record for record in self.latest.values() if record.pack == pack]
        if pack == self._newest or self._sizes[self._newest] >= self._pack_bytes_max:
            self._begin()
        if holding:
            self._write((record.kind, record.digest, self.read(record)) for record in holding)
        pack_path(self._folder, pack).unlink()
        sync_folder(self._folder)
        del self._live[pack]
        return self._sizes.pop(pack)


def _total(record: Packed) -> int:
    return HEADER_BYTES + record.length
