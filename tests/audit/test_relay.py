"""Several processes decide one journal; whatever goes wrong, somebody is told to look alone."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest
from msgspec.structs import replace

from meshkit.audit import relay
from meshkit.audit.deciding import unasked
from meshkit.audit.folding import Opened, fold, opened
from meshkit.audit.relay import Broken, Lap, Links, relayed
from tests.audit import forger
from tests.audit.world import identity_of


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches so short that each member has several."""
    monkeypatch.setattr(relay, "STRETCH_ENTRIES_MAX", 20)


@pytest.fixture
def journal(peaceful: Path) -> Iterator[Opened]:
    with opened(peaceful / "node-1" / "journal.sqlite") as found:
        yield found._replace(machine=unasked(found.machine))


@pytest.mark.parametrize("members", [2, 3])
def test_the_end_is_where_one_alone_comes_to(journal: Opened, members: int) -> None:
    end = fold(journal)
    reached = relayed(journal, end.entry, members)
    assert reached == (end.entry, end.state, None)


def test_it_ends_where_it_was_told_to(journal: Opened) -> None:
    reached = relayed(journal, 50, 2)
    assert reached == (50, fold(journal, 50).state, None)


@pytest.mark.parametrize("entries", [2, 41, 1_000])
@pytest.mark.parametrize("members", [2, 3])
def test_every_entry_is_somebodys(entries: int, members: int) -> None:
    if members > entries:
        return
    lap = Lap(members, entries)
    ends = [lap.before(number) for number in range(lap.stretches + 1)]
    assert (ends[0], ends[-1]) == (0, entries)
    assert lap.stretches % members == 0  # so the last is the last member's
    assert all(0 < after - before <= 20 for before, after in pairwise(ends))


@pytest.mark.parametrize("index", [5, 30, 45, 70, 100])
def test_a_difference_in_anyones_stretch_breaks_it(copied: Path, index: int) -> None:
    home = copied / "node-1"
    forger.rewrite(
        home, identity_of(1), index, lambda entry: replace(entry, events=entry.events[:-1])
    )
    with opened(home / "journal.sqlite") as journal, pytest.raises(Broken):
        relayed(journal, len(forger.rows(home)), 2)


@pytest.mark.parametrize("index", [5, 30, 100])
def test_an_altered_entry_breaks_it(copied: Path, index: int) -> None:
    home = copied / "node-1"
    forger.flip(home, index, 200)
    with opened(home / "journal.sqlite") as journal, pytest.raises(Broken):
        relayed(journal, len(forger.rows(home)), 2)


def test_nobody_runs_where_nothing_can_be_forked(journal: Opened) -> None:
    done = Event()
    other = Thread(target=done.wait)
    other.start()
    try:
        with pytest.raises(Broken, match="forked"):
            relayed(journal, 50, 2)
    finally:
        done.set()
        other.join()


def test_a_state_comes_whole_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PART_BYTES", 3)
    reading, writing = os.pipe()
    relay._hand_on(writing, b"a state")
    assert relay._received(reading) == b"a state"
    os.close(writing)
    with pytest.raises(Broken, match="gone"):
        relay._received(reading)
    os.close(reading)


def test_who_keeps_a_place_holds_nobody_elses_pipes() -> None:
    before = len(os.listdir("/proc/self/fd"))
    place = Links(3).keep(1)
    assert len(os.listdir("/proc/self/fd")) == before + 2
    os.close(place.reading)
    os.close(place.writing)
