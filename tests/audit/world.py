"""A mesh whose journals are to be audited: whole nodes with real keys, journals and blob stores.

What they say reaches everybody at once, what they train is drawn from their names, and time goes on
when nobody has anything to do. Whoever has a tongue lies with it: its journal does not yield what
others hear.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from blake3 import blake3
from msgspec.structs import replace

from meshkit import RULES, __version__
from meshkit.core.composite import At
from meshkit.core.history import ShowHead, Snapshot, Start
from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.shell import Shell, at_once
from meshkit.core.snapshot import freeze
from meshkit.core.value import Value
from meshkit.core.value import digest as digest_of
from meshkit.journal import BlobStore, Journal
from meshkit.learning import Grid, aggregate, encode_model, encode_update
from meshkit.ledger.messages import (
    MAY,
    Found,
    Genesis,
    Member,
    Operator,
    SubmitTask,
    Task,
)
from meshkit.node import address, engine_in, mesh_node, timeouts_of, usual_policy
from meshkit.pool.messages import Offer
from meshkit.rounds.messages import Aggregate, Aggregated, Train, Trained
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.home import write_document
from meshkit.runtime.labour import Labour
from meshkit.runtime.log import EntryLog
from meshkit.runtime.perform import Performer, urgency
from meshkit.runtime.pulse import Asked, is_due, pulse_of
from meshkit.runtime.voice import Voice
from meshkit.wire.envelope import open_envelope, open_unverified, seal, sign_statements
from meshkit.wire.keys import HashChain, Identity
from meshkit.wire.port import Fetched

MODULE = "tests.audit.world:Nothing"
SIZE, BITS, SCALE_BITS = 8, 16, 12
MS = 1_000_000  # ns
SECOND = 1_000 * MS
BEGIN_NS = 1_700_000_000 * SECOND
TURNS_MAX = 20_000
OPERATOR = Identity(b"o" * 32)

# What a liar says to node number `to` instead of the message: None for nothing.
Tongue = Callable[[int, Value], Value | None]
_chains: dict[int, HashChain] = {}


def identity_of(number: int) -> Identity:
    return Identity(bytes([number + 1]) * 32)


def chain_of(number: int) -> HashChain:
    if number not in _chains:
        _chains[number] = HashChain(bytes([number + 101]) * 32)
    return _chains[number]


def member(number: int) -> Member:
    at = "tcp://127.0.0.1:{}"
    return Member(
        id=identity_of(number).key,
        name=f"node-{number}",
        roles=("trainer", "validator"),
        weight=1,
        transport=bytes([number + 201]) * 32,
        events=at.format(7000 + 10 * number),
        direct=at.format(7001 + 10 * number),
        blobs=at.format(7002 + 10 * number),
        join=at.format(7003 + 10 * number),
        anchor=chain_of(number).anchor,
    )


def genesis_of(count: int, **policy: Any) -> Genesis:
    operator = Operator(OPERATOR.key, "operator", tuple(sorted(MAY)))
    members = tuple(member(number) for number in range(count))
    rules = usual_policy(policy.pop("engine", "tendermint"), allowed_tasks=(MODULE,), **policy)
    return Genesis("audited", 1, members, (operator,), rules)


def drawn(*names: object) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Small integers, the same for the same names."""
    data = blake3(repr(names).encode()).digest(length=2 * SIZE)
    return np.frombuffer(data, "<i2").astype(np.int32) // 64


class Work:
    """What a node computes: at once, and fetched with `collect`."""

    def __init__(self, me: int, blobs: BlobStore) -> None:
        self.me, self.blobs = me, blobs
        self.answers: list[Any] = []
        self.samples = 10 + me

    def ask(self, effect: Train | Aggregate) -> None:
        match effect:
            case Train(task, number):
                update = encode_update(drawn(self.me, task, number), BITS)
                name = self.blobs.put(update)
                size = len(update)
                self.answers.append(Trained(task, number, name, size, self.samples, 500_000, 1))
            case Aggregate(task, number, _, base, key, counted):
                parts = [(self.need(part.update), part.samples) for part in counted]
                grid = Grid(SIZE, BITS, SCALE_BITS)
                model = self.blobs.put(aggregate("fedavg", self.need(base), parts, grid))
                self.answers.append(Aggregated(task, number, base, key, model, ""))

    def need(self, name: bytes) -> bytes:
        found = self.blobs.get(name)
        assert found is not None
        return found

    def collect(self) -> list[Any]:
        answers, self.answers = self.answers, []
        return answers


