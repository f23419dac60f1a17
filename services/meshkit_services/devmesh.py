"""A development mesh: real node processes on this machine, under one folder.

    DIR/operator.key         may do everything in this mesh
    DIR/node-0 ... node-N    a home each; node-I's data is shard I of N

Nothing of a node's is special here: each is `meshkit-node --home DIR/node-I`, and would find the
others as well on other machines. The processes outlive whoever started them.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from meshkit.client import Client, Refusal
from meshkit.learning import Shard
from meshkit.ledger.forms import ENGINES, check_name, check_policy
from meshkit.ledger.messages import MAY, Genesis, Operator
from meshkit.node import usual_policy
from meshkit.runtime.home import Home, HomeError
from meshkit.wire.ipc import LOCK_NAME, is_running
from meshkit.wire.keys import Identity, KeyRefused
from meshkit.wire.port import WireError

HOST = "127.0.0.1"
ROLES = ("trainer", "validator")
PORTS_EACH = 4  # events, direct, blobs, join
# Below those that systems give to outgoing connections (Linux: 32,768 on, others higher): while a
# node is away, its peers dial its ports on this same machine, and one of them could be given the
# very port it dials, be connected to itself, and keep the node from coming back (seen).
PORTS = range(20_000, 32_768)
PORT_TRIES = 10_000  # a guess: with so many ports taken, a machine has other worries
READY_S = 60.0  # for a node to answer: a second on an idle machine, more with many on two cores
STOP_S = 20.0
POLL_S = 0.05  # a guess: short beside a start, long beside a question
NODES_MAX = 64  # a guess: as many interpreters as a large workstation bears

# What this process has started and not yet seen to its end, and under which folder.
_children: "list[tuple[Path, subprocess.Popen[bytes]]]" = []


class MeshError(Exception):
    """A mesh cannot be made, started or reached; one line says why and what to do."""


class DevMesh:
    """The mesh under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(
        cls,
        root: Path,
        nodes: int,
        tasks: Sequence[str],
        split: str = "iid",
        seed: int = 0,
        engine: str = ENGINES[0],
        **policy: Any,
    ) -> Self:
        """A new mesh of `nodes` nodes that allows `tasks`. `policy`: further fields of `Policy`."""
        if not 1 <= nodes <= NODES_MAX:
            raise MeshError(f"a development mesh has 1 to {NODES_MAX} nodes, not {nodes}")
        rules = usual_policy(engine, allowed_tasks=tuple(tasks), **policy)
        if refusal := check_policy(rules):
            raise MeshError(f"{root}: {refusal}")
        if refusal := check_name(root.name or "mesh", "mesh"):
            raise MeshError(
                f"{root}: {refusal}, which the folder's name is not: choose another folder"
            )
        mesh = cls(root)
        if mesh.is_made:
            raise MeshError(
                f"{root}: there is a mesh already; take it down or choose another folder"
            )
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            operator = Identity.create()
            operator.save(root / "operator.key")
            homes = [mesh._make_home(number, ports) for number, ports in enumerate(_ports(nodes))]
            genesis = Genesis(
                root.name or "mesh",
                time.time_ns(),
                tuple(home.card for home in homes),
                (Operator(operator.key, "operator", tuple(sorted(MAY))),),
                rules,
            )
            for number, home in enumerate(homes):
                home.found(genesis)
                home.write_shard(Shard(number, nodes, split, seed))
        except OSError as error:
            raise MeshError(f"{root}: cannot be made: {error.strerror}") from None
        except (KeyRefused, HomeError) as error:
            raise MeshError(str(error)) from None
        return mesh

    def _make_home(self, number: int, ports: Sequence[int]) -> Home:
        events, direct, blobs, join = [f"tcp://{HOST}:{port}" for port in ports]
        return Home.create(
            self.root / f"node-{number}",
            name=f"node-{number}",
            roles=ROLES,
            weight=1,
            events=events,
            direct=direct,
            blobs=blobs,
            join=join,
        )

    @property
    def homes(self) -> list[Path]:
        """The nodes' homes, in order. Raises MeshError if there are none."""
        named = [path for path in self.root.glob("node-*") if path.name[5:].isdecimal()]
        found = sorted(named, key=lambda path: int(path.name[5:]))
        if not found:
            # Where nobody may look, nothing is found either: asking says which it is.
            what = "its nodes are gone" if self.is_made else "there is no mesh"
            raise MeshError(f"{self.root}: {what}; make one with: meshkit mesh up {self.root}")
        return found

    @property
    def operator_key(self) -> Path:
        return self.root / "operator.key"

    @property
    def is_made(self) -> bool:
        """Whether there is a mesh. Raises MeshError where that cannot be seen."""
        try:
            return self.operator_key.exists()
        except OSError as error:
            raise MeshError(f"{self.root}: cannot be read: {error.strerror}") from None

    # -- processes --------------------------------------------------------------------------------

    def start(self, number: int) -> "subprocess.Popen[bytes]":
        """Start one node's process; it goes on when we end."""
        home = self.homes[number]
        command = [sys.executable, "-m", "meshkit_services.node", "--home", str(home)]
        with (home / "node.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _children.append((self.root, process))
        return process

    def up(self, ready_s: float = READY_S) -> None:
        """Start every node that does not run, and wait until all answer.

        Whoever interrupts that has no node running that did not run before.
        """
        started: dict[int, subprocess.Popen[bytes]] = {}
        try:
            for number, home in enumerate(self.homes):
                if not is_running(home):
                    started[number] = self.start(number)
            until_s = time.monotonic() + ready_s
            for number in range(len(self.homes)):
                self.wait_ready(number, until_s, started.get(number))
        except KeyboardInterrupt:
            _end(started.values())
            raise

    def wait_ready(
        self, number: int, until_s: float, process: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        """Wait until a node answers; raises MeshError with its last words if it does not."""
        home = self.homes[number]
        while True:
            try:
                with Client(home) as client:
                    client.status()
                return
            except (WireError, Refusal, HomeError) as error:
                ended = process is not None and process.poll() is not None
                if ended or time.monotonic() > until_s:
                    raise MeshError(
                        f"{home.name} does not run: {_last_words(home) or error}"
                    ) from None
            time.sleep(POLL_S)

    def pid(self, number: int) -> int | None:
        """The process of a node that runs."""
        home = self.homes[number]
        if not is_running(home):
            return None
        try:
            # scan: unbounded-read: a process's number, written by our own node
            return int((home / LOCK_NAME).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None  # it is just starting or ending

    def kill(self, number: int, signal_number: int = signal.SIGKILL) -> None:
        """Send a node's process a signal, by default the one that leaves it no last word."""
        pid = self.pid(number)
        if pid is not None:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal_number)

    def down(self, stop_s: float = STOP_S) -> None:
        """Stop every node, and wait until none runs; who does not stop in time is killed."""
        self._signal(signal.SIGTERM)
        until_s = time.monotonic() + stop_s
        while self._any_runs():
            if time.monotonic() > until_s:
                self._signal(signal.SIGKILL)
                until_s = time.monotonic() + stop_s
            time.sleep(POLL_S)

    def _signal(self, number: int) -> None:
        for one in range(len(self.homes)):
            self.kill(one, number)
        for root, process in _children:  # those that do not hold their home yet
            if root == self.root:
                process.send_signal(number)

    def _any_runs(self) -> bool:
        _children[:] = [child for child in _children if child[1].poll() is None]
        started = any(root == self.root for root, _ in _children)
        return started or any(is_running(home) for home in self.homes)

    # -- clients ----------------------------------------------------------------------------------

    def client(self, number: int = 0) -> Client:
        """A client with the operator's key at one node."""
        return Client(self.homes[number], self.operator_key)

    def statuses(self) -> Iterator[dict[str, Any]]:
        """What each node says of itself; of one that is silent, its name and why."""
        for home in self.homes:
            try:
                with ExitStack() as held:
                    client = held.enter_context(Client(home))
                    yield {**client.status(), "running": True}
            except (WireError, Refusal, HomeError) as error:
                yield {"name": home.name, "running": False, "reason": str(error)}


def _ports(nodes: int) -> list[list[int]]:
    """Free ports for each node: all held at once, so that no two are the same."""
    wanted, numbers = nodes * PORTS_EACH, list[int]()
    with ExitStack() as held:
        for _ in range(PORT_TRIES):
            if len(numbers) == wanted:
                break
            one, number = held.enter_context(socket.socket()), secrets.choice(PORTS)
            with suppress(OSError):  # it is somebody's
                one.bind((HOST, number))
                numbers.append(number)
        else:
            raise MeshError(f"there are no {wanted} free ports from {PORTS[0]} to {PORTS[-1]}")
    return [numbers[at : at + PORTS_EACH] for at in range(0, wanted, PORTS_EACH)]


def _end(processes: "Collection[subprocess.Popen[bytes]]", stop_s: float = STOP_S) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(stop_s)
        process.kill()


def _last_words(home: Path) -> str:
    try:
        # scan: unbounded-read: the log of our own node, whose lines are few
        lines = (home / "node.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
