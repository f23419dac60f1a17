"""The laws every journaled machine obeys, as functions a room's property tests call.

A story is a list of (command, now_ns) in the order the machine hears it.
"""

from collections.abc import Sequence
from typing import Any

from meshkit.core.machine import (
    Entry,
    Machine,
    Moment,
    Restarted,
    Wake,
    recheck,
    replay,
    step,
)
from meshkit.core.value import canonical, from_canonical

Story = Sequence[tuple[Any, int]]
SECOND_NS = 1_000_000_000


def live(machine: Machine[Any, Any, Any, Any], story: Story) -> tuple[Any, list[Entry]]:
    """The state and the entries a story leads to."""
    state, entries = machine.initial(), list[Entry]()
    for number, (command, now_ns) in enumerate(story):
        state, entry, _ = step(machine, state, command, Moment(now_ns, number))
        entries.append(entry)
    return state, entries


def check_replay(machine: Machine[Any, Any, Any, Any], story: Story) -> Any:
    """Replay, recheck and the live state agree; the live state is returned."""
    state, entries = live(machine, story)
    assert replay(machine, entries) == state
    assert recheck(machine, entries) == state
    check_silent(machine, entries)
    return state


def check_silent(machine: Machine[Any, Any, Any, Any], entries: Sequence[Entry]) -> None:
    """Of what a machine calls silent it asks nothing: a composite need not let it react."""
    silent: frozenset[type] = getattr(machine, "SILENT", frozenset())
    state = machine.initial()
    for event in [event for entry in entries for event in entry.events]:
        state = machine.evolve(state, event)
        assert type(event) not in silent or not machine.react(state, event)


def check_snapshot(machine: Machine[Any, Any, Any, Any], story: Story) -> None:
    """A state comes back from its canonical form, and goes on as if nothing had happened."""
    state, _ = live(machine, story)
    data = canonical(state)
    again = from_canonical(type(machine.initial()), data)
    assert again == state
    assert canonical(again) == data


def check_wake(machine: Machine[Any, Any, Any, Any], story: Story) -> None:
    """A wake at the deadline moves the deadline: else the shell would be woken again for ever."""
    state, _ = live(machine, story)
    for number in range(8):
        due = machine.deadline(state)
        if due is None:
            return
        state, _, _ = step(machine, state, Wake(), Moment(due, number))
        later = machine.deadline(state)
        assert later is None or later > due


def check_idempotent(machine: Machine[Any, Any, Any, Any], story: Story) -> None:
    """The last command of a story, heard again at the same moment, brings nothing new."""
    state, entries = live(machine, story)
    if entries:
        last = entries[-1]
        again = machine.decide(state, last.command, last.moment)
        assert not tuple(again), f"{last.command!r} heard twice decided {again!r}"


def settle(
    machine: Machine[Any, Any, Any, Any], state: Any, now_ns: int, horizon_ns: int
) -> list[Any]:
    """The effects of a restart now and of the wakes until `horizon_ns` later: what is owed."""
    state, _, effects = step(machine, state, Restarted(), Moment(now_ns, 0))
    owed = list(effects)
    while (due := machine.deadline(state)) is not None and due <= now_ns + horizon_ns:
        state, _, effects = step(machine, state, Wake(), Moment(max(due, now_ns), 0))
        owed.extend(effects)
    return owed


def check_owed(
    machine: Machine[Any, Any, Any, Any],
    story: Story,
    owed: Sequence[Any],
    horizon_ns: int = 10 * SECOND_NS,
) -> None:
    """Each of the effects `owed` after the story is issued again by restart and wakes alone."""
    state, entries = live(machine, story)
    now_ns = entries[-1].moment.now_ns + 1 if entries else 0
    issued = settle(machine, state, now_ns, horizon_ns)
    for effect in owed:
        assert effect in issued, f"{effect!r:.200} was lost and is never asked for again"
