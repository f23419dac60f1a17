"""One journal tried: what it decides, says of the world, and is held to by others."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.audit.exhibits import gather
from meshkit.audit.findings import Findings
from meshkit.audit.letters import Copy, Letter
from meshkit.audit.shelves import Shelves
from meshkit.audit.trial import Deposition, Trial, difference, kind_of
from meshkit.audit.verify import Report, verify
from meshkit.codec import encode_entry
from meshkit.consensus.messages import Ask, Committed
from meshkit.core.composite import At
from meshkit.core.history import HeadShown, ShowHead, Start, Started
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.core.value import Value
from meshkit.journal import Head, Record
from meshkit.journal import audit as journals
from meshkit.ledger.messages import Found, Founded
from meshkit.rounds.messages import Aggregated, BlobChecked, ModelHeld, UpdateFormed
from tests.audit import forger
from tests.audit.world import genesis_of, identity_of, member, mesh

GENESIS = genesis_of(4)
ME = member(0).id


def audit(*paths: Path) -> Report:
    return verify(gather(paths))


def tried(
    *entries: Entry, letters: dict[int, list[Copy]] | None = None
) -> list[tuple[int, str, str]]:
    """What is found in a journal of these entries."""
    findings = Findings()
    trial = Trial(ME, GENESIS, letters or {}, Shelves(), findings)
    for index, entry in enumerate(entries, start=1):
        trial.take(Record(index, b"", b"", encode_entry(entry, index)))
    trial.end()
    return [(one.entry, one.kind, one.what) for one in findings]


def begun(index: int = 1) -> Entry:
    events = (At("history", Started("1", 1)),)
    return Entry(Moment(index, 1), At("history", Start("1", 1)), events)


# -- decisions -------------------------------------------------------------------------------------


def test_a_beginning() -> None:
    assert tried(begun()) == []


def test_after_a_divergence_it_goes_on_from_what_was_recorded() -> None:
    """A start that was not recorded is one finding, and the next one follows from the record."""
    wrong = replace(begun(), events=(At("history", Started("2", 1)),))
    found = tried(wrong, begun(2), begun(3))
    assert [(entry, kind) for entry, kind, _ in found] == [(1, "divergence")]
    assert "history.Started" in found[0][2]


def test_what_the_rules_cannot_decide() -> None:
    stray = Entry(Moment(1, 1), At("nobody", Wake()), (At("history", HeadShown()),))
    found = tried(stray, begun(2))
    assert [(entry, kind) for entry, kind, _ in found] == [(1, "command"), (1, "divergence")]
    assert "cannot decide it: KeyError" in found[1][2]


def test_a_record_that_cannot_be_folded_ends_the_trial() -> None:
    stray = Entry(Moment(1, 1), At("nobody", Wake()), (At("nobody", HeadShown()),))
    assert [entry for entry, _, _ in tried(stray, stray)] == [1, 1]


def test_what_is_no_entry() -> None:
    findings = Findings()
    trial = Trial(ME, GENESIS, {}, Shelves(), findings)
    trial.take(Record(1, b"", b"", b"\xff"))
    trial.take(Record(2, b"", b"", b"\xff"))
    assert [(one.entry, one.kind) for one in findings] == [(1, "form")]
    assert (trial.said.stopped, trial.said.entries) == (1, 2)


def test_differences_in_words() -> None:
    one, other = At("history", HeadShown()), At("history", Started("1", 1))
    assert kind_of(one) == "history.HeadShown"
    assert difference([one, one], [one, other]).startswith("event 1 is recorded as")
    assert difference([one], [one, other]) == "1 events are recorded, and the rules decide 2"


# -- what it says ----------------------------------------------------------------------------------


def test_a_deposition_keeps_what_is_compared_with_others() -> None:
    said = Deposition(ME)
    said.hear(1, Founded(GENESIS))
    said.hear(2, ModelHeld(b"t" * 32, b"m" * 32))
    said.hear(3, BlobChecked(b"t" * 32, b"b" * 32, 1, "malformed", 1))
    said.hear(4, BlobChecked(b"t" * 32, b"m" * 32, 1, "", 1))
    assert said.names[member(2).id] == "node-2"
    assert said.held == {b"m" * 32: 2}
    assert said.named == {b"m" * 32: 2, b"b" * 32: 3}


def test_what_cannot_be_computed_is_left_alone(copied: Path) -> None:
    """Without its blobs nobody can say whether an aggregate is right; the round's end will."""
    home = copied / "node-1"
    findings = Findings()
    trial = Trial(member(1).id, GENESIS, {}, Shelves(), findings)
    for record in journals.entries(home / "journal.sqlite", forger.identity(home)):
        trial.take(record)
    said = trial.end()
    assert list(findings) == []
    assert any(isinstance(e.command.body, Aggregated) for _, e in forger.entries(home))
    updates = [
        event.body.update.blob
        for _, entry in forger.entries(home)
        for event in entry.events
        if isinstance(event.body, UpdateFormed)
    ]
    assert set(updates) <= said.held.keys()


