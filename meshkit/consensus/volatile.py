"""The half of an engine that is lost in a crash, where it has one: what its shell has to know.

What is true only now (who is there, how long nobody was heard) would fill an append-only journal
for nothing, so an engine may keep it in a machine of its own that no journal knows. The shell steps
that machine beside the node, hands messages to the half that they are for, and takes what the
volatile half tells the other as a command like any other: journaled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from meshkit.core.machine import Machine
from meshkit.core.value import Value


class Volatile(NamedTuple):
    """A machine whose history nobody keeps, and which messages and commands are whose."""

    # Of (me, mesh, timeouts), as an engine's own machine.
    machine: Callable[[bytes, bytes, Any], Machine[Any, Any, Any, Any]]
    alone: frozenset[type]  # messages that only this half hears and says
    both: frozenset[type]  # messages that this half hears, too
    # Whether the journaled half may hear a message, by (machine, state, message, now_ns).
    admits: Callable[[Any, Any, Value, int], bool]
    look: Callable[[Any], Any]  # the command that shows it the journaled half's state
    tell: type[Any]  # the effect whose `command` is for the journaled half
    told: tuple[type[Value], ...]  # the commands that it tells
