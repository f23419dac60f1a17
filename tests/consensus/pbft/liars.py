"""Replicas that lie, each in its own way; every one holds only its own key."""

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from meshkit.consensus.messages import Ask, Certificate, Committed
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    NewView,
    Offer,
    Prepare,
    PreparedProof,
    PrePrepare,
    Shown,
    ViewChange,
    WantValue,
    WantView,
)
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value, digest
from tests.consensus.pbft.network import MS, NAME, Block, Node, Speaker, brain, name, sign


@dataclass
class Silent(Speaker):
    """Says nothing at all."""

    def take(self, command: Any) -> None:
        pass


@dataclass
class Equivocator(Speaker):
    """Follows the protocol, but tells every other node something else."""

    def send(self, to: bytes, message: Value) -> None:
        self.net.post(self.me, to, self.twist(message) if to[0] % 2 else message)

    def twist(self, message: Value) -> Value:
        """The same, with another value in it."""
        if isinstance(message, PrePrepare) and message.proposer == self.me:
            value = Block(message.height, "another")
            lie = replace(message, value_id=digest(value), value=value, signature=b"")
            return sign(lie)
        if isinstance(message, Prepare | Commit) and message.voter == self.me:
            other = digest(Block(message.height, "another"))
            return sign(replace(message, value_id=other, signature=b""))
        if isinstance(message, Checkpoint) and message.voter == self.me:
            return sign(replace(message, digest=b"x" * 32, signature=b""))
        return message


@dataclass
class Forgetful(Speaker):
    """Lies in view changes: never shows what it knows to be prepared."""

    def send(self, to: bytes, message: Value) -> None:
        if isinstance(message, ViewChange) and message.voter == self.me:
            message = sign(replace(message, prepared=(), signature=b""))
        self.net.post(self.me, to, message)


@dataclass
class Boaster(Speaker):
    """Lies in view changes: shows proofs that are none, and checkpoints that nobody took."""

    def send(self, to: bytes, message: Value) -> None:
        if isinstance(message, ViewChange) and message.voter == self.me:
            message = sign(self.boast(message))
        self.net.post(self.me, to, message)

    def boast(self, change: ViewChange) -> ViewChange:
        value_id = digest(Block(change.stable + 1, "boasted"))
        height, view = change.stable + 1, change.view - 1
        said = sign(PrePrepare(view, height, value_id, self.me))
        alone = PreparedProof(said, (sign(Prepare(view, height, value_id, self.me)),))
        if self.net.random.random() < 0.5:
            return replace(change, prepared=(alone,), signature=b"")
        stable = change.stable + 40
        vote = sign(Checkpoint(stable, b"x" * 32, self.me))
        return replace(change, stable=stable, checkpoints=(vote,), prepared=(), signature=b"")


@dataclass
class Usurper(Speaker):
    """As the new primary it begins a view as it likes: without what was prepared, or otherwise."""

    def send(self, to: bytes, message: Value) -> None:
        if isinstance(message, NewView) and message.proposer == self.me:
            message = sign(self.usurp(message))
        self.net.post(self.me, to, message)

    def usurp(self, said: NewView) -> NewView:
        stale = replace(said, signature=b"")
        match self.net.random.randrange(4):
            case 0:
                return replace(stale, chosen=())
            case 1:
                height = said.chosen[0].height if said.chosen else brain(self).height
                wrong = PrePrepare(said.view, height, digest(Block(height, "usurped")), self.me)
                return replace(stale, chosen=(sign(wrong),))
            case 2:
                return replace(stale, changes=said.changes[:2])
            case _:
                return replace(stale, nulls=(brain(self).height,))


@dataclass
class Slow(Speaker):
    """Honest, but as the primary it holds every value back until just before the timeout."""

    late_ms: int = 900

    def send(self, to: bytes, message: Value) -> None:
        if isinstance(message, PrePrepare):
            when = self.net.now_ns + self.late_ms * MS
            self.net.at(when, lambda: self.net.post(self.me, to, message))
        else:
            self.net.post(self.me, to, message)


