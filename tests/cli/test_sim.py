"""The simulator from the command line: seeds told, counted, and their failures replayable."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from meshkit_cli import output, sim
from msgspec.structs import replace
from rich.console import Console

from meshkit.sim.check import Broken
from meshkit.sim.engines import KITS
from meshkit.sim.engines.cases import CASES
from meshkit.sim.run import Report, Run
from meshkit.sim.scenarios import SCENARIOS
from meshkit.sim.search import Found, Search
from meshkit.sim.setting import Setting, drawn
from tests.live import PATIENCE_S, meshkit
from tests.services.processes import until

SEED = 1  # a short one


def small(seed: int) -> Setting:
    """Without faults or liars: two rounds of one task."""
    return Setting()


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scenario but the campaign, and that without faults."""
    for name in [name for name in SCENARIOS if name != "campaign"]:
        monkeypatch.delitem(SCENARIOS, name)
    monkeypatch.setitem(SCENARIOS, "campaign", small)


def breaking(error: Exception) -> Callable[[Run], None]:
    """A run that comes to no good end; odd seeds get away."""

    def go(run: Run) -> None:
        if run.mesh.seed % 2 == 0:
            raise error

    return go


def test_the_campaign_s_settings_are_the_drawn_ones() -> None:
    assert SCENARIOS["campaign"] is drawn


def test_one_seed_is_one_document() -> None:
    said = meshkit("sim", "run", "campaign", "--seed", SEED, "-o", "json")
    document = said.document
    assert said.code == 0
    assert {name: document[name] for name in ("schema", "ok", "scenario", "seeds", "failures")} == {
        "schema": "meshkit.sim/v1",
        "ok": True,
        "scenario": "campaign",
        "seeds": 1,
        "failures": [],
    }
    assert document["commands"] > 0
    assert document["reached"]["BlockApplied"] > 0
    assert said.err == "1 of 1 runs, 0 failed\n"


def test_the_same_seed_tells_the_same_story_again(calm: None) -> None:
    words = ("sim", "run", "campaign", "--seed", 5, "-o", "json")
    assert meshkit(*words) == meshkit(*words)
    assert sim.play(("campaign", 5)) == sim.play(("campaign", 5))
    assert sim.play(("campaign", 5)).digest != sim.play(("campaign", 6)).digest


def test_a_bare_engine_is_run_by_a_scenario_that_names_it() -> None:
    said = meshkit("sim", "run", "tendermint/calm", "--seed", SEED, "-o", "json")
    assert said.code == 0
    assert said.document["scenario"] == "tendermint/calm"
    assert said.document["reached"]["CallsApplied"] > 0
    assert sim.play(("tendermint/calm", SEED)).line == "meshkit sim run tendermint/calm --seed 1"


