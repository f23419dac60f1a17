"""Entries become durable with their marks, and are then shown to who watches."""

import pytest

from meshkit.core.composite import At
from meshkit.core.history import ShowHead, Snapshot, Snapshotted
from meshkit.core.machine import Entry, Moment
from meshkit.journal import JournalFailed
from meshkit.journal.chain import BLOCKS
from meshkit.journal.memory import Fault, MemoryDisk, MemoryJournal
from meshkit.runtime.log import SNAPSHOTS, EntryLog
from tests.runtime.world import ME, World

SHOWN = Entry(Moment(1, 1), At("history", ShowHead()), ())
TAKEN = Entry(
    Moment(2, 1), At("history", Snapshot(7, b"d" * 32)), (At("history", Snapshotted(7, b"d" * 32)),)
)


def a_log(disk: MemoryDisk) -> EntryLog:
    return EntryLog(MemoryJournal.open(disk, b"m" * 32, ME.key, ME.sign))


def test_entries_are_numbered_on_and_observed_once_they_are_durable() -> None:
    log = a_log(MemoryDisk())
    seen: list[tuple[int, Entry, int]] = []
    log.observers.append(lambda index, entry: seen.append((index, entry, log.journal.head.index)))
    assert log.append([SHOWN, SHOWN]) == 2
    assert log.append([TAKEN]) == 3
    assert seen == [(1, SHOWN, 2), (2, SHOWN, 2), (3, TAKEN, 3)]


def test_a_snapshot_lies_beside_the_entry_that_vouches_for_it() -> None:
    log = a_log(MemoryDisk())
    log.snapshot = b"the state"
    log.append([TAKEN])
    assert log.journal.mark(SNAPSHOTS, 7) == b"the state"


def test_what_did_not_become_durable_is_shown_to_nobody() -> None:
    disk = MemoryDisk()
    log = a_log(disk)
    seen: list[int] = []
    log.observers.append(lambda index, entry: seen.append(index))
    disk.arm(Fault.ENOSPC)
    with pytest.raises(JournalFailed):
        log.append([SHOWN])
    assert seen == []


def test_a_decision_is_marked_with_its_height() -> None:
    with World() as world:
        world.submit()
        last = world.shell.state["ledger"].height
        assert all(world.journal.mark(BLOCKS, height) for height in range(1, last + 1))
        assert world.journal.mark(BLOCKS, last + 1) is None
