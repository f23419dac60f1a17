"""The project's own benchmarks: each returns the document that `meshkit bench` prints.

They run what a user runs: real processes, real sockets, real fsync. Machines differ and are shared,
so each states what it compares with: F is the store's own commit time on the same disk, in the same
run.
"""

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from meshkit.journal import measure_commit_ms
from meshkit.wire.ipc import OperatorClient
from meshkit_services.devmesh import READY_S, DevMesh, MeshError

COMMAND_BYTES = 100
POLL_S = 0.01  # a guess: short beside a failover's hundred milliseconds
SETTLED_S = 0.5  # between two kills: elections are over, and what was missed is fetched
COMMITS_MEASURED = 200
WARM_UP = 20  # decisions before the clock runs: connections are new, caches cold
ANSWER_MS = 30_000

Document = dict[str, Any]


def consensus(
    engine: str,
    nodes: int,
    outstanding: int,
    commands: int,
    folder: Path | None = None,
    failover: int = 0,
) -> Document:
    """Commands of 100 bytes through a mesh of `nodes` processes, `outstanding` at a time.

    A command's time runs from its handing in at one node's operator socket to the answer that it is
    decided and applied there: gossip, proposal, two votes, every fsync and both ends of the socket.
    The node is the one whose turn it is to propose when all begins: where one leads, it is that.

    Then, `failover` times, whoever is to propose is killed (-9); each time, how long after that a
    command is decided that another node takes next.
    """
    with tempfile.TemporaryDirectory(prefix="meshkit-bench-", dir=folder) as place:
        root = Path(place)
        mesh = DevMesh.create(root / "mesh", nodes, [], engine=engine)
        try:
            mesh.up()
            first = _proposer(mesh)
            with OperatorClient(mesh.homes[first]) as client:
                _drive(client, 1, WARM_UP)
                before_ms = measure_commit_ms(root, COMMITS_MEASURED // 2)
                started = time.perf_counter()
                spent_ms = _drive(client, outstanding, commands)
                seconds = time.perf_counter() - started
            commits_ms = before_ms + measure_commit_ms(root, COMMITS_MEASURED // 2)
            failovers_ms = [_failover(mesh) for _ in range(failover)]
        finally:
            mesh.down()
    quantiles = statistics.quantiles(spent_ms, n=100, method="inclusive")
    return {
        "schema": "meshkit.bench.consensus/v1",
        "engine": engine,
        "nodes": nodes,
        "outstanding": outstanding,
        "commands": commands,
        "command_bytes": COMMAND_BYTES,
        "fsync": True,
        "commit_p50_ms": round(statistics.median(commits_ms), 3),
        "ops_per_second": round(commands / seconds, 1),
        "p50_ms": round(quantiles[49], 3),
        "p99_ms": round(quantiles[98], 3),
        "failover_ms": [round(one, 1) for one in failovers_ms],
        "failover_p50_ms": round(statistics.median(failovers_ms), 1) if failover else None,
    }


def _proposer(mesh: DevMesh, among: Sequence[int] = ()) -> int:
    """Whose turn it is to propose, by what all these nodes say; who leads has it always."""
    until_s = time.monotonic() + ANSWER_MS / 1_000
    while time.monotonic() < until_s:
        named = {_status(mesh, number)["proposer"] for number in among or range(len(mesh.homes))}
        for number, home in enumerate(mesh.homes):
            if named == {home.name}:
                return number
        time.sleep(POLL_S)
    raise MeshError(f"nobody is to propose within {ANSWER_MS / 1_000:g} s")


def _status(mesh: DevMesh, number: int) -> Document:
    with mesh.client(number) as client:
        return client.status()


def _failover(mesh: DevMesh) -> float:
    """Kill whoever is to propose; ms until a command is decided that another node takes then."""
    victim = _proposer(mesh)
    survivor = (victim + 1) % len(mesh.homes)
    with OperatorClient(mesh.homes[survivor]) as client:
        client.ask(msgspec.msgpack.encode({"do": "status"}), ANSWER_MS)  # so that it is connected
        mesh.kill(victim)
        begun = time.perf_counter()
        _drive(client, 1, 1)
        spent_ms = (time.perf_counter() - begun) * 1_000
    process = mesh.start(victim)
    mesh.wait_ready(victim, time.monotonic() + READY_S, process)
    until_s = time.monotonic() + READY_S
    while _status(mesh, victim)["height"] < _status(mesh, survivor)["height"]:
        if time.monotonic() > until_s:
            raise MeshError(f"node-{victim} does not catch up")
        time.sleep(POLL_S)
    time.sleep(SETTLED_S)
    return spent_ms


def _drive(client: OperatorClient, outstanding: int, commands: int) -> list[float]:
    """Keep `outstanding` notes under way until `commands` are decided; each one's time in ms."""
    begun: dict[int, float] = {}
    todo = deque(range(commands))
    spent_ms: list[float] = []
    while todo or begun:
        while todo and len(begun) < outstanding:
            payload = todo.popleft().to_bytes(8, "big").ljust(COMMAND_BYTES, b".")
            request = msgspec.msgpack.encode({"do": "note", "payload": payload, "wait": True})
            number = client.post(request)
            begun[number] = time.perf_counter()
        number, answer = client.take(ANSWER_MS)
        if not number:
            raise MeshError(f"no command was decided within {ANSWER_MS / 1000:g} s")
        if number in begun:
            spent_ms.append((time.perf_counter() - begun.pop(number)) * 1_000)
            _check(answer)
    return spent_ms


def _check(answer: bytes) -> None:
    # scan: unbounded-decode: the answer comes from our own node, over its own socket
    document = msgspec.msgpack.decode(answer, type=Document)
    if not document.get("ok"):
        raise MeshError(f"the mesh refuses a command: {document.get('reason')}")
