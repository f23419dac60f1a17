"""The nemesis: who crashes, pauses, cuts and clogs, again and again, until it is told to stop.

Each fault ends by itself after a while, or lasts until the world is healed. Any number of members
may be down or cut off at a time: that may stop the mesh, but must never break a promise.
"""

from collections.abc import Callable

from msgspec.structs import replace

from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.network import Link
from meshkit.sim.process import Pace, Process
from meshkit.sim.setting import (
    CLOCKS,
    CLOGS,
    CRASHES,
    CUTS,
    DISKS,
    HUSHES,
    LOSSES,
    PAUSES,
    SLOWNESS,
    STORMS,
    Setting,
)

HOUR_NS = 3_600 * SECOND  # how far a clock may leap at most


class Nemesis:
    """Makes faults as its setting says."""

    def __init__(self, mesh: Mesh, setting: Setting) -> None:
        self._mesh, self._setting = mesh, setting
        self._dice = mesh.dice("nemesis")
        self._stopped = False
        self._faults: dict[str, Callable[[], None]] = {
            CRASHES: self._crash,
            PAUSES: self._pause,
            DISKS: self._spoil_disk,
            CLOCKS: self._leap,
            CUTS: self._cut,
            CLOGS: self._clog,
            STORMS: self._storm,
            SLOWNESS: self._slow,
            LOSSES: self._lose,
            HUSHES: self._await_leader,
        }

    def begin(self) -> None:
        if self._setting.faults:
            self._plan()

    def stop(self) -> None:
        self._stopped = True
        self._mesh.leads = _ignore

    def _plan(self) -> None:
        wait_ns = self._dice.between(1, 2 * self._setting.fault_ns)
        self._mesh.agenda.after(wait_ns, self._strike)

    def _strike(self) -> None:
        if not self._stopped:
            self._faults[self._dice.pick(self._setting.faults)]()
            self._plan()

    def _later(self, act: Callable[..., None], *args: object) -> None:
        """End a fault after a while, mostly a short one."""
        bound_ns = self._dice.pick((50 * MS, 500 * MS, 3 * SECOND))
        self._mesh.agenda.after(self._dice.between(1, bound_ns), self._end, act, *args)

    def _end(self, act: Callable[..., None], *args: object) -> None:
        if not self._stopped:  # healing has ended it already
            act(*args)

    def _victims(self) -> list[Process]:
        """One process mostly, sometimes some, seldom all."""
        running = [process for process in self._mesh.processes if process.life]
        kind = self._dice.below(10)
        count = 1 if kind < 7 else self._dice.between(1, len(running)) if kind < 9 else len(running)
        return self._dice.sample(running, count)

    # -- processes and machines -------------------------------------------------------------------

    def _crash(self) -> None:
        for process in self._victims():
            if process.up:
                process.crash("it was killed")

    def _pause(self) -> None:
        for process in self._victims():
            if process.up and not process.paused:
                process.pause()
                self._mesh.watch.happened("pause")
                self._later(self._resume, process, process.life)

    def _resume(self, process: Process, life: int) -> None:
        if process.up and process.life == life:
            process.resume()

    def _spoil_disk(self) -> None:
        for process in self._victims():
            stalls = self._dice.chance(500_000)
            fsync_ns = self._dice.between(20, 2_000) * MS
            ill = (
                replace(process.pace, fsync_ns=fsync_ns)
                if stalls
                else replace(process.pace, write_fault_ppm=200_000)
            )
            self._ail(process, ill)

    def _slow(self) -> None:
        for process in self._victims():
            percent = self._dice.pick((300, 1_000, 10_000))
            self._ail(process, replace(process.pace, slow_percent=percent))

    def _lose(self) -> None:
        for process in self._victims():
            self._ail(process, replace(process.pace, mute_ppm=300_000))

    def _ail(self, process: Process, ill: Pace) -> None:
        process.pace = ill
        self._later(self._recover, process)

    def _recover(self, process: Process) -> None:
        process.pace = self._setting.pace

    def _leap(self) -> None:
        """A running clock may only leap ahead; a wall clock, read as a life begins, may go back."""
        for process in self._victims():
            self._mesh.watch.happened("clock leap")
            if process.up:
                process.leap(self._dice.pick((10 * MS, SECOND, HOUR_NS)))
            reach_ns = max(self._setting.off_ns, 1)
            process.off_ns = self._dice.between(-reach_ns, reach_ns)

    # -- the network ------------------------------------------------------------------------------

    def _links(self) -> list[Link]:
        """Some links: one, all of a process, those across a divide, or all but neighbours'."""
        dice = self._dice
        numbers = dice.shuffled([process.number for process in self._mesh.processes])
        links = [(a, b) for a in numbers for b in numbers if a != b]
        if not links:
            return []
        place = {number: at for at, number in enumerate(numbers)}
        half, lone = dice.between(1, max(1, len(numbers) - 1)), numbers[0]
        match dice.below(7):
            case 0:
                return [dice.pick(links)]
            case 1:
                return [(a, b) for a, b in links if a == lone]
            case 2:
                return [(a, b) for a, b in links if b == lone]
            case 3:
                return [(a, b) for a, b in links if lone in (a, b)]
            case 4:  # a partition in two
                return [(a, b) for a, b in links if (place[a] < half) != (place[b] < half)]
            case 5:  # two groups, and a bridge that reaches both
                apart = [(a, b) for a, b in links if lone not in (a, b)]
                return [(a, b) for a, b in apart if (place[a] <= half) != (place[b] <= half)]
            case _:  # a chain
                return [(a, b) for a, b in links if abs(place[a] - place[b]) > 1]

    def _cut(self) -> None:
        links = self._links()
        self._mesh.network.cut.update(links)
        self._mesh.watch.happened("cut")
        self._later(self._mesh.network.cut.difference_update, links)

    def _await_leader(self) -> None:
        self._mesh.leads = self._hush

    def _hush(self, leader: Process) -> None:
        """It has decided, and nobody shall know: it is cut off, and what it told the others is lost
        with them. They soon come back without it, with what they had bound themselves to."""
        others = [process for process in self._mesh.processes if process is not leader]
        links = [(leader.number, other.number) for other in others]
        self._mesh.network.cut.update(links)
        self._mesh.watch.happened("hush")
        for other in others:
            self._mesh.agenda.after(0, self._strike_down, other, other.life)
        wait_ns = self._dice.between(300, 2_000) * MS
        self._mesh.agenda.after(wait_ns, self._end, self._mesh.network.cut.difference_update, links)
        self._mesh.leads = _ignore

    def _strike_down(self, process: Process, life: int) -> None:
        if process.up and process.life == life:
            process.crash("it was struck down")
            self._mesh.agenda.after(
                self._dice.between(1, 100) * MS, self._end, self._raise, process
            )

    def _raise(self, process: Process) -> None:
        if not process.up:
            process.start()

    def _clog(self) -> None:
        links = self._links()
        self._mesh.watch.happened("clog")
        for link in links:
            self._mesh.network.clog(link)
            self._later(self._mesh.network.open, link)

    def _storm(self) -> None:
        network, usual = self._mesh.network, self._setting.weather
        network.weather = replace(
            usual, loss_ppm=self._dice.pick((200_000, 500_000)), repeat_ppm=100_000
        )
        self._mesh.watch.happened("storm")
        self._later(setattr, network, "weather", usual)


def _ignore(process: Process) -> None:
    pass
