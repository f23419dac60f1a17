"""A stretch of a journal decided again: every command, and every snapshot's digest.

What is compared is what was recorded and what is decided now. Effects are left out, since nobody
performs them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from blake3 import blake3

from meshkit.core.composite import At, Composite
from meshkit.core.history import Snapshot, Snapshotted
from meshkit.core.machine import Entry, Machine
from meshkit.core.snapshot import freeze

Stretch: TypeAlias = Sequence[tuple[int, Entry]]


class Difference(NamedTuple):
    """Where the journal and the rules part: the entry, what it records, what they decide."""

    entry: int
    recorded: tuple[At, ...]
    decided: tuple[At, ...]


class Reached(NamedTuple):
    """The last entry decided, and the state after it; at a difference, the state before it."""

    entry: int
    state: Any
    difference: Difference | None = None


class Unasked:
    """A machine whose effects nobody performs: they follow from its events, so they are left out.

    They are not recorded; what was sent of them `verify` holds against others' journals.
    """

    def __init__(self, machine: Machine[Any, Any, Any, Any]) -> None:
        self.initial, self.decide, self.evolve = machine.initial, machine.decide, machine.evolve
        self.deadline = machine.deadline
        unfold = getattr(machine, "unfold", None)
        if unfold is not None:
            self.unfold = unfold

    def react(self, state: Any, event: Any) -> tuple[()]:
        return ()


def unasked(machine: Composite) -> Composite:
    """The same node, but for its effects."""
    silent = {name: Unasked(each) for name, each in machine.machines.items()}
    return Composite(silent, machine.policies, machine.guard)


def decide(machine: Composite, state: Any, stretch: Stretch) -> Reached:
    """Decide a stretch of entries again, from the state before it, up to the first difference."""
    run, index = machine.run, 0
    for index, entry in stretch:
        before, recorded = state, entry.events
        state, decided, _ = run(before, entry.command, entry.moment)
        if decided != recorded:
            return Reached(index, before, Difference(index, recorded, decided))
        if isinstance(entry.command.body, Snapshot):
            true = Snapshotted(index - 1, blake3(freeze(before)).digest())
            if any(event.body != true for event in recorded):
                decided = tuple(At(event.name, true) for event in recorded)
                return Reached(index, before, Difference(index, recorded, decided))
    return Reached(index, state)


def folded(machine: Composite, state: Any, stretch: Stretch) -> dict[str, Any]:
    """The state after a stretch, if what it records is taken at its word."""
    states = dict(state)
    evolve = {name: each.evolve for name, each in machine.machines.items()}
    for _, entry in stretch:
        for event in entry.events:
            name = event.name
            states[name] = evolve[name](states[name], event.body)
    return states
