"""A development mesh from the command line: up, asked, down; its processes are real."""

from pathlib import Path

import pytest
from meshkit_cli.demo import TASKS
from meshkit_services.devmesh import DevMesh

from meshkit.runtime.home import Home
from meshkit.wire.ipc import is_running
from tests.live import SOFTMAX, Answer, meshkit


def status(folder: Path) -> Answer:
    said = meshkit("mesh", "status", folder, "-o", "json")
    assert (said.code, said.err) == (0, "")
    assert said.document["schema"] == "meshkit.mesh.status/v1"
    return said.document


@pytest.mark.real
def test_a_mesh_goes_up_and_down_and_up_again(folder: Path) -> None:
    root = folder / "m"
    try:
        said = meshkit("mesh", "up", root, "--nodes", 2, "--task", SOFTMAX)
        assert (said.code, said.out) == (0, "")
        home, key = root / "node-0", root / "operator.key"
        assert said.err.splitlines() == [
            f"2 nodes run; ask one with: meshkit node status --home {home}",
            f"submit with: meshkit task submit {TASKS['digits']} --home {home} --operator {key}",
        ]
        assert Home.open(home).genesis.policy.allowed_tasks == (SOFTMAX,)
        first = status(root)["nodes"]
        assert [(one["name"], one["running"], one["starts"]) for one in first] == [
            ("node-0", True, 1),
            ("node-1", True, 1),
        ]
        assert meshkit("mesh", "up", root).code == 0
        assert [one["starts"] for one in status(root)["nodes"]] == [1, 1]
        assert meshkit("mesh", "down", root) == (0, "", f"{root}: no node runs\n")
        assert not any(is_running(home) for home in DevMesh(root).homes)
        assert meshkit("mesh", "up", root).code == 0
        assert [one["starts"] for one in status(root)["nodes"]] == [2, 2]
    finally:
        DevMesh(root).down()


def test_nodes_that_rest_say_why(folder: Path) -> None:
    DevMesh.create(folder / "m", 2, [])
    nodes = status(folder / "m")["nodes"]
    assert [(one["name"], one["running"]) for one in nodes] == [
        ("node-0", False),
        ("node-1", False),
    ]
    assert all("no node runs on" in one["reason"] for one in nodes)
    rows = meshkit("mesh", "status", folder / "m", "-o", "jsonl").rows
    assert rows == nodes
    table = meshkit("mesh", "status", folder / "m")
    assert "node-1" in table.out
    assert meshkit("mesh", "down", folder / "m").code == 0


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["status", "down"])
def test_where_there_is_no_mesh(folder: Path, verb: str) -> None:
    line = meshkit("mesh", verb, folder / "m").complains(1)
    assert (
        line == f"{folder / 'm'}: there is no mesh; make one with: meshkit mesh up {folder / 'm'}"
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--nodes", 65), 2, "65 is not in the range"),
        (("--nodes", 0), 2, "0 is not in the range"),
        (("--split", "halves"), 2, "a split is iid or dirichlet"),
        (("--engine", "oracle"), 2, "'oracle' is not"),
        (("--task", "nothing"), 1, "each is a module:attribute"),
    ],
)
def test_a_mesh_out_of_form_is_not_made(
    folder: Path, words: tuple[object, ...], code: int, line: str
) -> None:
    assert line in meshkit("mesh", "up", folder / "m", *words).complains(code)
    assert not (folder / "m").exists()


def test_a_file_is_no_place_for_a_mesh(folder: Path) -> None:
    (folder / "m").touch()
    assert meshkit("mesh", "up", folder / "m").complains(1)
    assert meshkit("mesh", "up", folder / "m" / "deeper").complains(1)


@pytest.mark.real
def test_a_node_that_cannot_start_is_named_with_its_last_words(folder: Path) -> None:
    mesh = DevMesh.create(folder / "m", 1, [])
    (mesh.homes[0] / "chain.key").unlink()
    line = meshkit("mesh", "up", folder / "m").complains(1)
    assert line.startswith("node-0 does not run: ")
    assert "chain.key" in line
