"""The campaign: hundreds of seeds, each a mesh under its own faults, checked entry by entry.

A failure names its seed and the line that replays it. That rare states are reached is asserted over
the whole campaign: a simulator that never gets a node into trouble finds nothing.
"""

from collections import Counter
from functools import cache

import pytest

from meshkit.sim.run import Report, Run
from meshkit.sim.setting import FAULTS, drawn

SEEDS = 300  # a minute of one processor
CHUNK = 10  # of seeds one worker takes at a time
# Seeds by which, together, each of `SOMETIMES` is reached several times over.
TELLING = range(40)
SOMETIMES = (
    "Accused",  # somebody lied and was caught, and the mesh recorded it
    "EquivocationSeen",
    "UpdateConflict",
    "HeldConflict",
    "UpdateRefused",
    "ResultRefused",
    "QuorumShown",
    "ValidFound",
    "ValueMissed",
    "PeerAhead",
    "RoundReopened",
    "TrainingLost",
    "EarlyKept",
    "CollectingPutOff",
    "MemberAdmitted",
    "MemberRemoved",
    "TaskCancelled",
    "TaskFinished",
    "empty round",
    "forgery refused",
    "restart",
    "restart amid a round",
    "restart from a snapshot",
    "it was killed",
    "it died between effects",
    "the disk failed",
    "a write was KEPT",
    "a write was LOST",
    "a write was REORDERED",
    "a write was TORN",
    "effects lost",
    "clock leap",
    "pause",
    "cut",
    "clog",
    "storm",
)


@cache
def report(seed: int) -> Report:
    """The whole story of one seed."""
    run = Run(seed, drawn(seed))
    try:
        run.go()
    except Exception as error:
        replays = run.report("campaign").line
        raise AssertionError(f"seed {seed} broke: {error!r:.1000}\nreplay it: {replays}") from error
    return run.report("campaign")


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_is_broken(first: int) -> None:
    for seed in range(first, first + CHUNK):
        told = report(seed)
        assert told.entries > 0, told.line
        assert told.heights > 0, told.line


def test_rare_states_are_reached() -> None:
    reached: Counter[str] = Counter()
    for seed in TELLING:
        reached.update(dict(report(seed).counts))
    assert not [name for name in SOMETIMES if not reached[name]]


def test_every_kind_of_fault_is_drawn_by_the_telling_seeds() -> None:
    assert {fault for seed in TELLING for fault in drawn(seed).faults} == set(FAULTS)
