"""One whole node in memory, alone in its mesh: its disk, its peers and its workers do as told.

Everything between the ports is real: shell, host, performer, labour, voice, log. What is not are
the ports themselves, and the time, which goes on by a millisecond each turn.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import zmq
from blake3 import blake3

from meshkit.codec import JOURNALED, Envelope
from meshkit.core.composite import At
from meshkit.core.shell import Shell
from meshkit.core.value import Statement, Value, digest
from meshkit.journal.memory import MemoryBlobs, MemoryDisk, MemoryJournal
from meshkit.learning import Trained, encode_model, encode_update
from meshkit.ledger.messages import (
    MAY,
    ROLES,
    Genesis,
    Member,
    Operator,
    SubmitTask,
    Task,
)
from meshkit.node import address, engine_in, mesh_node, timeouts_of, usual_policy
from meshkit.pool.messages import Offer
from meshkit.runtime import worker_messages as worker
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.clock import Clock
from meshkit.runtime.desk import Desk
from meshkit.runtime.host import Host
from meshkit.runtime.labour import Labour
from meshkit.runtime.log import EntryLog
from meshkit.runtime.outcomes import Outcomes
from meshkit.runtime.perform import Performer, urgency
from meshkit.runtime.pulse import pulse_of
from meshkit.runtime.restore import restore
from meshkit.runtime.voice import Voice
from meshkit.wire.envelope import seal, sign_statements
from meshkit.wire.keys import HashChain, Identity
from meshkit.wire.port import Address, Delivery, Fetched, Ready, Visit, WireError

MODULE = "tests.runtime.world:Nothing"  # nobody imports it: the workers here only pretend
SIZE = 3
STEPS = np.array([4096, -4096, 0], np.int32)  # what each training moves the model by: 1, -1, 0
MODEL = encode_model(np.zeros(SIZE, np.float32))
TURNS_MAX = 2_000
MS = 1_000_000

ME, OPERATOR = Identity(b"\1" * 32), Identity(b"\2" * 32)
OTHER, STRANGER = Identity(b"\3" * 32), Identity(b"\4" * 32)
CHAIN = HashChain(b"\5" * 32)


def a_member(identity: Identity, name: str, roles: tuple[str, ...] = ROLES) -> Member:
    at = "tcp://127.0.0.1:{}"
    number = identity.key[0]
    return Member(
        id=identity.key,
        name=name,
        roles=roles,
        weight=1,
        transport=blake3(identity.key).digest(),
        events=at.format(7_000 + number),
        direct=at.format(8_000 + number),
        blobs=at.format(9_000 + number),
        join=at.format(10_000 + number),
        anchor=CHAIN.anchor,
    )


def a_genesis(
    *others: Member, may: tuple[str, ...] = tuple(sorted(MAY)), engine: str = "tendermint"
) -> Genesis:
    founders = (a_member(ME, "me"), *others)
    policy = usual_policy(engine, allowed_tasks=(MODULE,))
    return Genesis("world", 1, founders, (Operator(OPERATOR.key, "operator", may),), policy)


def a_task(**changed: Any) -> Task:
    fields: dict[str, Any] = {
        "name": "task",
        "module": MODULE,
        "parameters": "{}",
        "rounds": 2,
        "quorum": 0,
        "deadline_ms": 1_000,
        "patience_ms": 100,
        "size": SIZE,
        "bits": 16,
        "scale_bits": 12,
        "strategy": "fedavg",
        "initial": blake3(MODEL).digest(),
        "seed": 0,
    }
    return Task(**{**fields, **changed})


class PretendedMesh:
    """A mesh that carries nothing: what is said is kept, what is heard is put there by a test."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.dropped: Counter[bytes] = Counter()
        self.members: list[Address] = []
        self.published: list[bytes] = []
        self.sent: list[tuple[bytes, bytes]] = []
        self.asked: list[tuple[bytes, int, list[bytes]]] = []
        self.heard: list[Delivery] = []
        self.arrived: list[Fetched] = []
        self.visiting: list[Visit] = []
        self.answered: list[tuple[bytes, bytes]] = []
        self.out_of_reach: set[bytes] = set()
        self.body_bytes_max = 1 << 20

    def watch(self, poller: Any) -> None:
        pass

    def timeout_ms(self) -> int:
        return 0

    def set_members(self, members: Iterable[Address]) -> None:
        self.members = list(members)

    def publish(self, body: bytes) -> int:
        if len(body) > self.body_bytes_max:
            raise WireError("too large")
        self.published.append(body)
        return len(self.published)

    def send(self, to: bytes, body: bytes) -> bool:
        self.sent.append((to, body))
        return to not in self.out_of_reach

    def receive(self, ready: Ready | None = None) -> list[Delivery]:
        heard, self.heard = self.heard, []
        return heard

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        self.asked.append((digest, size, list(sources)))

    def fetched(self) -> list[Fetched]:
        arrived, self.arrived = self.arrived, []
        return arrived

    def visits(self) -> list[Visit]:
        visiting, self.visiting = self.visiting, []
        return visiting

    def answer(self, guest: bytes, body: bytes) -> bool:
        self.answered.append((guest, body))
        return True

    def reachable(self, peer: bytes) -> bool:
        return peer not in self.out_of_reach

    def silent_ms(self, peer: bytes) -> int | None:
        return None

    def close(self) -> None:
        pass