class Node:
    """One node: what `meshkit_services.node` puts together, without sockets and processes."""

    def __init__(self, box: "Box", number: int, held: ExitStack) -> None:
        self.box, self.number = box, number
        self.identity = identity_of(number)
        self.home = box.root / f"node-{number}"
        self.home.mkdir(mode=0o700)
        write_document(self.home / "card.json", member(number))
        write_document(self.home / "genesis.json", box.genesis)
        self.journal = held.enter_context(
            Journal.open(
                self.home / "journal.sqlite", box.mesh, self.identity.key, self.identity.sign
            )
        )
        self.blobs = held.enter_context(BlobStore.open(self.home / "blobs"))
        self.log = EntryLog(self.journal)
        self.last_ns = 0
        key, genesis = self.identity.key, box.genesis
        self.shell = Shell(mesh_node(key, genesis), self.log, self.moment, urgency=box.urgency)
        self.pulse = pulse_of(engine_in(genesis), key, box.mesh, timeouts_of(genesis))
        self.voice = Voice(self.identity, box.mesh, lambda: self.journal.head)
        self.work = Work(number, self.blobs)
        self.arrived: list[Fetched] = []
        self.performer = Performer(
            self.shell,
            self,
            self.voice,
            self.blobs,
            BlockStore(self.journal, address),
            cast(Labour, self.work),
            chain_of(number).link,
        )

    def moment(self) -> Moment:
        self.last_ns = max(self.last_ns + 1, self.box.now_ns)
        # Who stands for election at the same time as everybody else is elected never.
        return Moment(self.last_ns, 7 if self.pulse is None else self.number)

    # -- what the performer asks of its mesh ------------------------------------------------------

    def publish(self, body: bytes) -> int:
        for other in self.box.nodes:
            if other is not self:
                self.box.deliver(self, other, body)
        return 0

    def send(self, to: bytes, body: bytes) -> bool:
        for other in self.box.nodes:
            if other.identity.key == to:
                self.box.deliver(self, other, body)
        return True

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        found = [node.blobs.get(digest) for node in self.box.nodes if node.identity.key in sources]
        self.arrived.append(Fetched(digest, next((blob for blob in found if blob), None)))

    # -- its life ---------------------------------------------------------------------------------

    def start(self) -> None:
        self.shell.take(At("history", Start(__version__, RULES)))
        if not self.shell.state["ledger"].mesh:
            self.shell.take(At("ledger", Found(self.box.genesis)))
        self.tick()
        self.shell.take(At("", Restarted()))

    def hear(self, body: bytes) -> None:
        envelope = open_envelope(body, self.box.mesh)
        sender, message = envelope.sender, envelope.body
        assert is_due(envelope.kind, message, self.pulse)
        if self.pulse is not None and address(message) == "consensus":
            admitted, asked = self.pulse.hear(sender, message, self.moment())
            self.heed(asked)
            if not admitted:
                return
        self.shell.take(At(address(message), Heard(sender, message)), body)

    def heed(self, asked: Asked) -> None:
        for command in asked.told:
            self.shell.take(At("consensus", command))
        self.performer.flit(asked.said)

    def deadline(self) -> int | None:
        dues = (
            self.shell.node.deadline(self.shell.state),
            self.pulse.deadline() if self.pulse is not None else None,
        )
        return min((due for due in dues if due is not None), default=None)

    def wake(self) -> None:
        self.shell.take(At("", Wake()))
        if self.pulse is not None:
            self.heed(self.pulse.wake(self.moment()))

    def tick(self) -> bool:
        """Whether there was anything to do."""
        arrived, self.arrived = self.arrived, []
        self.performer.arrived(arrived)
        for answer in self.work.collect():
            self.shell.take(At("rounds", answer))
        busy = self.shell.waiting > 0
        self.blobs.commit()
        self.performer.perform(self.shell.tick())
        self.performer.tell()
        if self.pulse is not None:
            self.heed(self.pulse.look(self.shell.state["consensus"], self.moment()))
        return busy

    def snapshot(self) -> None:
        self.log.snapshot = freeze(self.shell.state)
        name = blake3(self.log.snapshot).digest()
        self.shell.take(At("history", Snapshot(self.journal.head.index, name)))
        self.tick()
        self.log.snapshot = b""


