"""The law at the size of a node: all effects of a tick lost, nobody restarted, and the same end.

What is owed is asked for again by the wakes alone: statements are said again, blobs fetched again,
work is asked for again. So a mesh in which one node's effects are once lost, whenever that is, ends
with the same models, made of the same updates.
"""

from functools import cache

import pytest

from meshkit.core.shell import Caused
from meshkit.ledger.state import FINISHED, Outcome
from meshkit.sim.agenda import MS
from meshkit.sim.process import Process
from meshkit.sim.run import Run
from meshkit.sim.setting import Setting, Work

# Patient enough that whatever is lost once comes before anybody's deadline.
PATIENT = Setting(work=(Work(100 * MS, 2, 0, 60_000, 60_000),), notes_ns=0)
EACH = 5  # one of so many losses is tried


class Deaf:
    """A world that does not hear what one process asks in one of its ticks."""

    def __init__(self, process: Process, tick: int) -> None:
        self._act, self._tick, self.ticks = process._act, tick, 0

    def act(self, effects: list[Caused]) -> None:
        self.ticks += 1
        if self.ticks != self._tick:
            self._act(effects)


def ended(who: int, tick: int) -> tuple[tuple[Outcome, ...], int]:
    """The outcomes of the task's rounds if the effects of that tick are lost; and all ticks."""
    run = Run(0, PATIENT)
    process = run.mesh.processes[who]
    deaf = Deaf(process, tick)
    process._act = deaf.act  # type: ignore[method-assign]  # the world's ear, not the process
    run.go()
    (course,) = (
        course for _, course in sorted(run.mesh.processes[0].shell.state["ledger"].tasks.items())
    )
    assert course.status == FINISHED
    return course.outcomes, deaf.ticks


@cache
def usual(who: int) -> tuple[tuple[Outcome, ...], int]:
    return ended(who, 0)


def test_every_update_counts_when_nothing_is_lost() -> None:
    outcomes, ticks = usual(0)
    assert [outcome.credits for outcome in outcomes] == [4, 4]
    assert ticks > 10


@pytest.mark.parametrize("who", [0, 3])
@pytest.mark.parametrize("part", range(EACH))
def test_whatever_is_lost_once_the_end_is_the_same(who: int, part: int) -> None:
    outcomes, ticks = usual(who)
    for tick in range(1 + part, ticks + 1, EACH):
        assert ended(who, tick)[0] == outcomes, f"all effects of tick {tick} were lost"
