"""Which values travel or are journaled, room by room: the left-hand side of the table.

Every value class of a room's modules has the message of its own name in the schema of the room's
name, except those named here as never carried: states, effects that stay inside the node, and
what only the shell handles. Each is also a kind of `Body`, the message that stands wherever any
value may stand, under the name of its room and its own: `ledger_submit_task`.
"""

import inspect
import re
from types import ModuleType
from typing import NamedTuple

import meshkit.consensus.messages
import meshkit.consensus.pbft.messages
import meshkit.consensus.raft.events
import meshkit.consensus.raft.messages
import meshkit.consensus.tendermint.messages
import meshkit.core.composite
import meshkit.core.history
import meshkit.core.machine
import meshkit.ledger.messages
import meshkit.pool.messages
import meshkit.rounds.messages
from meshkit.core.value import Statement, Value


class Room(NamedTuple):
    """A schema `meshkit/pb/<name>.proto`, and the modules whose values it holds."""

    name: str
    modules: tuple[ModuleType, ...]
    never: frozenset[str] = frozenset()  # classes that are neither sent nor journaled

    @property
    def classes(self) -> tuple[type[Value], ...]:
        """The values carried, in the order they are declared."""
        found: list[type[Value]] = []
        for module in self.modules:
            for item in vars(module).values():
                own = inspect.isclass(item) and item.__module__ == module.__name__
                if own and issubclass(item, Value) and item.__name__ not in self.never:
                    found.append(item)
        return tuple(found)


# `Entry` and `Envelope` frame the others and have converters of their own: `meshkit.codec.entry`.
ROOMS = (
    Room(
        "body",
        (meshkit.core.machine, meshkit.core.composite),
        frozenset({"Entry", "Broadcast", "Send"}),
    ),
    Room("history", (meshkit.core.history,), frozenset({"History"})),
    Room("ledger", (meshkit.ledger.messages,)),
    Room("pool", (meshkit.pool.messages,), frozenset({"DrawLink"})),
    Room("consensus", (meshkit.consensus.messages,), frozenset({"Serve"})),
    Room("tendermint", (meshkit.consensus.tendermint.messages,)),
    Room("pbft", (meshkit.consensus.pbft.messages,)),
    Room(
        "raft",
        (meshkit.consensus.raft.messages, meshkit.consensus.raft.events),
        frozenset({"Early", "Prompt", "Notice", "Keep"}),
    ),
    Room("rounds", (meshkit.rounds.messages,), frozenset({"Train", "Fetch", "Aggregate"})),
)

BODY_ROOM = "body"  # the one schema that knows all the others, so only it may name `Body`
ROOM_OF: dict[type[Value], str] = {kind: room.name for room in ROOMS for kind in room.classes}
BASES = frozenset({Value, Statement})  # a field declared as one of these holds any kind


def kind_name(kind: type[Value]) -> str:
    """The name under which a class is a kind of `Body`: its room's name and its own."""
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
    return own if ROOM_OF[kind] == BODY_ROOM else f"{ROOM_OF[kind]}_{own}"
