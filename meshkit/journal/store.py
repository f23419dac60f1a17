"""SQLite by way of `eventsourcing`: connections that are durable, or that only read.

This module alone imports `eventsourcing`. We take its aggregate recorder, not its application
recorder: that one gives each row a global position, which a journal with a single writer has no
use for, at the price of a second index. With the aggregate recorder the table is one b-tree in the
order of (originator, version), which an auditor can walk from end to end.

Durability, and what it costs (an SSD with an fdatasync of 0.18 ms; entries of 600 bytes):

* Write-ahead log, synchronous FULL: each commit appends to the log and syncs it. NORMAL, the
  compiled default of some builds for this mode, syncs only at checkpoints and loses acknowledged
  transactions at a power cut; so each connection asks for FULL and then asks what it got.
* A checkpoint copies the log's pages into the database and syncs that. SQLite runs one inside the
  commit that brings the log to `CHECKPOINT_PAGES`. Never checkpointing is slower, not faster: a log
  that only grows costs 0.35 ms a commit, one that is written round and round 0.21 ms, for the
  file's size need not be journaled by the file system each time. So the log stays short, `idle()`
  copies it when there is nothing better to do, and the commit that must is at most 4 MB behind.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from eventsourcing.persistence import PersistenceError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteAggregateRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
)

from meshkit.journal.errors import JournalError

Row = StoredEvent
NewRow = tuple[str, int, str, bytes]  # originator id, originator version, topic, state
Recorder = SQLiteAggregateRecorder
STORE_ERRORS = (sqlite3.Error, PersistenceError, OSError, MemoryError)

TABLE = "stored_events"
CHECKPOINT_PAGES = 1_000  # SQLite's own default: 4 MB, copied and synced in 2-10 ms as measured
LOCK_TIMEOUT_S = 1  # only a reader's recovery of the log can hold us up, for milliseconds
ROW_BYTES_MAX = 512 << 20  # a guess: far above any snapshot, far below what exhausts a machine
SYNCHRONOUS_FULL = 2
VERSION_MAX = 2**63 - 1  # SQLite's largest integer

Pragma = tuple[str, object]

# What to ask of each connection, and the answer without which it is not used. The last two guard
# against files from strangers: a schema may not call functions, a page is checked before use.
DURABLE: tuple[Pragma, ...] = (
    ("journal_mode=WAL", "wal"),
    ("synchronous=FULL", None),
    ("synchronous", SYNCHRONOUS_FULL),
    (f"wal_autocheckpoint={CHECKPOINT_PAGES}", CHECKPOINT_PAGES),
    ("trusted_schema=OFF", None),
    ("cell_size_check=ON", None),
)
READING: tuple[Pragma, ...] = (
    ("query_only=ON", None),
    ("trusted_schema=OFF", None),
    ("cell_size_check=ON", None),
)


def uri(path: Path, query: str = "") -> str:
    """The path as SQLite takes it, whatever characters it holds."""
    return f"file://{quote(str(path.absolute()))}{query}"


def connect(address: str, pragmas: tuple[Pragma, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address,
        uri=True,
        timeout=LOCK_TIMEOUT_S,
        isolation_level=None,  # transactions begin where the recorder says so
        check_same_thread=False,  # the recorder's pool does the locking
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX)
        for pragma, expected in pragmas:
            answer = connection.execute(f"PRAGMA {pragma}").fetchone()
            if expected is not None and (answer is None or answer[0] != expected):
                raise JournalError(
                    f"{address}: SQLite will not have {pragma}: put the journal on a local disk"
                )
    except BaseException:
        connection.close()
        raise
    return connection


class _Pool(SQLiteConnectionPool):
    """One connection, opened with our settings; a second would only wait for the first."""

    def __init__(self, address: str, pragmas: tuple[Pragma, ...]) -> None:
        super().__init__(db_name=address, pool_size=1, max_overflow=0)
        self._pragmas = pragmas

    def _create_connection(self) -> SQLiteConnection:
        connection = connect(self.db_name, self._pragmas)
        connection.row_factory = sqlite3.Row
        return SQLiteConnection(sqlite_conn=connection, max_age=None)


class _Datastore(SQLiteDatastore):
    def __init__(self, address: str, pragmas: tuple[Pragma, ...]) -> None:
        # Ids as text: building a UUID for each row would be half the cost of reading it.
        super().__init__(address, pool_size=1, max_overflow=0, originator_id_type="text")
        self.pool = _Pool(address, pragmas)


def open_durable(path: Path) -> Recorder:
    """A recorder that writes, its table made."""
    recorder = SQLiteAggregateRecorder(_Datastore(uri(path), DURABLE), TABLE)
    try:
        with recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT name FROM sqlite_master")
            if any(row["name"] != TABLE for row in cursor.fetchall()):
                raise JournalError(f"{path} is another program's database: name another path")
        recorder.create_table()
    except BaseException:
        recorder.datastore.close()
        raise
    return recorder


def open_reading(address: str) -> Recorder:
    """A recorder that only reads, at an address from `evidence`."""
    return SQLiteAggregateRecorder(_Datastore(address, READING), TABLE)


def insert(recorder: Recorder, rows: Sequence[NewRow]) -> None:
    """All rows in one transaction, durable on return.

    The recorder's own `insert_events` wants an object for each row, which costs as much as SQLite.
    """
    with recorder.datastore.transaction(commit=True) as cursor:
        cursor.executemany(recorder.insert_events_statement, rows)


def states(
    recorder: Recorder, originator: str, after: int, until: int | None, limit: int
) -> list[tuple[int, bytes]]:
    """Versions and states behind version `after`, in order: what reading needs of many rows.

    The recorder's own `select_events` makes an object of each row, which costs twice the reading.
    """
    query = (
        "SELECT originator_version, state FROM stored_events WHERE originator_id = ? "
        "AND originator_version > ? AND originator_version <= ? "
        "ORDER BY originator_version LIMIT ?"
    )
    last = VERSION_MAX if until is None else until
    with recorder.datastore.transaction(commit=False) as cursor:
        cursor.sqlite_cursor.row_factory = None  # plain tuples are all that we need
        cursor.execute(query, (originator, after, last, limit))
        found: list[tuple[int, bytes]] = cursor.fetchall()
        return found


def is_empty(recorder: Recorder) -> bool:
    with recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute("SELECT 1 FROM stored_events LIMIT 1")
        return cursor.fetchone() is None


def checkpoint(recorder: Recorder) -> None:
    """Copy the log into the database as far as no reader needs it; never waits for one."""
    with recorder.datastore.get_connection(commit=True) as held, held.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
