"""A mesh in a box: Tendermint machines, a network in virtual time, and liars.

Each node is a composite of one machine and the policies a real node has: what is wanted is
proposed, what is proposed is judged, what is decided begins the next height. Signatures are
modelled by hashes that only the holder of a name may make; whoever opens a message checks every
statement in it, as the wire does. One seed drives it all.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar, cast

from blake3 import blake3
from msgspec.structs import replace

from meshkit.consensus.messages import (
    Begin,
    Certificate,
    Committed,
    Decided,
    EquivocationSeen,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Serve,
    Validator,
)
from meshkit.consensus.tendermint import State, Tendermint, Timeouts
from meshkit.core.composite import At, Composite, Policy
from meshkit.core.machine import (
    Broadcast,
    Entry,
    Heard,
    Moment,
    Restarted,
    Send,
    Wake,
    replay,
    step,
)
from meshkit.core.value import Statement, Value, signing_digest, statements

S = TypeVar("S", bound=Statement)

MESH = b"m" * 32
MS = 1_000_000
SECOND = 1_000 * MS
NAME = "consensus"
SERVED_MAX = 50  # heights a store sends at once


class Chosen(Value):
    """What the tests agree on. Not called `Block`: a snapshot knows values by their names alone."""

    height: int
    text: str


Block = Chosen


def name(number: int) -> bytes:
    """The public key of node `number`."""
    return bytes([number]) * 32


def builder(value: Value) -> bytes:
    """Who made a value that says so, as those of `App` do: the number before the stroke."""
    number = getattr(value, "text", "").partition("/")[0]
    return name(int(number)) if number.isdigit() else b""


def equals(count: int) -> tuple[Validator, ...]:
    """Validators of weight one."""
    return tuple(Validator(name(number), 1) for number in range(count))


def seal(statement: Statement) -> bytes:
    """The one signature that the signer of `statement` makes."""
    signer = getattr(statement, type(statement).SIGNER)
    return blake3(signer + signing_digest(statement, MESH)).digest(length=64)


def sign(statement: S) -> S:
    return replace(statement, signature=seal(statement))


def verify(key: bytes, digest: bytes, signature: bytes) -> bool:
    return blake3(key + digest).digest(length=64) == signature


def opens(message: Value) -> bool:
    """Whether every statement inside is signed by its signer."""
    return all(getattr(s, "signature", b"") == seal(s) for s in statements(message))


@dataclass
class Weather:
    """What the network does to a message; after `calm_ns` nothing is lost and all is quick."""

    loss: float = 0.0
    repeat: float = 0.0
    delay_ms: tuple[int, int] = (1, 1)
    crash: float = 0.0  # that a node dies after an entry, before its effects
    calm_ns: int = 0
    cut: Callable[[bytes, bytes], bool] = lambda _from, _to: False  # while it is not calm


@dataclass
class App:
    """The node around the machine: what it proposes, judges, and how far it goes."""

    heights: int = 1
    validators: Callable[[int], Sequence[Validator]] = lambda _: equals(4)
    value: Callable[[bytes, int, int], Value | None] = lambda me, height, round_: Block(
        height, f"{me[0]}/{round_}"
    )
    judge: Callable[[bytes, Value], bool | None] = lambda _me, _value: True

    def node(self, me: bytes, machine: Any) -> Composite:
        def wanted(_: Any, event: ProposalWanted) -> Sequence[At]:
            value = self.value(me, event.height, event.round)
            if value is None:
                return ()
            return (At(NAME, Propose(event.height, event.round, value)),)

        def taken(_: Any, event: ProposalTaken) -> Sequence[At]:
            verdict = self.judge(me, event.value)
            if verdict is None:
                return ()
            return (At(NAME, Judge(event.height, event.value_id, verdict)),)

        def decided(_: Any, event: Decided) -> Sequence[At]:
            height = event.certificate.height + 1
            begin = At(NAME, Begin(height, tuple(self.validators(height)), builder(event.value)))
            return (begin, At(NAME, Open())) if height <= self.heights else (begin,)

        policies: dict[tuple[str, type], Sequence[Policy]] = {
            (NAME, ProposalWanted): (wanted,),
            (NAME, ProposalTaken): (taken,),
            (NAME, Decided): (decided,),
        }
        return Composite({NAME: machine}, policies)


@dataclass
class Node:
    """One node: its machine, its journal, and what it has decided."""

    net: "Net"
    me: bytes
    machine: Any
    state: Any = None
    journal: list[Entry] = field(default_factory=list[Entry])
    decided: dict[int, Committed] = field(default_factory=dict[int, Committed])
    evidence: list[EquivocationSeen] = field(default_factory=list[EquivocationSeen])
    up: bool = True
    last_ns: int = 0
    crashes: int = 0

    @property
    def consensus(self) -> State:
        return cast(State, self.state[NAME])

    def take(self, command: Any) -> None:
        """Step one command; perform its effects, unless the node dies just before."""
        if not self.up:
            return
        self.last_ns = max(self.last_ns + 1, self.net.now_ns)
        at = command if isinstance(command, At) else At(NAME, command)
        state, entry, effects = step(self.machine, self.state, at, Moment(self.last_ns, 0))
        if entry.events:
            self.journal.append(entry)
            self.state = state
            self._note(entry)
            if self.net.dies(self):
                self.restart()
                return
        for effect in effects:
            self.perform(effect.body)
        self._set_alarm()

    def restart(self) -> None:
        """Effects are lost; the journal is not."""
        self.crashes += 1
        self.state = replay(self.machine, self.journal)
        self.net.at(self.net.now_ns + MS, lambda: self.take(Restarted()))
        self._set_alarm()

    def _note(self, entry: Entry) -> None:
        for event in entry.events:
            match event.body:
                case Decided(certificate, value):
                    assert certificate.height not in self.decided, "a height is decided once"
                    self.decided[certificate.height] = Committed(certificate, value)
                case EquivocationSeen():
                    self.evidence.append(event.body)
                case _:
                    pass

    def _set_alarm(self) -> None:
        due = self.machine.deadline(self.state)
        if due is not None:
            self.net.at(max(due, self.net.now_ns), self._ring)

    def _ring(self) -> None:
        due = self.machine.deadline(self.state)
        if due is not None and due <= self.net.now_ns:
            self.take(Wake())

    def perform(self, effect: Any) -> None:
        match effect:
            case Broadcast(message):
                sealed = self.sign(message)
                for other in self.net.nodes.values():
                    if other is not self:
                        self.send(other.me, sealed)
                if isinstance(sealed, Statement):
                    self.net.at(self.net.now_ns, lambda: self.take(Heard(self.me, sealed)))
            case Send(to, message):
                self.send(to, self.sign(message))
            case Serve(to, height):
                for served in sorted(self.decided):
                    if height <= served < height + SERVED_MAX:
                        self.send(to, self.decided[served])
            case _:
                raise AssertionError(f"unknown effect {effect!r}")

    def sign(self, message: Any) -> Any:
        own = isinstance(message, Statement) and not getattr(message, "signature", b"")
        return sign(message) if own else message

    def send(self, to: bytes, message: Value) -> None:
        self.net.post(self.me, to, message)


@dataclass
class Net:
    """All nodes, the messages under way, and the one clock."""

    app: App = field(default_factory=App)
    weather: Weather = field(default_factory=Weather)
    seed: int = 0
    timeouts: Timeouts = field(default_factory=Timeouts)
    now_ns: int = 0
    nodes: dict[bytes, Node] = field(default_factory=dict[bytes, Node])
    sent: int = 0
    watch: Callable[[bytes, bytes, Value], None] = lambda _from, _to, _message: None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def join(self, numbers: Iterable[int], kind: type[Node] = Node, **more: Any) -> list[Node]:
        """Nodes of a kind, begun at height 1."""
        joined: list[Node] = []
        for number in numbers:
            me = name(number)
            machine = self.app.node(me, Tendermint(me, MESH, self.timeouts))
            node = kind(self, me, machine, machine.initial(), **more)
            self.nodes[me] = node
            node.take(Begin(1, tuple(self.app.validators(1))))
            joined.append(node)
        return joined

    def open(self, nodes: Iterable[Node] | None = None) -> None:
        for node in list(self.nodes.values()) if nodes is None else nodes:
            node.take(Open())

    def at(self, when_ns: int, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._queue, (when_ns, self._number, what))

    def calm(self) -> bool:
        return self.now_ns >= self.weather.calm_ns

    def dies(self, node: Node) -> bool:
        return not self.calm() and self.random.random() < self.weather.crash

    def post(self, sender: bytes, to: bytes, message: Value) -> None:
        """Put a message on its way; the weather decides whether, when and how often it arrives."""
        self.sent += 1
        self.watch(sender, to, message)
        weather, calm = self.weather, self.calm()
        if not calm and (weather.cut(sender, to) or self.random.random() < weather.loss):
            return
        low, high = weather.delay_ms if not calm else (weather.delay_ms[0],) * 2
        copies = 2 if not calm and self.random.random() < weather.repeat else 1
        for _ in range(copies):
            self.at(
                self.now_ns + self.random.randint(low, high) * MS,
                self._arrival(sender, to, message),
            )

    def _arrival(self, sender: bytes, to: bytes, message: Value) -> Callable[[], None]:
        def arrive() -> None:
            node = self.nodes.get(to)
            if node is not None and opens(message):
                node.take(Heard(sender, message))

        return arrive

    def run(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until `until_ns`, or until it is done."""
        while self._queue and self._queue[0][0] <= until_ns and not done():
            self.now_ns, _, what = heapq.heappop(self._queue)
            what()
        if not done():
            self.now_ns = max(self.now_ns, until_ns)


def agreed(nodes: Iterable[Node], height: int) -> Certificate:
    """The one decision of a height, which all of these nodes hold."""
    held = [node.decided[height] for node in nodes]
    assert len({committed.certificate.value_id for committed in held}) == 1
    return held[0].certificate


def check_agreement(nodes: Iterable[Node]) -> None:
    """No two of these nodes ever decided differently at a height."""
    decisions: dict[int, bytes] = {}
    for node in nodes:
        for height, committed in node.decided.items():
            value_id = committed.certificate.value_id
            assert decisions.setdefault(height, value_id) == value_id
