"""A node goes on where it left off, from a snapshot where the chain vouches for one."""

from collections.abc import Callable

import pytest

from meshkit.codec import Malformed
from meshkit.journal.memory import MemoryDisk
from meshkit.runtime import host, restore
from meshkit.runtime.log import SNAPSHOTS
from meshkit.runtime.restore import last_snapshot
from tests.runtime.world import World

Bend = Callable[[MemoryDisk], None]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots are taken so often that one task has some."""
    monkeypatch.setattr(host, "SNAPSHOT_ENTRIES", 10)


def a_life(rounds: int = 4) -> World:
    with World() as world:
        world.submit(rounds=rounds)
        world.settle()
        return world


def test_a_new_journal_starts_at_the_beginning() -> None:
    with World(start=False) as world:
        assert restore.restore(world.node, world.journal) == (world.node.initial(), 0)


def test_without_a_snapshot_every_entry_is_folded() -> None:
    life = a_life()
    assert last_snapshot(life.node, life.journal)[0] == 0
    found = restore.restore(life.node, life.journal)
    assert found.state == life.shell.state
    assert 0 < found.last_ns < life.clock.now_ns()


@pytest.mark.usefixtures("often")
def test_from_a_snapshot_the_same_state_is_reached() -> None:
    life = a_life()
    index, state = last_snapshot(life.node, life.journal)
    assert 10 <= index < life.journal.head.index
    assert state != life.shell.state
    assert restore.restore(life.node, life.journal).state == life.shell.state


@pytest.mark.usefixtures("often")
def test_a_snapshot_at_the_very_end_is_followed_by_its_own_entry_alone() -> None:
    life = a_life(rounds=1)
    index, _ = last_snapshot(life.node, life.journal)
    life.disk.cut(index + 1)
    with World(life.disk, start=False) as again:
        assert again.journal.head.index == index + 1
        assert again.shell.state["history"].snapshot == index


def rot(disk: MemoryDisk) -> None:
    """The last snapshot's bytes have changed."""
    last = disk.versions[SNAPSHOTS][-1]
    kept = disk.marks[SNAPSHOTS]
    kept[last] = kept[last][:-1] + bytes([kept[last][-1] ^ 1])


def lose(disk: MemoryDisk) -> None:
    """The entry that vouches for the last snapshot was never written."""
    disk.cut(disk.versions[SNAPSHOTS][-1])


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("bend", [rot, lose])
def test_a_snapshot_that_the_chain_does_not_vouch_for_is_passed_over(bend: Bend) -> None:
    life = a_life()
    first, last = life.disk.versions[SNAPSHOTS][-2:]
    bend(life.disk)
    with World(life.disk, start=False) as again:
        index, _ = last_snapshot(again.node, again.journal)
        assert index == first < last


@pytest.mark.usefixtures("often")
def test_a_snapshot_of_another_release_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    life = a_life()

    def other(*_: object) -> None:
        raise ValueError("a state of other machines")

    monkeypatch.setattr(restore, "thaw", other)
    assert last_snapshot(life.node, life.journal) == (0, dict(life.node.initial()))
    assert restore.restore(life.node, life.journal).state == life.shell.state


@pytest.mark.usefixtures("often")
def test_an_entry_of_no_known_form_vouches_for_nothing_and_stops_the_restart() -> None:
    life = a_life()
    first, last = life.disk.versions[SNAPSHOTS][-2:]
    life.disk.cut(last)
    with World(life.disk, start=False) as again:
        again.journal.append([b"\xff" * 8])
        assert last_snapshot(again.node, again.journal)[0] == first
        with pytest.raises(Malformed):
            restore.restore(again.node, again.journal)