def test_all_engines_are_run_through_their_campaigns(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def listed(todo: list[sim.Job], workers: int) -> Iterator[Report]:
        ran.extend(scenario for scenario, _ in todo)
        yield from ()

    monkeypatch.setattr(sim, "reports", listed)
    assert meshkit("sim", "run", "engines").code == 0
    assert ran == [f"{name}/campaign" for name in KITS]


# -- every order of a few things -------------------------------------------------------------------


def test_a_search_tells_of_each_case_and_how_many_worlds_there_were() -> None:
    said = meshkit("sim", "search", "tendermint", "--depth", 2, "-o", "json")
    assert said.code == 0
    assert said.document["ok"]
    cases = said.document["cases"]
    assert [case["case"] for case in cases] == [case.name for case in CASES["tendermint"]]
    assert said.document["worlds"] == sum(case["worlds"] for case in cases) > 500
    assert said.err.splitlines()[0] == "tendermint: from the beginning: 217 worlds, to depth 2"


def test_a_search_that_finds_something_shows_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Found("a case", 2, 7, 9, 3, False, "two values are decided", ("0 wakes", "1 crashes"))
    ended = Found("another", 9, 7, 9, 3, True)
    found = iter((broken, ended))

    def run(self: Search, depth: int, worlds: int) -> Found:
        return next(found)

    monkeypatch.setattr(Search, "run", run)
    monkeypatch.setattr(sim, "CASES", {"tendermint": CASES["tendermint"][:2]})
    said = meshkit("sim", "search", "all")
    assert said.code == 3
    assert said.err == (
        "a case: 7 worlds, to depth 2; two values are decided\n0 wakes\n1 crashes\n"
        "another: 7 worlds, all there are\n"
    )


@pytest.mark.real
def test_many_seeds_run_over_the_cores_and_come_to_the_same() -> None:
    words = ("sim", "run", "campaign", "--first", 1, "--seeds", 3, "-o", "json", "--jobs")
    alone, shared = meshkit(*words, 1), meshkit(*words, 2)
    assert (alone.code, shared.code) == (0, 0)
    assert alone.document == shared.document
    assert shared.document["seeds"] == 3


def test_people_see_what_counts(calm: None) -> None:
    said = meshkit("sim", "run", "campaign")
    assert "scenario  campaign" in said.out
    assert "reached" not in said.out


@pytest.mark.parametrize("scenario", ["campaign", "all"])
def test_a_failure_gives_its_seed_and_the_line_that_replays_it(
    scenario: str, calm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "go", breaking(Broken("two blocks\nat height 3")))
    said = meshkit("sim", "run", scenario, "--seeds", 3, "--jobs", 1, "-o", "json")
    assert said.code == 3
    assert not said.document["ok"]
    line = "meshkit sim run campaign --seed {}"
    assert said.document["failures"] == [
        {"seed": seed, "what": "two blocks at height 3", "replay": line.format(seed)}
        for seed in (0, 2)
    ]
    assert "seed 2: two blocks at height 3\nagain with: meshkit sim run campaign --seed 2\n" in (
        said.err
    )
    assert said.err.endswith("3 of 3 runs, 2 failed\n")
    again = meshkit(*line.format(2).split()[1:])
    assert again.code == 3


@pytest.mark.parametrize(
    ("error", "words"), [(KeyError("x"), ": 'x'"), (AssertionError(), ": AssertionError")]
)
def test_what_a_node_raises_is_a_failure_and_says_where(
    error: Exception, words: str, calm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "go", breaking(error))
    failure = sim.play(("campaign", 0)).failure
    assert failure.startswith(f"{type(error).__name__} at test_sim.py:")
    assert failure.endswith(words)
    assert not sim.play(("campaign", 1)).failure


# -- a report of reports ---------------------------------------------------------------------------


@pytest.fixture
def reports(calm: None) -> list[Report]:
    one = sim.play(("campaign", 0))
    return [
        replace(one, seed=2, commands=3, counts=(("a", 2), ("largest x", 7)), failure="late"),
        replace(one, seed=1, commands=4, counts=(("a", 1), ("largest x", 9)), failure="early"),
    ]


def test_counts_are_added_and_the_largest_is_the_largest(reports: list[Report]) -> None:
    document = sim.summary("campaign", 2, iter(reports))
    assert document == sim.summary("campaign", 2, reversed(reports))
    assert document["reached"] == {"a": 3, "largest x": 9}
    assert document["commands"] == 7
    assert [one["what"] for one in document["failures"]] == ["early", "late"]


def test_progress_is_a_bar_on_a_terminal_and_some_lines_elsewhere(
    reports: list[Report], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [replace(reports[0], failure="")] * 100
    assert len(list(sim.follow((one for one in good), 100))) == 100
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == sim.LINES
    assert lines[-1] == "100 of 100 runs, 0 failed"
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    for module in (sim, output):
        monkeypatch.setattr(module, "err", terminal)
    assert list(sim.follow((one for one in good), 100)) == good
    assert "seeds" in screen.getvalue()
    assert capsys.readouterr().err == ""


def test_ctrl_c_ends_in_one_line(calm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Iterator[Report]:
        raise KeyboardInterrupt

    monkeypatch.setattr(sim, "follow", interrupted)
    monkeypatch.setattr(sim, "play", interrupted)
    assert meshkit("sim", "run", "campaign").code == 1


@pytest.mark.real
def test_who_is_told_to_end_leaves_no_process_waiting() -> None:
    words = ["sim", "run", "campaign", "--seeds", "10000", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "meshkit_cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: len(children.read_text().split()) >= 3)  # two, and who counts their resources
    process.terminate()
    # Its children write to the same pipes: that these end says that they all have.
    assert process.communicate(timeout=PATIENCE_S) == ("", "meshkit: ended by SIGTERM\n")
    assert process.returncode == 143


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nothing",), "there is no 'nothing', but campaign, calm, "),
        (("raft/nothing",), "or of one engine, as raft/calm: tendermint, pbft, raft with "),
        (("all", "--seed", "1", "--seeds", "2"), "--seed names one"),
        (("all", "--seed", "1", "--first", "2"), "--seed names one"),
        (("all", "--seeds", "0"), "0 is not in the range"),
        (("all", "--seed", "-1"), "-1 is not in the range"),
        (("all", "--jobs", "0"), "0 is not in the range"),
    ],
)
def test_what_means_nothing_is_a_mistake_of_use(words: tuple[str, ...], line: str) -> None:
    assert line in meshkit("sim", "run", *words).complains(2)
