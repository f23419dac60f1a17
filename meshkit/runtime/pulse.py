"""An engine's volatile half beside the node: stepped by the shell, journaled by nobody.

It is one life's, and ends with the process. Its shell's duties, for an engine that has one:

1. a message goes to the half that it is for, or to both (`hear`); the journaled half hears nothing
   that this one does not admit;
2. after each tick, and after what that asked for is done, it is shown the node's state (`look`);
3. it is woken at its own deadline (`wake`);
4. what it says is sent, and what it tells the other half is that one's next command.

A shell of one thread need not tell it of a disk that does not answer: it is silent itself then.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from meshkit.codec import AHEAD, JOURNALED, VOLATILE
from meshkit.consensus.engines import Engine, Timeouts
from meshkit.core.machine import Heard, Moment, Send, Wake
from meshkit.core.value import Value


class Asked(NamedTuple):
    """What it asks: messages to be sent, commands for the journaled half, and whatever else."""

    said: Sequence[Send] = ()
    told: Sequence[Any] = ()
    others: Sequence[Any] = ()


NOTHING = Asked()


def pulse_of(engine: Engine, me: bytes, mesh: bytes, timeouts: Timeouts) -> "Pulse | None":
    """The volatile half of an engine, as it begins a life; None if the engine has none."""
    return Pulse(engine, me, mesh, timeouts) if engine.volatile is not None else None


def is_due(kind: int, message: Value, pulse: "Pulse | None") -> bool:
    """Whether a message may come in an envelope of this kind.

    What is never journaled is for a volatile half alone; and only what that overhears may have left
    before its own entry was durable.
    """
    if pulse is None:
        return kind == JOURNALED
    if pulse.takes(message):
        return kind == VOLATILE
    return kind == JOURNALED or (kind == AHEAD and pulse.overhears(message))


class Pulse:
    """One life of it, with its state."""

    def __init__(self, engine: Engine, me: bytes, mesh: bytes, timeouts: Timeouts) -> None:
        assert engine.volatile is not None, "this engine is all journaled"
        self._half = engine.volatile
        self._machine = self._half.machine(me, mesh, timeouts)
        self._state = self._machine.initial()
        self._seen: Any = None

    def takes(self, message: Value) -> bool:
        """Whether this half alone hears it."""
        return type(message) in self._half.alone

    def overhears(self, message: Value) -> bool:
        """Whether both halves hear it."""
        return type(message) in self._half.both

    def hear(self, sender: bytes, message: Value, moment: Moment) -> tuple[bool, Asked]:
        """A message for either half: whether the journaled one may hear it, and what is asked."""
        half, kind = self._half, type(message)
        if kind in half.alone:
            return False, self.take(Heard(sender, message), moment)
        if not half.admits(self._machine, self._state, message, moment.now_ns):
            return False, NOTHING
        return True, self.take(Heard(sender, message), moment) if kind in half.both else NOTHING

    def look(self, state: Any, moment: Moment) -> Asked:
        """The journaled half's state as it is now."""
        if state is self._seen:
            return NOTHING
        self._seen = state
        return self.take(self._half.look(state), moment)

    def wake(self, moment: Moment) -> Asked:
        """Its deadline has come, or not yet: then nothing is asked."""
        due_ns = self.deadline()
        return NOTHING if due_ns is None or due_ns > moment.now_ns else self.take(Wake(), moment)

    def deadline(self) -> int | None:
        return self._machine.deadline(self._state)

    def take(self, command: Any, moment: Moment) -> Asked:
        """Step this half."""
        said: list[Send] = []
        told: list[Any] = []
        others: list[Any] = []
        for event in self._machine.decide(self._state, command, moment):
            self._state = self._machine.evolve(self._state, event)
            for effect in self._machine.react(self._state, event):
                if isinstance(effect, Send):
                    said.append(effect)
                elif type(effect) is self._half.tell:
                    told.append(effect.command)
                else:
                    others.append(effect)
        return Asked(said, told, others)
