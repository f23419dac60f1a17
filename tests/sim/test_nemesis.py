"""Each fault does what it is named for, and ends by itself, by healing, or with the nemesis."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from meshkit.core.composite import At
from meshkit.ledger.messages import Note
from meshkit.pool.messages import Offer
from meshkit.sim import people
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.nemesis import Nemesis
from meshkit.sim.operators import Operators
from meshkit.sim.process import STEADY, Process
from meshkit.sim.setting import FAULTS, HUSHES, Setting
from tests.sim.worlds import founded


def revive(process: Process) -> None:
    if not process.up:
        process.start()


def troubled(fault: str, until_ns: int = 20 * SECOND) -> tuple[Mesh, Nemesis, dict[str, int]]:
    """A mesh that suffers from one kind of fault, and how often it was seen to suffer."""
    mesh = founded()
    mesh.bury = lambda process: mesh.agenda.after(150 * MS, revive, process)
    setting = Setting(faults=(fault,), fault_ns=200 * MS, off_ns=SECOND, notes_ns=SECOND)
    setting = replace(setting, work=(), safety_ns=until_ns)
    Operators(mesh, setting, people.operator(0)).begin([])
    nemesis = Nemesis(mesh, setting)
    nemesis.begin()
    seen = dict.fromkeys(SIGNS, 0)
    while mesh.agenda.now_ns < until_ns:
        mesh.agenda.run(mesh.agenda.now_ns + 10 * MS)
        for name, sign in SIGNS.items():
            seen[name] += sign(mesh)
    return mesh, nemesis, seen


SIGNS: dict[str, Callable[[Mesh], bool]] = {
    "crashes": lambda mesh: mesh.watch.counts["it was killed"] > 0,
    "pauses": lambda mesh: any(process.paused for process in mesh.processes),
    "disks": lambda mesh: any(p.pace.write_fault_ppm for p in mesh.processes),
    "clocks": lambda mesh: any(process.off_ns for process in mesh.processes),
    "cuts": lambda mesh: mesh.watch.counts["cut"] > 0 and bool(mesh.network.cut),
    "clogs": lambda mesh: mesh.watch.counts["clog"] > 0,
    "storms": lambda mesh: mesh.network.weather.loss_ppm > 0,
    "slowness": lambda mesh: any(p.pace.slow_percent > 100 for p in mesh.processes),
    "losses": lambda mesh: any(process.pace.mute_ppm for process in mesh.processes),
    "hushes": lambda mesh: mesh.watch.counts["hush"] > 0,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_strikes_alone_again_and_again(fault: str) -> None:
    _, _, seen = troubled(fault)
    assert seen.pop(fault) > 5
    # A failed write kills: that it is a disk's fault shows in how the process ended.
    assert not any(seen.values())


def test_who_decides_first_is_kept_from_saying_so_and_the_others_forget_what_they_heard() -> None:
    mesh = founded()
    nemesis = Nemesis(mesh, Setting(faults=(HUSHES,), fault_ns=MS))
    nemesis.begin()
    mesh.agenda.run(mesh.agenda.now_ns + 10 * MS)
    first = mesh.processes[0]
    first.take(At("pool", Offer(Note(first.me, 1, b"words"))))
    while not mesh.height:
        mesh.agenda.run(mesh.agenda.now_ns + MS // 100)
    (leader,) = (process for process in mesh.processes if process.up)
    others = [process for process in mesh.processes if process is not leader]
    assert leader.shell.state["ledger"].height == mesh.height == 1
    assert mesh.network.cut == {(leader.number, other.number) for other in others}
    assert mesh.watch.counts["it was struck down"] == 3
    mesh.agenda.run(mesh.agenda.now_ns + 100 * MS)
    assert all(other.up for other in others)
    mesh.agenda.run(mesh.agenda.now_ns + 10 * SECOND)
    assert {process.shell.state["ledger"].height for process in mesh.processes} == {mesh.height}
    assert not mesh.network.cut


@pytest.mark.parametrize("fault", ["pauses", "storms", "cuts", "slowness", "losses", "disks"])
def test_a_fault_ends_by_itself(fault: str) -> None:
    mesh, nemesis, _ = troubled(fault, 3 * SECOND)
    sign, free = SIGNS[fault], False
    for _ in range(3_000):
        mesh.agenda.run(mesh.agenda.now_ns + 10 * MS)
        free = free or not sign(mesh)
    assert free
    nemesis.stop()


def test_once_stopped_nothing_more_happens() -> None:
    mesh, nemesis, _ = troubled("storms", 5 * SECOND)
    nemesis.stop()
    mesh.network.heal()
    mesh.network.weather = Setting().weather
    storms = mesh.watch.counts["storm"]
    mesh.agenda.run(mesh.agenda.now_ns + 30 * SECOND)
    assert mesh.watch.counts["storm"] == storms > 0
    assert not mesh.network.weather.loss_ppm


def test_without_faults_there_is_no_trouble() -> None:
    mesh = founded()
    Nemesis(mesh, Setting()).begin()
    mesh.agenda.run(60 * SECOND)
    assert all(process.up and process.pace == STEADY for process in mesh.processes)
    assert not mesh.network.cut
    assert not mesh.watch.counts["cut"]


def test_one_alone_has_no_links_to_cut() -> None:
    mesh = founded(1)
    Nemesis(mesh, replace(Setting(weights=(1,)), faults=("cuts", "clogs"), fault_ns=MS)).begin()
    mesh.agenda.run(2 * SECOND)
    assert mesh.watch.counts["cut"] > 0
    assert not mesh.network.cut


def test_a_clock_of_one_that_is_down_is_set_for_its_next_life() -> None:
    mesh = founded(1)
    process = mesh.processes[0]
    process.crash("it was killed")
    Nemesis(mesh, replace(Setting(weights=(1,)), faults=("clocks",), off_ns=SECOND)).begin()
    mesh.agenda.run(60 * SECOND)
    assert process.off_ns != 0
    assert abs(process.off_ns) <= SECOND
