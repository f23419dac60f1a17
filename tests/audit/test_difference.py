"""Where two journals part."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshkit.audit.difference import Compared, compare, heights
from meshkit.audit.errors import AuditError
from meshkit.audit.folding import opened
from meshkit.codec import encode_entry
from meshkit.consensus.messages import Decided
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment
from meshkit.core.value import Value
from meshkit.ledger.messages import BlockApplied, RoundCommitted
from tests.audit import forger
from tests.audit.world import identity_of


def compared(first: Path, second: Path) -> Compared:
    with opened(first / "journal.sqlite") as ours, opened(second / "journal.sqlite") as theirs:
        return compare(ours, theirs)


def test_a_journal_and_its_copy(peaceful: Path, copied: Path) -> None:
    found = compared(peaceful / "node-1", copied / "node-1")
    assert found == Compared(True, len(forger.rows(copied / "node-1")), None)


def test_one_that_goes_on(peaceful: Path, copied: Path) -> None:
    home = copied / "node-1"
    last = len(forger.rows(home))
    forger.cut(home, 50)
    forger.reseal(home, identity_of(1), 50)
    for first, second in ((home, peaceful / "node-1"), (peaceful / "node-1", home)):
        found = compared(first, second)
        assert found.common == 50
        assert found.parting is not None
        assert sorted(found.parting.entries) == [0, 51]
        assert f"goes on to entry {last}" in found.parting.what


@pytest.mark.parametrize("part", ["moment", "events"])
def test_an_entry_that_was_changed(peaceful: Path, copied: Path, part: str) -> None:
    def edit(entry: Entry) -> Entry:
        if part == "events":
            return replace(entry, events=entry.events[:-1])
        return replace(entry, moment=Moment(entry.moment.now_ns + 1, 1))

    forger.rewrite(copied / "node-1", identity_of(1), 33, edit)
    found = compared(peaceful / "node-1", copied / "node-1")
    assert found.common == 32
    assert found.parting is not None
    assert found.parting.entries == (33, 33)
    assert found.parting.what == f"they differ in the entry's {part}"
    assert found.parting.first != found.parting.second


def test_one_entry_in_other_bytes(
    peaceful: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An unknown field at the end: other bytes, the same value.
    def with_more(entry: Entry, index: int) -> bytes:
        return encode_entry(entry, index) + b"\xf8\x07\x01"

    monkeypatch.setattr(forger, "encode_entry", with_more)
    forger.rewrite(copied / "node-1", identity_of(1), 33, lambda entry: entry)
    found = compared(peaceful / "node-1", copied / "node-1")
    assert found.parting is not None
    assert found.parting.what == "they say the same, in other bytes"


def test_two_nodes_agree_on_what_the_mesh_decided(peaceful: Path) -> None:
    found = compared(peaceful / "node-0", peaceful / "node-1")
    with opened(peaceful / "node-0" / "journal.sqlite") as journal:
        last = [height.number for height in heights(journal)][-1]
    assert found == Compared(False, last, None)


def where(home: Path, kind: type[Value]) -> int:
    """The first entry that holds such an event."""
    entries = forger.entries(home)
    return next(i for i, e in entries if any(isinstance(one.body, kind) for one in e.events))


def test_two_nodes_that_made_different_things_of_one_block(copied: Path) -> None:
    home = copied / "node-1"
    index = next(
        i
        for i, e in forger.entries(home)
        if any(isinstance(x.body, RoundCommitted) for x in e.events)
    )

    def edit(entry: Entry) -> Entry:
        events = [
            At(event.name, replace(event.body, model=b"m" * 32))
            if isinstance(event.body, RoundCommitted)
            else event
            for event in entry.events
        ]
        return replace(entry, events=tuple(events))

    forger.rewrite(home, identity_of(1), index, edit)
    height = next(
        event.body.height
        for event in dict(forger.entries(home))[index].events
        if isinstance(event.body, BlockApplied)
    )
    found = compared(copied / "node-0", home)
    assert found.common == height - 1
    assert found.parting is not None
    assert (found.parting.height, found.parting.entries[1]) == (height, index)
    assert "record other facts" in found.parting.what


def test_two_nodes_that_decided_different_blocks(copied: Path) -> None:
    home = copied / "node-1"

    def edit(entry: Entry) -> Entry:
        return replace(entry, events=tuple(map(otherwise, entry.events)))

    def otherwise(event: At) -> At:
        if not isinstance(event.body, Decided):
            return event
        certificate = replace(event.body.certificate, value_id=b"v" * 32)
        return At(event.name, replace(event.body, certificate=certificate))

    forger.rewrite(home, identity_of(1), where(home, Decided), edit)
    found = compared(copied / "node-0", home)
    assert found.parting is not None
    assert "other blocks" in found.parting.what


def test_two_meshes_have_nothing_in_common(peaceful: Path, alone: Path, tmp_path: Path) -> None:
    other = shutil.copytree(alone, tmp_path / "other")
    with pytest.raises(AuditError, match="nothing in common"):
        compared(peaceful / "node-0", Path(other) / "node-0")
