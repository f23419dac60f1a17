"""Every way to fail is one line that says what to do, and a failed write is final."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from meshkit.journal import errors
from meshkit.journal.errors import JournalError, JournalFailed, Latch, explain, root_cause

PATH = Path("/somewhere/journal.db")


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SQLITE_FULL", "free space"),
        ("SQLITE_READONLY_DBMOVED", "chown"),
        ("SQLITE_CANTOPEN", "chown"),
        ("SQLITE_PERM", "chown"),
        ("SQLITE_NOTADB", "not a database"),
        ("SQLITE_CORRUPT_VTAB", "damaged"),
        ("SQLITE_BUSY", "another process"),
        ("SQLITE_IOERR_FSYNC", "check the disk"),
        ("SQLITE_ERROR", "is it a journal"),
    ],
)
def test_each_error_of_sqlite_is_a_line_that_says_what_to_do(name: str, words: str) -> None:
    said = explain(PATH, sqlite_error(name))
    assert words in said
    assert str(PATH) in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "free space"),
        (errno.EDQUOT, "free space"),
        (errno.EACCES, "chown"),
        (errno.EROFS, "read-only"),
        (errno.ENOENT, "no folder"),
        (errno.EISDIR, "not a file"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_error_of_the_system_too(number: int, words: str) -> None:
    assert words in explain(PATH, OSError(number, os.strerror(number)))


def test_an_io_error_on_a_full_disk_is_called_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(errors, "FREE_BYTES_MIN", 1 << 62)
    assert "free space" in explain(tmp_path / "journal.db", sqlite_error("SQLITE_IOERR_WRITE"))


def test_what_we_did_not_foresee_keeps_its_own_words() -> None:
    assert explain(PATH, MemoryError("too much")) == f"{PATH}: MemoryError: too much"
    said = explain(PATH, sqlite3.OperationalError("could not decode \n\x00" + "x" * 1_000))
    assert "restore it from a copy" in said
    assert said.isprintable()
    assert len(said) < 200


def test_the_cause_is_below_what_the_recorder_wrapped_around_it() -> None:
    cause, wrapper = sqlite_error("SQLITE_FULL"), RuntimeError("wrapped")
    wrapper.__cause__ = cause
    assert root_cause(wrapper) is cause


def test_a_latch_that_a_failure_shut_stays_shut_and_says_why() -> None:
    latch = Latch(PATH)
    latch.admit()
    failed = latch.fail(OSError(errno.EIO, "gone"))
    assert isinstance(failed, JournalFailed)
    latch.close()  # closing does not soften it
    for _ in range(2):
        with pytest.raises(JournalFailed, match="gone"):
            latch.admit()


def test_an_interrupt_amid_a_write_shuts_it_too_and_goes_on_as_itself() -> None:
    latch = Latch(PATH)
    interrupt = KeyboardInterrupt()
    assert latch.fail(interrupt) is interrupt
    with pytest.raises(JournalFailed):
        latch.admit()


def test_a_closed_latch_is_no_failure() -> None:
    latch = Latch(PATH)
    latch.close()
    with pytest.raises(JournalError, match="closed") as raised:
        latch.admit()
    assert not isinstance(raised.value, JournalFailed)
