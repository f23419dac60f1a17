"""The mutation gate of bare engines: planted bugs, each of which some seed of the campaign finds.

A simulator that finds nothing may be blind. Each bug inverts a row of the consensus checklist, and
is killed within SEEDS_MAX seeds from the first that its table states; the rarest would need longer
than a test may take if they all began at seed 0, as the long form does (`make mutants`). What each
needed then stands in docs/mutants.md. What needs no seed at all is killed by exhaustive search, too
(`test_cases`, `test_more_cases`), and what goes wrong in whole nodes by the gate of those
(`tests/sim/test_mutants.py`).
"""

from pathlib import Path

import pytest

from meshkit.sim.engines import SCENARIOS
from tests.sim.engines import gate, planting
from tests.sim.engines.gate import BUGS
from tests.sim.engines.planting import SEEDS_MAX, Bug, Patch, everywhere, hunt

REQUIRED = (
    "R1", "R3", "R5", "R6", "R13", "R14", "R20", "P4", "P9", "P10", "P14",
    "T2", "T3", "T6", "T8", "T9", "T11",
)  # fmt: skip
BUGS_MIN = 25
TABLE = Path(__file__).parents[3] / "docs" / "mutants.md"


def harmless(patch: Patch) -> None:
    """nothing at all"""


def survives(bug: Bug, seeds: int = SEEDS_MAX) -> str:
    """What the gate complains of: nothing, if some seed kills the bug."""
    killed = hunt(bug, bug.first, seeds)
    return "" if killed.failure else f"{bug.name} survived {killed.seeds} seeds of {bug.scenario}"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.row.lower()} {bug.name}")
def test_d13_a_planted_bug_is_found(bug: Bug) -> None:
    assert not survives(bug)


@pytest.mark.parametrize("engine", ["raft", "pbft", "tendermint"])
def test_the_gate_fails_where_a_bug_survives(
    engine: str, capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    """Where nothing is planted nothing is found: a mutant that changes nothing fails the gate."""
    bug = Bug("none", harmless, f"{engine}/brief")
    assert survives(bug, 8) == f"{engine}: harmless survived 8 seeds of {engine}/brief"
    monkeypatch.setattr(gate, "BUGS", (bug,))
    assert gate.main(["2"]) == 1
    assert f"| none | {engine}: harmless | nothing at all |" in capsys.readouterr().out


def test_the_gate_passes_where_all_are_killed(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    (bug,) = [bug for bug in BUGS if bug.name == "raft: old_entries_count"]
    monkeypatch.setattr(gate, "BUGS", (bug,))
    assert gate.main([]) == 0
    assert "it counted an entry of an earlier term |" in capsys.readouterr().out


def test_the_rows_that_must_be_there_are() -> None:
    rows = {bug.row for bug in BUGS}
    assert not [row for row in REQUIRED if row not in rows]
    assert len(BUGS) >= BUGS_MIN
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert not [bug.name for bug in BUGS if bug.scenario not in SCENARIOS or not bug.says]


def test_what_each_needed_is_told() -> None:
    """Every planted bug has its line in the table, and none survived there."""
    told = TABLE.read_text(encoding="utf-8")
    missing = [
        bug.name
        for bug in BUGS
        if f"| {bug.row} | {bug.name} | {bug.says} | {bug.scenario} |" not in told
    ]
    assert not missing, "run make mutants, and put what it prints into docs/mutants.md"
    assert "it survived" not in told


def test_a_bug_is_planted_where_somebody_knows_what_it_replaces(monkeypatch: Patch) -> None:
    with pytest.raises(AssertionError, match="nobody knows"):
        everywhere(monkeypatch, object(), None)
    before = planting.hunt(Bug("none", harmless, "raft/calm"), 0, 1)
    assert before == planting.Killed(1, "")
