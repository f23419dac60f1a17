"""The campaign: hundreds of seeds, each a mesh under its own faults, checked entry by entry.

A failure names its seed and the line that replays it. That rare states are reached is asserted over
the whole campaign: a simulator that never gets a node into trouble finds nothing.
"""

from collections import Counter
from functools import cache

import pytest
from msgspec.structs import replace

from meshkit.sim.campaign import ANOTHER_STORY, play
from meshkit.sim.check import Broken
from meshkit.sim.rare import RARE
from meshkit.sim.run import Report, Run
from meshkit.sim.scenarios import SCENARIOS
from meshkit.sim.setting import FAULTS, Setting, drawn

SEEDS = 120  # half a minute of one processor; `make sim` runs thousands
CHUNK = 10  # of seeds one worker takes at a time
OTHERS = 4  # seeds of each other scenario
# Seeds by which, together, each of `SOMETIMES` is reached several times over; those of the campaign
# are run twice and compared. That only a lock keeps a second block out is what quarrels are for.
TELLING = range(60)
QUARRELS = range(OTHERS)
SOMETIMES = (
    *RARE,
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
    "hush",
)


@cache
def report(scenario: str, seed: int) -> Report:
    """The whole story of one seed; a telling one is told twice."""
    told = play(scenario, seed, scenario == "campaign" and seed in TELLING)
    assert not told.failure, f"{told.failure}\nreplay it: {told.line}"
    return told


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_is_broken(first: int) -> None:
    for seed in range(first, first + CHUNK):
        told = report("campaign", seed)
        assert told.entries > 0, told.line
        assert told.heights > 0, told.line


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"campaign", "real"}))
def test_no_promise_is_broken_by_one_family_of_faults(scenario: str) -> None:
    for seed in range(OTHERS):
        assert report(scenario, seed).heights > 0


def test_rare_states_are_reached() -> None:
    reached: Counter[str] = Counter()
    telling = [("campaign", seed) for seed in TELLING] + [("quarrels", seed) for seed in QUARRELS]
    for scenario, seed in telling:
        reached.update(dict(report(scenario, seed).counts))
    assert not [name for name in SOMETIMES if not reached[name]]


def test_every_kind_of_fault_is_drawn_by_the_telling_seeds() -> None:
    assert {fault for seed in TELLING for fault in drawn(seed).faults} == set(FAULTS)


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "campaign", lambda seed: Setting())


def test_a_broken_promise_is_told_with_the_line_that_replays_it(
    calm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go(run: Run) -> None:
        raise Broken("two blocks\nat height 3")

    monkeypatch.setattr(Run, "go", go)
    told = play("campaign", 7)
    assert told.failure == "two blocks at height 3"
    assert told.line == "meshkit sim run campaign --seed 7"


@pytest.mark.parametrize(
    ("error", "words"), [(KeyError("x"), ": 'x'"), (AssertionError(), ": AssertionError")]
)
def test_what_a_node_raises_is_told_with_where(
    calm: None, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def go(run: Run) -> None:
        raise error

    monkeypatch.setattr(Run, "go", go)
    told = play("campaign", 7)
    assert told.failure.startswith(f"{type(error).__name__} at test_campaign.py:")
    assert told.failure.endswith(words)


def test_a_seed_that_tells_another_story_the_second_time_has_failed(
    calm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Report] = []
    tell = Run.report

    def forgetful(run: Run, scenario: str, failure: str = "") -> Report:
        told.append(replace(tell(run, scenario, failure), commands=len(told)))
        return told[-1]

    monkeypatch.setattr(Run, "report", forgetful)
    assert play("campaign", 7).failure == ANOTHER_STORY
    assert len(told) == 2
    assert not play("campaign", 7, twice=False).failure
    assert len(told) == 3
