"""A process lives and dies as a node's does: what was durable comes back, and nothing else."""

import pytest
from msgspec.structs import replace

from meshkit.core.composite import At
from meshkit.journal.memory import Fault
from meshkit.ledger.messages import Note
from meshkit.pool.messages import Offer
from meshkit.runtime.host import WAITING_MAX
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.process import STEADY, STEP_NS, Process
from meshkit.sim.voice import Spoken, spoken
from tests.sim.worlds import founded, mesh


def write(process: Process, number: int = 1) -> None:
    process.take(At("pool", Offer(Note(process.me, number, b"words"))))


def note(process: Process, number: int = 1) -> Spoken:
    """What others hear of this member's words."""
    signed = process.sign(Note(process.me, number, b"words"))
    return spoken(process.me, signed, b"")


def rest(made: Mesh, seconds: int = 3) -> None:
    made.agenda.run(made.agenda.now_ns + seconds * SECOND)


def notes(process: Process) -> int:
    count: int = process.shell.state["ledger"].notes
    return count


def test_one_life_at_a_time() -> None:
    process = founded(1).processes[0]
    with pytest.raises(AssertionError, match="one life at a time"):
        process.start()


def test_what_was_durable_is_there_in_the_next_life() -> None:
    made = founded()
    process = made.processes[0]
    write(process)
    rest(made)
    before = process.shell.state
    assert notes(process) == 1
    process.crash("it was killed")
    process.start()
    assert process.life == 2
    assert process.shell.state["ledger"] == before["ledger"]
    rest(made)
    assert notes(process) == 1


def test_who_was_away_catches_up() -> None:
    made = founded()
    process = made.processes[0]
    process.crash("it was killed")
    for number in (1, 2, 3):
        write(made.processes[1], number)
        rest(made)
    process.start()
    rest(made, 30)
    assert notes(process) == notes(made.processes[1]) == 3


def test_a_tick_takes_the_time_of_its_commands_and_its_writes() -> None:
    made = founded(1)
    process = made.processes[0]
    process.pace = replace(STEADY, fsync_ns=7 * MS, slow_percent=300)
    begun = made.agenda.now_ns
    write(process)
    assert process.free_ns >= begun + 3 * STEP_NS
    rest(made)
    assert process.commands > 3


@pytest.mark.parametrize("fault", list(Fault))
def test_a_write_that_fails_is_the_end_of_this_life_and_of_nothing_else(fault: Fault) -> None:
    made = founded()
    process = made.processes[0]
    process.disk.arm(fault)
    write(process)
    rest(made)
    assert not process.up
    assert {"the disk failed", f"a write was {fault.name}"} & made.watch.counts.keys()
    process.start()
    rest(made)
    write(process, 2)
    rest(made)
    assert notes(process) == notes(made.processes[1]) >= 1


def test_faults_come_as_often_as_the_pace_says() -> None:
    made = founded()
    process = made.processes[0]
    process.pace = replace(STEADY, write_fault_ppm=1_000_000)
    write(process)
    rest(made)
    assert not process.up


def test_it_may_die_between_effects_or_lose_them_all() -> None:
    made = founded()
    dying, mute = made.processes[:2]
    dying.pace = replace(STEADY, death_ppm=1_000_000)
    mute.pace = replace(STEADY, mute_ppm=1_000_000)
    for process in (dying, mute):
        write(process)
    rest(made)
    assert not dying.up
    assert made.watch.counts["it died between effects"] == 1
    assert made.watch.counts["effects lost"] > 0
    assert mute.up


def test_who_is_paused_does_nothing_until_it_goes_on() -> None:
    made = founded()
    process = made.processes[0]
    process.pause()
    stood = process.commands
    write(process)
    write(made.processes[1])
    rest(made)
    assert process.commands == stood
    assert notes(made.processes[1]) == 1
    process.resume()
    rest(made)
    assert notes(process) == 2


def test_it_hears_members_only_and_only_while_it_runs() -> None:
    made = founded()
    process, peer = made.processes[:2]
    process.hear(Spoken(b"a stranger", note(peer).command, b"", 0))
    assert not process.shell.waiting
    process.crash("it was killed")
    process.hear(note(peer))
    assert not process.shell.waiting


def test_what_comes_while_it_works_waits_and_too_much_is_dropped() -> None:
    made = founded()
    process, peer = made.processes[:2]
    process.hear(note(peer))
    for number in range(WAITING_MAX + 10):
        process.hear(note(peer, number))
    assert process.shell.waiting <= WAITING_MAX


def test_real_bytes_that_do_not_open_are_dropped() -> None:
    made = founded(real=True)
    process, peer = made.processes[:2]
    waiting = process.shell.waiting
    process.hear(note(peer)._replace(envelope=b"no envelope"))
    assert process.shell.waiting == waiting


def test_a_leap_of_its_clock_makes_deadlines_due() -> None:
    made = founded()
    process = made.processes[0]
    for peer in made.processes[1:]:
        peer.crash("it was killed")
    write(process)
    rest(made)
    due_ns = process.node.deadline(process.shell.state)
    assert due_ns is not None
    stepped = process.commands
    process.leap(3_600 * SECOND)
    made.agenda.run(made.agenda.now_ns + 20 * MS)
    assert process.commands > stepped
    later_ns = process.node.deadline(process.shell.state)
    assert later_ns is None or later_ns > due_ns


def test_one_that_waits_for_nothing_may_leap_too() -> None:
    process = mesh(1).processes[0]
    process.start()
    process.leap(SECOND)
    assert process.up


def test_snapshots_are_kept_as_often_as_the_pace_says() -> None:
    made = founded(1)
    process = made.processes[0]
    process.pace = replace(STEADY, snapshot_entries=5)
    for number in range(1, 6):
        write(process, number)
        rest(made)
    assert process.store.restarts_from(process.node) > 0
    process.crash("it was killed")
    process.start()
    assert made.watch.counts["restart from a snapshot"] == 1
