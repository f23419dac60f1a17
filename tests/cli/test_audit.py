"""`meshkit audit`: documents, tables, and a code for what is found."""

import json
import shutil
from pathlib import Path

import pytest
from meshkit_cli.output import DIVERGENCE, FAILURE, NOT_FOUND, OK, REFUSED, USAGE

from meshkit.core.value import digest
from tests.audit import forger, liars
from tests.audit.world import genesis_of, of_other_rules, recorded
from tests.live import meshkit


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mesh that trained two rounds in peace."""
    return recorded(tmp_path_factory.mktemp("true"))


@pytest.fixture(scope="module")
def false(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mesh in which node 3 submits two updates."""
    return recorded(tmp_path_factory.mktemp("false"), rounds=1, tongue=liars.two_updates)


@pytest.fixture
def spoilt(true: Path, tmp_path: Path) -> Path:
    """The true mesh, one byte of node 2's entry 30 changed."""
    copy = Path(shutil.copytree(true, tmp_path / "copy"))
    forger.flip(copy / "node-2", 30, 100)
    return copy


# -- verify ----------------------------------------------------------------------------------------


def test_a_true_mesh(true: Path) -> None:
    said = meshkit("audit", "verify", true, "-o", "json")
    assert (said.code, said.err) == (OK, "")
    document = said.document
    assert document["schema"] == "meshkit.audit/v1"
    assert document["ok"] is document["attested"] is True
    assert (document["journals"], document["aggregates_recomputed"]) == (4, 2)
    assert document["entries"] > document["certificates"] > 0
    assert document["findings"] == document["evidence"] == document["notes"] == []


def test_findings_name_the_node_and_the_entry(spoilt: Path) -> None:
    said = meshkit("audit", "verify", spoilt, "-o", "json")
    assert said.code == DIVERGENCE
    assert not said.document["ok"]
    findings = said.document["findings"]
    assert findings
    assert {(one["node"], one["entry"]) for one in findings} == {("node-2", 30)}
    assert all(one["kind"] and one["what"] and one["id"] for one in findings)
    said = meshkit("audit", "verify", spoilt, "-o", "jsonl")
    assert said.code == DIVERGENCE
    assert said.rows == findings


def test_a_table_for_people(spoilt: Path, true: Path) -> None:
    said = meshkit("audit", "verify", spoilt)
    assert said.code == DIVERGENCE
    assert "findings:" in said.out
    assert "node-2" in said.out
    said = meshkit("audit", "verify", true / "node-0")
    assert said.code == OK
    assert "findings:" not in said.out
    assert "notes:" in said.out


def test_evidence_is_shown_beside(false: Path) -> None:
    said = meshkit("audit", "verify", *(false / f"node-{n}" for n in range(3)), "-o", "json")
    assert said.code == OK
    pair = next(one for one in said.document["evidence"] if one["kind"] == "equivocation")
    assert pair["node"] == "node-3"
    assert pair["first"]["kind"] == pair["second"]["kind"] == "Update"
    assert pair["first"]["signature"] != pair["second"]["signature"]
    assert meshkit("audit", "verify", false).code == DIVERGENCE


def test_of_which_mesh(true: Path) -> None:
    mine = digest(genesis_of(4)).hex()
    assert meshkit("audit", "verify", true, "--mesh", mine).code == OK
    said = meshkit("audit", "verify", true, "--mesh", "ab" * 32, "-o", "json")
    assert said.code == DIVERGENCE
    assert {one["kind"] for one in said.document["findings"]} == {"genesis"}
    for wrong in ("ab", "no hex"):
        assert "64 hex digits" in meshkit("audit", "verify", true, "--mesh", wrong).complains(USAGE)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "there is no journal" in meshkit("audit", "verify", tmp_path).complains(NOT_FOUND)
    assert "No such file" in meshkit("audit", "verify", tmp_path / "x").complains(NOT_FOUND)
    assert meshkit("audit", "verify").code == USAGE


def test_another_release_is_needed(tmp_path: Path) -> None:
    home = of_other_rules(tmp_path)
    line = meshkit("audit", "verify", home).complains(REFUSED)
    assert "install meshkit==9.9.9" in line


# -- why -------------------------------------------------------------------------------------------


