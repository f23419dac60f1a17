"""The form of a pack, and how much of one survives which damage."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from meshkit.journal import packs
from meshkit.journal.packs import (
    HEADER_BYTES,
    Damage,
    Kind,
    Packed,
    numbers,
    pack_path,
    read_body,
    scan,
)
from tests.journal.world import record as packed

PACK = 3


def named(body: bytes) -> bytes:
    return blake3(body).digest()


def pack_of(bodies: list[bytes]) -> bytes:
    whole = b""
    for body in bodies:
        whole += packed(PACK, len(whole), Kind.KEPT, named(body), body)
    return whole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return pack_path(tmp_path, PACK)


def scanned(path: Path, whole: bytes, hashing: bool = False) -> list[Packed | Damage]:
    path.write_bytes(whole)
    return list(scan(path, PACK, hashing))


def test_records_come_back_as_they_were_written(path: Path) -> None:
    whole = pack_of([b"one", b"", b"three"])
    whole += packed(PACK, len(whole), Kind.EXPIRED, named(b"one"), b"")
    found = scanned(path, whole)
    assert [record.digest for record in found] == list(map(named, [b"one", b"", b"three", b"one"]))
    last = found[-1]
    assert isinstance(last, Packed)
    assert last.kind is Kind.EXPIRED
    assert last.end == len(whole)
    third = found[2]
    assert isinstance(third, Packed)
    assert read_body(path.parent, third) == b"three"
    assert read_body(path.parent, third, 1, 3) == b"hre"
    assert read_body(path.parent, third, 3, 100) == b"ee"
    assert scanned(path, whole, hashing=True) == found
    assert scanned(path, b"") == []


def test_the_form_is_fixed_for_ever() -> None:
    assert HEADER_BYTES == 49
    digest = named(b"x")
    record = packed(1, 2, Kind.KEPT, digest, b"x")
    covered = b"mkb\x01" + b"\x01" + b"\x00\x00\x00\x01" + digest
    check = blake3((1).to_bytes(8, "big") + (2).to_bytes(8, "big") + covered).digest()[:8]
    assert record == covered + check + b"x"


@pytest.mark.parametrize("length", [1, 48, 49, 50, 53])
def test_a_torn_end_is_told_from_damage(path: Path, length: int) -> None:
    whole = pack_of([b"one", b"three"])
    start = len(pack_of([b"one"]))
    found = scanned(path, whole[: start + length])
    assert found[1:] == [Damage(PACK, start, start + length, torn=True)]


def test_damage_costs_one_record_and_not_those_behind(path: Path) -> None:
    bodies = [bytes([n]) * 40 for n in range(5)]
    whole = pack_of(bodies)
    sound = scanned(path, whole)
    size = HEADER_BYTES + 40
    for position in range(2 * size, 2 * size + HEADER_BYTES):
        hurt = whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
        lost = Damage(PACK, 2 * size, 3 * size)
        assert scanned(path, hurt) == [*sound[:2], lost, *sound[3:]]


def test_a_rotten_body_is_damage_to_who_hashes(path: Path) -> None:
    whole = pack_of([b"one", b"three"])
    hurt = whole[:-1] + b"X"
    start = len(pack_of([b"one"]))
    assert scanned(path, hurt) == scanned(path, whole)
    found = scanned(path, hurt, hashing=True)
    assert found[1:] == [Damage(PACK, start, len(whole), named(b"three"))]
    odd = packed(PACK, 0, Kind.EXPIRED, named(b"x"), b"a body where none belongs")
    assert scanned(path, odd, hashing=True) == [Damage(PACK, 0, len(odd), named(b"x"))]


def test_an_unknown_kind_is_damage(path: Path) -> None:
    known = packed(PACK, 0, Kind.KEPT, named(b""), b"")
    covered = known[:4] + b"\x09" + known[5:41]
    check = packs._check(PACK, 0, covered)
    assert scanned(path, covered + check) == [Damage(PACK, 0, HEADER_BYTES)]


def test_the_search_crosses_windows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "WINDOW_BYTES", 64)
    for hole in range(1, 200):
        # A record found again must know its place: it is encoded for the offset it stands at.
        junk = b"mkb\x01" * (hole // 4) + bytes(hole % 4)
        whole = junk + packed(PACK, hole, Kind.KEPT, named(b"x"), b"x")
        found = scanned(path, whole)
        assert found[0] == Damage(PACK, 0, hole)
        assert len(found) == 2


def test_a_record_moved_elsewhere_is_damage(path: Path, tmp_path: Path) -> None:
    whole = pack_of([b"one", b"three"])
    assert all(isinstance(found, Damage) for found in scanned(path, b"x" + whole))
    other = pack_path(tmp_path, PACK + 1)
    other.write_bytes(whole)
    assert all(isinstance(found, Damage) for found in scan(other, PACK + 1))


def test_packs_are_numbered_and_nothing_else_is_one(tmp_path: Path) -> None:
    for name in ("00000010.pack", "00000009.pack", "x.pack", "00000001.tmp", "123456789.pack"):
        (tmp_path / name).touch()
    assert numbers(tmp_path) == [9, 10, 123_456_789]


@given(st.binary(max_size=400))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    """A pack from a stranger yields records or damage that tile it, and never a traceback."""
    with TemporaryDirectory() as folder:
        path = pack_path(Path(folder), PACK)
        for whole in (data, pack_of([b"one"]) + data, data + pack_of([data, b"two"])):
            end = 0
            for found in scanned(path, whole, hashing=True):
                start = found.offset - (HEADER_BYTES if isinstance(found, Packed) else 0)
                assert start == end
                end = found.end
            assert end == len(whole)
