"""The rows of one journal: entries and marks as the recorder holds them, and the latch.

Whatever reads checks as it reads: a hash that does not follow from its body stops the reader,
since a node that goes on from a rotten entry would say things that its own journal denies.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from meshkit.journal import store
from meshkit.journal.chain import (
    BODY_AT,
    ENTRIES,
    ENTRY_TOPIC,
    HASH_BYTES,
    IDENTITY_ORIGINATOR,
    IDENTITY_TOPIC,
    IDENTITY_VERSION,
    MARK_TOPIC,
    UNSEALED,
    Head,
    Identity,
    MarkRow,
    Record,
    link,
    read_identity,
)
from meshkit.journal.errors import JournalAltered, JournalError, JournalFailed, Latch, explain

States: TypeAlias = Sequence[tuple[int, bytes]]


class Rows:
    """A recorder that, once a write has failed or it was closed, refuses for good."""

    def __init__(self, recorder: store.Recorder, path: Path) -> None:
        self._recorder = recorder
        self.path = path
        self._latch = Latch(path)

    def insert(self, rows: Sequence[store.NewRow]) -> None:
        """All rows in one durable transaction, or `JournalFailed` and nothing ever again."""
        self._latch.admit()
        try:
            store.insert(self._recorder, rows)
        except BaseException as error:
            raise self._latch.fail(error) from error

    def select(
        self, originator: str, after: int = 0, until: int | None = None, limit: int | None = None
    ) -> Sequence[store.Row]:
        self._latch.admit()
        try:
            return self._recorder.select_events(originator, gt=after, lte=until, limit=limit)
        except store.STORE_ERRORS as error:
            raise JournalError(explain(self.path, error)) from error

    def states(self, originator: str, after: int, until: int | None, limit: int) -> States:
        """As `select`, in a third of the time: of each row only its version and state."""
        self._latch.admit()
        try:
            return store.states(self._recorder, originator, after, until, limit)
        except store.STORE_ERRORS as error:
            raise JournalError(explain(self.path, error)) from error

    def newest(
        self, originator: str, until: int | None = None, limit: int = 1
    ) -> Sequence[store.Row]:
        """The rows of the highest versions up to `until`, highest first."""
        self._latch.admit()
        try:
            return self._recorder.select_events(originator, lte=until, desc=True, limit=limit)
        except store.STORE_ERRORS as error:
            raise JournalError(explain(self.path, error)) from error

    def is_empty(self) -> bool:
        self._latch.admit()
        try:
            return store.is_empty(self._recorder)
        except store.STORE_ERRORS as error:
            raise JournalError(explain(self.path, error)) from error

    def checkpoint(self) -> None:
        self._latch.admit()
        try:
            store.checkpoint(self._recorder)
        except BaseException as error:
            raise self._latch.fail(error) from error

    def close(self) -> None:
        """Idempotent. The last connection to close copies the log into the database.

        After a failure too, which is no retry: a transaction whose sync failed is not among what
        SQLite then copies, and those before it were synced.
        """
        self._latch.close()
        try:
            self._recorder.datastore.close()
        except store.STORE_ERRORS as error:
            raise JournalFailed(explain(self.path, error)) from error


def identity_row(identity: Identity) -> store.NewRow:
    return IDENTITY_ORIGINATOR, IDENTITY_VERSION, IDENTITY_TOPIC, identity.row()


def entry_row(identity: Identity, index: int, state: bytes) -> store.NewRow:
    return identity.entries, index, ENTRY_TOPIC, state


def mark_row(identity: Identity, mark: MarkRow) -> store.NewRow:
    stream, version, content = mark
    assert stream != ENTRIES, "entries are appended, not marked"
    state = identity.check(stream, version, content) + content
    return identity.originator(stream), version, MARK_TOPIC + stream, state


def find_identity(rows: Rows) -> Identity | None:
    """Whose journal this is; None in a database without rows."""
    for row in rows.select(IDENTITY_ORIGINATOR):
        if identity := read_identity(row.state):
            return identity
        raise JournalAltered(f"{rows.path}: the row that says whose journal this is was altered")
    if rows.is_empty():
        return None
    raise JournalError(f"{rows.path} does not say whose journal it is: name another path")


def find_head(rows: Rows, identity: Identity) -> Record | None:
    """The last entry, sealed and following from the one before; None if there is none."""
    newest = rows.newest(identity.entries, limit=2)
    if not newest:
        return None
    index = newest[0].originator_version
    previous = hash_of(rows, identity, index - 1)
    record = _checked(rows, index, newest[0].state, index, previous)
    if record.seal == UNSEALED:
        raise _altered(rows, index)
    return record


def read_entries(
    rows: Rows, identity: Identity, first: int, last: int | None, batch: int
) -> Iterator[Record]:
    """Entries `first` to `last` (to the end if None), each checked against the one before it."""
    assert first >= 1, "entries count from 1"
    previous = hash_of(rows, identity, first - 1)
    index = first - 1
    while last is None or index < last:
        found = rows.states(identity.entries, index, last, batch)
        for version, state in found:
            index += 1
            record = _checked(rows, version, state, index, previous)
            yield record
            previous = record.hash
        if len(found) < batch:
            return


def hash_of(rows: Rows, identity: Identity, index: int) -> bytes:
    """The hash of entry `index`; of entry 0, the anchor."""
    if index == 0:
        return identity.anchor
    for row in rows.select(identity.entries, index - 1, index):
        return row.state[:HASH_BYTES]
    raise JournalError(f"{rows.path} has no entry {index}")


def read_mark(rows: Rows, identity: Identity, stream: str, version: int) -> bytes | None:
    for row in rows.select(identity.originator(stream), version - 1, version):
        return _content(rows, identity, stream, row)
    return None


def read_last_mark(
    rows: Rows, identity: Identity, stream: str, until: int | None
) -> tuple[int, bytes] | None:
    for row in rows.newest(identity.originator(stream), until):
        return row.originator_version, _content(rows, identity, stream, row)
    return None


def head_of(record: Record | None, identity: Identity) -> Head:
    return Head(0, identity.anchor) if record is None else Head(record.index, record.hash)


def _checked(rows: Rows, version: int, state: bytes, index: int, previous: bytes) -> Record:
    try:
        entry_hash, body = state[:HASH_BYTES], state[BODY_AT:]
        sound = version == index and link(previous, body) == entry_hash
        if sound and len(state) >= BODY_AT:
            return Record(index, entry_hash, state[HASH_BYTES:BODY_AT], body)
    except TypeError:  # rot can make a text of what was bytes
        pass
    raise _altered(rows, index)


def _content(rows: Rows, identity: Identity, stream: str, row: store.Row) -> bytes:
    content = bytes(row.state[HASH_BYTES:])
    if identity.check(stream, row.originator_version, content) != row.state[:HASH_BYTES]:
        raise JournalAltered(
            f"{rows.path}: mark {row.originator_version} of {stream} was altered: "
            "audit the journal, and restore it from a copy"
        )
    return content


def _altered(rows: Rows, index: int) -> JournalAltered:
    return JournalAltered(
        f"{rows.path}: entry {index} was altered or lost: audit the journal, "
        "and restore it from a copy"
    )
