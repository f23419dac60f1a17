"""One machine, played by hand: what it is told, what it does.

A `Play` is one replica of a few validators. The node around it judges every value valid at once,
unless told otherwise, and its own statements come back signed, as the shell sees to. Statements of
the others are built here with one word each.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from immutables import Map

from meshkit.consensus.messages import (
    Begin,
    Certificate,
    Committed,
    Judge,
    Open,
    ProposalTaken,
    Validator,
)
from meshkit.consensus.pbft import Pbft, State, Timeouts
from meshkit.consensus.pbft.evidence import signer
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    CommitCast,
    NewView,
    Prepare,
    PrepareCast,
    PreparedProof,
    PrePrepare,
    ViewChange,
)
from meshkit.consensus.pbft.state import bare
from meshkit.consensus.pbft.views import Replicas, compose, primary
from meshkit.consensus.quorum import quorum
from meshkit.core.machine import Broadcast, Entry, Heard, Moment, Wake, step
from meshkit.core.value import Statement, Value, digest
from tests.consensus.pbft.network import MESH, MS, Block, equals, name, sign

E = TypeVar("E")
PAPER = Timeouts()
V, W = Block(1, "v"), Block(1, "w")
v, w = digest(V), digest(W)


def among(validators: Sequence[Validator] = equals(4), since: int = 1, window: int = 8) -> Replicas:
    weights = Map({validator.id: validator.weight for validator in validators})
    return Replicas(since, tuple(validators), weights, quorum(sum(weights.values())), window)


def leader(view: int, since: int = 1, validators: Sequence[Validator] = equals(4)) -> int:
    """The number of the primary of a view."""
    return primary(validators, since, view)[0]


def pre_prepare(value: Value, view: int = 0, height: int = 1, by: int | None = None) -> PrePrepare:
    who = leader(view) if by is None else by
    return sign(PrePrepare(view, height, digest(value), name(who), value))


def prepare(value_id: bytes, by: int, view: int = 0, height: int = 1) -> Prepare:
    return sign(Prepare(view, height, value_id, name(by)))


def commit(value_id: bytes, by: int, view: int = 0, height: int = 1) -> Commit:
    return sign(Commit(view, height, value_id, name(by)))


def checkpoint(height: int, chain: bytes, by: int) -> Checkpoint:
    return sign(Checkpoint(height, chain, name(by)))


def checkpoints(
    height: int, chain: bytes = b"c" * 32, by: Sequence[int] = (0, 1, 2)
) -> tuple[Checkpoint, ...]:
    return tuple(checkpoint(height, chain, n) for n in by)


def proof(
    value: Value, view: int = 0, height: int = 1, by: Sequence[int] | None = None
) -> PreparedProof:
    """That `value` was prepared: by two backups beside the primary, unless told otherwise."""
    first = leader(view)
    backups = [n for n in range(4) if n != first][:2] if by is None else by
    said = bare(pre_prepare(value, view, height))
    return PreparedProof(said, tuple(prepare(digest(value), n, view, height) for n in backups))


def change(
    by: int,
    view: int = 1,
    prepared: Sequence[PreparedProof] = (),
    stable: Sequence[Checkpoint] = (),
    since: int = 1,
) -> ViewChange:
    height = stable[0].height if stable else since - 1
    return sign(ViewChange(since, view, height, tuple(stable), tuple(prepared), name(by)))


def new_view(changes: Sequence[ViewChange], view: int = 1) -> NewView:
    """The beginning of a view as it must be."""
    return sign(compose(view, changes, name(leader(view)), among()))


def committed(value: Value, height: int = 1, view: int = 0) -> Committed:
    votes = tuple(commit(digest(value), n, view, height) for n in (1, 2, 3))
    return Committed(Certificate(height, view, digest(value), votes), value)


class Play:
    """A machine and its state; `do` steps it, and keeps what came of it."""

    def __init__(
        self,
        me: int = 1,
        validators: Sequence[Validator] = equals(4),
        opened: bool = True,
        judge: Callable[[Value], bool | None] = lambda _: True,
        echo: bool = True,
        timeouts: Timeouts = PAPER,
        every: int = 4,
    ) -> None:
        self.machine = Pbft(name(me), MESH, timeouts, every)
        self.state: State = self.machine.initial()
        self.now_ns = 1_000 * MS
        self.judge, self.echo = judge, echo
        self.events: list[Any] = []
        self.effects: list[Any] = []
        self.journal: list[Entry] = []
        self.story: list[tuple[Any, int]] = []  # every command, refused ones too, and when
        self.do(Begin(1, tuple(validators)))
        if opened:
            self.do(Open())
        self.forget()

    def do(self, command: Any) -> list[Any]:
        """Step, then let the node answer; the events of all of it."""
        self.story.append((command, self.now_ns))
        moment = Moment(self.now_ns, 0)
        self.state, entry, effects = step(self.machine, self.state, command, moment)
        events = list(entry.events)
        if events:
            self.journal.append(entry)
        self.events += events
        self.effects += effects
        for event in list(events):
            if isinstance(event, ProposalTaken):
                verdict = self.judge(event.value)
                if verdict is not None:
                    events += self.do(Judge(event.height, event.value_id, verdict))
        for effect in effects:
            message: Any = effect.message if isinstance(effect, Broadcast) else None
            if isinstance(message, Statement) and self.echo:
                ours = message if getattr(message, "signature", b"") else sign(message)
                events += self.do(Heard(self.machine.me, ours))
        return events

    def hear(self, *messages: Any, sender: bytes | None = None) -> list[Any]:
        """Messages as their signers send them, or `sender` passes them on."""
        events: list[Any] = []
        for message in messages:
            whose = signer(message) if isinstance(message, Statement) else name(2)
            events += self.do(Heard(sender or whose, message))
        return events

    def wake(self) -> list[Any]:
        """Sleep until the deadline."""
        due = self.machine.deadline(self.state)
        assert due is not None
        self.now_ns = max(self.now_ns, due)
        return self.do(Wake())

    def time_out(self) -> list[Any]:
        """Sleep until the view has taken too long."""
        assert self.state.timer_due_ns
        self.now_ns = max(self.now_ns, self.state.timer_due_ns)
        return self.do(Wake())

    def pass_ms(self, ms: int) -> None:
        self.now_ns += ms * MS

    def forget(self) -> None:
        self.events, self.effects = [], []

    def go_on(self, validators: Sequence[Validator] = equals(4), opened: bool = True) -> None:
        """Begin the next height."""
        self.do(Begin(self.state.height + 1, tuple(validators)))
        if opened:
            self.do(Open())

    def decide(self, count: int = 1) -> None:
        """Let that many heights pass."""
        for _ in range(count):
            height = self.state.height
            self.hear(committed(Block(height, "passed"), height))
            self.go_on()

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind since the last `forget`."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def said(self) -> list[tuple[str, int, int, bytes]]:
        """What we accepted and committed since the last `forget`: height, view, value."""
        return [
            (type(event).__name__, event.height, event.view, event.value_id)
            for event in self.events
            if isinstance(event, PrepareCast | CommitCast)
        ]

    def sent(self, kind: type[E]) -> list[E]:
        """The messages of a kind that left since the last `forget`."""
        messages = [getattr(effect, "message", None) for effect in self.effects]
        return [message for message in messages if isinstance(message, kind)]
