"""A real demo's journals, audited as anybody would: elsewhere, later, and after a forger was there.

The demo runs once; each test takes a copy. Rows and bytes to spoil are drawn, the same ones in
every run; `tests/audit` goes through every byte of a smaller mesh.
"""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from msgspec.structs import replace

from integration.conftest import Founding
from integration.world import Document, meshkit, verified
from meshkit.audit.exhibits import gather
from meshkit.audit.verify import Report, verify
from meshkit.core.history import HeadNoted
from meshkit.core.machine import Entry, Moment
from meshkit.runtime.home import Home
from meshkit.wire.keys import Identity
from tests.audit import forger

NODES, ROUNDS = 5, 6
ROUNDS_AHEAD = 5_000  # more than four nodes train while their journals are looked at
DIVERGENCE = 3
ROWS_TRIED = 60  # of the 1,500 entries of all five, one in 25
BLOBS_TRIED = 12
VICTIM = "node-2"


@pytest.fixture(scope="module")
def demo() -> Iterator[Path]:
    """Five processes that trained `ROUNDS` rounds, and are gone. Not to be written to."""
    with TemporaryDirectory(prefix="mk-") as name:
        root = Path(name, "demo")
        said = meshkit(
            "demo", "--nodes", NODES, "--rounds", ROUNDS, "--task", "softmax", "--home", root,
            "-o", "json",
        )  # fmt: skip
        assert said.code == 0, said
        assert said.document["nodes_agree"]
        yield root


@pytest.fixture
def copy(demo: Path, tmp_path: Path) -> Path:
    """The demo's folder, to be spoilt; its sockets stay behind."""

    def sockets(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if stat.S_ISSOCK(os.lstat(Path(folder, name)).st_mode)]

    return Path(shutil.copytree(demo, tmp_path / "copy", ignore=sockets))


@pytest.fixture
def home(copy: Path) -> Path:
    return copy / VICTIM


def key(home: Path) -> Identity:
    return Home(home).identity


def audit(*paths: Path) -> Report:
    return verify(gather(paths))


def found(report: Report) -> set[tuple[str, int, str]]:
    return {(report.names[one.node], one.entry, one.kind) for one in report.findings}


def drawn(*names: object) -> int:
    return int.from_bytes(blake3(repr(names).encode()).digest()[:8], "big")


# -- what is true ----------------------------------------------------------------------------------


def test_all_of_it_is_checked_and_true(demo: Path) -> None:
    said = meshkit("audit", "verify", demo, "-o", "json")
    assert said.code == 0, said
    document = said.document
    assert document["ok"]
    assert document["attested"]
    assert document["journals"] == NODES
    assert document["aggregates_recomputed"] == ROUNDS
    assert document["findings"] == document["notes"] == document["evidence"] == []
    assert document["certificates"] >= NODES * (ROUNDS + 1)


def test_every_decision_is_decided_again(demo: Path) -> None:
    said = meshkit("replay", "check", demo, "-o", "json")
    assert said.code == 0, said
    assert said.document["ok"]
    assert len(said.document["journals"]) == NODES
    for one in said.document["journals"]:
        state = meshkit("replay", "run", one["home"], "-o", "json").document
        assert state["state_digest"] == one["state_digest"]
        assert state["entry"] == one["entries"]


