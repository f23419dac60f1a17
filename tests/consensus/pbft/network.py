"""A mesh in a box for PBFT: its machines in the network, weather and policies of the other engines.

What differs is the machine, and that a new view holds statements of its primary that are signed
before the new view itself is, as the shell does it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from meshkit.consensus.messages import Begin
from meshkit.consensus.pbft import Pbft, State, Timeouts
from meshkit.consensus.pbft.messages import NewView, ViewLeft
from meshkit.core.value import Statement
from tests.consensus.tendermint import network
from tests.consensus.tendermint.network import (
    MESH,
    MS,
    NAME,
    SECOND,
    App,
    Block,
    Node,
    Weather,
    agreed,
    check_agreement,
    equals,
    name,
    opens,
    seal,
    verify,
)

__all__ = [
    "MESH", "MS", "NAME", "SECOND", "App", "Block", "Net", "Node", "Speaker", "Weather", "agreed",
    "brain", "check_agreement", "equals", "name", "opens", "seal", "sign", "verify",
]  # fmt: skip

S = TypeVar("S", bound=Statement)


def sign(statement: S) -> S:
    """The statement with its signer's signature; of a new view, what it chose is signed first."""
    if isinstance(statement, NewView):
        chosen = tuple(said if said.signature else sign(said) for said in statement.chosen)
        return cast(S, network.sign(replace(statement, chosen=chosen)))
    return network.sign(statement)


@dataclass
class Speaker(network.Node):
    """One node: a PBFT machine, its journal, and what it has decided."""

    def sign(self, message: Any) -> Any:
        own = isinstance(message, Statement) and not getattr(message, "signature", b"")
        return sign(message) if own else message


def brain(node: Node) -> State:
    """The state of a node's engine."""
    return cast(State, node.state[NAME])


@dataclass
class Net(network.Net):
    """All nodes, the messages under way, and the one clock."""

    waits: Timeouts = field(default_factory=Timeouts)
    every: int = 4

    def join(self, numbers: Iterable[int], kind: type[Node] = Speaker, **more: Any) -> list[Node]:
        """Nodes of a kind, begun at height 1."""
        joined: list[Node] = []
        for number in numbers:
            me = name(number)
            machine = self.app.node(me, Pbft(me, MESH, self.waits, self.every))
            node = kind(self, me, machine, machine.initial(), **more)
            self.nodes[me] = node
            node.take(Begin(1, tuple(self.app.validators(1))))
            joined.append(node)
        return joined


def all_at(nodes: Sequence[Node], height: int) -> bool:
    return all(height in node.decided for node in nodes)


def done(nodes: Sequence[Node], height: int) -> Callable[[], bool]:
    return lambda: all_at(nodes, height)


def views_left(nodes: Sequence[Node]) -> int:
    events = [event.body for node in nodes for entry in node.journal for event in entry.events]
    return sum(isinstance(event, ViewLeft) for event in events)
