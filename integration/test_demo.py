"""What a newcomer types first, and what its journals then prove."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from integration.journals import agree, recompute
from integration.world import MESHKIT, Document, meshkit, until, verified

FIELDS = {
    "schema", "nodes", "rounds", "split", "engine", "accuracy", "round_seconds_median",
    "wall_seconds", "bytes_sent", "model_digest", "nodes_agree", "restarts", "journals",
}  # fmt: skip


def demo(home: Path, *words: object) -> Document:
    """The document of one run, whatever the run; and what must be true of every run's journals."""
    said = meshkit("demo", "-o", "json", "--home", home, *words)
    assert said.code == 0, said
    document = said.document
    assert document["schema"] == "meshkit.demo/v1"
    assert set(document) >= FIELDS
    assert document["nodes_agree"]
    assert document["bytes_sent"] > 0
    assert document["round_seconds_median"] > 0
    homes = [Path(path) for path in document["journals"]]
    assert len(homes) == document["nodes"]
    agree(homes)
    assert recompute(homes) == document["rounds"]
    audit = verified(homes, attested=document["engine"] != "raft")
    assert audit["aggregates_recomputed"] == document["rounds"]
    assert audit["evidence"] == []
    assert not any(is_running(home) for home in homes)
    return document


def is_running(home: Path) -> bool:
    pid = int((home / "node.lock").read_text())
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_other_engine_for_liars_does_as_well(folder: Path) -> None:
    document = demo(folder / "mesh", "--engine", "pbft", "--kill", "leader")
    assert document["engine"] == "pbft"
    assert document["accuracy"] >= 0.96
    assert document["restarts"] == 1


@pytest.mark.parametrize("more", [(), ("--kill", "leader")], ids=["alive", "killed"])
def test_so_does_the_engine_of_a_trusted_site(folder: Path, more: tuple[str, ...]) -> None:
    document = demo(folder / "mesh", "--engine", "raft", *more)
    assert document["engine"] == "raft"
    assert document["accuracy"] >= 0.95
    assert document["restarts"] == len(more) // 2
    for journal in sorted((folder / "mesh").glob("node-*")):
        said = meshkit("replay", "check", "-o", "json", journal)
        assert said.code == 0, said
        assert said.document["divergence"] is None


@pytest.mark.parametrize(("split", "accuracy"), [("iid", 0.96), ("dirichlet:0.5", 0.95)])
def test_five_nodes_learn_digits_without_a_server(
    folder: Path, split: str, accuracy: float
) -> None:
    document = demo(folder / "mesh", "--split", split)
    assert (document["nodes"], document["rounds"]) == (5, 10)
    assert document["split"] == split
    assert document["accuracy"] >= accuracy
    assert document["restarts"] == 0


@pytest.mark.parametrize("victim", ["leader", "trainer"])
def test_kill_9_in_the_middle_of_a_round(folder: Path, victim: str) -> None:
    home = folder / "mesh"
    document = demo(home, "--kill", victim, "--task", "softmax", "--rounds", 20)
    assert document["restarts"] == 1
    assert document["rounds"] == 20
    # The journals are what they are, wherever they lie and however this machine counts.
    elsewhere = Path(shutil.copytree(home, folder / "elsewhere"))
    shutil.rmtree(home)
    verified([elsewhere], PYTHONHASHSEED="12345", OMP_NUM_THREADS="1")
    for journal in sorted(elsewhere.glob("node-*")):
        said = meshkit("replay", "check", "-o", "json", journal)
        assert said.code == 0, said
        assert said.document["ok"]
        assert said.document["divergence"] is None


def test_who_is_interrupted_leaves_no_process_behind(folder: Path) -> None:
    """Ctrl-C at the terminal goes to the demo; its nodes are in sessions of their own."""
    home = folder / "mesh"
    # A shell starts what it does not wait for with interrupts ignored, and that is inherited.
    heeding = ["env", "--default-signal=INT", str(MESHKIT)]
    command = [*heeding, "demo", "--home", str(home), "--task", "softmax", "--rounds", "9999"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        until(lambda: (home / "node-4" / "journal.sqlite").exists(), "the nodes are started")
        run.send_signal(signal.SIGINT)
        _, complaint = run.communicate()
    assert run.returncode == 1
    assert complaint.splitlines()[-1] == b"meshkit: interrupted"
    assert not any(is_running(node) for node in home.glob("node-*"))
