"""A journal folded to any entry and any time; what was read for a snapshot is what it is."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from meshkit.audit.errors import NotHere, OtherRules, Unsound
from meshkit.audit.folding import Folded, fold, opened
from meshkit.core.composite import At
from meshkit.core.history import Snapshotted, Start
from meshkit.core.machine import replay
from meshkit.journal import JournalAltered
from meshkit.journal.chain import BODY_AT, link
from tests.audit import forger
from tests.audit.world import identity_of, of_other_rules


def folded(home: Path, to: int | None = None, until_ns: int | None = None) -> Folded:
    with opened(home / "journal.sqlite") as journal:
        return fold(journal, to, until_ns)


def test_all_of_it(peaceful: Path) -> None:
    home = peaceful / "node-1"
    last, entry = forger.entries(home)[-1]
    found = folded(home)
    assert (found.entry, found.now_ns) == (last, entry.moment.now_ns)
    with opened(home / "journal.sqlite") as journal:
        assert found.state == replay(journal.machine, [e for _, e in journal.entries()])


def test_a_snapshot_is_the_state_at_its_entry(peaceful: Path) -> None:
    home = peaceful / "node-0"
    [shot] = [
        event.body
        for _, entry in forger.entries(home)
        for event in entry.events
        if isinstance(event.body, Snapshotted)
    ]
    assert folded(home, to=shot.index).digest == shot.state


def test_up_to_an_entry_or_a_time(peaceful: Path) -> None:
    home = peaceful / "node-1"
    index, entry = forger.entries(home)[9]
    assert folded(home, to=index) == folded(home, until_ns=entry.moment.now_ns)
    assert folded(home, until_ns=entry.moment.now_ns - 1).entry == index - 1
    nothing = folded(home, to=0)
    assert (nothing.entry, nothing.now_ns, nothing.state["ledger"].mesh) == (0, 0, b"")
    with pytest.raises(NotHere, match="no entry 5000"):
        folded(home, to=5_000)


def test_an_altered_journal_is_not_folded(copied: Path) -> None:
    home = copied / "node-1"
    forger.flip(home, 30, BODY_AT + 3)
    with pytest.raises(JournalAltered, match="entry 30"):
        folded(home)
    assert folded(home, to=29).entry == 29


def test_a_journal_that_is_none_of_the_meshs(copied: Path) -> None:
    home = copied / "node-1"
    found = forger.entries(home)[1][1]
    genesis = replace(found.command.body.genesis, name="another")
    command = At("ledger", replace(found.command.body, genesis=genesis))
    forger.rewrite(home, identity_of(1), 2, lambda entry: replace(entry, command=command))
    with pytest.raises(Unsound, match="does not begin with the founding"):
        folded(home)


def test_bytes_that_follow_and_are_no_entry(copied: Path) -> None:
    home = copied / "node-1"
    rows = dict(forger.rows(home))
    body = b"\xff no entry"
    state = link(rows[2][:32], body) + rows[3][32:BODY_AT] + body
    forger.put(home, 3, state)
    with pytest.raises(Unsound, match="entry 3 is none"):
        folded(home, to=3)


def test_a_first_entry_that_cannot_be_read_is_passed_over_on_the_way(copied: Path) -> None:
    home = copied / "node-1"
    whose, rows = forger.identity(home), forger.rows(home)
    body = b"\xff no entry"
    previous = link(whose.anchor, body)
    forger.put(home, 1, previous + rows[0][1][32:BODY_AT] + body)
    for index, state in rows[1:]:
        previous = link(previous, state[BODY_AT:])
        forger.put(home, index, previous + state[32:])
    with pytest.raises(Unsound, match="entry 1 is none"):
        folded(home)


def test_rules_of_another_release(tmp_path: Path) -> None:
    home = of_other_rules(tmp_path)
    at = next(i for i, e in forger.entries(home) if e.command.body == Start("9.9.9", 99))
    with pytest.raises(OtherRules, match=rf"entry {at} was decided by rules 99 of meshkit 9\.9\.9"):
        folded(home)
    assert folded(home, to=at - 1).entry == at - 1
