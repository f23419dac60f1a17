"""SQLite is asked for durability and is made to say that it gives it."""

import sqlite3
from pathlib import Path

import pytest

from meshkit.journal import store
from meshkit.journal.errors import JournalError

ROW = store.Row("a" * 32, 1, "topic", b"state")


def answers(recorder: store.Recorder, pragma: str) -> object:
    with recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute(f"PRAGMA {pragma}")
        return cursor.fetchone()[0]


def test_every_connection_syncs_fully_and_says_so(tmp_path: Path) -> None:
    """A build whose default is NORMAL would lose acknowledged entries at a power cut."""
    recorder = store.open_durable(tmp_path / "journal.db")
    for _ in range(2):
        assert answers(recorder, "synchronous") == 2
        assert answers(recorder, "journal_mode") == "wal"
        assert answers(recorder, "trusted_schema") == 0
        assert answers(recorder, "wal_autocheckpoint") == store.CHECKPOINT_PAGES
        # The pool must make its next connection the same way.
        recorder.datastore.close()
        recorder.datastore.pool = store._Pool(recorder.datastore.pool.db_name, store.DURABLE)
    recorder.datastore.close()


def test_a_setting_that_sqlite_will_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="SQLite will not have synchronous"):
        store.connect(store.uri(tmp_path / "x.db"), (("synchronous", 7),))


def test_a_name_may_hold_any_character(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=memory&b%20 c#d"
    folder.mkdir()
    recorder = store.open_durable(folder / "journal.db")
    recorder.insert_events([ROW])
    recorder.datastore.close()
    assert (folder / "journal.db").stat().st_size > 0


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(JournalError, match="another program"):
        store.open_durable(path)


def test_reading_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    recorder = store.open_durable(path)
    assert store.is_empty(recorder)
    recorder.insert_events([ROW])
    assert not store.is_empty(recorder)
    store.checkpoint(recorder)
    reader = store.open_reading(store.uri(path, "?mode=ro"))
    assert reader.select_events("a" * 32) == [ROW]
    with pytest.raises(store.STORE_ERRORS):
        reader.insert_events([store.Row("a" * 32, 2, "topic", b"state")])
    reader.datastore.close()
    recorder.datastore.close()


def test_what_is_no_database_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"a letter to a friend" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        store.open_durable(path)


def test_what_is_inserted_is_there_all_or_none(tmp_path: Path) -> None:
    recorder = store.open_durable(tmp_path / "journal.db")
    store.insert(recorder, [("a" * 32, number, "topic", b"%d" % number) for number in (1, 2)])
    with pytest.raises(store.STORE_ERRORS):
        store.insert(recorder, [("a" * 32, 3, "topic", b"3"), ("a" * 32, 2, "topic", b"twice")])
    assert store.states(recorder, "a" * 32, 0, None, 9) == [(1, b"1"), (2, b"2")]
    assert recorder.select_events("a" * 32)[0] == store.Row("a" * 32, 1, "topic", b"1")
    recorder.datastore.close()
