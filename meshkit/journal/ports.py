"""What a node asks of its stores. On a disk: `Journal`, `BlobStore`; in memory: `memory`.

The duties, in order, of whoever drives a node with them:

1. `BlobPort.commit` before an entry that names what was put is appended.
2. `JournalPort.append` all entries of a tick at once, and perform their effects only after it.
3. On `JournalFailed`, from either, stop. Nothing it was doing may be said to have happened.
4. `JournalPort.idle` when there is nothing to do.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from meshkit.journal.chain import Head, MarkRow, Record


class EntrySource(Protocol):
    """A journal to be read: one's own, somebody else's, or one in memory."""

    @property
    def head(self) -> Head: ...

    def read(self, first: int = 1, last: int | None = None) -> Iterator[Record]: ...

    def mark(self, stream: str, version: int) -> bytes | None: ...

    def last_mark(self, stream: str, until: int | None = None) -> tuple[int, bytes] | None: ...


class JournalPort(EntrySource, Protocol):
    """Durable on return."""

    def append(self, bodies: Sequence[bytes], marks: Sequence[MarkRow] = ()) -> Head: ...

    def idle(self) -> None: ...

    def close(self) -> None: ...


class BlobPort(Protocol):
    """Durable on `commit`; until then what is staged can be seen, and can be lost."""

    def put(self, blob: bytes) -> bytes: ...

    def expire(self, digest: bytes) -> bool: ...

    def commit(self) -> None: ...

    def get(self, digest: bytes) -> bytes | None: ...

    def chunk(self, digest: bytes, offset: int, length: int) -> bytes | None: ...

    def has(self, digest: bytes) -> bool: ...

    def size(self, digest: bytes) -> int | None: ...

    def expired(self, digest: bytes) -> bool: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...
