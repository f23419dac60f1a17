"""A small machine for the core's own tests: it counts ticks towards an alarm."""

from collections.abc import Sequence

from meshkit.core.machine import Moment, Restarted, Wake
from meshkit.core.value import Value


class Set(Value):
    after_ns: int


class WasSet(Value):
    due_ns: int


class Rang(Value):
    pass


class Ring(Value):
    count: int


class Clockwork(Value):
    due_ns: int | None = None
    rung: int = 0


class AlarmClock:
    """Set it; at the deadline it rings."""

    def initial(self) -> Clockwork:
        return Clockwork()

    def decide(self, state: Clockwork, command: Value, moment: Moment) -> Sequence[Value]:
        match command:
            case Set(after_ns) if state.due_ns is None:
                return (WasSet(moment.now_ns + after_ns),)
            case Wake() if state.due_ns is not None and state.due_ns <= moment.now_ns:
                return (Rang(),)
            case Restarted() if state.rung:
                return (Rang(),)
            case _:
                return ()

    def evolve(self, state: Clockwork, event: Value) -> Clockwork:
        match event:
            case WasSet(due_ns):
                return Clockwork(due_ns, state.rung)
            case _:
                return Clockwork(None, state.rung + 1)

    def react(self, state: Clockwork, event: Value) -> Sequence[Ring]:
        return (Ring(state.rung),) if isinstance(event, Rang) else ()

    def deadline(self, state: Clockwork) -> int | None:
        return state.due_ns
