"""Large bytes by their digest: models, updates, datasets' manifests.

A blob's name is the BLAKE3 digest of its bytes, so a store cannot lie about what it hands out, a
blob is stored once, and a journal entry that names a digest commits to the bytes. Small blobs go
into packs (`packs`), all of a tick for one fsync; from `LARGE_BYTES_MIN` on each has a file of its
own: written aside, synced, renamed, and then its folder synced. `put` only stages; the node calls
`commit` before it journals an entry that names what it put.

On disk: `packs/00000001.pack` and so on, `large/<digest in hex>`, `staging/`, `lock`.

Nothing read from the disk is trusted: `get` hashes what it read, and a blob that has rotted is
gone as if it had never been there, so that it may be fetched from a peer and put again.

A blob can be given up: `expire` leaves a record that it was here, so that an audit says "expired"
instead of "missing". Its bytes are gone once the pack that holds them has been compacted.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from blake3 import blake3

from meshkit.core.value import Value
from meshkit.journal.errors import JournalError, Latch, explain
from meshkit.journal.files import FILE_MODE, FOLDER_MODE, hold, read_all, sync_folder, write_all
from meshkit.journal.packlog import Addition, PackLog
from meshkit.journal.packs import (
    DIGEST_BYTES,
    PACK_BYTES_MAX,
    Damage,
    Kind,
    numbers,
    pack_path,
    read_body,
    scan,
)
from meshkit.journal.recent import Recent

LARGE_BYTES_MIN = 64 << 10  # above, the file's own fsync weighs less than copying it twice
BLOB_BYTES_MAX = 256 << 20  # a model of 64 million float32 parameters (a guess)
CACHE_BYTES_MAX = 64 << 20  # one round's updates of a mesh of a hundred, or one large model
STAGED_BYTES_MAX = 64 << 20  # then what is staged is made durable early, which harms nobody
READ_BYTES = 1 << 20
LOCK_NAME = "lock"
DEAD_SHARE_MIN = 0.5  # compaction then copies at most as much as it frees


class Limits(NamedTuple):
    blob_bytes_max: int = BLOB_BYTES_MAX
    large_bytes_min: int = LARGE_BYTES_MIN
    pack_bytes_max: int = PACK_BYTES_MAX
    cache_bytes_max: int = CACHE_BYTES_MAX
    staged_bytes_max: int = STAGED_BYTES_MAX


class BlobFinding(Value):
    """What is wrong in which file, from which byte on; `digest` is empty where none can be told."""

    kind: Literal["torn", "damage", "hash", "stray", "unreadable"]
    file: str
    offset: int
    digest: bytes
    text: str


class BlobStore:
    """A folder of blobs. One process writes it; not for several threads at once."""

    @classmethod
    def open(cls, folder: Path, read_only: bool = False, limits: Limits | None = None) -> Self:
        """Open or make the store; read-only, it leaves no trace and may lie on a read-only disk."""
        folder = Path(folder)
        held = -1
        try:
            if not read_only:
                _make_folders(folder)
                held = hold(folder / LOCK_NAME)
                for path in (folder / "staging").iterdir():
                    path.unlink()  # a crash came before the rename
            elif not (folder / "packs").is_dir():
                raise JournalError(f"{folder} is no blob store: name another path")
            return cls(folder, limits or Limits(), held)
        except BaseException as error:
            if held >= 0:
                os.close(held)
            if isinstance(error, OSError):
                raise JournalError(explain(folder, error)) from error
            raise

    def __init__(self, folder: Path, limits: Limits, held: int) -> None:
        self._folder, self._limits, self._held = folder, limits, held
        self._latch = Latch(folder)
        self._large: dict[bytes, int] = {}
        self._staged: dict[bytes, bytes] = {}
        self._staged_bytes = 0
        self._expiring: dict[bytes, None] = {}
        self._recent = Recent(limits.cache_bytes_max)
        self._packs = PackLog(folder / "packs", limits.pack_bytes_max, writable=held >= 0)
        self.notices = [_of_damage(damage) for damage in self._packs.damages]
        self._load_large()

    def put(self, blob: bytes) -> bytes:
        """Stage `blob` and return its digest; `ValueError` if it is over the limit."""
        self._latch.admit()
        if len(blob) > self._limits.blob_bytes_max:
            raise ValueError(f"a blob of {len(blob)} bytes is over {self._limits.blob_bytes_max}")
        digest = blake3(blob).digest()
        self._expiring.pop(digest, None)
        if not self.has(digest):
            self._staged[digest] = blob
            self._staged_bytes += len(blob)
            if self._staged_bytes > self._limits.staged_bytes_max:
                self.commit()
        return digest

    def expire(self, digest: bytes) -> bool:
        """Give a blob up, for good at the next commit; False if it is not here."""
        self._latch.admit()
        if not self.has(digest):
            return False
        self._staged_bytes -= len(self._staged.pop(digest, b""))
        self._recent.drop(digest)
        self._expiring[digest] = None
        return True

    def commit(self) -> None:
        """Make all that was staged durable, or raise `JournalFailed` and refuse ever after."""
        self._latch.admit()
        if not self._staged and not self._expiring:
            return
        assert self._held >= 0, "a store opened to read is not written"
        try:
            self._commit()
        except BaseException as error:
            raise self._latch.fail(error) from error

    def get(self, digest: bytes) -> bytes | None:
        """The blob, checked against its name; None if it is not here or has rotted."""
        self._latch.admit()
        if not self.has(digest):
            return None
        blob = self._staged.get(digest)
        if blob is None:
            blob = self._recent.get(digest)
        return self._fetch(digest) if blob is None else blob

    def chunk(self, digest: bytes, offset: int, length: int) -> bytes | None:
        """A part of a blob, unchecked, to be served: the receiver checks the whole by its name."""
        assert offset >= 0, "a chunk begins within its blob"
        self._latch.admit()
        if not self.has(digest):
            return None
        blob = self._staged.get(digest)
        if blob is None:
            blob = self._recent.get(digest)
        if blob is not None:
            return blob[offset : offset + length]
        try:
            return self._read(digest, offset, length)
        except OSError as error:
            self._reject(digest, "unreadable", str(error))
            return None

    def has(self, digest: bytes) -> bool:
        return digest in self._staged or (digest not in self._expiring and self._is_kept(digest))

    def size(self, digest: bytes) -> int | None:
        """The blob's length in bytes; None if it is not here."""
        if not self.has(digest):
            return None
        if digest in self._staged:
            return len(self._staged[digest])
        large = self._large.get(digest)
        return self._packs.latest[digest].length if large is None else large

    def expired(self, digest: bytes) -> bool:
        """Whether the blob was here and was given up."""
        if self.has(digest):
            return False
        record = self._packs.latest.get(digest)
        return digest in self._expiring or (record is not None and record.kind == Kind.EXPIRED)

    def __iter__(self) -> Iterator[bytes]:
        """The digests of all that is here, in order."""
        known = self._staged.keys() | self._large.keys() | self._packs.latest.keys()
        return iter([digest for digest in sorted(known) if self.has(digest)])

    def compact(self, dead_share_min: float = DEAD_SHARE_MIN) -> int:
        """Rewrite at most one pack, to free what expired; returns how many bytes it had, or 0."""
        self._latch.admit()
        assert self._held >= 0, "a store opened to read is not written"
        try:
            return self._packs.compact(dead_share_min)
        except BaseException as error:
            raise self._latch.fail(error) from error

    def verify(self) -> Iterator[BlobFinding]:
        """Hash every byte of every pack and file; yields what is wrong, and raises over nothing."""
        packs, large = self._folder / "packs", self._folder / "large"
        try:
            for pack in numbers(packs):
                yield from _verify_pack(pack_path(packs, pack), pack)
            for path in sorted(large.iterdir()):
                yield from _verify_file(path)
        except OSError as error:
            yield BlobFinding("unreadable", ".", 0, b"", explain(self._folder, error))

    def close(self) -> None:
        """Idempotent. What is staged and not committed is lost, as in a crash."""
        self._latch.close()
        self._packs.close()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _is_kept(self, digest: bytes) -> bool:
        record = self._packs.latest.get(digest)
        return digest in self._large or (record is not None and record.kind == Kind.KEPT)

    def _load_large(self) -> None:
        for path in sorted((self._folder / "large").iterdir()):
            digest = _named(path)
            if digest is None:
                self.notices.append(_stray(path))
                continue
            record = self._packs.latest.get(digest)
            if record is None or record.kind != Kind.EXPIRED:
                self._large[digest] = path.stat().st_size
            elif self._held >= 0:
                path.unlink()  # a crash came between the record of its end and the end

    def _commit(self) -> None:
        additions: list[Addition] = []
        larges = 0
        for digest, blob in self._staged.items():
            if len(blob) < self._limits.large_bytes_min:
                additions.append((Kind.KEPT, digest, blob))
                continue
            self._write_large(digest, blob)
            larges += 1
            if digest in self._packs.latest:
                additions.append((Kind.RESTORED, digest, b""))
        if larges:
            sync_folder(self._folder / "large")
        additions += [(Kind.EXPIRED, digest, b"") for digest in self._expiring]
        if additions:
            self._packs.append(additions)
        for digest in self._expiring:
            if self._large.pop(digest, None) is not None:
                self._file(digest).unlink()
        self._settle()

    def _settle(self) -> None:
        """All staged is durable now."""
        for digest, blob in self._staged.items():
            if len(blob) >= self._limits.large_bytes_min:
                self._large[digest] = len(blob)
            self._recent.put(digest, blob)
        self._staged.clear()
        self._expiring.clear()
        self._staged_bytes = 0

    def _write_large(self, digest: bytes, blob: bytes) -> None:
        aside = self._folder / "staging" / digest.hex()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(aside, flags, FILE_MODE)
        try:
            write_all(descriptor, blob)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        aside.rename(self._file(digest))

    def _fetch(self, digest: bytes) -> bytes | None:
        try:
            blob = self._read(digest, 0, None)
        except OSError as error:
            self._reject(digest, "unreadable", str(error))
            return None
        if blake3(blob).digest() != digest:
            self._reject(digest, "hash", "its bytes are not those of its name")
            return None
        self._recent.put(digest, blob)
        return blob

    def _read(self, digest: bytes, offset: int, length: int | None) -> bytes:
        size = self._large.get(digest)
        if size is None:
            return read_body(self._folder / "packs", self._packs.latest[digest], offset, length)
        descriptor = os.open(self._file(digest), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_all(descriptor, size if length is None else length, offset)
        finally:
            os.close(descriptor)

    def _reject(self, digest: bytes, kind: Literal["hash", "unreadable"], text: str) -> None:
        """Forget a blob that the disk lost, so that it can be put again."""
        if self._large.pop(digest, None) is not None:
            name, offset = f"large/{digest.hex()}", 0
        else:
            record = self._packs.latest[digest]
            name, offset = f"packs/{pack_path(Path(), record.pack).name}", record.offset
            self._packs.forget(digest)
        self.notices.append(BlobFinding(kind, name, offset, digest, text))

    def _file(self, digest: bytes) -> Path:
        return self._folder / "large" / digest.hex()


def _make_folders(folder: Path) -> None:
    for path in (folder, folder / "packs", folder / "large", folder / "staging"):
        with suppress(FileExistsError):
            path.mkdir(FOLDER_MODE)
            sync_folder(path.parent)


def _named(path: Path) -> bytes | None:
    """The digest that a file is named by, or None."""
    try:
        digest = bytes.fromhex(path.name)
    except ValueError:
        return None
    return digest if len(digest) == DIGEST_BYTES and digest.hex() == path.name else None


def _stray(path: Path) -> BlobFinding:
    return BlobFinding("stray", f"large/{path.name}", 0, b"", "a file that no blob is named by")


def _of_damage(damage: Damage) -> BlobFinding:
    name = f"packs/{pack_path(Path(), damage.pack).name}"
    size = damage.end - damage.offset
    if damage.digest:
        text = f"blob {damage.digest.hex()}: its bytes are not those of its name"
        return BlobFinding("hash", name, damage.offset, damage.digest, text)
    if damage.torn:
        text = f"the last {size} bytes are the beginning of a record that was never finished"
        return BlobFinding("torn", name, damage.offset, b"", text)
    return BlobFinding("damage", name, damage.offset, b"", f"{size} bytes are no sound record")


def _verify_pack(path: Path, pack: int) -> Iterator[BlobFinding]:
    try:
        for found in scan(path, pack, hashing=True):
            if isinstance(found, Damage):
                yield _of_damage(found)
    except OSError as error:
        yield BlobFinding("unreadable", f"packs/{path.name}", 0, b"", explain(path, error))


def _verify_file(path: Path) -> Iterator[BlobFinding]:
    digest = _named(path)
    if digest is None:
        yield _stray(path)
        return
    name = f"large/{path.name}"
    try:
        hasher = blake3()
        with path.open("rb") as file:
            while part := file.read(READ_BYTES):
                hasher.update(part)
    except OSError as error:
        yield BlobFinding("unreadable", name, 0, digest, explain(path, error))
        return
    if hasher.digest() != digest:
        text = f"blob {digest.hex()}: its bytes are not those of its name"
        yield BlobFinding("hash", name, 0, digest, text)