@pytest.mark.parametrize(("seed", "threads"), [("1", "1"), ("4000000000", "4")])
def test_elsewhere_read_only_under_another_hash_seed_and_with_other_threads(
    copy: Path, seed: str, threads: str
) -> None:
    for path in sorted(copy.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    settings = {
        "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
    }  # fmt: skip
    said = meshkit("audit", "verify", copy, "-o", "json", **settings)
    assert said.code == 0, said
    assert said.document["aggregates_recomputed"] == ROUNDS
    checked = meshkit("replay", "check", copy, "-o", "json", **settings)
    assert checked.code == 0, checked
    for path in copy.rglob("*"):
        path.chmod(0o700)


def test_the_story_of_a_round(demo: Path) -> None:
    said = meshkit("audit", "why", "demo", demo, "--round", 1, "-o", "json")
    assert said.code == 0, said
    document = said.document
    assert [one["round"] for one in document["rounds"]] == [1]
    assert document["evidence"] == []
    counted = {part["who"] for part in document["parts"] if part["update"] == "counted"}
    assert len(counted) >= NODES - (NODES - 1) // 3


def test_every_entry_as_a_line(demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "entries.jsonl"
    said = meshkit("audit", "export", demo, "--to", target, "-o", "json")
    assert said.code == 0, said
    assert len(target.read_text().splitlines()) == said.document["entries"]


# -- while it happens ------------------------------------------------------------------------------


def test_the_nodes_need_not_stop_for_it(found: Founding, tmp_path: Path) -> None:
    """What stood in each journal at one time is checked, told and written out; they go on."""
    mesh = found()
    for number in range(len(mesh.homes)):
        mesh.start(number)
    mesh.ready()
    task = mesh.submit(ROUNDS_AHEAD, quorum=len(mesh.homes))  # nobody is left behind
    mesh.reach(task, 2)
    document = verified(mesh.homes)  # the journals grow while they are read
    assert document["evidence"] == []
    # What a node was just writing into its blobs may be seen half, and is no more than a note.
    assert all("never finished" in note["what"] for note in document["notes"])
    assert document["aggregates_recomputed"] >= 2
    said = meshkit("replay", "check", mesh.root, "-o", "json")
    assert said.code == 0, said
    story = meshkit("audit", "why", task, mesh.root, "-o", "json")
    assert story.code == 0, story
    assert story.document["evidence"] == []
    assert [one for one in story.document["silences"] if one["kind"] == "no-update"] == []
    target = tmp_path / "entries.jsonl"
    said = meshkit("audit", "export", mesh.root, "--to", target, "-o", "json")
    assert said.code == 0, said
    last: dict[str, int] = {}
    for line in target.read_text().splitlines():
        entry = json.loads(line)
        assert entry["index"] == last.get(entry["node"], 0) + 1
        last[entry["node"]] = entry["index"]
    assert len(last) == len(mesh.homes)
    before = mesh.done(task)
    assert before < ROUNDS_AHEAD, "they were to be at work all the time"
    mesh.reach(task, before + 1)
    mesh.close()
    verified(mesh.homes)


# -- what a forger did -----------------------------------------------------------------------------


def test_any_byte_of_any_entry_of_any_node(copy: Path) -> None:
    """One byte of a row, drawn over all rows of all nodes: named, with node and entry."""
    homes = [copy / f"node-{number}" for number in range(NODES)]
    rows = [(home, index, state) for home in homes for index, state in forger.rows(home)]
    for number in range(ROWS_TRIED):
        home, index, state = rows[drawn("row", number) % len(rows)]
        forger.flip(home, index, drawn("byte", number) % len(state), 1 << number % 8)
        report = audit(home)
        named = {where[:2] for where in found(report)}
        assert (home.name, index) in named, (home.name, index)
        forger.put(home, index, state)
    assert audit(copy).ok


def test_one_of_them_as_it_is_typed(copy: Path) -> None:
    forger.flip(copy / "node-3", 77, 123)
    said = meshkit("audit", "verify", copy, "-o", "json")
    assert said.code == DIVERGENCE
    assert {(one["node"], one["entry"]) for one in said.document["findings"]} >= {("node-3", 77)}
    said = meshkit("replay", "check", copy)
    assert said.code == DIVERGENCE
    assert all(f"node-{number}" in said.out for number in range(NODES)), "a row each"
    assert "entry 77 was altered" in said.err


def test_any_byte_of_a_blob(copy: Path) -> None:
    packs = sorted(copy.glob("node-*/blobs/packs/*.pack"))
    for number in range(BLOBS_TRIED):
        pack = packs[drawn("pack", number) % len(packs)]
        whole = pack.read_bytes()
        spoilt = bytearray(whole)
        spoilt[drawn("blob", number) % len(whole)] ^= 1 << number % 8
        pack.write_bytes(spoilt)
        report = audit(copy)
        node = pack.parents[2].name
        assert {(name, kind) for name, _, kind in found(report)} == {(node, "blob")}
        assert all(entry > 0 for _, entry, _ in found(report))
        pack.write_bytes(whole)


def test_a_pack_that_is_gone_or_empty(home: Path) -> None:
    [pack] = (home / "blobs" / "packs").iterdir()
    for spoil in (lambda: pack.write_bytes(b""), pack.unlink):
        spoil()
        said = meshkit("audit", "verify", home.parent, "-o", "json")
        assert said.code == DIVERGENCE
        assert {(one["node"], one["kind"]) for one in said.document["findings"]} == {
            (VICTIM, "blob")
        }
        assert any(one["entry"] for one in said.document["findings"])


def test_a_home_that_comes_without_its_blobs(home: Path) -> None:
    """They may stay where they are: others have what is needed, and it is said how many do."""
    shutil.rmtree(home / "blobs")
    said = meshkit("audit", "verify", home.parent, "-o", "json")
    assert said.code == 0, said
    [note] = said.document["notes"]
    assert note["node"] == VICTIM
    assert "blobs that its journal says it has were not looked at" in note["what"]


def test_a_tail_that_was_cut_off(home: Path) -> None:
    last = len(forger.rows(home))
    cut = last - 12
    forger.cut(home, cut)
    forger.reseal(home, key(home), cut)
    said = meshkit("audit", "verify", home.parent, "-o", "json")
    assert said.code == DIVERGENCE
    cuts = [one for one in said.document["findings"] if one["kind"] == "cut"]
    assert [(one["node"], one["entry"]) for one in cuts] == [(VICTIM, cut + 1)]
    assert cuts[0]["last"] <= last


def test_two_journals_spliced(home: Path) -> None:
    forger.splice(home, home.parent / "node-1", 90)
    report = audit(home.parent)
    assert (VICTIM, 90, "hash") in found(report)


def shifted(entry: Entry) -> Entry:
    """By another chance: the rules decide of it just the same."""
    return replace(entry, moment=Moment(entry.moment.now_ns, entry.moment.seed ^ 1))


@pytest.mark.parametrize("which", ["last-head", 150, 20])
def test_an_entry_edited_and_all_behind_it_signed_anew(home: Path, which: str | int) -> None:
    """Below a head that another holds: the interval between two heads is named."""
    heads = [
        index
        for index, entry in forger.entries(home)
        if any(isinstance(event.body, HeadNoted) for event in entry.events)
    ]
    index = heads[0] if which == "last-head" else int(which)
    forger.rewrite(home, key(home), index, shifted)
    said = meshkit("audit", "verify", home.parent, "-o", "json")
    assert said.code == DIVERGENCE
    forks = [one for one in said.document["findings"] if one["kind"] == "fork"]
    assert [one["node"] for one in forks] == [VICTIM]
    assert forks[0]["entry"] <= index <= (forks[0]["last"] or forks[0]["entry"])


def test_a_copy_that_parts_from_the_original(demo: Path, home: Path) -> None:
    forger.rewrite(home, key(home), 100, shifted)
    said = meshkit("replay", "diff", demo / VICTIM, home, "-o", "json")
    assert said.code == DIVERGENCE
    document: Document = said.document
    assert document["entries"] == [100, 100]
    assert document["same_node"]
