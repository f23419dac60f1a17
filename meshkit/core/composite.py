"""A node: machines by name, and the policies that let one machine's events command another.

Machines know nothing of each other. A policy reads an event and the state just after it, and may
ask something of any machine; what it asks is decided inside the same step, so one command and all
that follows from it are one entry. A composite is itself a machine and replays like any other.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from meshkit.core.machine import Machine, Moment, Restarted, Wake
from meshkit.core.value import Value

EVENTS_MAX = 10_000  # one command may not cascade without end (a guess: ten times the largest seen)


class At(Value):
    """A command, event or effect, and the machine in this node it belongs to."""

    name: str
    body: Any


State = Mapping[str, Any]
Policy = Callable[[State, Any], Iterable[At]]
Guard = Callable[[State, At], bool]


def everyone(_: State, command: At) -> bool:
    """The guard of a composite that refuses nobody."""
    return True


class Composite:
    """Several machines that step as one.

    `policies[name][event type]` are asked in order after each such event of machine `name`. The
    guard sees each outside command first, and may refuse it. A `Wake` or `Restarted` addressed to
    the machine named "" goes to all: a wake to each machine that is due, a restart to each in
    order of name.
    """

    def __init__(
        self,
        machines: Mapping[str, Machine[Any, Any, Any, Any]],
        policies: Mapping[tuple[str, type], Sequence[Policy]] | None = None,
        guard: Guard = everyone,
    ) -> None:
        self.machines = dict(sorted(machines.items()))
        self.policies = dict(policies or {})
        self.guard = guard

    def initial(self) -> State:
        return {name: machine.initial() for name, machine in self.machines.items()}

    def decide(self, state: State, command: At, moment: Moment) -> Sequence[At]:
        return self.run(state, command, moment)[1]

    def run(
        self, state: State, command: At, moment: Moment
    ) -> tuple[State, tuple[At, ...], list[At]]:
        """All of `step` in one pass: to decide the next command, each event must evolve anyway."""
        if not self.guard(state, command):
            return state, (), []
        pending = deque(self._addressed(state, command, moment))
        events: list[At] = []
        effects: list[At] = []
        while pending:
            asked = pending.popleft()
            name = asked.name
            machine = self.machines[name]
            for body in machine.decide(state[name], asked.body, moment):
                now = machine.evolve(state[name], body)
                state = {**state, name: now}
                events.append(At(name, body))
                effects.extend([At(name, effect) for effect in machine.react(now, body)])
                for policy in self.policies.get((name, body.__class__), ()):
                    pending.extend(policy(state, body))
            assert len(events) <= EVENTS_MAX, f"a cascade without end, from {command!r:.200}"
        return state, tuple(events), effects

    def _addressed(self, state: State, command: At, moment: Moment) -> Sequence[At]:
        if command.name:
            return (command,)
        if isinstance(command.body, Restarted):
            return [At(name, command.body) for name in self.machines]
        assert isinstance(command.body, Wake), f"nobody is addressed by {command!r:.200}"
        return [
            At(name, command.body)
            for name, machine in self.machines.items()
            if (due := machine.deadline(state[name])) is not None and due <= moment.now_ns
        ]

    def evolve(self, state: State, event: At) -> State:
        name = event.name
        return {**state, name: self.machines[name].evolve(state[name], event.body)}

    def react(self, state: State, event: At) -> Sequence[At]:
        name = event.name
        effects = self.machines[name].react(state[name], event.body)
        return [At(name, effect) for effect in effects] if effects else ()

    def deadline(self, state: State) -> int | None:
        earliest: int | None = None
        for name, machine in self.machines.items():
            due = machine.deadline(state[name])
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest
