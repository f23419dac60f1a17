"""Somebody's journal is read in whatever state it is, and is left in that state."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from meshkit.journal import Journal, JournalError, JournalReader, Mark
from meshkit.journal.reading import size_bytes
from tests.journal.world import ME, bodies, in_child, one_line, open_journal, public_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def living(path: Path) -> Iterator[Journal]:
    with open_journal(path) as journal:
        journal.append(bodies(1, 3), [Mark("blocks", 1, b"at 1")])
        yield journal


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def seen(path: Path) -> list[bytes]:
    with JournalReader.open(path) as reader:
        assert reader.identity == ME
        records = list(reader.read())
        assert reader.head.index == len(records)
        assert list(reader.read(2, 2)) == records[1:2]
        assert reader.mark("blocks", 1) == b"at 1"
        assert reader.last_mark("blocks") == (1, b"at 1")
        return [record.body for record in records]


def test_a_closed_journal_is_read_without_a_trace(living: Journal, path: Path) -> None:
    living.close()
    before = contents(path.parent)
    assert "journal.db-wal" not in before
    assert seen(path) == bodies(1, 3)
    assert contents(path.parent) == before


def test_a_copy_of_a_living_one_is_read_without_a_trace(
    living: Journal, path: Path, tmp_path: Path
) -> None:
    """Also what a killed node leaves: the last transactions stand in the log alone."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(path.parent / name, copy)
    before = contents(copy)
    assert seen(copy / "journal.db") == bodies(1, 3)
    assert contents(copy) == before
    living.append(bodies(4, 4))


def test_a_living_one_is_read_beside_its_writer(living: Journal, path: Path) -> None:
    with JournalReader.open(path) as reader:
        assert reader.head == living.head
        living.append(bodies(4, 5))
        assert reader.head == living.head
        assert [record.body for record in reader.read()] == bodies(1, 5)
    living.append(bodies(6, 6))
    assert seen(path) == bodies(1, 6)
    assert size_bytes(path) > path.stat().st_size


def test_an_empty_or_missing_file_is_no_journal(path: Path) -> None:
    with pytest.raises(JournalError, match="not there"), JournalReader.open(path):
        pass
    path.write_bytes(b"")
    with pytest.raises(JournalError, match="journal"), JournalReader.open(path):
        pass
    open_journal(path).close()
    with JournalReader.open(path) as reader:
        assert reader.head.index == 0
        assert list(reader.read()) == []


def test_a_journal_without_a_row_is_none(living: Journal, path: Path) -> None:
    living.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM stored_events")
    with pytest.raises(JournalError, match="empty database"), JournalReader.open(path):
        pass


def test_what_its_reader_does_wrong_stays_what_it_is(living: Journal, path: Path) -> None:
    living.close()
    with pytest.raises(FileNotFoundError, match="elsewhere"), JournalReader.open(path):
        raise FileNotFoundError("elsewhere")


def test_no_room_for_a_copy_is_one_clear_line(
    living: Journal, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(path.parent / name, copy)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(JournalError, match="free space"), JournalReader.open(copy / path.name):
        pass
    assert living.head.index == 3


def test_a_read_only_folder_is_enough() -> None:
    with public_folder() as folder:
        path = folder / "journal.db"
        with open_journal(path) as journal:
            journal.append(bodies(1, 3), [Mark("blocks", 1, b"at 1")])
        path.chmod(0o444)
        folder.chmod(0o555)
        assert in_child(lambda: str(seen(path)), unprivileged=True) == str(bodies(1, 3))
        path.chmod(0o000)
        said = in_child(lambda: str(seen(path)), unprivileged=True)
        assert one_line(said, "JournalError", "may not read", str(path))
        folder.chmod(0o755)