class Box:
    """A mesh of `count` nodes under `root`. `silent` nodes never start."""

    def __init__(self, root: Path, count: int, held: ExitStack, **policy: Any) -> None:
        self.root = root
        self.genesis = genesis_of(count, **policy)
        self.mesh = digest_of(self.genesis)
        halved = engine_in(self.genesis).volatile is not None
        self.urgency = urgency if halved else at_once
        self.now_ns = BEGIN_NS
        self.silent: frozenset[int] = frozenset()
        self.tongues: dict[int, Tongue] = {}
        self.nodes = [Node(self, number, held) for number in range(count)]

    def deliver(self, sender: Node, to: Node, body: bytes) -> None:
        tongue = self.tongues.get(sender.number)
        said = body if tongue is None else self.twist(sender, to, body, tongue)
        if to.number not in self.silent and said:
            to.hear(said)

    def twist(self, sender: Node, to: Node, body: bytes, tongue: Tongue) -> bytes:
        """What a liar says instead, under the same entry and effect, signed with its own key."""
        envelope = open_unverified(body)
        message = tongue(to.number, envelope.body)
        if message is envelope.body or message is None:
            return body if message is not None else b""
        signed = sign_statements(message, sender.identity, self.mesh)
        return seal(replace(envelope, body=signed), sender.identity)

    @property
    def awake(self) -> list[Node]:
        return [node for node in self.nodes if node.number not in self.silent]

    def start(self) -> None:
        for node in self.awake:
            node.start()

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until `until` holds and everybody is quiet."""
        for _ in range(TURNS_MAX):
            busy = [node.tick() for node in self.awake]
            self.now_ns += MS
            if any(busy):
                continue
            if until():
                return
            dues = [node.deadline() for node in self.awake]
            self.now_ns = max(self.now_ns, min(due for due in dues if due is not None))
            for node, due in zip(self.awake, dues, strict=True):
                if due is not None and due <= self.now_ns:
                    node.wake()
        raise AssertionError("the mesh came to no end")

    def submit(self, rounds: int, name: str = "task", serial: int = 1, **settings: Any) -> bytes:
        """Submit a task at the first node that is awake; its id."""
        initial = encode_model(np.zeros(SIZE, np.float32))
        for node in self.awake:
            node.blobs.put(initial)
        fields: dict[str, Any] = {
            "name": name,
            "module": MODULE,
            "parameters": "{}",
            "rounds": rounds,
            "quorum": min(3, len(self.awake)),
            "deadline_ms": 2_000,
            "patience_ms": 100,
            "size": SIZE,
            "bits": BITS,
            "scale_bits": SCALE_BITS,
            "strategy": "fedavg",
            "initial": blake3(initial).digest(),
            "seed": 0,
            **settings,
        }
        task = Task(**fields)
        item = sign_statements(SubmitTask(OPERATOR.key, serial, task), OPERATOR, self.mesh)
        self.awake[0].shell.take(At("pool", Offer(item)))
        return digest_of(task)

    def is_done(self, task: bytes) -> bool:
        tasks = [node.shell.state["ledger"].tasks.get(task) for node in self.awake]
        return all(course is not None and course.status == "finished" for course in tasks)

    def show_heads(self) -> None:
        for node in self.awake:
            node.shell.take(At("history", ShowHead()))
        self.run(lambda: True)


@contextmanager
def mesh(root: Path, count: int = 4, **policy: Any) -> Generator[Box]:
    """A mesh in `root`, closed properly at the end."""
    with ExitStack() as held:
        yield Box(root, count, held, **policy)


def recorded(
    root: Path,
    count: int = 4,
    rounds: int = 2,
    tongue: Tongue | None = None,
    silent: frozenset[int] = frozenset(),
) -> Path:
    """A mesh that trained one task; its folder. The last node lies, if there is a tongue."""
    with mesh(root, count) as box:
        box.silent = silent
        if tongue is not None:
            box.tongues[count - 1] = tongue
        box.start()
        task = box.submit(rounds)
        box.run(lambda: box.is_done(task))
        box.nodes[0].snapshot()
        box.show_heads()
    return root


def of_other_rules(root: Path) -> Path:
    """The home of a node that was started anew by a later release, of other rules."""
    with mesh(root, 1) as box:
        box.start()
        box.run(lambda: True)
        node = box.nodes[0]
        node.shell.take(At("history", Start("9.9.9", RULES + 98)))
        node.tick()
        box.show_heads()
    return node.home
