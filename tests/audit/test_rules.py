"""Which rules a journal was decided by."""

from meshkit import RULES
from meshkit.audit.rules import fault_of_rules, started
from meshkit.core.composite import At
from meshkit.core.history import ShowHead, Start, Started
from meshkit.core.machine import Entry, Moment

NOW = Moment(1, 1)


def start(rules: int) -> Entry:
    return Entry(
        NOW, At("history", Start("1.2.3", rules)), (At("history", Started("1.2.3", rules)),)
    )


def test_rules_that_are_known() -> None:
    assert started(start(RULES)) == Started("1.2.3", RULES)
    assert fault_of_rules(start(RULES)) == ""


def test_rules_that_are_not() -> None:
    for rules in (0, RULES + 1):
        assert "install meshkit==1.2.3" in fault_of_rules(start(rules))


def test_an_entry_that_is_no_start() -> None:
    entry = Entry(NOW, At("history", ShowHead()), ())
    assert started(entry) is None
    assert started(Entry(NOW, At("history", Start("1", 1)), ())) is None
    assert fault_of_rules(entry) == ""
