"""The benchmark of consensus: a real mesh, and a document that says what was measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from meshkit_services import bench
from meshkit_services.devmesh import MeshError

from tests.services.processes import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.mark.real
def test_commands_go_through_a_mesh_of_processes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "COMMITS_MEASURED", 10)
    document = bench.consensus("tendermint", 2, outstanding=3, commands=12, folder=folder)
    measured = {"commit_p50_ms", "ops_per_second", "p50_ms", "p99_ms"}
    assert {name: value for name, value in document.items() if name not in measured} == {
        "schema": "meshkit.bench.consensus/v1",
        "engine": "tendermint",
        "nodes": 2,
        "outstanding": 3,
        "commands": 12,
        "command_bytes": 100,
        "fsync": True,
        "failover_ms": [],
        "failover_p50_ms": None,
    }
    assert all(document[name] > 0 for name in measured)
    assert document["p50_ms"] <= document["p99_ms"]
    assert list(folder.iterdir()) == []  # nothing is left behind


class Node:
    """A client whose node answers as told: (number, answer) in order."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.posted = 0
        self.most = 0

    def post(self, body: bytes) -> int:
        self.posted += 1
        self.most = max(self.most, self.posted)
        return self.posted

    def take(self, timeout_ms: int) -> tuple[int, bytes]:
        if not self.answers:
            return 0, b""
        number, answer = self.answers.pop(0)
        return number, msgspec.msgpack.encode(answer)


def drive(node: Node, outstanding: int, commands: int) -> list[float]:
    return bench._drive(node, outstanding, commands)  # type: ignore[arg-type]  # no socket


def test_each_command_is_timed_by_its_own_answer() -> None:
    good = {"ok": True}
    node = Node((2, good), (9, good), (1, good), (3, good))  # 9 answers nobody's question
    assert len(drive(node, 2, 3)) == 3
    assert node.posted == 3


def test_a_mesh_that_decides_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MeshError, match="no command was decided within 30 s"):
        drive(Node(), 1, 1)


def test_a_mesh_that_refuses_is_quoted() -> None:
    with pytest.raises(MeshError, match="the mesh refuses a command: full: no room"):
        drive(Node((1, {"ok": False, "reason": "full: no room"})), 1, 1)


@pytest.mark.real
def test_whoever_is_to_propose_is_killed_and_the_others_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "COMMITS_MEASURED", 10)
    document = bench.consensus("raft", 3, 1, 12, folder, failover=2)
    assert len(document["failover_ms"]) == 2
    assert min(document["failover_ms"]) <= document["failover_p50_ms"]


class TwoHomes:
    """As much of a mesh as has two nodes."""

    homes = (Path("node-0"), Path("node-1"))


def test_who_is_to_propose_is_whom_all_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ["", "node-1", "node-1", "node-1"]

    def status(mesh: Any, number: int) -> dict[str, str]:
        return {"proposer": told.pop(0)}

    monkeypatch.setattr(bench, "_status", status)
    monkeypatch.setattr(bench, "POLL_S", 0)
    mesh: Any = TwoHomes()
    assert bench._proposer(mesh) == 1
    assert told == []
    monkeypatch.setattr(bench, "ANSWER_MS", 0)
    with pytest.raises(MeshError, match="nobody is to propose"):
        bench._proposer(mesh)
