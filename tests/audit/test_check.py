"""Every command decided again; the first difference is named, whoever finds it."""

import gc
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshkit.audit import check as check_
from meshkit.audit import relay
from meshkit.audit.check import Checked, check, undisturbed
from meshkit.audit.errors import Unsound
from meshkit.audit.folding import fold, opened
from meshkit.core.composite import At
from meshkit.core.history import Snapshot, Snapshotted
from meshkit.core.machine import Divergence, Entry, recheck
from meshkit.journal import JournalError
from tests.audit import forger
from tests.audit.world import identity_of


def checked(home: Path, workers: int = 1) -> Checked:
    with opened(home / "journal.sqlite") as journal:
        return check(journal, workers)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches and stretches so short that there are many of them."""
    monkeypatch.setattr(check_, "BATCH_ENTRIES", 10)
    monkeypatch.setattr(check_, "RELAY_ENTRIES_MIN", 20)
    monkeypatch.setattr(check_, "MEMBER_ENTRIES_MIN", 30)
    monkeypatch.setattr(relay, "STRETCH_ENTRIES_MAX", 17)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_true_journal(peaceful: Path, small: None, workers: int) -> None:
    home = peaceful / "node-0"
    done = checked(home, workers)
    with opened(home / "journal.sqlite") as journal:
        folded = fold(journal)
    assert done.difference is None
    assert done.entries == folded.entry == len(forger.rows(home))
    assert done.digest == folded.digest
    assert done.seconds > 0


def bent(entry: Entry) -> Entry:
    """One that records less than follows."""
    return replace(entry, events=entry.events[:-1])


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("index", [25, 90])
def test_the_first_difference(copied: Path, small: None, workers: int, index: int) -> None:
    home = copied / "node-1"
    last = len(forger.rows(home))
    for at in (index, last):
        forger.rewrite(home, identity_of(1), at, bent)
    done = checked(home, workers)
    assert done.difference is not None
    assert (done.entries, done.difference.entry) == (index, index)
    assert done.difference.recorded == done.difference.decided[:-1]
    with opened(home / "journal.sqlite") as journal:
        assert done.digest == fold(journal, index - 1).digest
        with pytest.raises(Divergence) as divergence:
            recheck(journal.machine, [entry for _, entry in journal.entries()])
    assert divergence.value.index == index


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_read_is_told_whoever_comes_upon_it(
    copied: Path, small: None, workers: int
) -> None:
    home = copied / "node-1"
    forger.rewrite(home, identity_of(1), 31, lambda entry: replace(entry, envelope=b"none"))
    with pytest.raises(Unsound, match="entry 31 is none"):
        checked(home, workers)


def test_where_the_end_is_unsound_one_looks_alone(copied: Path, small: None) -> None:
    home = copied / "node-1"
    index, state = forger.rows(home)[-1]
    forger.put(home, index, bytes(len(state)))
    with pytest.raises(JournalError, match="altered"):
        checked(home, 2)


def test_a_snapshot_of_another_state(copied: Path) -> None:
    home = copied / "node-0"
    index, entry = next(
        (i, e) for i, e in forger.entries(home) if isinstance(e.command.body, Snapshot)
    )
    lie = replace(
        entry,
        command=At("history", Snapshot(index - 1, b"l" * 32)),
        events=(At("history", Snapshotted(index - 1, b"l" * 32)),),
    )
    forger.rewrite(home, identity_of(0), index, lambda _: lie)
    done = checked(home)
    assert done.difference is not None
    assert done.difference.entry == index
    assert done.difference.decided[0].body.state == done.digest


def test_the_collector_of_cycles_is_left_as_it_was() -> None:
    with undisturbed():
        assert not gc.isenabled()
        with undisturbed():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
