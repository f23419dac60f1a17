"""What can go wrong between a node and its disk, each said in one line that tells what to do.

There are two kinds. A `JournalError` says that the store cannot be opened or read as it stands: a
person has to act, and nothing was lost by asking. A `JournalFailed` says that a write or an fsync
failed while the node was at work, and is final. After a failed fsync the kernel may call the same
pages clean although they never reached the disk, so a retry would succeed and prove nothing (the
"fsyncgate" of PostgreSQL, 2018). The store refuses every later call, and the node must stop.
"""

import errno
import os
import sqlite3
from pathlib import Path

FREE_BYTES_MIN = (
    16 << 20
)  # below this we suspect the disk is full, whatever the error said (a guess)


class JournalError(Exception):
    """The store cannot be used as it stands; the text is one line and says what to do."""


class JournalForeign(JournalError):
    """The store belongs to another node or mesh, or was sealed with another key."""


class JournalAltered(JournalError):
    """What the store holds is not what was written into it."""


class JournalFailed(JournalError):
    """A write or an fsync failed. Final: the store refuses every later call."""


class Latch:
    """Shut by the first failed write, or by closing, and never open again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._refusal: JournalError | None = None

    def admit(self) -> None:
        if self._refusal is not None:
            raise type(self._refusal)(str(self._refusal))

    def fail(self, error: BaseException) -> BaseException:
        """Shut for good; returns what to raise."""
        self._refusal = JournalFailed(explain(self._path, error))
        # An interrupt amid a write leaves us as ignorant of its fate as a bad disk does, so it
        # shuts the latch too, but it goes on its way as what it is.
        return self._refusal if isinstance(error, Exception) else error

    def close(self) -> None:
        if self._refusal is None:
            self._refusal = JournalError(f"{self._path} is closed")


def root_cause(error: BaseException) -> BaseException:
    """The error of SQLite or of the system below what `eventsourcing` wrapped around it."""
    while error.__cause__ is not None and not isinstance(error, sqlite3.Error | OSError):
        error = error.__cause__
    return error


def explain(path: Path, error: BaseException) -> str:
    """One line about `path`: what is wrong and what a person should do."""
    cause = root_cause(error)
    if isinstance(cause, sqlite3.Error):
        return _explain_sqlite(path, cause)
    if isinstance(cause, OSError):
        return _explain_system(path, cause)
    return f"{path}: {type(cause).__name__}: {cause}"


def _explain_sqlite(path: Path, error: sqlite3.Error) -> str:
    name: str = getattr(error, "sqlite_errorname", None) or ""
    match name.removeprefix("SQLITE_").split("_")[0]:
        case "FULL":
            return full_disk(path)
        case "READONLY" | "PERM" | "CANTOPEN" | "AUTH":
            return not_writable(path)
        case "NOTADB":
            return (
                f"{path} is no journal (not a database at all): move it away, or name another path"
            )
        case "CORRUPT":
            return f"{path} is damaged ({error}): restore it from a copy, or let the node join anew"
        case "BUSY" | "LOCKED":
            return f"{path} is in use by another process: stop that one first"
        case "IOERR":
            return full_disk(path) if _seems_full(path) else broken_disk(path, str(error))
        case "":  # Python's own: a text column holds what is no text
            return f"{path} is damaged ({error!a:.60}): audit it, and restore it from a copy"
        case _:
            return f"{path} cannot be used ({name}: {error!a:.60}): is it a journal of meshkit?"


def _explain_system(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return full_disk(path)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return not_writable(path)
        case errno.ENOENT | errno.ENOTDIR:
            return f"{path.parent} is no folder: make the node's home first"
        case errno.EISDIR:
            return f"{path} is a folder, not a file: name another path"
        case _:
            return broken_disk(path, error.strerror or str(error))


def full_disk(path: Path) -> str:
    return f"{path} cannot grow: free space or raise the quota, then start the node again"


def not_writable(path: Path) -> str:
    return (
        f"user {os.geteuid()} may not read and write {path}: give this user the folder and its "
        "files (chown, chmod u+rwX), on a disk that is not read-only"
    )


def broken_disk(path: Path, what: str) -> str:
    return f"{path} failed ({what}): check the disk, its space and quota, then start the node again"


def _seems_full(path: Path) -> bool:
    # SQLite names only ENOSPC "full"; a write cut short by a quota comes out as an I/O error.
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < FREE_BYTES_MIN
