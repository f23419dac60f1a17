"""The few things that both stores ask of the file system, each with the reason it is done so."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from meshkit.journal.errors import JournalError

FILE_MODE = 0o600  # what a node stores is its own business, whatever the umask
FOLDER_MODE = 0o700
PARTS_MAX = 1_024  # of one call: Linux's IOV_MAX


def hold(path: Path) -> int:
    """Hold the lock file `path` for as long as the returned descriptor is open.

    The system lets go of it when the process ends, however it ends, so a crash leaves no lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalError(f"{path} is held by a running node: stop that node first") from None
    return descriptor


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file `path`. Leaves no trace."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: a file's own fsync says nothing about its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write until all is written: a nearly full disk takes a part and says so by a short count."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_each(descriptor: int, parts: Sequence[bytes]) -> None:
    """The same for many parts, one after another, without a copy of them in one piece."""
    for start in range(0, len(parts), PARTS_MAX):
        some = parts[start : start + PARTS_MAX]
        written = os.writev(descriptor, some)
        if written < sum(map(len, some)):
            write_all(descriptor, b"".join(some)[written:])


def read_all(descriptor: int, length: int, offset: int) -> bytes:
    """`length` bytes from `offset`, fewer only where the file ends."""
    parts: list[bytes] = []
    while length > 0 and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
