"""Journal, then act."""

from collections.abc import Sequence

import pytest

from meshkit.core.composite import At, Composite
from meshkit.core.machine import Entry, Moment, Restarted, Wake
from meshkit.core.shell import AHEAD, FREE, LATER, NOW, TICK_COMMANDS_MAX, Caused, Shell
from tests.core.clockwork import AlarmClock, Clockwork, Rang, Ring, Set


class ListLog:
    """A journal in memory, that may break."""

    def __init__(self) -> None:
        self.entries = list[Entry]()
        self.transactions = 0
        self.broken = False

    def append(self, entries: Sequence[Entry]) -> int:
        if self.broken:
            raise OSError("the disk is gone")
        self.transactions += 1
        self.entries.extend(entries)
        return len(self.entries)


def a_shell(log: ListLog) -> Shell:
    clock = iter(range(1_000_000))
    node = Composite({"a": AlarmClock(), "b": AlarmClock()})
    return Shell(node, log, lambda: Moment(next(clock), 7))


def test_a_tick_is_one_transaction_and_names_the_cause_of_each_effect() -> None:
    log = ListLog()
    shell = a_shell(log)
    shell.take(At("a", Set(1)), b"envelope")
    shell.take(At("a", Set(1)))  # refused: it is set already
    shell.take(At("b", Set(1)))
    assert shell.waiting == 3
    assert shell.tick() == []
    assert log.transactions == 1
    assert [entry.envelope for entry in log.entries] == [b"envelope", b""]
    assert shell.counts == {"a.Set": 1}
    shell.take(At("", Wake()))
    assert shell.tick() == [Caused(3, 0, At("a", Ring(1))), Caused(3, 1, At("b", Ring(1)))]
    assert log.entries[-1].events == (At("a", Rang()), At("b", Rang()))


def test_nothing_is_done_and_nothing_is_known_when_the_journal_fails() -> None:
    log = ListLog()
    shell = a_shell(log)
    shell.take(At("a", Set(1)))
    log.broken = True
    with pytest.raises(OSError, match="gone"):
        shell.tick()
    assert shell.state == {"a": Clockwork(), "b": Clockwork()}


def test_an_empty_tick_writes_nothing() -> None:
    log = ListLog()
    shell = a_shell(log)
    shell.take(At("a", Wake()))
    assert shell.tick() == []
    assert log.transactions == 0


def test_a_flood_is_taken_in_bounded_bites() -> None:
    log = ListLog()
    shell = a_shell(log)
    for _ in range(TICK_COMMANDS_MAX + 1):
        shell.take(At("a", Wake()))
    shell.tick()
    assert shell.waiting == 1


def test_entries_that_bind_us_to_nothing_wait_for_one_that_does() -> None:
    log = ListLog()
    clock = iter(range(1_000_000))
    node = Composite({"a": AlarmClock(), "b": AlarmClock()})
    shell = Shell(
        node,
        log,
        lambda: Moment(next(clock), 7),
        urgency=lambda one: NOW if one == Ring(2) else FREE,
    )
    seen = list[Entry]()
    shell.observers.append(seen.append)
    shell.take(At("a", Set(1)))
    assert shell.tick() == []
    shell.take(At("", Wake()))
    assert shell.tick() == [Caused(2, 0, At("a", Ring(1)))]
    assert (shell.unsaved, log.transactions, len(seen)) == (2, 0, 2)
    shell.take(At("a", Restarted()))
    assert shell.tick() == [Caused(3, 0, At("a", Ring(2)))]
    assert (shell.unsaved, log.transactions, len(log.entries)) == (0, 1, 3)


def test_flush_makes_durable_what_waits_and_goes_on_from_the_journals_index() -> None:
    log = ListLog()
    log.entries.extend([Entry(Moment(0, 0), At("a", Wake()), ())] * 5)
    node = Composite({"a": AlarmClock()})
    shell = Shell(node, log, lambda: Moment(9, 7), None, 5, lambda one: FREE)
    shell.take(At("a", Set(0)))
    shell.tick()
    shell.flush()
    shell.flush()
    assert (len(log.entries), log.transactions) == (6, 1)
    shell.take(At("a", Wake()))
    assert shell.tick() == [Caused(7, 0, At("a", Ring(1)))]


def test_what_goes_ahead_leaves_before_its_entry_is_durable_which_it_is_in_the_same_tick() -> None:
    log = ListLog()
    clock = iter(range(1_000_000))
    gone: list[tuple[int, list[Caused]]] = []

    def urgency(effect: Ring) -> int:
        return (FREE, AHEAD, NOW)[effect.count]

    shell = Shell(
        Composite({"a": AlarmClock(), "b": AlarmClock()}),
        log,
        lambda: Moment(next(clock), 7),
        urgency=urgency,
        ahead=lambda effects: gone.append((len(log.entries), effects)),
    )
    for name in ("a", "b"):
        shell.take(At(name, Set(0)))
        shell.take(At(name, Wake()))
    assert shell.tick() == []
    effects = [Caused(2, 0, At("a", Ring(1))), Caused(4, 0, At("b", Ring(1)))]
    assert gone == [(0, effects)]
    assert (len(log.entries), log.transactions, shell.unsaved) == (4, 1, 0)


def test_what_may_be_said_later_waits_for_what_is_said_now() -> None:
    log = ListLog()
    clock = iter(range(1_000_000))
    node = Composite({"a": AlarmClock(), "b": AlarmClock()})

    def urgency(effect: Ring) -> int:
        return (FREE, LATER, NOW)[effect.count]

    shell = Shell(node, log, lambda: Moment(next(clock), 7), urgency=urgency)
    shell.take(At("a", Set(0)))
    shell.take(At("a", Wake()))
    assert shell.tick() == []
    first = Caused(2, 0, At("a", Ring(1)))
    assert (log.transactions, shell.flush()) == (0, [first])
    shell.take(At("b", Set(0)))
    shell.take(At("b", Wake()))
    assert shell.tick() == []
    shell.take(At("a", Restarted()))
    assert shell.tick() == [Caused(4, 0, At("b", Ring(1))), Caused(5, 0, At("a", Ring(2)))]
    assert (log.transactions, shell.unsaved, shell.flush()) == (2, 0, [])
