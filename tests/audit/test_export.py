"""Every entry as one line of JSON, whatever state the journal is in."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from meshkit.audit.errors import AuditError
from meshkit.audit.exhibits import Exhibit, gather
from meshkit.audit.export import SCHEMA, documents, write
from tests.audit import forger
from tests.audit.world import genesis_of, member


def exported(*paths: Path) -> list[dict[str, Any]]:
    file = io.StringIO()
    count = write(gather(paths), file)
    lines = file.getvalue().splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def test_every_entry_of_every_journal(peaceful: Path) -> None:
    rows = exported(peaceful)
    assert {row["schema"] for row in rows} == {SCHEMA}
    for number in range(4):
        mine = [row for row in rows if row["node"] == member(number).id.hex()]
        assert [row["index"] for row in mine] == [
            index for index, _ in forger.rows(peaceful / f"node-{number}")
        ]
        assert {row["name"] for row in mine} == {f"node-{number}"}
        assert mine[-1]["sealed"]
        assert all(row["hash"] and row["now_ns"] and row["events"] for row in mine)


def test_a_local_cause_and_a_peers(peaceful: Path) -> None:
    rows = exported(peaceful / "node-1")
    assert rows[0]["command"] == {
        "machine": "history", "kind": "Start", "release": rows[0]["command"]["release"], "rules": 1,
    }  # fmt: skip
    assert rows[0]["cause"] is None
    assert rows[1]["command"]["genesis"]["name"] == genesis_of(4).name
    heard = next(row for row in rows if row["cause"])
    assert heard["command"]["kind"] == "Heard"
    cause = heard["cause"]
    assert cause["sender"] == heard["command"]["sender"]
    assert 1 <= cause["entry"] <= cause["head_index"]
    assert bytes.fromhex(cause["envelope"])


def test_what_cannot_be_read_says_so(copied: Path) -> None:
    home = copied / "node-1"
    forger.flip(home, 5, 97, 0xFF)
    row = exported(home)[4]
    assert row["index"] == 5
    assert "error" in row or row["events"]
    state = dict(forger.rows(home))[5]
    forger.put(home, 5, state[:96] + b"\xff")
    assert "Entry" in exported(home)[4]["error"]


def test_an_envelope_that_cannot_be_opened_is_there_as_it_came(
    peaceful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshkit.wire.envelope import MALFORMED, Refused

    def refuse(data: bytes) -> None:
        raise Refused(MALFORMED, "not today")

    monkeypatch.setattr("meshkit.audit.export.open_unverified", refuse)
    heard = next(row for row in exported(peaceful / "node-1") if row["cause"])
    assert list(heard["cause"]) == ["envelope"]


def test_a_journal_that_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").touch()
    with pytest.raises(AuditError, match="does not say whose"):
        list(documents(Exhibit(tmp_path)))