# -- what others hold of it ------------------------------------------------------------------------


def copy(effect: int, content: bytes = b"c" * 32, holder: int = 1) -> Copy:
    said = Letter(b"i" * 32, ME, 2, effect, Head(2, b"h" * 32), 1, "Head", content, 0, "")
    return Copy(said, member(holder).id, 9)


SHOWN = Entry(Moment(2, 1), At("history", ShowHead()), (At("history", HeadShown()),))


def test_a_message_that_no_effect_is() -> None:
    [(entry, kind, what)] = tried(begun(), SHOWN, letters={2: [copy(1)]})
    assert (entry, kind) == (2, "lie")
    assert "that entry has 1 effect" in what
    [(_, _, what)] = tried(begun(), SHOWN, letters={2: [copy(0), copy(0, holder=2)]})
    assert "that effect is another Head" in what
    founded = Entry(Moment(1, 1), At("ledger", Found(GENESIS)), ())
    findings = tried(founded, letters={1: [copy(0)]})
    assert any("no message" in what or "effects" in what for _, _, what in findings)


def catching_up(root: Path) -> None:
    """A mesh whose last node comes when all is done, and is served what was decided."""
    with mesh(root, 4) as box:
        box.silent = frozenset({3})
        box.start()
        task = box.submit(1)
        box.run(lambda: box.is_done(task))
        box.silent = frozenset()
        box.nodes[3].start()
        box.run(lambda: box.is_done(task))
        box.show_heads()


def test_decisions_that_were_served(tmp_path: Path) -> None:
    catching_up(tmp_path)
    report = audit(tmp_path)
    assert report.findings == ()
    late = [entry.command.body for _, entry in forger.entries(tmp_path / "node-3")]
    served = [one for one in late if isinstance(getattr(one, "message", None), Committed)]
    assert len(served) > 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "Head"}, "serves decisions from height"),
        ({"height": 0}, "serves decisions from height"),
        ({"height": 10**6}, "had not decided height 1000000"),
        ({"head": Head(1, b"")}, "had not decided height"),
        ({"content": b"c" * 32}, "another Committed"),
    ],
)
def test_decisions_that_were_served_falsely(
    tmp_path: Path, change: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catching_up(tmp_path)
    check = Trial._check_served

    def bent(self: Trial, alike: list[Copy], serve: object) -> None:
        letter = replace(alike[0].letter, **change)
        check(self, [one._replace(letter=letter) for one in alike], serve)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Trial, "_check_served", bent)
    report = audit(tmp_path)
    assert {one.kind for one in report.findings} == {"lie"}
    assert any(why in one.what for one in report.findings)


def first_heard(home: Path, kind: type[Value]) -> tuple[int, Entry]:
    """The first entry that such a message caused."""
    return next(
        (index, entry)
        for index, entry in forger.entries(home)
        if isinstance(getattr(entry.command.body, "message", None), kind)
    )


def test_what_was_said_to_one_and_is_held_by_another(tmp_path: Path) -> None:
    """Node 2 has in its journal what was sent to node 3 alone; who passed it on cannot be told."""
    catching_up(tmp_path)
    _, entry = first_heard(tmp_path / "node-3", Committed)
    home = tmp_path / "node-2"
    at, _ = first_heard(home, Ask)
    forger.rewrite(home, identity_of(2), at, lambda old: replace(entry, moment=old.moment))
    report = audit(tmp_path)
    held = [one for one in report.findings if one.kind == "lie" and f"at entry {at} " in one.what]
    assert held
    assert all(one.node == b"" and one.what.endswith("one of the two is not true") for one in held)
