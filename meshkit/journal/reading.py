"""Reading somebody's journal without leaving a trace in it: for auditors, replays and exports.

Evidence must not change by being looked at. SQLite would recover and delete a write-ahead log on
opening and closing a database, so how we open it depends on what is there:

* no log, or an empty one: the node closed it properly. The file is opened as immutable: no locks,
  no files made, and it works on a read-only folder.
* a log, and a living node that holds the lock: opened read-only beside it. Readers of such a
  database do not hold up its writer.
* a log and nobody who holds it: the node was killed, or the folder is a copy of a live one. Both
  files are copied aside and the copy is opened; the log's whole transactions count.
"""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from meshkit.journal import rows as rows_
from meshkit.journal import store
from meshkit.journal.chain import Head, Identity, Record
from meshkit.journal.errors import JournalError, explain
from meshkit.journal.files import is_held
from meshkit.journal.log import LOCK_SUFFIX, READ_BATCH

WAL_SUFFIX = "-wal"


@contextmanager
def evidence(path: Path) -> Generator[str]:
    """The address at which SQLite reads the journal `path` and leaves it as it is."""
    with ExitStack() as stack:
        try:
            address = _address(path, stack)
        except FileNotFoundError as error:
            raise JournalError(f"{path} is not there: name the journal's file") from error
        except OSError as error:
            raise JournalError(explain(path, error)) from error
        yield address


def _address(path: Path, stack: ExitStack) -> str:
    os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # SQLite would not say why it may not
    log = path.with_name(path.name + WAL_SUFFIX)
    if not log.exists() or log.stat().st_size == 0:
        return store.uri(path, "?mode=ro&immutable=1")
    if is_held(path.with_name(path.name + LOCK_SUFFIX)):
        return store.uri(path, "?mode=ro")
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="meshkit-evidence-"))
    copy = Path(folder, path.name)
    shutil.copyfile(path, copy)
    shutil.copyfile(log, copy.with_name(log.name))
    return store.uri(copy)


def size_bytes(path: Path) -> int:
    """What the journal takes on the disk, its write-ahead log included."""
    log = path.with_name(path.name + WAL_SUFFIX)
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


class JournalReader:
    """Entries and marks of a journal that somebody else writes, or has written.

    `identity` is what the journal says of itself: compare it with what you expect. Each read checks
    the chain; for the seals, and for findings instead of the first error, see `audit.verify`.
    """

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator[Self]:
        path = Path(path)
        with evidence(path) as address:
            rows = rows_.Rows(store.open_reading(address), path)
            try:
                identity = rows_.find_identity(rows)
                if identity is None:
                    raise JournalError(f"{path} is an empty database, no journal")
                yield cls(rows, identity)
            finally:
                rows.close()

    def __init__(self, rows: rows_.Rows, identity: Identity) -> None:
        self._rows = rows
        self.identity = identity

    @property
    def head(self) -> Head:
        return rows_.head_of(rows_.find_head(self._rows, self.identity), self.identity)

    def read(
        self, first: int = 1, last: int | None = None, batch: int = READ_BATCH
    ) -> Iterator[Record]:
        return rows_.read_entries(self._rows, self.identity, first, last, batch)

    def mark(self, stream: str, version: int) -> bytes | None:
        return rows_.read_mark(self._rows, self.identity, stream, version)

    def last_mark(self, stream: str, until: int | None = None) -> tuple[int, bytes] | None:
        return rows_.read_last_mark(self._rows, self.identity, stream, until)
