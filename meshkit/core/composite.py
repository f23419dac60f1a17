"""A node: machines by name, and the policies that let one machine's events command another.

Machines know nothing of each other. A policy reads an event and the state just after it, and may
ask something of any machine; what it asks is decided inside the same step, so one command and all
that follows from it are one entry. A composite is itself a machine and replays like any other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

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


# What a machine decides, each event with the state just after it.
Unfolded = Sequence[tuple[Any, Any]]
Unfold = Callable[[Any, Any, Moment], Unfolded]
React = Callable[[Any, Any], Sequence[Any]]
Part = tuple[Unfold, frozenset[type], React, Mapping[type, Sequence[Policy]]]


class Unfolding(Protocol):
    """A machine that must evolve while it decides may tell both at once: nothing is done twice.

    `unfold` says what `decide` and `evolve` would say one after the other.
    """

    def unfold(self, state: Any, command: Any, moment: Moment) -> Unfolded: ...


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
        asked: dict[str, dict[type, Sequence[Policy]]] = {name: {} for name in self.machines}
        for (name, event), policies_of in self.policies.items():
            asked[name][event] = policies_of
        # All that a step needs of a machine: how it unfolds, the events it does not react to, how
        # it reacts to the others, and who reads them.
        self._parts: dict[str, Part] = {
            name: (
                _unfold_of(machine),
                getattr(machine, "SILENT", frozenset()),
                machine.react,
                asked[name],
            )
            for name, machine in self.machines.items()
        }
        self._timed = [
            _Timed(name, machine.deadline)
            for name, machine in machines.items()
            if not getattr(machine, "TIMELESS", False)
        ]

        self._last: tuple[State, int | None] = ({}, None)  # asked for a deadline, and it

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
        parts = self._parts
        pending = [command] if command.name else self._addressed(state, command, moment)
        now = {**state}  # of its own: whoever has the state before keeps it
        events: list[At] = []
        effects: list[At] = []
        for asked in pending:  # which grows by what the policies ask
            name = asked.name
            unfold, silent, react, policies = parts[name]
            for body, after in unfold(now[name], asked.body, moment):
                now[name] = after
                events.append(At(name, body))
                kind = body.__class__
                if kind not in silent and (wanted := react(after, body)):
                    effects += [At(name, effect) for effect in wanted]
                if kind in policies:
                    for policy in policies[kind]:
                        pending.extend(policy(now, body))
                    assert len(events) <= EVENTS_MAX, f"a cascade without end: {command!r:.200}"
        return (now, tuple(events), effects) if events else (state, (), [])

    def _addressed(self, state: State, command: At, moment: Moment) -> list[At]:
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
        if state is self._last[0]:
            return self._last[1]
        earliest: int | None = None
        for timed in self._timed:
            now = state[timed.name]
            if now is not timed.state:
                timed.state, timed.due = now, timed.deadline(now)
            due = timed.due
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        self._last = (state, earliest)
        return earliest


class _Timed:
    """The deadline of one machine: a step changes few, and of the others it is known."""

    __slots__ = ("deadline", "due", "name", "state")

    def __init__(self, name: str, deadline: Callable[[Any], int | None]) -> None:
        self.name, self.deadline = name, deadline
        self.state: Any = None  # of which `due` is the deadline
        self.due: int | None = None


def _unfold_of(machine: Machine[Any, Any, Any, Any]) -> Unfold:
    """A machine's `unfold`; of one that has none, what it would say."""
    own: Unfold | None = getattr(machine, "unfold", None)
    if own is not None:
        return own

    decide, evolve = machine.decide, machine.evolve

    def unfold(state: Any, command: Any, moment: Moment) -> Unfolded:
        unfolded: list[tuple[Any, Any]] = []
        for event in decide(state, command, moment):
            state = evolve(state, event)
            unfolded.append((event, state))
        return unfolded

    return unfold