def test_a_story_as_a_document(true: Path) -> None:
    said = meshkit("audit", "why", "task", true, "-o", "json")
    assert said.code == OK
    document = said.document
    assert document["schema"] == "meshkit.audit.why/v1"
    assert [one["round"] for one in document["rounds"]] == [0, 1]
    assert {step["kind"] for step in document["steps"]} >= {"update", "list", "vote", "decision"}
    assert all(step["node"] and step["entry"] and step["journals"] for step in document["steps"])
    assert document["evidence"] == document["silences"] == []
    assert {part["who"] for part in document["parts"]} == {f"node-{n}" for n in range(4)}


def test_one_round_of_it(true: Path) -> None:
    whole = meshkit("audit", "why", "task", true, "-o", "json").document
    for words in (
        ("task/1",),
        ("task", "--round", "1"),
        (whole["task"][:8], "--round", "1"),
        ("1",),
    ):
        asked, *rest = words
        told = meshkit("audit", "why", asked, true, *rest, "-o", "json").document
        assert told["steps"] == [step for step in whole["steps"] if step["round"] == 1]


def test_a_line_a_row(true: Path) -> None:
    rows = meshkit("audit", "why", "task", true, "-o", "jsonl").rows
    assert {row["row"] for row in rows} == {"rounds", "steps", "parts"}


def test_a_story_for_people(true: Path, false: Path) -> None:
    said = meshkit("audit", "why", "task/0", true)
    assert said.code == OK
    assert "round 0, opened at height" in said.out
    assert "evidence:" not in said.out
    said = meshkit("audit", "why", "task", *(false / f"node-{n}" for n in range(3)))
    assert "evidence:" in said.out
    assert "two-updates" in said.out


def test_evidence_holds_the_liars_own_signatures(false: Path) -> None:
    homes = [false / f"node-{n}" for n in range(3)]
    [proof] = meshkit("audit", "why", "task", *homes, "-o", "json").document["evidence"]
    assert (proof["culprit"], proof["kind"], proof["signed"]) == ("node-3", "two-updates", True)
    assert proof["signatures"] == [one["signature"] for one in proof["statements"]]
    assert len({signature for signature in proof["signatures"] if len(signature) == 128}) == 2


def test_no_such_story(true: Path) -> None:
    assert "these journals know task" in meshkit("audit", "why", "x", true).complains(NOT_FOUND)
    assert "round 9" in meshkit("audit", "why", "task/9", true).complains(NOT_FOUND)


def test_a_story_of_a_journal_that_does_not_hold(spoilt: Path) -> None:
    said = meshkit("audit", "why", "task", spoilt, "-o", "json")
    assert said.code == DIVERGENCE
    assert [one["round"] for one in said.document["rounds"]] == [0, 1], "it is told all the same"
    [line] = said.err.splitlines()
    assert line.startswith(f"meshkit: {spoilt / 'node-2' / 'journal.sqlite'}: entry 30: ")
    assert meshkit("audit", "why", "task", spoilt / "node-1").code == OK
    said = meshkit("audit", "why", "x", spoilt)
    assert said.code == NOT_FOUND
    assert said.err.splitlines()[0] == line, "it may be why there is no such task"


# -- export ----------------------------------------------------------------------------------------


def test_every_entry_a_line(true: Path, tmp_path: Path) -> None:
    target = tmp_path / "entries.jsonl"
    said = meshkit("audit", "export", true, "--to", target, "-o", "json")
    assert said.code == OK
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert said.document["entries"] == len(rows)
    assert {row["schema"] for row in rows} == {"meshkit.audit.entry/v1"}


def test_nothing_is_overwritten(true: Path, tmp_path: Path) -> None:
    target = tmp_path / "entries.jsonl"
    target.write_text("mine")
    line = meshkit("audit", "export", true, "--to", target).complains(FAILURE)
    assert "File exists" in line
    assert target.read_text() == "mine"
    assert "No such file" in meshkit(
        "audit", "export", true, "--to", tmp_path / "x" / "y"
    ).complains(FAILURE)


def test_an_export_of_a_journal_that_does_not_hold(spoilt: Path, tmp_path: Path) -> None:
    target = tmp_path / "entries.jsonl"
    said = meshkit("audit", "export", spoilt, "--to", target, "-o", "json")
    assert said.code == DIVERGENCE
    assert said.document["entries"] == len(target.read_text().splitlines()) > 0
    [line] = said.err.splitlines()
    assert "entry 30: its hash" in line
