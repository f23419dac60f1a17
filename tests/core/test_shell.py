"""Journal, then act."""

from collections.abc import Sequence

import pytest

from meshkit.core.composite import At, Composite
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.core.shell import TICK_COMMANDS_MAX, Caused, Shell
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
