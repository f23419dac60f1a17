"""A journal is a list that survives its process, and that stops at the first failed write."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meshkit.journal import log, store
from meshkit.journal.chain import UNSEALED, Head, Mark, Record, link
from meshkit.journal.errors import JournalError, JournalFailed, JournalForeign
from meshkit.journal.log import Journal
from tests.journal.world import (
    ME,
    MESH,
    NODE,
    OTHER_MESH,
    OTHER_NODE,
    bodies,
    open_journal,
    sign,
)


def test_a_new_journal_stands_at_its_anchor(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        assert journal.head == Head(0, ME.anchor)
        assert journal.identity == ME
        assert list(journal.read()) == []
        assert journal.append([]) == journal.head
    assert (tmp_path / "journal.db").stat().st_mode & 0o777 == 0o600


def test_a_tick_is_chained_and_its_last_entry_sealed(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        head = journal.append([b"a", b"b"])
        first, second = link(ME.anchor, b"a"), link(link(ME.anchor, b"a"), b"b")
        assert head == journal.head == Head(2, second)
        seal = sign(ME.seal_digest(2, second))
        assert list(journal.read()) == [
            Record(1, first, UNSEALED, b"a"),
            Record(2, second, seal, b"b"),
        ]


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(path) as journal:
        head = journal.append(bodies(1, 3))
    with open_journal(path) as journal:
        assert journal.head == head
        journal.append(bodies(4, 5))
    with open_journal(path) as journal:
        assert [record.body for record in journal.read()] == bodies(1, 5)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_any_stretch_can_be_read_in_batches(tmp_path: Path, batch: int) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        journal.append(bodies(1, 7))
        for first in range(1, 9):
            for last in (None, *range(9)):
                found = [record.body for record in journal.read(first, last, batch)]
                assert found == bodies(first, 7 if last is None else min(last, 7))
        with pytest.raises(JournalError, match="no entry 8"):
            list(journal.read(9))
        with pytest.raises(AssertionError):
            list(journal.read(0))


def test_reading_and_appending_may_take_turns(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        journal.append(bodies(1, 2))
        seen: list[bytes] = []
        for record in journal.read(batch=1):
            seen.append(record.body)
            if record.index < 4:
                journal.append(bodies(record.index + 2, record.index + 2))
        assert seen == bodies(1, 5)


def test_marks_stand_beside_the_entries(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        assert journal.last_mark("blocks") is None
        head = journal.append([b"a"], [Mark("blocks", 1, b"1"), Mark("snapshots", 1, b"state")])
        journal.append([b"b"], [Mark("blocks", 5, b"2")])
        assert journal.append([], [Mark("blocks", 7, b"")]) == journal.head != head
        assert journal.mark("blocks", 5) == b"2"
        assert journal.mark("blocks", 6) is None
        assert journal.mark("nothing", 1) is None
        assert journal.last_mark("blocks") == (7, b"")
        assert journal.last_mark("blocks", until=6) == (5, b"2")
        assert journal.last_mark("blocks", until=0) is None
        assert journal.last_mark("snapshots") == (1, b"state")
        assert [record.body for record in journal.read()] == [b"a", b"b"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db"), pytest.raises(JournalError, match="running node"):
        open_journal(tmp_path / "journal.db")
    open_journal(tmp_path / "journal.db").close()


@pytest.mark.parametrize(("mesh", "node"), [(OTHER_MESH, NODE), (MESH, OTHER_NODE)])
def test_anothers_journal_is_not_written(tmp_path: Path, mesh: bytes, node: bytes) -> None:
    path = tmp_path / "journal.db"
    open_journal(path).close()
    with pytest.raises(JournalForeign, match=r"is the journal of node .* and this is node"):
        Journal.open(path, mesh, node, sign)
    open_journal(path).close()  # and is left as it was, unlocked


def test_another_key_than_the_one_it_was_sealed_with_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(path) as journal:
        journal.append([b"a"])
    with pytest.raises(JournalForeign, match="not sealed with this node's key"):
        Journal.open(path, MESH, NODE, lambda digest: sign(digest, OTHER_NODE))


def test_where_no_journal_can_be(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is no folder"):
        open_journal(tmp_path / "nowhere" / "journal.db")
    with pytest.raises(JournalError, match="not a file"):
        open_journal(tmp_path)
    (tmp_path / "letter").write_bytes(b"a letter to a friend" * 100)
    with pytest.raises(JournalError, match="not a database"):
        open_journal(tmp_path / "letter")
    # Nothing is left held behind.
    (tmp_path / "letter").unlink()
    open_journal(tmp_path / "letter").close()


def test_a_full_database_is_terminal(tmp_path: Path) -> None:
    """SQLite is told that its file may not grow, which is ENOSPC to it."""
    journal = open_journal(tmp_path / "journal.db")
    recorder = journal._rows._recorder
    with recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute("PRAGMA max_page_count = 20")
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        for _ in range(100):
            acknowledged = journal.append([bytes(4_000)]).index

    with pytest.raises(JournalFailed, match="free space"):
        fill()
    calls: list[Any] = [
        lambda: journal.append([b"a"]),
        lambda: list(journal.read()),
        lambda: journal.mark("blocks", 1),
        lambda: journal.last_mark("blocks"),
    ]
    for call in calls:
        with pytest.raises(JournalFailed, match="free space"):
            call()
    assert journal.head.index == acknowledged
    journal.close()
    with open_journal(tmp_path / "journal.db") as again:
        assert again.head.index == acknowledged


@pytest.mark.parametrize("moment", ["append", "checkpoint"])
def test_a_failed_fsync_is_never_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """R2: after a failed fsync a second one may succeed and prove nothing."""
    journal = open_journal(tmp_path / "journal.db")
    journal.append([b"a"])
    failures = 0

    def fail(*_: object, **__: object) -> None:
        nonlocal failures
        failures += 1
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(store, "insert", fail)
    monkeypatch.setattr(store, "checkpoint", fail)
    monkeypatch.setattr(log, "IDLE_CHECKPOINT_BYTES", 0)
    calls: dict[str, Callable[[], object]] = {
        "append": lambda: journal.append([b"b"]),
        "checkpoint": journal.idle,
    }
    with pytest.raises(JournalFailed, match="check the disk"):
        calls[moment]()
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(JournalFailed):
            journal.append([b"b"])
    assert failures == 1
    journal.close()


def test_a_failure_to_close_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(tmp_path / "journal.db")

    def fail(_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(type(journal._rows._recorder.datastore), "close", fail)
        with pytest.raises(JournalFailed):
            journal.close()
    journal._rows._recorder.datastore.close()
    journal.close()
    open_journal(tmp_path / "journal.db").close()


def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.db")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append([b"a"])


def test_idle_copies_the_log_once_there_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        database = tmp_path / "journal.db"
        before = database.stat().st_size
        journal.append([bytes(100_000)])
        journal.idle()
        assert database.stat().st_size == before
        monkeypatch.setattr(log, "IDLE_CHECKPOINT_BYTES", 100_000)
        journal.idle()
        assert database.stat().st_size > before + 100_000
        assert [record.body for record in journal.read()] == [bytes(100_000)]


class JournalAgainstAList(RuleBasedStateMachine):
    """A journal is a list that survives its process."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory(prefix="meshkit-test-")
        self.path = Path(self.place.name, "journal.db")
        self.journal = open_journal(self.path)
        self.entries: list[bytes] = []
        self.sealed: list[int] = []
        self.marks: dict[tuple[str, int], bytes] = {}

    @rule(
        added=st.lists(st.binary(max_size=200), max_size=4),
        streams=st.lists(st.sampled_from(["blocks", "snapshots"]), max_size=2, unique=True),
        content=st.binary(max_size=50),
        step=st.integers(1, 3),
    )
    def append(self, added: list[bytes], streams: list[str], content: bytes, step: int) -> None:
        marks: list[Mark] = []
        for stream in streams:
            last = self.journal.last_mark(stream)
            marks.append(Mark(stream, (last[0] if last else 0) + step, content))
        self.journal.append(added, marks)
        self.entries += added
        if added:
            self.sealed.append(len(self.entries))
        self.marks.update({(mark.stream, mark.version): mark.content for mark in marks})

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = open_journal(self.path)

    @rule()
    def idle(self) -> None:
        self.journal.idle()

    @rule(first=st.integers(1, 10), count=st.integers(0, 5), batch=st.integers(1, 4))
    def read(self, first: int, count: int, batch: int) -> None:
        if first <= len(self.entries):
            found = self.journal.read(first, first + count - 1, batch)
            expected = self.entries[first - 1 : first + count - 1]
            assert [record.body for record in found] == expected

    @invariant()
    def same(self) -> None:
        records = list(self.journal.read())
        assert [record.body for record in records] == self.entries
        assert [record.index for record in records if record.seal != UNSEALED] == self.sealed
        entry_hash = records[-1].hash if records else ME.anchor
        assert self.journal.head == Head(len(records), entry_hash)
        for (stream, version), content in self.marks.items():
            assert self.journal.mark(stream, version) == content

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.place.cleanup()


TestJournalAgainstAList = JournalAgainstAList.TestCase
TestJournalAgainstAList.settings = settings(max_examples=30, stateful_step_count=20)
