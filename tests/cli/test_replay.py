"""`meshkit replay`: states, differences, and a code for each."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from meshkit_cli.output import DIVERGENCE, FAILURE, NOT_FOUND, OK, REFUSED, USAGE
from meshkit_cli.replay import moment_ns, shared
from msgspec.structs import replace

from meshkit.audit.exhibits import Exhibit
from meshkit.audit.folding import fold, opened
from meshkit.core.machine import Moment
from tests.audit import forger
from tests.audit.world import identity_of, of_other_rules, recorded
from tests.live import meshkit


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mesh that trained two rounds in peace."""
    return recorded(tmp_path_factory.mktemp("true"))


@pytest.fixture
def bent(true: Path, tmp_path: Path) -> Path:
    """The true mesh; node 1's entry 33 records less than follows, and all is signed anew."""
    copy = Path(shutil.copytree(true, tmp_path / "copy"))
    forger.rewrite(
        copy / "node-1", identity_of(1), 33, lambda entry: replace(entry, events=entry.events[:-1])
    )
    return copy


# -- run -------------------------------------------------------------------------------------------


def test_the_whole_state(true: Path) -> None:
    said = meshkit("replay", "run", true / "node-1", "-o", "json")
    assert said.code == OK
    document = said.document
    assert document["schema"] == "meshkit.state/v1"
    with opened(true / "node-1" / "journal.sqlite") as journal:
        folded = fold(journal)
    assert document["state_digest"] == folded.digest.hex()
    assert sorted(document["state"]) == ["consensus", "history", "ledger", "pool", "rounds"]
    assert document["state"]["ledger"]["height"] == folded.state["ledger"].height


def test_a_summary_for_people(true: Path) -> None:
    said = meshkit("replay", "run", true / "node-1")
    assert said.code == OK
    for words in ("state digest", "task: finished, round 2 of 2", "node-0", "height"):
        assert words in said.out


def test_at_an_entry_or_a_time(true: Path) -> None:
    index, entry = forger.entries(true / "node-1")[9]
    at = meshkit("replay", "run", true / "node-1", "--to", index, "-o", "json").document
    until = meshkit(
        "replay", "run", true / "node-1", "--until", entry.moment.now_ns, "-o", "json"
    ).document
    assert at == until
    assert at["entry"] == index
    nothing = meshkit("replay", "run", true / "node-1", "--to", "0")
    assert nothing.code == OK


def test_times_as_people_type_them() -> None:
    assert moment_ns("17") == 17
    zoned = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
    assert moment_ns("2026-01-31T12:00:00+00:00") == int(zoned.timestamp()) * 10**9


def test_what_cannot_be_folded(true: Path, bent: Path) -> None:
    home = true / "node-1"
    assert "say a time" in meshkit("replay", "run", home, "--until", "noon").complains(USAGE)
    both = meshkit("replay", "run", home, "--until", "1", "--to", "1")
    assert "name one of them" in both.complains(USAGE)
    assert "no entry 9999" in meshkit("replay", "run", home, "--to", 9999).complains(NOT_FOUND)
    assert "holds 4 journals" in meshkit("replay", "run", true).complains(USAGE)
    forger.flip(bent / "node-1", 7, 0)
    line = meshkit("replay", "run", bent / "node-1").complains(DIVERGENCE)
    assert "entry 7 was altered" in line


# -- check -----------------------------------------------------------------------------------------


def test_one_true_journal(true: Path) -> None:
    said = meshkit("replay", "check", true / "node-1", "-o", "json")
    assert said.code == OK
    document = said.document
    assert document["schema"] == "meshkit.replay/v1"
    assert document["ok"] is True
    assert document["divergence"] is None
    assert document["entries"] == len(forger.rows(true / "node-1"))
    assert document["entries_per_second"] > 0
    state = meshkit("replay", "run", true / "node-1", "-o", "json").document
    assert document["state_digest"] == state["state_digest"]


def test_a_mesh_of_them(true: Path) -> None:
    said = meshkit("replay", "check", true, "-o", "json")
    assert said.code == OK
    assert len(said.document["journals"]) == 4
    assert said.document["entries"] == sum(one["entries"] for one in said.document["journals"])
    assert said.document["state_digest"] is None
    assert "node-3" in meshkit("replay", "check", true).out