@dataclass
class Whisperer(Speaker):
    """Tells each thing to one other node only, by turns."""

    def send(self, to: bytes, message: Value) -> None:
        turn = getattr(message, "height", 0) + getattr(message, "view", 0)
        others = sorted(other for other in self.net.nodes if other != self.me)
        if to == others[turn % len(others)]:
            self.net.post(self.me, to, message)


@dataclass
class Parrot(Speaker):
    """Says again whatever anyone ever said to it, in any order and to anyone."""

    heard: list[Value] = field(default_factory=list[Value])
    budget: int = 400

    def take(self, command: Any) -> None:
        super().take(command)
        if isinstance(command, Heard) and self.budget > 0:
            self.budget -= 1
            self.heard.append(command.message)
            random = self.net.random
            to = name(random.randrange(len(self.net.nodes)))
            self.net.post(self.me, to, self.heard[random.randrange(len(self.heard))])


@dataclass
class Chatterer(Speaker):
    """Floods: says anything that it may sign, to anyone, about anything it has heard of."""

    ids: list[bytes] = field(default_factory=lambda: [digest(Block(1, "made up"))])
    proofs: list[PreparedProof] = field(default_factory=list[PreparedProof])
    budget: int = 300

    def take(self, command: Any) -> None:
        if not isinstance(command, Heard):
            return
        message = command.message
        if isinstance(message, PrePrepare | Prepare) and message.value_id not in self.ids:
            self.ids.append(message.value_id)
        if isinstance(message, ViewChange):
            self.proofs += message.prepared
        for _ in range(2):
            self.chatter(getattr(message, "height", 1), getattr(message, "view", 0))

    def chatter(self, height: int, view: int) -> None:
        if self.budget <= 0:
            return
        self.budget -= 1
        random = self.net.random
        to = name(random.randrange(len(self.net.nodes)))
        height = max(1, height + random.choice([0, 0, 0, 0, -1, 1, 10**6]))
        view = max(0, view + random.choice([0, 0, 0, 1, 2, -1, 10**6]))
        self.net.post(self.me, to, self.lie(height, view, random.choice(self.ids)))

    def lie(self, height: int, view: int, value_id: bytes) -> Value:
        random, me = self.net.random, self.me
        value = Block(height, f"chatter {random.randrange(3)}")
        said = sign(PrePrepare(view, height, digest(value), me, value))
        some = tuple(self.proofs[-2:])
        change = sign(ViewChange(1, view + 1, 0, (), some, me))
        vote: Statement = random.choice(
            [
                sign(Prepare(view, height, value_id, me)),
                sign(Commit(view, height, value_id, me)),
                sign(Checkpoint(height, value_id, me)),
            ]
        )
        lies: list[Value] = [
            vote,
            vote,
            vote,
            said,
            change,
            sign(NewView(1, view, (change,), (replace(said, value=None),), (), me)),
            Committed(Certificate(height, view, digest(value), (vote,)), value),
            Shown((said,)),
            Offer(height, value),
            Ask(random.choice([1, height])),
            WantValue(height, value_id),
            WantView(1, 0),
        ]
        return random.choice(lies)


@dataclass
class Amnesiac(Speaker):
    """Forgets after every step what it knows to be prepared, and what it has said."""

    def take(self, command: Any) -> None:
        super().take(command)
        state = brain(self)
        slot = replace(state.slot, prepared_id=None, committed_id=None)
        self.state = {NAME: replace(state, prepared=type(state.prepared)(), slot=slot)}


KINDS: list[type[Node]] = [
    Silent,
    Equivocator,
    Forgetful,
    Boaster,
    Usurper,
    Slow,
    Whisperer,
    Parrot,
    Chatterer,
    Amnesiac,
]
