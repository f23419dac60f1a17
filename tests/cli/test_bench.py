"""Each benchmark at its smallest: one document, and figures that can be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from meshkit_services import bench
from meshkit_services.devmesh import MeshError

from meshkit.wire.ipc import LOCK_NAME, is_running
from tests.live import PATIENCE_S, Said, meshkit
from tests.services.processes import until


def measured(*words: object) -> dict[str, Any]:
    said = meshkit("bench", *words)
    assert (said.code, said.err) == (0, "")
    assert said.document["schema"] == f"meshkit.bench.{words[0]}/v1"
    return said.document


def test_sim() -> None:
    document = measured("sim", "--nodes", 4, "--commands", 500)
    assert document["nodes"] == 4
    assert document["commands"] >= 500
    assert document["commands_per_second"] > 0
    again = measured("sim", "--nodes", 4, "--commands", 500)
    assert (again["commands"], again["state"]) == (document["commands"], document["state"])


def test_latency() -> None:
    words = ("--nodes", 1, "--nodes", 4, "--place", "lan", "--calls", 4)
    rows = measured("latency", *words)["rows"]
    assert [(row["replicas"], row["faults"]) for row in rows] == [
        (1, "none"), (4, "none"), (4, "crashed"), (4, "liars"),
    ]  # fmt: skip
    assert all(row["decided"] == row["replicas"] + 4 for row in rows)


def test_latency_of_an_engine_where_nobody_lies() -> None:
    words = ("--engine", "raft", "--nodes", 3, "--place", "lan", "--calls", 4)
    rows = measured("latency", *words)["rows"]
    assert [(row["engine"], row["faults"], row["gone"]) for row in rows] == [
        ("raft", "none", 0), ("raft", "crashed", 1),
    ]  # fmt: skip


def test_availability() -> None:
    words = ("--engine", "raft", "--engine", "tendermint", "--days", 0.001, "--seed", 2)
    document = measured("availability", *words)
    assert document["seed"] == 2
    rows = document["rows"]
    assert [(row["engine"], row["replicas"]) for row in rows] == [("raft", 3), ("tendermint", 4)]
    assert all(row["probes"] == 87 for row in rows)
    assert all(0 < row["share"] <= 1 for row in rows)


def test_aggregate() -> None:
    document = measured("aggregate", "--updates", 8, "--parameters", 50)
    assert document["rows"]
    for row in document["rows"]:
        assert (row["updates"], row["parameters"]) == (8, 50)
        assert row["seconds"] > 0


def test_updates(folder: Path) -> None:
    document = measured("updates", "--rounds", 1, "--parameters", 16, "--folder", folder)
    assert (document["parameters"], document["updates"]) == (16, 100)
    assert document["updates_per_second"] > 0
    assert document["includes"]
    assert not list(folder.iterdir())


@pytest.mark.real
def test_consensus(folder: Path) -> None:
    document = measured(
        "consensus", "--nodes", 1, "--commands", 10, "--outstanding", 4, "--folder", folder
    )
    assert (document["engine"], document["nodes"], document["outstanding"]) == ("tendermint", 1, 4)
    assert document["fsync"] is True
    assert 0 < document["p50_ms"] <= document["p99_ms"]
    assert document["commit_p50_ms"] > 0
    assert document["ops_per_second"] > 0
    assert document["failover_ms"] == []
    assert not list(folder.iterdir())


@pytest.mark.real
def test_who_is_told_to_end_leaves_nothing_behind(folder: Path) -> None:
    command = [sys.executable, "-m", "meshkit_cli.main", "bench", "consensus"]
    more = ["--nodes", "2", "--commands", "1000000", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: sum(map(is_running, folder.glob("*/mesh/node-*"))) == 2)
    homes = list(folder.glob("*/mesh/node-*"))
    pids = [int((home / LOCK_NAME).read_text()) for home in homes]
    process.terminate()
    assert process.communicate(timeout=PATIENCE_S) == ("", "meshkit: ended by SIGTERM\n")
    assert process.returncode == 143
    assert not list(folder.iterdir())
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nothing",), "No such command 'nothing'"),
        (("sim", "--nodes", "0"), "0 is not in the range"),
        (("sim", "--commands", "0"), "0 is not in the range"),
        (("aggregate", "--updates", "0"), "0 is not in the range"),
        (("updates", "--folder", "nowhere"), "'nowhere' does not exist"),
        (("consensus", "--engine", "oracle"), "'oracle' is not"),
        (("consensus", "--outstanding", "65"), "65 is not in the range"),
        (("availability", "--days", "0"), "0.0 is not in the range"),
        (("availability", "--engine", "nothing"), "'nothing' is not"),
    ],
)
def test_what_means_nothing_is_a_mistake_of_use(words: tuple[str, ...], line: str) -> None:
    assert line in meshkit("bench", *words).complains(2)


def test_updates_that_no_ledger_takes_are_refused(folder: Path) -> None:
    words = ("updates", "--rounds", 1, "--parameters", 10**8, "--folder", folder)
    assert meshkit("bench", *words).complains(6) == "size is from 1 to 67108864"


def test_a_mesh_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> dict[str, Any]:
        raise MeshError("node-0 does not run: its disk is full")

    monkeypatch.setattr(bench, "consensus", fails)
    said: Said = meshkit("bench", "consensus")
    assert said.complains(1) == "node-0 does not run: its disk is full"


def test_a_document_is_json_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    from meshkit_cli.bench import _print

    _print({"schema": "meshkit.bench.x/v1", "rows": [None, 0.5, "ä"]})
    assert json.loads(capsys.readouterr().out)["rows"] == [None, 0.5, "ä"]


@pytest.mark.parametrize(
    ("engine", "nodes", "least"), [("raft", 2, 3), ("tendermint", 3, 4), ("pbft", 1, 4)]
)
def test_nobody_is_killed_whom_the_others_need(engine: str, nodes: int, least: int) -> None:
    words = ("--engine", engine, "--nodes", str(nodes), "--failover", "1")
    refused = meshkit("bench", "consensus", *words)
    assert refused.code == 2
    assert f"--failover needs --nodes {least}" in refused.err


def test_a_number_of_days_is_one() -> None:
    assert "nan is no number" in meshkit("bench", "availability", "--days", "nan").complains(2)
