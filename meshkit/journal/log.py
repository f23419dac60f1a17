"""The journal of a running node: it appends, and what it has acknowledged is on the disk.

One process writes a journal; a lock file beside it keeps a second one out, which would otherwise
fork the chain and make its own node a liar. Everything about the form of entries is in `chain`,
about the disk in `store`.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from meshkit.journal import rows as rows_
from meshkit.journal import store
from meshkit.journal.chain import BODY_AT, UNSEALED, Head, Identity, MarkRow, Record, Signer, link
from meshkit.journal.errors import JournalError, JournalForeign, explain
from meshkit.journal.files import hold, sync_folder

LOCK_SUFFIX = ".lock"
READ_BATCH = 1_000  # entries fetched at once: 0.6 MB of common ones (measured: more is no faster)
BODY_BYTES_MAX = 64 << 20  # an entry holds an envelope of a few MB at most (a guess, generous)
IDLE_CHECKPOINT_BYTES = 1 << 20  # below this an idle node leaves the log alone: 2 fsyncs saved
PAGE_BYTES = 4_096  # SQLite's default page; a transaction writes at least two of them to the log


class Journal:
    """The append-only log of one node of one mesh. Not for several threads at once."""

    @classmethod
    def open(cls, path: Path, mesh: bytes, node_key: bytes, signer: Signer) -> Self:
        """Open or make the journal in the file `path`; `JournalError` says what is in the way.

        The seal of the last entry is made again and compared, so a node started with another key
        than it wrote with is told so here.
        """
        identity = Identity(mesh, node_key)
        path = Path(path)
        try:
            held = hold(path.with_name(path.name + LOCK_SUFFIX))
        except OSError as error:
            raise JournalError(explain(path, error)) from error
        try:
            rows = rows_.Rows(_open_recorder(path), path)
        except BaseException:
            os.close(held)
            raise
        try:
            return cls(rows, identity, signer, _settle(rows, identity, signer), held)
        except BaseException:
            rows.close()
            os.close(held)
            raise

    def __init__(
        self, rows: rows_.Rows, identity: Identity, signer: Signer, head: Head, held: int
    ) -> None:
        self._rows, self._signer, self._held = rows, signer, held
        self._identity, self._head = identity, head
        self._logged_bytes = 0  # in SQLite's log since the last checkpoint, about

    @property
    def head(self) -> Head:
        """The last durable entry; (0, anchor) in a new journal."""
        return self._head

    @property
    def identity(self) -> Identity:
        return self._identity

    def append(self, bodies: Sequence[bytes], marks: Sequence[MarkRow] = ()) -> Head:
        """Make all of it durable in one transaction and return the new head.

        The last entry is sealed. A mark's (stream, version) must be new. After `JournalFailed`
        nothing was acknowledged, and every later call refuses.
        """
        identity, (index, entry_hash) = self._identity, (self._head.index, self._head.hash)
        added: list[store.NewRow] = []
        size = 2 * PAGE_BYTES
        for number, body in enumerate(bodies, 1):
            assert len(body) <= BODY_BYTES_MAX, f"an entry of {len(body)} bytes"
            index, entry_hash = index + 1, link(entry_hash, body)
            last = number == len(bodies)
            seal = identity.seal(self._signer, index, entry_hash) if last else UNSEALED
            added.append(rows_.entry_row(identity, index, entry_hash + seal + body))
            size += BODY_AT + len(body)
        for mark in marks:
            added.append(rows_.mark_row(identity, mark))
            size += PAGE_BYTES + len(mark[2])
        if added:
            self._rows.insert(added)
            self._logged_bytes += size
            self._head = Head(index, entry_hash)
        return self._head

    def read(
        self, first: int = 1, last: int | None = None, batch: int = READ_BATCH
    ) -> Iterator[Record]:
        """Entries `first` to `last` in order; raises `JournalError` at the first altered one."""
        return rows_.read_entries(self._rows, self._identity, first, last, batch)

    def mark(self, stream: str, version: int) -> bytes | None:
        return rows_.read_mark(self._rows, self._identity, stream, version)

    def last_mark(self, stream: str, until: int | None = None) -> tuple[int, bytes] | None:
        """The highest version in `stream`, of those up to `until` if given, and its content."""
        return rows_.read_last_mark(self._rows, self._identity, stream, until)

    def idle(self) -> None:
        """Call when there is nothing better to do: copies the log, so that no commit has to."""
        if self._logged_bytes >= IDLE_CHECKPOINT_BYTES:
            self._logged_bytes = 0
            self._rows.checkpoint()

    def close(self) -> None:
        """Idempotent."""
        if self._held >= 0:
            try:
                self._rows.close()
            finally:
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


def _open_recorder(path: Path) -> store.Recorder:
    try:
        # Made by us first, so that nobody else may read it, and so that its name is durable.
        made = not path.exists()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if made:
            sync_folder(path.parent)
        return store.open_durable(path)
    except store.STORE_ERRORS as error:
        raise JournalError(explain(path, error)) from error


def _settle(rows: rows_.Rows, identity: Identity, signer: Signer) -> Head:
    """Check that these rows are ours, down to the last seal, and return the head."""
    found = rows_.find_identity(rows)
    if found is None:
        rows.insert([rows_.identity_row(identity)])
    elif found != identity:
        raise JournalForeign(
            f"{rows.path} is the journal of {found}, and this is {identity}: "
            "start it with its own key and genesis, or name another path"
        )
    last = rows_.find_head(rows, identity)
    if last is not None and last.seal != identity.seal(signer, last.index, last.hash):
        raise JournalForeign(
            f"{rows.path}: the last entry was not sealed with this node's key: "
            "restore the key, or the journal, from a copy"
        )
    return rows_.head_of(last, identity)