Reply = Callable[[Any], worker.Reply]


def trained(request: Any) -> worker.Reply:
    """What a worker that knows its trade answers."""
    match request:
        case worker.Train():
            return Trained(encode_update(STEPS, 16), 10, 900_000, 250_000, 0)
        case worker.Warm():
            return worker.Warmed(SIZE)
        case _:
            return worker.Failed("unknown", f"no {type(request).__name__} here")


class PretendedWorker:
    """A worker without a process: each request is answered when the replies are collected."""

    def __init__(self, reply: Reply = trained) -> None:
        self.reply = reply
        self.requests: dict[int, Any] = {}
        self.parts: dict[int, list[tuple[bytes, int]]] = {}
        self.dropped: list[int] = []
        self.held = False  # as if it were still at work
        self.refusal: Exception | None = None
        self.deaths = 0
        self._tickets = 0
        self._file = os.eventfd(0)

    def submit(self, request: Any, parts: Any = ()) -> int:
        if self.refusal is not None:
            raise self.refusal
        self._tickets += 1
        self.requests[self._tickets] = request
        self.parts[self._tickets] = list(parts)
        return self._tickets

    def drop(self, ticket: int) -> None:
        self.dropped.append(ticket)
        self.requests.pop(ticket, None)

    def collect(self) -> list[tuple[int, worker.Reply]]:
        if self.held:
            return []
        answers = [(ticket, self.reply(request)) for ticket, request in self.requests.items()]
        self.requests.clear()
        return answers

    def wait_ms(self) -> int | None:
        return None if self.held or not self.requests else 0

    def fileno(self) -> int:
        return self._file

    def close(self) -> None:
        os.close(self._file)


