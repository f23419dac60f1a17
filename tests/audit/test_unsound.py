"""Which journals do not hold, and where."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshkit.audit.errors import AuditError
from meshkit.audit.exhibits import gather
from meshkit.audit.unsound import unsound
from meshkit.journal import JournalError
from tests.audit import forger


def test_true_journals_hold(peaceful: Path) -> None:
    assert list(unsound(gather([peaceful]))) == []


def test_a_journal_that_was_altered(copied: Path) -> None:
    forger.flip(copied / "node-2", 30, 100)
    [line] = unsound(gather([copied]))
    assert line.startswith(f"{copied / 'node-2' / 'journal.sqlite'}: entry 30: its hash")
    assert "more" not in line
    forger.flip(copied / "node-2", 20, 100)
    [line] = unsound(gather([copied]))
    assert "entry 20: its hash" in line
    assert ", and 1 thing more" in line


def test_a_tail_that_was_cut_off(copied: Path) -> None:
    home = copied / "node-1"
    unsealed = next(index for index, state in forger.rows(home) if not any(state[32:96]))
    forger.cut(home, unsealed)
    [line] = unsound(gather([copied]))
    assert "carries no seal" in line


def test_what_is_no_journal(copied: Path) -> None:
    home = copied / "node-3"
    (home / "journal.sqlite").write_bytes(b"no database" * 100)
    [line] = unsound(gather([copied]))
    assert "node-3" in line
    (home / "card.json").unlink()
    [line] = unsound(gather([copied]))
    assert "nothing says whose journal it is" in line


def test_what_may_not_be_read(peaceful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Iterator[None]:
        raise JournalError("user 7 may not read it: give this user the folder")

    monkeypatch.setattr("meshkit.journal.audit.verify", refuse)
    with pytest.raises(AuditError, match="user 7"):
        list(unsound(gather([peaceful])))
