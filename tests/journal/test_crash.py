"""Real processes, really killed, and real limits: what was acknowledged is there."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from meshkit.journal import Head, JournalFailed, JournalReader, Mark, verify
from meshkit.journal.rows import Rows
from tests.journal.world import (
    ME,
    bodies,
    fork,
    in_child,
    is_signed,
    one_line,
    open_journal,
    public_folder,
)

TICK = 3  # entries


def append_for_ever(path: Path, writing: int) -> None:
    journal = open_journal(path)
    while True:
        first = journal.head.index + 1
        mark = Mark("blocks", first, first.to_bytes(8, "big"))
        head = journal.append(bodies(first, first + TICK - 1), [mark])
        os.write(writing, head.index.to_bytes(8, "big") + head.hash)
        if first % 100 == 1:
            journal.idle()


def kill_after(path: Path, acknowledged: int) -> Head:
    """Kill -9 a process that appends; returns the last head that it said was durable."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:
            append_for_ever(path, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    with os.fdopen(reading, "rb") as pipe:
        for _ in range(acknowledged):
            said = pipe.read(40)
        os.kill(child, signal.SIGKILL)
        while more := pipe.read(40):
            said = more if len(more) == 40 else said
    os.waitpid(child, 0)
    return Head(int.from_bytes(said[:8], "big"), said[8:])


@pytest.mark.real
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path, written = tmp_path / "journal.db", 0
    for acknowledged in (1, 7, 40, 150, 3):
        head = kill_after(path, acknowledged)
        assert list(verify(path, ME, is_signed, [head])) == []
        with open_journal(path) as journal:
            assert journal.head.index >= head.index >= written + acknowledged * TICK
            assert journal.head.index % TICK == 0  # a tick is there whole or not at all
            records = list(journal.read())
            assert [record.body for record in records] == bodies(1, len(records))
            assert records[head.index - 1].hash == head.hash
            assert journal.last_mark("blocks") == (
                journal.head.index - TICK + 1,
                (journal.head.index - TICK + 1).to_bytes(8, "big"),
            )
            written = journal.head.index


@pytest.mark.real
def test_a_torn_transaction_is_rolled_back_and_no_other(tmp_path: Path) -> None:
    """After a power cut the log may end anywhere within what was not yet synced."""
    path = tmp_path / "journal.db"
    kill_after(path, 5)
    log = path.with_name("journal.db-wal")
    with JournalReader.open(path) as reader:
        head = reader.head
    whole = log.read_bytes()
    copy = tmp_path / "copy"
    for cut in (1, 100, 4_096, 4_119):  # one page and its header are 4,120 bytes
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        shutil.copy(path, copy)
        (copy / log.name).write_bytes(whole[:-cut] + b"\xff" * (cut // 2))
        with open_journal(copy / path.name) as journal:
            assert journal.head.index == head.index - TICK
            assert [record.body for record in journal.read()] == bodies(1, head.index - TICK)
            journal.append(bodies(head.index - TICK + 1, head.index))
            assert journal.head == head  # the same entries make the same chain


@pytest.mark.real
def test_a_quota_stops_the_node_with_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    def story() -> str:
        journal = open_journal(path)
        try:
            while True:
                journal.append([bytes(1_000)])
        except JournalFailed as error:
            refusals = 0
            for _ in range(3):
                try:
                    journal.append([b"again"])
                except JournalFailed:
                    refusals += 1
            return f"{refusals} {journal.head.index} {error}"

    refusals, index, text = in_child(story, file_bytes_max=200_000).split(" ", 2)
    assert refusals == "3"
    assert int(index) > 10
    assert str(path) in text
    assert "start the node again" in text
    assert "\n" not in text
    with open_journal(path) as journal:
        assert journal.head.index >= int(index)
        assert list(verify(path, ME, is_signed, [journal.head])) == []


@pytest.mark.real
@pytest.mark.parametrize("made_before", [True, False])
def test_a_folder_of_another_user_is_one_clear_line(made_before: bool) -> None:
    with public_folder() as folder:
        path = folder / "journal.db"
        if made_before:
            with open_journal(path) as journal:
                journal.append([b"a"])
            path.chmod(0o444)
        folder.chmod(0o555)
        before = {found.name: found.read_bytes() for found in folder.iterdir()}
        said = in_child(lambda: str(open_journal(path)), unprivileged=True)
        assert one_line(said, "JournalError", "may not read and write", str(path), "chown")
        if made_before:
            audit = in_child(lambda: str(list(verify(path, ME, is_signed))), unprivileged=True)
            assert audit == "[]"
        assert {found.name: found.read_bytes() for found in folder.iterdir()} == before
        folder.chmod(0o755)


@pytest.mark.real
def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    kill_after(path, 1)
    assert isinstance(open_journal(path)._rows, Rows)
