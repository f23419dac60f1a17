"""Locks that die with their process, and reads and writes that the system cuts short."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshkit.journal import files
from meshkit.journal.errors import JournalError
from meshkit.journal.files import hold, is_held, read_all, sync_folder, write_all, write_each


def test_a_lock_is_held_by_one_until_it_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    held = hold(path)
    assert is_held(path)
    with pytest.raises(JournalError, match="running node"):
        hold(path)
    os.close(held)
    assert not is_held(path)
    os.close(hold(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_short_write_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write

    def short(descriptor: int, data: bytes) -> int:
        return whole(descriptor, data[:3])

    monkeypatch.setattr(os, "write", short)
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    write_all(descriptor, b"0123456789")
    write_all(descriptor, b"")
    assert path.read_bytes() == b"0123456789"
    os.close(descriptor)


@pytest.mark.parametrize("short", [0, 1, 4, 9])
def test_many_parts_are_written_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    monkeypatch.setattr(files, "PARTS_MAX", 3)
    whole = os.writev

    def less(descriptor: int, parts: Sequence[bytes]) -> int:
        """As on a disk that is nearly full."""
        return whole(descriptor, [b"".join(parts)[: sum(map(len, parts)) - short]])

    monkeypatch.setattr(os, "writev", less)
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    parts = [b"%d" % number * 5 for number in range(10)]
    write_each(descriptor, parts)
    write_each(descriptor, [])
    assert path.read_bytes() == b"".join(parts)
    os.close(descriptor)


def test_a_short_read_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDONLY)
    assert read_all(descriptor, 4, 2) == b"2345"
    whole = os.pread

    def short(descriptor: int, length: int, offset: int) -> bytes:
        return whole(descriptor, min(length, 3), offset)

    monkeypatch.setattr(os, "pread", short)
    assert read_all(descriptor, 7, 2) == b"2345678"
    assert read_all(descriptor, 100, 8) == b"89"
    assert read_all(descriptor, 5, 50) == b""
    os.close(descriptor)


def test_only_a_folder_is_synced_as_one(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    with pytest.raises(OSError, match="Not a directory"):
        sync_folder(Path(__file__))
