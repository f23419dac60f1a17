"""The benchmark of updates: a whole node without sockets, and a document of what was measured."""

from pathlib import Path

import pytest
from blake3 import blake3
from meshkit_services import bench_updates
from meshkit_services.bench_updates import INCLUDES, _Air, updates

from meshkit.client import Refusal
from meshkit.wire.port import Fetched

BLOB = b"a blob"
NAME = blake3(BLOB).digest()


def test_every_round_of_updates_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_updates, "TRAINERS", 5)
    monkeypatch.setattr(bench_updates, "BATCH", 2)
    document = updates(rounds=2, parameters=10, folder=tmp_path)
    assert document.pop("updates_per_second") > 0
    assert document == {
        "schema": "meshkit.bench.updates/v1",
        "parameters": 10,
        "updates": 10,
        "includes": list(INCLUDES),
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rounds", "parameters", "line"),
    [
        (1, 100_000_000, "number: size is from 1 to 67108864"),
        (1, 60_000_000, "too-large: an update has 120000016 bytes, of 67108864"),
        (20_000, 10, "number: rounds is from 1 to 10000"),
    ],
)
def test_what_no_ledger_takes_is_refused_before_anything_is_made(
    tmp_path: Path, rounds: int, parameters: int, line: str
) -> None:
    with pytest.raises(Refusal) as refused:
        updates(rounds, parameters, tmp_path)
    assert f"{refused.value.slug}: {refused.value}" == line


def test_blobs_are_where_their_digest_says_and_checked_like_any_other() -> None:
    air = _Air({NAME: BLOB, b"x" * 32: BLOB})
    air.fetch(NAME, len(BLOB), [])
    air.fetch(NAME, len(BLOB) + 1, [])
    air.fetch(b"x" * 32, len(BLOB), [])
    air.fetch(b"y" * 32, len(BLOB), [])
    assert air.fetched() == [
        Fetched(NAME, BLOB),
        Fetched(NAME, None),
        Fetched(b"x" * 32, None),
        Fetched(b"y" * 32, None),
    ]
    assert air.fetched() == []


def test_nobody_else_listens() -> None:
    air = _Air({})
    assert [air.publish(b"a"), air.publish(b"b")] == [1, 2]
    assert not air.send(b"m" * 32, b"a")
