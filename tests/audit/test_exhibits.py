"""What is laid before an auditor, by whatever name."""

from pathlib import Path

import pytest

from meshkit.audit.errors import AuditError, NotHere
from meshkit.audit.exhibits import HOMES_MAX, Exhibit, gather
from tests.audit.world import member


def homes(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir()
        (root / name / "journal.sqlite").touch()


def test_a_mesh_stands_for_its_nodes_in_their_order(tmp_path: Path) -> None:
    homes(tmp_path, "node-10", "node-9", "other")
    (tmp_path / "empty").mkdir()
    assert [exhibit.name for exhibit in gather([tmp_path])] == ["node-9", "node-10", "other"]


def test_each_home_counts_once_whatever_it_is_called_by(tmp_path: Path) -> None:
    homes(tmp_path, "node-0", "node-1")
    named = gather([tmp_path / "node-1" / "journal.sqlite", tmp_path / "node-1", tmp_path])
    assert [exhibit.name for exhibit in named] == ["node-1", "node-0"]
    assert named[0].blobs == tmp_path / "node-1" / "blobs"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="no journal was named"):
        gather([])
    with pytest.raises(NotHere, match="there is no journal"):
        gather([tmp_path])
    with pytest.raises(NotHere, match="No such file"):
        gather([tmp_path / "nowhere"])


def test_there_is_an_end_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes(tmp_path, "node-0", "node-1")
    monkeypatch.setattr("meshkit.audit.exhibits.HOMES_MAX", 1)
    with pytest.raises(AuditError, match="2 journals are more than 1"):
        gather([tmp_path])
    assert HOMES_MAX > 1_000


def test_whose_it_is(peaceful: Path, copied: Path) -> None:
    identity = Exhibit(peaceful / "node-3").identity()
    assert identity is not None
    assert identity.node_key == member(3).id
    home = copied / "node-3"
    (home / "journal.sqlite").write_bytes(b"")
    assert Exhibit(home).identity() == identity, "the cards beside it say it"
    (home / "genesis.json").write_text("{}")
    assert Exhibit(home).identity() is None
    (home / "journal.sqlite").unlink()
    with pytest.raises(AuditError, match="is not there"):
        Exhibit(home).identity()


def test_a_card_of_no_key(copied: Path) -> None:
    home = copied / "node-3"
    (home / "journal.sqlite").write_bytes(b"")
    (home / "card.json").write_text('{"id": "abcd"}')
    assert Exhibit(home).identity() is None
