"""The campaign of bare engines: hundreds of seeds, checked entry by entry.

A failure names its seed and the line that replays it. That rare states are reached is asserted over
the whole campaign: a simulator that never gets an engine into trouble finds nothing.
"""

import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from meshkit.sim.campaign import ANOTHER_STORY
from meshkit.sim.engines import KITS, SCENARIOS, play
from meshkit.sim.engines.check import UNDECIDED, Witness
from meshkit.sim.engines.setting import COMMANDS
from meshkit.sim.engines.setting import SCENARIOS as BY_NAME
from meshkit.sim.engines.trial import Trial
from meshkit.sim.run import Report

SEEDS = 50  # of the brief campaign of each engine: some seconds
CHUNK = 10  # of seeds one worker takes at a time
OTHERS = {
    "calm": 2, "crashes": 14, "partitions": 6, "quarrels": 32, "orders": 8, "liars": 16, "twins": 4,
    "coups": 8, "exiles": 4, "moves": 4,
}  # fmt: skip
TWICE = 5  # of so many seeds one is run twice and compared
ENGINES = sorted(KITS)

# What troubles every engine, whatever is rare in it.
SOMETIMES = (
    "restart", "restart from a snapshot", "it was killed", "it died between effects",
    "the disk failed", "a write was KEPT", "a write was LOST", "a write was REORDERED",
    "a write was TORN", "effects lost", "clock leap", "pause", "cut", "clog", "storm", "hush",
    "its journal rotted", "a call was given up", "AnswerRepeated", "it was left dead",
)  # fmt: skip


@cache
def report(engine: str, scenario: str, seed: int) -> Report:
    told = play(f"{engine}/{scenario}", seed, seed % TWICE == 0)
    assert not told.failure, f"{told.failure}\nreplay it: {told.line}"
    return told


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
@pytest.mark.parametrize("engine", ENGINES)
def test_no_promise_is_broken(engine: str, first: int) -> None:
    for seed in range(first, first + CHUNK):
        told = report(engine, "brief", seed)
        assert told.heights > 0, told.line


@pytest.mark.parametrize("scenario", sorted(OTHERS))
@pytest.mark.parametrize("engine", ENGINES)
def test_no_promise_is_broken_by_one_family_of_faults(engine: str, scenario: str) -> None:
    for seed in range(OTHERS[scenario]):
        assert report(engine, scenario, seed).heights > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_d12_rare_states_are_reached(engine: str) -> None:
    reached: Counter[str] = Counter()
    for seed in range(SEEDS):
        reached.update(dict(report(engine, "brief", seed).counts))
    for scenario, seeds in OTHERS.items():
        for seed in range(seeds):
            reached.update(dict(report(engine, scenario, seed).counts))
    wanted = (*SOMETIMES, *KITS[engine].sometimes)
    assert not [name for name in wanted if not reached[name]]
    assert not reached[UNDECIDED]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_seed_of_the_campaign(engine: str) -> None:
    told = report(engine, "campaign", 0)
    assert told.commands > COMMANDS // 2
    assert told.line == f"meshkit sim run {engine}/campaign --seed 0"


@pytest.mark.parametrize("engine", ENGINES)
def test_d2_the_hash_seed_of_the_process_tells_no_other_story(engine: str) -> None:
    code = "import sys; from meshkit.sim.engines import play; print(play(sys.argv[1], 3, False))"
    stories = {
        subprocess.run(
            [sys.executable, "-c", code, f"{engine}/brief"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(stories) == 1
    assert "failure=''" in stories.pop()


def test_d3_another_story_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Witness.finish

    def moody(self: Witness) -> None:
        finish(self)
        if type(self) is Witness:
            self.entries += 1

    monkeypatch.setattr(Witness, "finish", moody)
    assert play("tendermint/calm", 1).failure == ANOTHER_STORY


def test_what_an_engine_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def go(self: Trial) -> None:
        raise KeyError("x")

    monkeypatch.setattr(Trial, "go", go)
    told = play("tendermint/calm", 7)
    assert told.failure.startswith("KeyError at test_campaign.py:")
    assert told.line == "meshkit sim run tendermint/calm --seed 7"


def test_every_engine_has_every_scenario() -> None:
    assert len(SCENARIOS) == len(KITS) * len(BY_NAME)
