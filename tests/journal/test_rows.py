"""What `log` and `reading` do not reach: rows that were altered under a reader's feet."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from meshkit.journal import store
from meshkit.journal.chain import UNSEALED, Mark
from meshkit.journal.errors import JournalError
from meshkit.journal.rows import (
    Rows,
    find_head,
    find_identity,
    hash_of,
    read_entries,
    read_last_mark,
    read_mark,
)
from tests.journal.world import ME, bodies, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with open_journal(tmp_path / "journal.db") as journal:
        journal.append(bodies(1, 3), [Mark("blocks", 1, b"at 1")])
        journal.append(bodies(4, 4))
    return tmp_path / "journal.db"


@pytest.fixture
def rows(path: Path) -> Iterator[Rows]:
    found = Rows(store.open_durable(path), path)
    yield found
    found.close()


def alter(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def read(rows: Rows) -> list[bytes]:
    return [record.body for record in read_entries(rows, ME, 1, None, 2)]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'a text'",
        "state = NULL",
        "state = 12",
        "state = x'00'",
        "state = CAST(state || x'00' AS BLOB)",
        "originator_version = 9",
    ],
)
def test_a_reader_stops_at_an_altered_entry(path: Path, rows: Rows, change: str) -> None:
    where = "WHERE originator_id = ? AND originator_version = 2"
    alter(path, f"UPDATE stored_events SET {change} {where}", ME.entries)
    with pytest.raises(JournalError, match="entry 2 was altered or lost"):
        read(rows)


def test_a_head_without_its_seal_is_no_head(path: Path, rows: Rows) -> None:
    last = find_head(rows, ME)
    assert last is not None
    forged = last.hash + UNSEALED + last.body
    alter(path, "UPDATE stored_events SET state = ? WHERE originator_version = 4", forged)
    with pytest.raises(JournalError, match="entry 4"):
        find_head(rows, ME)


def test_a_head_must_follow_from_the_entry_before(path: Path, rows: Rows) -> None:
    alter(path, "DELETE FROM stored_events WHERE originator_version = 3")
    with pytest.raises(JournalError, match="no entry 3"):
        find_head(rows, ME)


def test_undecodable_text_is_an_error_and_no_traceback(path: Path, rows: Rows) -> None:
    alter(path, "UPDATE stored_events SET topic = CAST(x'ff' AS TEXT), state = 'a text'")
    for call in (
        lambda: read(rows),
        lambda: find_head(rows, ME),
        lambda: read_mark(rows, ME, "blocks", 1),
    ):
        with pytest.raises(JournalError, match="journal"):
            call()


def test_marks_are_checked(path: Path, rows: Rows) -> None:
    assert read_mark(rows, ME, "blocks", 1) == b"at 1"
    assert read_last_mark(rows, ME, "blocks", None) == (1, b"at 1")
    change = "state = CAST(state || x'00' AS BLOB) WHERE originator_id = ?"
    alter(path, f"UPDATE stored_events SET {change}", ME.originator("blocks"))
    with pytest.raises(JournalError, match="mark 1 of blocks was altered"):
        read_mark(rows, ME, "blocks", 1)
    with pytest.raises(JournalError, match="mark 1 of blocks was altered"):
        read_last_mark(rows, ME, "blocks", None)


def test_an_identity_is_there_or_missed(path: Path, rows: Rows) -> None:
    assert find_identity(rows) == ME
    alter(path, "UPDATE stored_events SET state = x'00' WHERE topic = 'meshkit.identity'")
    with pytest.raises(JournalError, match="altered"):
        find_identity(rows)
    alter(path, "DELETE FROM stored_events WHERE topic = 'meshkit.identity'")
    with pytest.raises(JournalError, match="does not say whose"):
        find_identity(rows)
    alter(path, "DELETE FROM stored_events")
    assert find_identity(rows) is None


def test_a_hash_is_found_by_its_index(rows: Rows) -> None:
    assert hash_of(rows, ME, 0) == ME.anchor
    last = find_head(rows, ME)
    assert last is not None
    assert hash_of(rows, ME, 4) == last.hash
    with pytest.raises(JournalError, match="no entry 5"):
        hash_of(rows, ME, 5)


def test_a_table_that_went_away_is_an_error_and_no_traceback(path: Path, rows: Rows) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE stored_events")
    with pytest.raises(JournalError):
        rows.is_empty()
