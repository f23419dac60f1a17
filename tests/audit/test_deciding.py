"""A stretch decided again: up to the first difference, with nobody to perform what is asked."""

from pathlib import Path

import pytest

from meshkit.audit.deciding import Difference, Reached, decide, folded, unasked
from meshkit.audit.folding import fold, opened
from meshkit.core.composite import Composite
from meshkit.core.history import Historian


def test_a_stretch_follows_from_the_state_before_it(peaceful: Path) -> None:
    with opened(peaceful / "node-1" / "journal.sqlite") as journal:
        entries = list(journal.entries())
        before, after = fold(journal, 40).state, fold(journal, 60).state
        machine = unasked(journal.machine)
    assert decide(machine, before, entries[40:60]) == Reached(60, after)
    assert folded(machine, before, entries[40:60]) == after
    assert decide(machine, before, []) == Reached(0, before)


def test_it_parts_where_something_else_was_recorded(peaceful: Path) -> None:
    with opened(peaceful / "node-1" / "journal.sqlite") as journal:
        entries = list(journal.entries())
        machine = journal.machine
    index, entry = next((i, e) for i, e in entries if len(e.events) > 1)
    lie = type(entry)(entry.moment, entry.command, entry.events[:1], entry.envelope)
    reached = decide(machine, machine.initial(), [*entries[: index - 1], (index, lie)])
    assert reached.difference == Difference(index, entry.events[:1], entry.events)
    assert reached.state == folded(machine, machine.initial(), entries[: index - 1])


def test_a_node_that_nobody_asks_decides_the_same(peaceful: Path) -> None:
    with opened(peaceful / "node-1" / "journal.sqlite") as journal:
        state, mute = journal.machine.initial(), unasked(journal.machine)
        asked = 0
        for _, entry in journal.entries():
            silent = mute.run(state, entry.command, entry.moment)
            state, events, effects = journal.machine.run(state, entry.command, entry.moment)
            assert silent == (state, events, [])
            asked += len(effects)
            assert mute.deadline(state) == journal.machine.deadline(state)
    assert asked > 0


def test_a_machine_without_a_shortcut_needs_none() -> None:
    found = unasked(Composite({"history": Historian()})).machines["history"]
    assert not hasattr(found, "unfold")
    assert found.react(found.initial(), None) == ()


@pytest.mark.parametrize("node", ["node-0", "node-2"])
def test_a_whole_journal_is_one_stretch_too(peaceful: Path, node: str) -> None:
    with opened(peaceful / node / "journal.sqlite") as journal:
        entries, end = list(journal.entries()), fold(journal)
        reached = decide(journal.machine, journal.machine.initial(), entries)
    assert reached == Reached(end.entry, end.state)
