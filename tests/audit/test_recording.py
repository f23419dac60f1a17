"""What the rules decided when it was recorded, they decide now; or they have another number."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from meshkit import RULES
from meshkit.audit.rules import KNOWN
from meshkit.core import history
from tests.audit.recording import (
    FOLDER,
    STORIES,
    Recorded,
    Story,
    difference,
    kinds,
    load,
    path_of,
    record,
    save,
)

FILES = sorted(FOLDER.glob("*.xz"))
BYTES_MAX = 200_000  # of all files of one number: they stay in the history for good
KINDS_MIN = 60  # of events in them, of about 80 that there are
MEANT = (
    f"If it is not meant, undo it. If it is: raise meshkit.RULES, if rules {RULES} are in a "
    "release already, and see to meshkit.audit.rules.KNOWN (docs/adr/0019); then record anew "
    "with `python -m tests.audit.recording`"
)


@pytest.fixture
def votes() -> Recorded:
    return load(path_of("votes"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_it_is_decided_as_it_was_recorded(path: Path) -> None:
    recorded = load(path)
    assert recorded.rules in KNOWN, f"{path.name} is of rules that are not known: take it away"
    found = difference(recorded)
    assert not found, f"{path.name}: {found}. {MEANT}"


def test_the_present_rules_are_recorded_and_go_far() -> None:
    paths = [path_of(name) for name in STORIES]
    assert set(paths) <= set(FILES), "record the rules of this number"
    assert sum(path.stat().st_size for path in paths) < BYTES_MAX
    assert len(set().union(*(kinds(load(path)) for path in paths))) >= KINDS_MIN


# -- that it can fail ------------------------------------------------------------------------------


def test_other_events(votes: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HEAD_NS", history.HEAD_NS + 1)
    assert difference(votes).endswith("has other events")


def test_other_effects(votes: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(history.Historian, "react", nothing)
    assert difference(votes).endswith("has other effects")


def test_another_form_of_a_state(votes: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    def otherwise(_: object) -> bytes:
        return b"another"

    monkeypatch.setattr("tests.audit.recording.freeze", otherwise)
    assert difference(votes) == "the state has another form"


def test_another_form_of_an_entry(votes: Recorded) -> None:
    bodies = (*votes.bodies[:2], b"none", *votes.bodies[3:])
    assert difference(replace(votes, bodies=bodies)).startswith("entry 3 cannot be read")


# -- recording -------------------------------------------------------------------------------------


def test_it_can_be_recorded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.audit.recording.FOLDER", tmp_path)
    story: Story = STORIES["results"]
    first, second = record(story), record(story)
    assert first == second
    save("results", first)
    assert load(path_of("results")) == first
    assert difference(first) == ""
