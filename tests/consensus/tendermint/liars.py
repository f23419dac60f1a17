"""Nodes that lie, each in its own way; every one holds only its own key."""

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Ask, Certificate, Committed
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    Proposal,
    Vote,
    WantValue,
)
from meshkit.core.machine import Heard
from meshkit.core.value import Value, digest
from tests.consensus.tendermint.network import MS, NAME, Block, Node, name, sign


@dataclass
class Silent(Node):
    """Says nothing at all."""

    def take(self, command: Any) -> None:
        pass


@dataclass
class Equivocator(Node):
    """Follows the protocol, but tells every other node something else."""

    def send(self, to: bytes, message: Value) -> None:
        if to[0] % 2:
            message = self.twist(message)
        self.net.post(self.me, to, message)

    def twist(self, message: Value) -> Value:
        if isinstance(message, Vote) and message.voter == self.me:
            other = NIL if message.value_id else digest(Block(message.height, "a lie"))
            return sign(replace(message, value_id=other, signature=b""))
        if isinstance(message, Proposal) and message.proposer == self.me:
            value = Block(message.height, "another")
            lie = replace(message, value_id=digest(value), value=value, signature=b"")
            return sign(lie)
        return message


@dataclass
class Amnesiac(Node):
    """Forgets its lock after every step, and votes for whatever comes."""

    def take(self, command: Any) -> None:
        super().take(command)
        forgotten = replace(self.consensus, locked_round=-1, locked_id=NIL)
        self.state = {NAME: forgotten}


@dataclass
class Chatterer(Node):
    """Says anything that it may sign, to anyone, about anything it has heard of."""

    heard: list[bytes] = field(default_factory=lambda: [NIL, digest(Block(1, "made up"))])
    budget: int = 300

    def take(self, command: Any) -> None:
        if isinstance(command, Heard):
            message = command.message
            if isinstance(message, Vote | Proposal) and message.value_id not in self.heard:
                self.heard.append(message.value_id)
            height = getattr(message, "height", 1)
            for _ in range(2):
                self.chatter(height)

    def chatter(self, height: int) -> None:
        if self.budget <= 0:
            return
        self.budget -= 1
        random = self.net.random
        to = name(random.randrange(len(self.net.nodes)))
        number = random.choice([0, 0, 1, 1, 2, 3, random.randrange(10**6)])
        value_id = random.choice(self.heard)
        height = max(1, height + random.choice([0, 0, 0, 0, -1, 1, 10**6]))
        self.net.post(self.me, to, self.lie(height, number, value_id))

    def lie(self, height: int, number: int, value_id: bytes) -> Value:
        random = self.net.random
        vote = sign(Vote(random.choice([PREVOTE, PRECOMMIT]), height, number, value_id, self.me))
        value = Block(height, f"chatter {random.randrange(3)}")
        vouched = random.choice([-1, 0])
        proposal = sign(Proposal(height, number, vouched, digest(value), self.me, value))
        certificate = Certificate(height, number, digest(value), (vote,))
        lies: list[Value] = [
            vote,
            vote,
            vote,
            proposal,
            Known((proposal,), (vote, vote)),
            Committed(certificate, value),
            Ask(random.choice([1, height])),
            WantValue(height, value_id),
        ]
        return random.choice(lies)


@dataclass
class Whisperer(Equivocator):
    """Proposes to one node only, and votes so that each quorum is seen by one node only."""

    def send(self, to: bytes, message: Value) -> None:
        number = getattr(message, "round", 0)
        others = sorted(other for other in self.net.nodes if other != self.me)
        if to == others[number % len(others)]:
            self.net.post(self.me, to, message)


@dataclass
class Slow(Node):
    """Honest, but everything it says leaves late."""

    late_ms: int = 700

    def send(self, to: bytes, message: Value) -> None:
        when = self.net.now_ns + self.late_ms * MS
        self.net.at(when, lambda: self.net.post(self.me, to, message))


@dataclass
class Upgrader(Node):
    """Hides each quorum from all but one honest node, which is not the next to propose.

    The liveness attack on implementations that keep quorums to themselves (malachite#956): it
    prevotes for what two honest nodes prevote, but tells only one of them, so that this one locks
    and the others do not know. As a proposer it proposes something new to two nodes only.
    """

    seen: dict[tuple[int, int, bytes], set[bytes]] = field(
        default_factory=dict[tuple[int, int, bytes], set[bytes]]
    )
    done: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    victims: list[bytes] = field(default_factory=list[bytes])

    def take(self, command: Any) -> None:
        if not isinstance(command, Heard) or not isinstance(command.message, Vote | Proposal):
            return
        message = command.message
        self.propose(message.height, message.round)
        self.propose(message.height, message.round + 1)
        self.propose(message.height + 1, 0)
        if isinstance(message, Vote) and message.kind == PREVOTE and message.value_id:
            self.upgrade(message)

    def others(self) -> list[bytes]:
        return sorted(other for other in self.net.nodes if other != self.me)

    def propose(self, height: int, number: int) -> None:
        turn = proposer(self.net.app.validators(height), height, number)
        if turn != self.me or (height, number) in self.done:
            return
        self.done.add((height, number))
        value = Block(height, f"whispered {number}")
        offer = sign(Proposal(height, number, -1, digest(value), self.me, value))
        after = proposer(self.net.app.validators(height), height, number + 1)
        for other in [other for other in self.others() if other != after][:2]:
            self.net.post(self.me, other, offer)

    def upgrade(self, vote: Vote) -> None:
        voters = self.seen.setdefault((vote.height, vote.round, vote.value_id), set())
        voters.add(vote.voter)
        if len(voters) != 2:
            return
        after = proposer(self.net.app.validators(vote.height), vote.height, vote.round + 1)
        victim = max(voters, key=lambda voter: (voter != after, voter not in self.victims[-1:]))
        self.victims.append(victim)
        mine = Vote(PREVOTE, vote.height, vote.round, vote.value_id, self.me)
        self.net.post(self.me, victim, sign(mine))
