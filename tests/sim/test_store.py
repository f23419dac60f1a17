"""Disks of entries as they are, and of real bytes: what was written is there, the rest is not."""

from typing import Any

import pytest

from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Restarted
from meshkit.journal import JournalFailed
from meshkit.journal.memory import Crashed, Fault
from meshkit.ledger.messages import Note
from meshkit.pool.messages import Offer
from meshkit.sim.agenda import SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.process import Process
from meshkit.sim.store import KEPT, Disk, Store, named, opened
from tests.sim.worlds import founded

MODES = pytest.mark.parametrize("real", [False, True], ids=["modelled", "real"])


def entry(number: int) -> Entry:
    return Entry(Moment(number, number), At("", Restarted()), (), b"")


def empty(real: bool) -> tuple[Mesh, Process, Disk]:
    mesh = founded(1, real=real)
    return mesh, mesh.processes[0], Disk()


def view(process: Process, disk: Disk, real: bool) -> Store:
    return opened(disk, process.mesh.id, process.person, real)


@MODES
def test_what_was_appended_is_there_in_the_next_life(real: bool) -> None:
    _, process, disk = empty(real)
    store, seen = view(process, disk, real), list[int]()
    store.log.observers.append(lambda index, _: seen.append(index))
    assert store.log.append([entry(1), entry(2)]) == 2
    assert store.log.append([entry(3)]) == 3
    assert seen == [1, 2, 3]
    again = view(process, disk, real)
    assert again.length == again.head().index == 3
    assert list(again.entries()) == [entry(1), entry(2), entry(3)]


@MODES
@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_strikes_one_write_whole_or_not_at_all(real: bool, fault: Fault) -> None:
    _, process, disk = empty(real)
    store = view(process, disk, real)
    store.log.append([entry(1)])
    seen = list[int]()
    store.log.observers.append(lambda index, _: seen.append(index))
    disk.arm(fault)
    with pytest.raises((Crashed, JournalFailed)):
        store.log.append([entry(2), entry(3)])
    assert not seen  # nobody may act on what nobody knows to be durable
    again = view(process, disk, real)
    assert again.length == (3 if fault in KEPT else 1)
    again.log.append([entry(4)])
    assert view(process, disk, real).length == again.length


@MODES
def test_staged_blobs_are_lost_with_the_life_that_staged_them(real: bool) -> None:
    _, process, disk = empty(real)
    store = view(process, disk, real)
    lost, kept = store.blobs.put(b"kept"), named(b"kept")
    assert lost == kept
    store.blobs.commit()
    lost = store.blobs.put(b"lost")
    again = view(process, disk, real)
    assert again.blobs.get(kept) == b"kept"
    assert again.blobs.get(lost) is None


def busy(real: bool) -> tuple[Mesh, Process]:
    """A mesh of one that keeps a snapshot now and then."""
    mesh = founded(1, real=real)
    process = mesh.processes[0]
    process.pace = type(process.pace)(snapshot_entries=10)
    for number in range(1, 12):
        process.take(At("pool", Offer(Note(process.me, number, b"words"))))
        mesh.agenda.run(mesh.agenda.now_ns + SECOND)
    return mesh, process


@MODES
def test_a_life_begins_at_a_snapshot_and_comes_to_the_same_state(real: bool) -> None:
    _, process = busy(real)
    process.crash("it was killed")
    store = process.reopened()
    start = store.restarts_from(process.node)
    assert 0 < start < store.length
    state: Any = dict(process.node.initial())
    for made in store.entries():
        for event in made.events:
            state = dict(process.node.evolve(state, event))
    restored = store.restore(process.node)
    assert restored.state == state
    assert restored.last_ns == list(store.entries())[-1].moment.now_ns


def test_a_snapshot_that_no_entry_vouches_for_counts_for_nothing() -> None:
    _, process = busy(False)
    store, disk = process.reopened(), process.disk
    honest = store.restore(process.node).state
    index, data = disk.snapshots[-1]
    disk.snapshots.append((index, data[:-1] + b"?"))
    assert store.restarts_from(process.node) == 0
    assert store.restore(process.node).state == honest


@MODES
def test_blocks_are_served_from_a_height_on_in_order(real: bool) -> None:
    mesh, process = busy(real)
    store = process.store
    heights = [block.certificate.height for block in store.served(2)]
    assert heights == list(range(2, process.shell.state["ledger"].height + 1))
    assert not list(store.served(10_000))
    assert mesh.agenda.now_ns


def test_what_long_runs_forget_is_missed_by_nobody() -> None:
    """What the last snapshot stands for is not kept; what comes after it is numbered as before."""
    _, process = busy(False)
    disk, length = process.disk, process.reopened().length
    state, start = (
        process.reopened().restore(process.node).state,
        process.reopened().restarts_from(process.node),
    )
    disk.forget(heights=3)
    assert disk.dropped == start
    assert len(disk.entries) == length - start
    store = process.reopened()
    assert store.length == length
    assert store.restore(process.node).state == state
    assert store.log.append([entry(1)]) == length + 1
    height = process.shell.state["ledger"].height
    assert [one.certificate.height for one in store.served(height - 2)] == [
        *range(height - 2, height + 1)
    ]
    assert not list(store.served(height - 3))
    disk.forget(heights=3)
    assert disk.dropped == start
