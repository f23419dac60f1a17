"""A development mesh of real processes: made, started, killed, and taken down."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from meshkit_services import devmesh
from meshkit_services.devmesh import DevMesh, MeshError, _ports

from meshkit.ledger.messages import MAY
from meshkit.runtime.home import Home
from meshkit.wire.ipc import LOCK_NAME, is_running
from tests.live import SOFTMAX
from tests.services.processes import short_folder, until

NODES = 4


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[DevMesh]:
    """Four processes that run."""
    with short_folder() as made:
        # Who is dead is waited for less long than elsewhere.
        mesh = DevMesh.create(
            made / "mesh",
            NODES,
            [SOFTMAX],
            standby_ms=200,
            propose_ms=300,
            vote_ms=200,
            step_ms=200,
        )
        try:
            mesh.up()
            yield mesh
        finally:
            mesh.down()


def refusal(attempt: Callable[[], object]) -> str:
    """The one line with which an attempt is refused."""
    with pytest.raises(MeshError) as refused:
        attempt()
    assert "\n" not in str(refused.value)
    return str(refused.value)


# -- made ------------------------------------------------------------------------------------------


def test_a_mesh_is_a_folder_of_homes_that_share_a_genesis(folder: Path) -> None:
    mesh = DevMesh.create(folder / "mesh", 3, [SOFTMAX], "dirichlet:0.5", 7, committee=2)
    homes = [Home.open(path) for path in mesh.homes]
    assert [home.path.name for home in homes] == ["node-0", "node-1", "node-2"]
    assert len({home.mesh for home in homes}) == 1
    genesis = homes[0].genesis
    assert (genesis.name, genesis.policy.committee) == ("mesh", 2)
    assert genesis.policy.allowed_tasks == (SOFTMAX,)
    assert genesis.operators[0].may == tuple(sorted(MAY))
    assert [home.card.id for home in homes] == [founder.id for founder in genesis.founders]
    shards = [home.shard for home in homes]
    assert [(shard.index, shard.count, shard.split, shard.seed) for shard in shards] == [
        (number, 3, "dirichlet:0.5", 7) for number in range(3)
    ]
    endpoints = [getattr(h.card, lane) for h in homes for lane in ("events", "direct", "blobs")]
    assert len(set(endpoints)) == 9


def test_what_is_no_mesh_to_be_made_is_said(folder: Path) -> None:
    root = folder / "mesh"
    assert "1 to 64 nodes, not 0" in refusal(lambda: DevMesh.create(root, 0, []))
    assert "1 to 64 nodes, not 65" in refusal(lambda: DevMesh.create(root, 65, []))
    assert "allowed-tasks: each is a" in refusal(lambda: DevMesh.create(root, 1, ["bogus"]))
    assert "committee is from 1" in refusal(lambda: DevMesh.create(root, 1, [], committee=0))
    line = refusal(lambda: DevMesh.create(folder / "ä", 1, []))
    assert line == (
        f"{folder / 'ä'}: name: the name of a mesh is 1 to 64 printable ASCII characters, "
        "which the folder's name is not: choose another folder"
    )
    assert not root.exists()
    DevMesh.create(root, 1, [])
    assert "there is a mesh already" in refusal(lambda: DevMesh.create(root, 1, []))
    (root / "operator.key").unlink()
    assert "there is a node already" in refusal(lambda: DevMesh.create(root, 1, []))
    (folder / "file").touch()
    assert "Not a directory" in refusal(lambda: DevMesh.create(folder / "file" / "mesh", 1, []))


def test_where_nobody_may_look_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", denied)
    line = refusal(lambda: DevMesh(folder / "mesh").is_made)
    assert line == f"{folder / 'mesh'}: cannot be read: Permission denied"


def test_where_no_mesh_is_there_are_no_homes(folder: Path) -> None:
    line = refusal(lambda: DevMesh(folder).homes)
    assert line == f"{folder}: there is no mesh; make one with: meshkit mesh up {folder}"
    (folder / "operator.key").touch()
    assert "its nodes are gone" in refusal(lambda: DevMesh(folder).homes)


def test_homes_come_in_order_and_other_folders_are_none(folder: Path) -> None:
    for name in ("node-10", "node-9", "node-1", "node-", "node-backup"):
        (folder / name).mkdir()
    assert [path.name for path in DevMesh(folder).homes] == ["node-1", "node-9", "node-10"]


# -- running ---------------------------------------------------------------------------------------


@pytest.mark.real
def test_every_node_runs_and_says_what_it_thinks(running: DevMesh) -> None:
    statuses = list(running.statuses())
    assert [status["name"] for status in statuses] == [f"node-{n}" for n in range(NODES)]
    assert all(status["running"] for status in statuses)
    pids = [running.pid(number) for number in range(NODES)]
    assert len(set(pids)) == NODES
    running.up()  # all run already
    assert [running.pid(number) for number in range(NODES)] == pids


@pytest.mark.real
def test_a_node_that_is_killed_in_a_round_stops_nobody_and_catches_up(running: DevMesh) -> None:
    with running.client() as client:
        task = client.submit("killed", SOFTMAX, 5, quorum=3, deadline_ms=5_000, patience_ms=200)
        seen = client.watch(task)
        next(seen)
        pid = running.pid(3)
        running.kill(3)
        assert [progress["status"] for progress in seen][-1] == "finished"
        outcome = client.task(task)
    until(lambda: running.pid(3) is None)
    [dead] = [status for status in running.statuses() if not status["running"]]
    assert (dead["name"], "no node runs" in dead["reason"]) == ("node-3", True)
    running.up()
    assert running.pid(3) not in (None, pid)
    with running.client(3) as client:
        until(lambda: outcome["model"] in [one["model"] for one in client.tasks()])
        assert client.status()["starts"] == 2


@pytest.mark.real
def test_a_node_that_cannot_start_is_quoted(folder: Path) -> None:
    mesh = DevMesh.create(folder / "mesh", 1, [])
    card = Home.open(mesh.homes[0]).card
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(card.events.rpartition(":")[2])))
        holder.listen()
        line = refusal(mesh.up)
    assert line.startswith("node-0 does not run: meshkit-node: events: ")
    assert "is taken" in line
    mesh.down()


@pytest.mark.real
def test_a_node_that_is_silent_is_waited_for_no_longer_than_asked(folder: Path) -> None:
    mesh = DevMesh.create(folder / "mesh", 1, [])
    line = refusal(lambda: mesh.wait_ready(0, time.monotonic()))
    assert line.startswith("node-0 does not run: no node runs on ")
    (mesh.homes[0] / "node.log").touch()
    assert "no node runs on" in refusal(lambda: mesh.wait_ready(0, time.monotonic()))


@pytest.mark.real
def test_who_does_not_stop_in_time_is_killed(folder: Path) -> None:
    mesh = DevMesh.create(folder / "mesh", 2, [])
    mesh.up()
    frozen = mesh.pid(1)
    assert frozen is not None
    mesh.kill(1, signal.SIGSTOP)
    mesh.down(stop_s=0.5)
    assert not any(is_running(home) for home in mesh.homes)
    with pytest.raises(ProcessLookupError):
        os.kill(frozen, 0)
    mesh.down()  # nothing is left to stop


@pytest.mark.real
def test_what_has_only_just_been_started_is_stopped_too(folder: Path) -> None:
    mesh = DevMesh.create(folder / "mesh", 2, [])
    processes = [mesh.start(number) for number in range(2)]
    mesh.down()
    assert all(process.poll() is not None for process in processes)


@pytest.mark.real
def test_whoever_interrupts_a_start_has_no_node_more_than_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = DevMesh.create(folder / "mesh", 2, [])
    before = mesh.start(0)
    until(lambda: is_running(mesh.homes[0]))
    begun: list[subprocess.Popen[bytes]] = []

    def interrupted(
        mesh: DevMesh, number: int, until_s: float, process: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        if process is not None:
            begun.append(process)
            raise KeyboardInterrupt

    try:
        monkeypatch.setattr(DevMesh, "wait_ready", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mesh.up()
        [late] = begun
        assert late.poll() is not None
        assert before.poll() is None
        assert not is_running(mesh.homes[1])
    finally:
        mesh.down()


def test_who_does_not_run_has_no_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = DevMesh.create(folder / "mesh", 1, [])
    assert mesh.pid(0) is None
    mesh.kill(0)

    def runs(home: Path) -> bool:
        return True

    monkeypatch.setattr(devmesh, "is_running", runs)
    assert mesh.pid(0) is None  # it has no number yet
    (mesh.homes[0] / LOCK_NAME).write_text("nonsense")
    assert mesh.pid(0) is None
    with subprocess.Popen(["true"]) as gone:
        pass
    (mesh.homes[0] / LOCK_NAME).write_text(str(gone.pid))
    mesh.kill(0)


def test_ports_are_none_that_the_system_gives_to_outgoing_connections() -> None:
    """A peer that dials a node which is away might else be given that very port."""
    ports = [port for each in _ports(3) for port in each]
    assert len(set(ports)) == 12
    assert all(20_000 <= port < 32_768 for port in ports)


def test_where_no_port_is_free_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshkit_services.devmesh.PORT_TRIES", 3)
    with pytest.raises(MeshError, match="no 4 free ports from 20000 to 32767"):
        _ports(1)