def test_large_ones_are_decided_side_by_side(
    true: Path, bent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshkit_cli.replay.FORKED_BYTES_MIN", 1)
    assert meshkit("replay", "check", true).code == OK
    said = meshkit("replay", "check", bent, "-o", "json")
    assert said.code == DIVERGENCE
    assert said.document["divergence"]["entry"] == 33


def test_journals_are_shared_out_by_their_size(tmp_path: Path) -> None:
    exhibits: list[Exhibit] = []
    for number, size in enumerate((3_000, 1_000, 1_500, 500, 2_100)):
        path = tmp_path / f"node-{number}"
        path.mkdir()
        exhibits.append(Exhibit(path))
        exhibits[-1].journal.write_bytes(bytes(size))
    shares = [[each.path.name[-1] for each in share] for share in shared(exhibits, 2)]
    assert shares == [["4", "2", "3"], ["0", "1"]]
    assert len(shared(exhibits, 9)) == 5
    assert len(shared(exhibits, 1)) == 1


def test_the_first_difference(bent: Path) -> None:
    said = meshkit("replay", "check", bent / "node-1", "-o", "json")
    assert said.code == DIVERGENCE
    divergence = said.document["divergence"]
    assert divergence["entry"] == 33
    assert divergence["recorded"] == divergence["decided"][:-1]
    said = meshkit("replay", "check", bent, "-o", "jsonl")
    assert said.code == DIVERGENCE
    assert [one["ok"] for one in said.rows] == [True, False, True, True]


def test_a_journal_that_cannot_be_decided_has_a_row_too(bent: Path) -> None:
    forger.flip(bent / "node-1", 7, 0)
    said = meshkit("replay", "check", bent / "node-1", "-o", "json")
    assert said.code == DIVERGENCE
    document = said.document
    assert (document["ok"], document["entries"], document["divergence"]) == (False, 0, None)
    assert document["problem"]["kind"] == "altered"
    assert "entry 7 was altered" in document["problem"]["what"]
    assert said.err == f"meshkit: {document['problem']['what']}\n"
    assert "node-1" in meshkit("replay", "check", bent / "node-1").out


@pytest.mark.parametrize("forked_bytes_min", [1, 1 << 30])
def test_one_bad_journal_hides_no_other(
    bent: Path, monkeypatch: pytest.MonkeyPatch, forked_bytes_min: int
) -> None:
    monkeypatch.setattr("meshkit_cli.replay.FORKED_BYTES_MIN", forked_bytes_min)
    forger.flip(bent / "node-2", 7, 0)
    (bent / "node-3" / "journal.sqlite").write_bytes(b"no database" * 100)
    said = meshkit("replay", "check", bent, "-o", "json")
    assert said.code == DIVERGENCE
    rows = said.document["journals"]
    assert [row["ok"] for row in rows] == [True, False, False, False]
    assert [(row["problem"] or {}).get("kind") for row in rows] == [
        None, None, "altered", "unreadable",
    ]  # fmt: skip
    assert said.document["divergence"]["entry"] == rows[1]["divergence"]["entry"] == 33
    assert said.document["problem"] == {"home": rows[2]["home"], **rows[2]["problem"]}
    assert said.document["entries"] == rows[0]["entries"] + rows[1]["entries"] > 0
    assert [line[:9] for line in said.err.splitlines()] == ["meshkit: "] * 2
    rest = meshkit("replay", "check", bent / "node-0", bent / "node-3", "-o", "json")
    assert (rest.code, rest.document["ok"]) == (FAILURE, False), "nobody says that it was altered"


def test_other_rules_are_none_that_are_broken(tmp_path: Path) -> None:
    said = meshkit("replay", "check", of_other_rules(tmp_path), "-o", "json")
    assert said.code == REFUSED
    assert said.document["problem"]["kind"] == "rules"
    assert "install meshkit==9.9.9" in said.err


# -- diff ------------------------------------------------------------------------------------------


def test_nothing_parts_a_journal_from_its_copy(true: Path) -> None:
    said = meshkit("replay", "diff", true / "node-1", true / "node-1", "-o", "json")
    assert said.code == OK
    document = said.document
    assert document["schema"] == "meshkit.replay.diff/v1"
    assert document["same_node"] is document["equal"] is True
    assert document["common_entries"] == len(forger.rows(true / "node-1"))


def test_nothing_parts_what_two_nodes_decided(true: Path) -> None:
    said = meshkit("replay", "diff", true / "node-1", true / "node-2", "-o", "json")
    assert said.code == OK
    assert said.document["common_heights"] > 2


def test_where_a_journal_was_changed(true: Path, bent: Path) -> None:
    said = meshkit("replay", "diff", true / "node-1", bent / "node-1", "-o", "json")
    assert said.code == DIVERGENCE
    document = said.document
    assert document["entries"] == [33, 33]
    assert document["first"]["events"][:-1] == document["second"]["events"]
    said = meshkit("replay", "diff", true / "node-1", bent / "node-1")
    assert said.code == DIVERGENCE
    assert "they differ in the entry's events" in said.out


def test_where_two_nodes_part(true: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(true, tmp_path / "copy"))
    last = len(forger.rows(copy / "node-1"))
    forger.rewrite(
        copy / "node-1", identity_of(1), last, lambda entry: replace(entry, moment=Moment(2**61, 1))
    )
    assert meshkit("replay", "diff", copy / "node-1", copy / "node-2").code == OK
