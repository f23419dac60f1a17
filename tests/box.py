"""A mesh in a box: whole nodes, a network that delivers at once, and a world that always answers.

For tests of what stands between the machines. The simulator (`meshkit.sim`) is where things break.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from blake3 import blake3
from msgspec.structs import replace

from meshkit.consensus.messages import Serve
from meshkit.core.composite import At
from meshkit.core.machine import Broadcast, Entry, Heard, Moment, Restarted, Send, Wake
from meshkit.core.shell import Caused, Shell
from meshkit.core.value import Statement, Value, canonical, digest
from meshkit.ledger import beacon
from meshkit.ledger.messages import (
    MAY,
    Found,
    Genesis,
    Member,
    Operator,
    Policy,
    SubmitTask,
    Task,
)
from meshkit.node import address, mesh_node
from meshkit.pool.messages import DrawLink, LinkDrawn, Offer
from meshkit.rounds import messages as rounds

S = TypeVar("S", bound=Statement)

MODULE = "tests.box:Nothing"
OPERATOR = b"o" * 32
SECOND_NS = 1_000_000_000
TURNS_MAX = 50_000


def member(number: int, roles: tuple[str, ...] = ("trainer", "validator")) -> Member:
    at = "tcp://127.0.0.1:{}"
    return Member(
        id=bytes([number + 1]) * 32,
        name=f"node-{number}",
        roles=roles,
        weight=1,
        transport=bytes([number + 101]) * 32,
        events=at.format(7000 + 10 * number),
        direct=at.format(7001 + 10 * number),
        blobs=at.format(7002 + 10 * number),
        join=at.format(7003 + 10 * number),
        anchor=chain_of(number)[0],
    )


def chain_of(number: int) -> tuple[bytes, ...]:
    if number not in _chains:
        _chains[number] = beacon.chain(bytes([number]) * 32, 0)
    return _chains[number]


_chains: dict[int, tuple[bytes, ...]] = {}


def genesis_of(count: int, **policy: Any) -> Genesis:
    return Genesis(
        "box",
        1,
        tuple(member(number) for number in range(count)),
        (Operator(OPERATOR, "operator", tuple(sorted(MAY))),),
        Policy(allowed_tasks=(MODULE,), **policy),
    )


def signed(statement: S) -> S:
    """The statement with a signature: nobody in the box verifies one."""
    covered = replace(statement, signature=b"")
    return replace(statement, signature=blake3(canonical(covered)).digest() * 2)


def a_task(rounds_: int = 2, seed: int = 0, **changed: Any) -> Task:
    task = Task(
        name="task",
        module=MODULE,
        parameters="{}",
        rounds=rounds_,
        quorum=0,
        deadline_ms=2_000,
        patience_ms=100,
        size=100,
        bits=16,
        scale_bits=12,
        strategy="fedavg",
        initial=b"\x07" * 32,
        seed=seed,
    )
    return replace(task, **changed)


class ListLog:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry]) -> int:
        self.entries.extend(entries)
        return len(self.entries)


class Box:
    """`count` nodes. `bend` may change or drop what a node says: (from, to, message)."""

    def __init__(
        self,
        count: int = 4,
        bend: Callable[[int, int, Value], Value | None] = lambda here, there, message: message,
        **policy: Any,
    ) -> None:
        self.genesis = genesis_of(count, **policy)
        self.ids = [founder.id for founder in self.genesis.founders]
        self.now_ns = SECOND_NS
        self.bend = bend
        self.logs = [ListLog() for _ in self.ids]
        self.nodes = [mesh_node(id_, self.genesis) for id_ in self.ids]
        self.shells = [
            Shell(node, log, self.moment) for node, log in zip(self.nodes, self.logs, strict=True)
        ]
        for shell in self.shells:
            shell.take(At("ledger", Found(self.genesis)))
            shell.take(At("", Restarted()))

    def moment(self) -> Moment:
        self.now_ns += 1
        return Moment(self.now_ns, self.now_ns * 7)

    def submit(self, task: Task, node: int = 0, serial: int = 1) -> bytes:
        item = signed(SubmitTask(OPERATOR, serial, task))
        self.shells[node].take(At("pool", Offer(item)))
        return digest(task)

    def run(self, until: Callable[[], bool]) -> None:
        """Deliver and wake until `until` holds; fails if that takes for ever."""
        for _ in range(TURNS_MAX):
            if until():
                return
            busy = [number for number, shell in enumerate(self.shells) if shell.waiting]
            if busy:
                self.perform(busy[0], self.shells[busy[0]].tick())
            else:
                self._wake()
        raise AssertionError("the box never came to an end")

    def settle(self) -> None:
        """Deliver all that is under way, and wake nobody."""
        self.run(lambda: not any(shell.waiting for shell in self.shells))

    def _wake(self) -> None:
        due = [
            (at, number)
            for number, shell in enumerate(self.shells)
            if (at := shell.node.deadline(shell.state)) is not None
        ]
        at, number = min(due)
        self.now_ns = max(self.now_ns, at)
        self.shells[number].take(At("", Wake()))

    def perform(self, here: int, effects: Sequence[Caused]) -> None:
        for caused in effects:
            self._perform(here, caused.effect.body)

    def _perform(self, here: int, effect: Any) -> None:
        me = self.ids[here]
        match effect:
            case Broadcast(message):
                said = self._sign(message)
                if said is not message:
                    self.hear(here, me, said)
                for there, _ in enumerate(self.ids):
                    if there != here:
                        self._carry(here, there, said)
            case Send(to, message):
                if to in self.ids:  # a member that never runs hears nothing
                    self._carry(here, self.ids.index(to), self._sign(message))
            case DrawLink(position):
                answer = LinkDrawn(position, chain_of(here)[position % (beacon.LINKS + 1)])
                self.shells[here].take(At("pool", answer))
            case Serve():
                pass  # nobody here is so far behind
            case _:
                self.shells[here].take(At("rounds", self._work(me, effect)))

    def _work(self, me: bytes, effect: Any) -> Value:
        match effect:
            case rounds.Train(task, number, spec):
                blob = blake3(me + task + bytes([number])).digest()
                size = spec.size * spec.bits // 8 + 16
                return rounds.Trained(task, number, blob, size, 10, 900_000, 5)
            case rounds.Fetch(task, form, name, size):
                return rounds.Fetched(task, form, name, size, "")
            case rounds.Aggregate(task, number, _, base, key, credits_):
                model = digest((base, credits_))
                return rounds.Aggregated(task, number, base, key, model, "")
            case _:
                raise AssertionError(f"nobody performs {effect!r:.100}")

    def _sign(self, message: Value) -> Value:
        unsigned = isinstance(message, Statement) and getattr(message, "signature", b"") == b""
        return signed(message) if unsigned else message  # type: ignore[type-var]  # narrowed above

    def _carry(self, here: int, there: int, message: Value) -> None:
        bent = self.bend(here, there, message)
        if bent is not None:
            self.hear(there, self.ids[here], bent)

    def hear(self, there: int, sender: bytes, message: Value) -> None:
        self.shells[there].take(At(address(message), Heard(sender, message)))

    def book(self, number: int = 0) -> Any:
        return self.shells[number].state["ledger"]

    def events(self, number: int, kind: type) -> list[Any]:
        """The events of this class in a node's journal."""
        return [
            event.body
            for entry in self.logs[number].entries
            for event in entry.events
            if isinstance(event.body, kind)
        ]
