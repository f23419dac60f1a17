"""`meshkit bench updates`: how many signed updates a second one node takes, keeps and aggregates.

The node is whole: its journal and blob store are on disk and synced, its envelopes are opened with
every signature, its ledger is founded and decides each round. Only the sockets are missing: the
trainers' envelopes and blobs were made beforehand, and are handed over as the mesh would hand them.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from meshkit.client import Refusal
from meshkit.codec import JOURNALED, Envelope
from meshkit.core.composite import At
from meshkit.core.machine import Heard, Wake
from meshkit.core.shell import Shell
from meshkit.core.value import Value, digest
from meshkit.journal import BlobStore, Journal
from meshkit.learning import Grid, Shard, encode_model, encode_update
from meshkit.ledger.forms import DIGEST_BYTES, check_task
from meshkit.ledger.messages import MAY, Found, Genesis, Member, Operator, Policy, SubmitTask, Task
from meshkit.node import address, mesh_node
from meshkit.pool.messages import Offer
from meshkit.rounds.messages import Update
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.clock import Clock
from meshkit.runtime.labour import Labour
from meshkit.runtime.log import EntryLog
from meshkit.runtime.perform import Performer, urgency
from meshkit.runtime.voice import Voice
from meshkit.runtime.workers import Worker
from meshkit.wire.envelope import open_envelope, seal, sign_statements
from meshkit.wire.keys import HashChain, Identity, Transport
from meshkit.wire.port import Fetched

TASK = "bench:Nothing"  # never trained: the updates are there already
POLICY = Policy(allowed_tasks=(TASK,))
TRAINERS = 100
BATCH = 64  # envelopes a poll of busy sockets returns, about
SAMPLES = 20
INCLUDES = (
    "opening each envelope, with two Ed25519 signatures",
    "the blob's digest, and its form on the grid",
    "the blob synced to disk",
    "the entries synced to disk, two an update",
    "the round's list, aggregation and commit",
)

Document = dict[str, Any]


def updates(rounds: int, parameters: int, folder: Path | None = None) -> Document:
    """`rounds` rounds of TRAINERS updates each through one node; training is not inside.

    Raises Refusal for a task that the ledger would not have.
    """
    if refusal := check_task(_task(rounds, parameters, bytes(DIGEST_BYTES)), POLICY):
        raise Refusal(refusal)
    with tempfile.TemporaryDirectory(prefix="meshkit-bench-", dir=folder) as place:
        world = _World(Path(place), rounds, parameters)
        try:
            prepared = [world.prepare(number) for number in range(rounds)]
            started = time.perf_counter()
            for envelopes in prepared:
                world.take(envelopes)
            seconds = time.perf_counter() - started
            committed = world.committed
        finally:
            world.close()
    assert committed == rounds, f"{committed} of {rounds} rounds were committed"
    return {
        "schema": "meshkit.bench.updates/v1",
        "parameters": parameters,
        "updates": rounds * TRAINERS,
        "updates_per_second": round(rounds * TRAINERS / seconds, 1),
        "includes": list(INCLUDES),
    }


class _Air:
    """A mesh without sockets: blobs are where their digest says, and nobody else listens."""

    def __init__(self, blobs: dict[bytes, bytes]) -> None:
        self.counters: Counter[str] = Counter()
        self._blobs = blobs
        self._fetched: list[Fetched] = []

    def publish(self, body: bytes) -> int:
        self.counters["events.sent"] += 1
        return self.counters["events.sent"]

    def send(self, to: bytes, body: bytes) -> bool:
        return False

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        data = self._blobs.get(digest)
        # What the mesh checks of a blob that has arrived.
        good = data is not None and len(data) == size and blake3(data).digest() == digest
        self._fetched.append(Fetched(digest, data if good else None))

    def fetched(self) -> list[Fetched]:
        found, self._fetched = self._fetched, []
        return found


class _World:
    """One validator, which is the node, and TRAINERS trainers, which are their envelopes."""

    def __init__(self, root: Path, rounds: int, parameters: int) -> None:
        self.grid = Grid(parameters)
        self.identity, self.chain = Identity.create(), HashChain.create()
        self.trainers = [Identity.create() for _ in range(TRAINERS)]
        operator = Identity.create()
        genesis = self._genesis(operator)
        self.mesh_id = digest(genesis)
        self.blobs = BlobStore.open(root / "blobs")
        self.journal = Journal.open(
            root / "journal", self.mesh_id, self.identity.key, self.identity.sign
        )
        self.shell = Shell(
            mesh_node(self.identity.key, genesis),
            EntryLog(self.journal),
            Clock().moment,
            urgency=urgency,
        )
        self.waiting: dict[bytes, bytes] = {}  # blobs by digest, as their trainers hold them
        self.air = _Air(self.waiting)
        self.labour = Labour(Worker([], Shard()), Worker([], Shard()), self.blobs)
        self.performer = Performer(
            self.shell,
            self.air,
            Voice(self.identity, self.mesh_id, lambda: self.journal.head),
            self.blobs,
            BlockStore(self.journal, address),
            self.labour,
            self.chain.link,
        )
        model = self.blobs.put(encode_model(np.zeros(parameters, np.float32)))
        self.task = _task(rounds, parameters, model)
        self.shell.take(At("ledger", Found(genesis)))
        self._settle()
        item = SubmitTask(operator.key, 1, self.task)
        self.shell.take(At("pool", Offer(sign_statements(item, operator, self.mesh_id))))
        self._settle()

    def _genesis(self, operator: Identity) -> Genesis:
        founders = [_member("node", self.identity.key, ("validator",), self.chain.anchor)]
        founders += [
            _member(f"trainer-{number}", one.key, ("trainer",), bytes(32))
            for number, one in enumerate(self.trainers)
        ]
        may = Operator(operator.key, "operator", tuple(sorted(MAY)))
        return Genesis("bench", 0, tuple(founders), (may,), POLICY)

    def prepare(self, number: int) -> list[bytes]:
        """The envelopes of all trainers' updates of a round, as they would come over the wire."""
        dice = np.random.default_rng(number)
        return [self._envelope(one, number, dice) for one in self.trainers]

    def _envelope(self, trainer: Identity, number: int, dice: np.random.Generator) -> bytes:
        steps = dice.integers(-4_096, 4_096, self.grid.size).astype(np.int32)
        blob = encode_update(steps, self.grid.bits)
        name = blake3(blob).digest()
        self.waiting[name] = blob
        task = digest(self.task)
        update = Update(trainer.key, task, number, name, len(blob), SAMPLES, -1, -1)
        signed = sign_statements(update, trainer, self.mesh_id)
        envelope = Envelope(
            self.mesh_id, trainer.key, JOURNALED, 1, 0, 1, bytes(32), number + 1, signed
        )
        return seal(envelope, trainer)

    def take(self, envelopes: Sequence[bytes]) -> None:
        """What the host's loop does with what the mesh brings."""
        for start in range(0, len(envelopes), BATCH):
            for data in envelopes[start : start + BATCH]:
                envelope = open_envelope(data, self.mesh_id)
                name = address(envelope.body)
                self.shell.take(At(name, Heard(envelope.sender, envelope.body)), data)
            self._settle()

    def _settle(self) -> None:
        """Tick until nothing more follows, and wake the node if it is due."""
        while True:
            self.performer.arrived(self.air.fetched())
            self._answers(self.labour.collect())
            if not self.shell.waiting:
                return
            self.blobs.commit()
            self.performer.perform(self.shell.tick())

    def _answers(self, answers: Iterable[Value]) -> None:
        for answer in answers:
            self.shell.take(At("rounds", answer))

    @property
    def committed(self) -> int:
        self.shell.take(At("", Wake()))
        self._settle()
        self.shell.flush()
        return len(self.shell.state["ledger"].tasks[digest(self.task)].outcomes)

    def close(self) -> None:
        self.labour.close()
        self.journal.close()
        self.blobs.close()


def _task(rounds: int, parameters: int, model: bytes) -> Task:
    grid = Grid(parameters)
    return Task(
        name="bench",
        module=TASK,
        parameters="{}",
        rounds=rounds,
        quorum=0,
        deadline_ms=600_000,
        patience_ms=600_000,
        size=parameters,
        bits=grid.bits,
        scale_bits=grid.scale_bits,
        strategy="fedavg",
        initial=model,
        seed=0,
    )


def _member(name: str, key: bytes, roles: tuple[str, ...], anchor: bytes) -> Member:
    """A founder that is never connected to: its addresses are in form and nobody's."""
    address_ = "tcp://127.0.0.1:{}"
    return Member(
        id=key,
        name=name,
        roles=roles,
        weight=1,
        transport=Transport.create().key,
        events=address_.format(1),
        direct=address_.format(2),
        blobs=address_.format(3),
        join="",
        anchor=anchor,
    )
