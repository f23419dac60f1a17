"""Who is in the box: identities, hash chains and cards, the same for each number in every run.

The keys are real, so that the same mesh can run with real signatures; made once a process, for a
hash chain takes a while.
"""

from functools import cache

from blake3 import blake3

from meshkit.ledger.beacon import anchor_position
from meshkit.ledger.messages import Member, Operator
from meshkit.wire.keys import HashChain, Identity

PORTS = 4  # of one node


class Person:
    """Whoever holds a key: a node's, or an operator's."""

    def __init__(self, kind: str, number: int) -> None:
        self.number = number
        self.name = f"{kind}{number}"
        self.identity = Identity(_drawn("identity", self.name))
        self.key = self.identity.key
        self.mark = _drawn("mark", self.name)  # what a modelled signature is made of
        self._chains: dict[int, HashChain] = {}

    def link(self, position: int) -> bytes:
        """The value of this person's hash chains at `position`."""
        # The first link and the next anchor are asked for in turn: a chain each, made once.
        half = 0 if position < anchor_position(1) else 1
        chain = self._chains.get(half)
        if chain is None:
            chain = self._chains[half] = HashChain(_drawn("chain", self.name))
        return chain.link(position)

    def card(self, roles: tuple[str, ...], weight: int) -> Member:
        doors = [f"tcp://127.0.0.1:{10_000 + PORTS * self.number + door}" for door in range(PORTS)]
        return Member(
            self.key,
            self.name,
            roles,
            weight,
            _drawn("transport", self.name),
            doors[0],
            doors[1],
            doors[2],
            doors[3],
            self.link(anchor_position(0)),
        )

    def desk(self, may: tuple[str, ...]) -> Operator:
        return Operator(self.key, self.name, may)


def _drawn(what: str, whose: str) -> bytes:
    return blake3(f"meshkit sim {what} {whose}".encode()).digest()


@cache
def node(number: int) -> Person:
    return Person("node", number)


@cache
def operator(number: int) -> Person:
    return Person("operator", number)


@cache
def client(number: int) -> Person:
    return Person("client", number)
