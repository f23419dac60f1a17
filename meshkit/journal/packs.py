"""Pack files: many small blobs in one file, so that a tick of them costs one fsync.

    pack    records one after another, until PACK_BYTES_MAX is passed; named by its number
    record  magic 4 | kind 1 | length 4 | digest 32 | check 8 | body of `length` bytes

The packs in the order of their numbers are a log: what the last record of a digest says is what
holds. A `KEPT` record carries the blob; an `EXPIRED` one says that it was given up, also when its
bytes lay in a file of their own; a `RESTORED` one that such a file counts again.

The check is a hash over the header, the pack's number and the record's offset. So a rotten length
cannot lead a reader astray, and after damage the next sound record can be found again by its
magic: one flipped bit costs one blob, not all that follow. Bodies need no check, they have a name.

A tick is appended to the newest pack, not written to one of its own: 0.3 ms an fsync either way,
but a day of ticks would leave a million files and make opening the store slow. The price is that
a crash can leave a torn record at the end of the newest pack. Its writer never acknowledged it,
and the next one cuts it off; that is the only time a byte of a pack is taken back.
"""

import os
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from blake3 import blake3

from meshkit.journal.files import read_all

MAGIC = b"mkb\x01"
DIGEST_BYTES = 32
CHECK_BYTES = 8  # 64 bits: a false header every 2^64 stray magics
HEADER = Struct(">4sBI32s8s")
HEADER_BYTES = HEADER.size
PACK_BYTES_MAX = (
    64 << 20
)  # opened and hashed in 50 ms at the next start; a guess, as in `git repack`
WINDOW_BYTES = 1 << 20  # searched at once for the next sound record after damage
PACK_SUFFIX = ".pack"


class Kind(IntEnum):
    KEPT = 1
    EXPIRED = 2
    RESTORED = 3


KINDS = {kind.value: kind for kind in Kind}


class Packed(NamedTuple):
    """A record: where its body lies in which pack."""

    pack: int
    kind: Kind
    digest: bytes
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


class Damage(NamedTuple):
    """Bytes of a pack that are no sound record.

    `digest` if the header is sound and only the body is not; torn if the file ends within what may
    be the sound beginning of a record.
    """

    pack: int
    offset: int
    end: int
    digest: bytes = b""
    torn: bool = False


def header(pack: int, offset: int, kind: Kind, digest: bytes, length: int) -> bytes:
    """What stands before the body of the record at `offset` of pack number `pack`."""
    covered = MAGIC + bytes([kind]) + length.to_bytes(4, "big") + digest
    return covered + _check(pack, offset, covered)


def _check(pack: int, offset: int, covered: bytes) -> bytes:
    place = pack.to_bytes(8, "big") + offset.to_bytes(8, "big")
    return blake3(place + covered).digest()[:CHECK_BYTES]


def _decode(pack: int, offset: int, head: bytes) -> Packed | None:
    if len(head) < HEADER_BYTES:
        return None
    _, kind, length, digest, check = HEADER.unpack(head)
    if check != _check(pack, offset, head[:-CHECK_BYTES]) or kind not in KINDS:
        return None
    return Packed(pack, KINDS[kind], digest, offset + HEADER_BYTES, length)


def scan(path: Path, pack: int, hashing: bool = False) -> Iterator[Packed | Damage]:
    """Every record of a pack in order, and what lies between them that is none.

    Reads the headers alone, one call each: opening a store must not read what it holds. If
    `hashing`, it reads the bodies too, and a record whose body is not its digest's is damage.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        offset = 0
        while offset < size:
            found = _decode(pack, offset, os.pread(descriptor, HEADER_BYTES, offset))
            if found is not None and found.end <= size:
                if hashing and not _is_sound(descriptor, found):
                    yield Damage(pack, offset, found.end, found.digest)
                else:
                    yield found
                offset = found.end
                continue
            end = _next_record(descriptor, pack, offset + 1, size)
            torn = found is not None or size - offset < HEADER_BYTES
            yield Damage(pack, offset, end, torn=torn and end == size)
            offset = end
    finally:
        os.close(descriptor)


def _is_sound(descriptor: int, record: Packed) -> bool:
    if record.kind != Kind.KEPT:
        return record.length == 0
    return blake3(read_all(descriptor, record.length, record.offset)).digest() == record.digest


def _next_record(descriptor: int, pack: int, start: int, size: int) -> int:
    """The offset of the first sound record at or after `start`, or `size` if there is none."""
    while start < size:
        window = read_all(descriptor, WINDOW_BYTES, start)
        at = window.find(MAGIC)
        while at >= 0:
            offset = start + at
            found = _decode(pack, offset, os.pread(descriptor, HEADER_BYTES, offset))
            if found is not None and found.end <= size:
                return offset
            at = window.find(MAGIC, at + 1)
        # A magic may lie across the border of two windows.
        start += max(len(window) - len(MAGIC) + 1, 1)
    return size


def read_body(folder: Path, record: Packed, start: int = 0, length: int | None = None) -> bytes:
    """The body of a record, or a part of it; unchecked, and shorter if the pack was cut."""
    length = record.length - start if length is None else min(length, record.length - start)
    descriptor = os.open(pack_path(folder, record.pack), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_all(descriptor, length, record.offset + start)
    finally:
        os.close(descriptor)


def numbers(folder: Path) -> list[int]:
    """The packs in `folder`, oldest first."""
    names = (path.name for path in folder.iterdir())
    stems = (name.removesuffix(PACK_SUFFIX) for name in names if name.endswith(PACK_SUFFIX))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def pack_path(folder: Path, pack: int) -> Path:
    return folder / f"{pack:08d}{PACK_SUFFIX}"