class World:
    """The node of `ME` on `disk`. A context manager; another one on the same disk goes on."""

    def __init__(
        self, disk: MemoryDisk | None = None, genesis: Genesis | None = None, start: bool = True
    ) -> None:
        self.disk = disk or MemoryDisk()
        self.genesis = genesis or a_genesis()
        self.mesh_id = digest(self.genesis)
        self.blobs = MemoryBlobs(self.disk)
        self.blobs.put(MODEL)
        self.journal = MemoryJournal.open(self.disk, self.mesh_id, ME.key, ME.sign)
        self.node = mesh_node(ME.key, self.genesis)
        restored = restore(self.node, self.journal)
        self.now_ns = restored.last_ns + 1_000 * MS
        self.clock = Clock(restored.last_ns, lambda: 1, lambda: self.now_ns, bytes)
        self.log = EntryLog(self.journal)
        self.shell = Shell(
            self.node,
            self.log,
            self.clock.moment,
            restored.state,
            self.journal.head.index,
            urgency,
        )
        self.mesh = PretendedMesh()
        self.trainer, self.summer = PretendedWorker(), PretendedWorker()
        self.labour = Labour(self.trainer, self.summer, self.blobs)  # type: ignore[arg-type]  # no process
        self.voice = Voice(ME, self.mesh_id, lambda: self.journal.head)
        self.blocks = BlockStore(self.journal, address)
        self.performer = Performer(
            self.shell, self.mesh, self.voice, self.blobs, self.blocks, self.labour, CHAIN.link
        )
        self.outcomes = Outcomes()
        self.shell.observers.append(self.outcomes.observe)
        self.host = Host(
            self.genesis, self.shell, self.clock, self.log, self.journal, self.blobs, self.mesh,
            self.performer, self.labour, ME.key,
            pulse=pulse_of(
                engine_in(self.genesis), ME.key, self.mesh_id, timeouts_of(self.genesis)
            ),
        )  # fmt: skip
        self.incoming: dict[bytes, bytes] = {}
        self.desk = Desk(
            ME.key, self.shell, self.blobs, self.labour, self.outcomes, self.clock.now_ns,
            self.mesh.reachable, self.incoming.get, self.host.figures,
            lambda note: sign_statements(note, ME, self.mesh_id),
        )  # fmt: skip
        if start:
            self.host.start()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.labour.close()

    # -- time -----------------------------------------------------------------------------------

    def turn(self, ms: int = 1) -> None:
        self.now_ns += ms * MS
        self.host.turn(0)

    def until(self, done: Callable[[], object], ms: int = 1) -> None:
        for _ in range(TURNS_MAX):
            if done():
                return
            self.turn(ms)
        raise AssertionError("it never came to that")

    def settle(self) -> None:
        """Until nothing is under way and all is durable."""
        self.until(lambda: not self.shell.waiting and not self.shell.unsaved)

    # -- what goes in ---------------------------------------------------------------------------

    def sign(self, item: Any, by: Identity = OPERATOR) -> Any:
        return sign_statements(item, by, self.mesh_id)

    def offer(self, item: Statement) -> None:
        self.shell.take(At("pool", Offer(item)))

    def submit(self, serial: int = 1, **changed: Any) -> bytes:
        """Submit a task and let its rounds run to their end; its id."""
        task = a_task(**changed)
        self.offer(self.sign(SubmitTask(OPERATOR.key, serial, task)))
        id_ = digest(task)
        self.until(lambda: self.course(id_) is not None and self.course(id_).status != "running")
        return id_

    def course(self, task: bytes) -> Any:
        return self.shell.state["ledger"].tasks.get(task)

    def hear(self, message: Value, by: Identity = OTHER, peer: bytes = b"", **changed: Any) -> None:
        """Have the mesh deliver a message of `by`, through the connection of `peer`."""
        fields: dict[str, Any] = {
            "mesh": self.mesh_id,
            "sender": by.key,
            "kind": JOURNALED,
            "entry": 1,
            "effect": 0,
            "head_index": 1,
            "head_hash": bytes(32),
            "sequence": 1,
            "body": sign_statements(message, by, self.mesh_id),
        }
        body = seal(Envelope(**{**fields, **changed}), by)
        self.mesh.heard.append(Delivery("direct", peer or by.key, body))


class PretendedLane:
    """An operator's socket: requests in, answers out."""

    def __init__(self) -> None:
        self.requests: deque[Any] = deque()
        self.answers: list[tuple[bytes, bytes]] = []
        self.watched: list[zmq.Poller] = []

    def watch(self, poller: zmq.Poller) -> None:
        self.watched.append(poller)

    def receive(self) -> list[Any]:
        found = list(self.requests)
        self.requests.clear()
        return found

    def answer(self, asker: bytes, body: bytes) -> bool:
        self.answers.append((asker, body))
        return True
