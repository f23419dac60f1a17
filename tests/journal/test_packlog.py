"""Packs as a log: what was written last holds, through crashes, rot and compaction."""

from pathlib import Path

import pytest
from blake3 import blake3

from meshkit.journal.packlog import PackLog
from meshkit.journal.packs import HEADER_BYTES, Damage, Kind, pack_path

SIZE = HEADER_BYTES + 40


def body(n: int) -> bytes:
    return bytes([n]) * 40


def named(n: int) -> bytes:
    return blake3(body(n)).digest()


def kept(*numbers: int) -> list[tuple[Kind, bytes, bytes]]:
    return [(Kind.KEPT, named(n), body(n)) for n in numbers]


def expired(*numbers: int) -> list[tuple[Kind, bytes, bytes]]:
    return [(Kind.EXPIRED, named(n), b"") for n in numbers]


def opened(folder: Path, writable: bool = True) -> PackLog:
    return PackLog(folder, 4 * SIZE, writable)


def living(log: PackLog) -> list[int]:
    held = [record for record in log.latest.values() if record.kind == Kind.KEPT]
    assert all(blake3(log.read(record)).digest() == record.digest for record in held)
    return sorted(log.read(record)[0] for record in held)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_ticks_share_a_pack_until_it_is_full(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for n in range(9):
        log.append(kept(n))
    log.close()
    assert names(tmp_path) == ["00000001.pack", "00000002.pack", "00000003.pack"]
    log = opened(tmp_path)
    assert living(log) == list(range(9))
    log.append(kept(20))
    assert len(names(tmp_path)) == 3
    log.close()


def test_the_last_record_of_a_digest_holds(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2))
    log.append(expired(1, 2))
    log.append(kept(2))
    for _ in range(2):
        assert living(log) == [2]
        assert log.latest[named(1)].kind == Kind.EXPIRED
        log.close()
        log = opened(tmp_path)
    log.close()


@pytest.mark.parametrize("cut", [1, 39, 40, 41, 88])
def test_what_a_crash_tore_is_cut_off_and_said(tmp_path: Path, cut: int) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2))
    log.close()
    path = pack_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-cut])
    assert living(opened(tmp_path, writable=False)) == [1]
    assert path.stat().st_size == 2 * SIZE - cut  # a reader leaves it as it is
    log = opened(tmp_path)
    assert log.damages == [Damage(1, SIZE, 2 * SIZE - cut, torn=True)]
    assert path.stat().st_size == SIZE
    log.append(kept(3))
    log.close()
    log = opened(tmp_path)
    assert (living(log), log.damages) == ([1, 3], [])
    log.close()


def test_pages_that_never_reached_the_disk_are_cut_off_too(tmp_path: Path) -> None:
    """A power cut can leave a file its length and zeros where its bytes should be."""
    log = opened(tmp_path)
    log.append(kept(1, 2, 3))
    log.close()
    path = pack_path(tmp_path, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: SIZE + 60] + bytes(2 * SIZE - 60))
    log = opened(tmp_path)
    assert [damage.offset for damage in log.damages] == [SIZE, 2 * SIZE]
    assert (living(log), path.stat().st_size) == ([1], SIZE)
    log.close()


def test_what_rots_in_the_middle_is_left_where_it_is(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2, 3))
    log.close()
    path = pack_path(tmp_path, 1)
    whole = bytearray(path.read_bytes())
    whole[SIZE + HEADER_BYTES] ^= 1
    path.write_bytes(whole)
    log = opened(tmp_path)
    assert log.damages == [Damage(1, SIZE, 2 * SIZE, named(2))]
    assert (living(log), path.stat().st_size) == ([1, 3], 3 * SIZE)
    log.append(kept(2))
    assert living(log) == [1, 2, 3]
    log.close()


def test_an_old_pack_is_not_cut(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2, 3, 4))
    log.append(kept(5))
    log.close()
    path = pack_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-1])
    log = opened(tmp_path)
    assert [damage.torn for damage in log.damages] == [True]
    assert (living(log), path.stat().st_size) == ([1, 2, 3, 5], 4 * SIZE - 1)
    log.close()


def test_compaction_keeps_what_holds_and_frees_the_rest(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2, 3, 4))
    log.append(kept(5))
    assert log.compact(0.5) == 0
    log.append(expired(1, 2, 3))
    assert log.compact(0.7) == 4 * SIZE
    assert names(tmp_path) == ["00000002.pack"]
    assert log.compact(0.1) == 0
    for _ in range(2):
        assert living(log) == [4, 5]
        assert all(log.latest[named(n)].kind == Kind.EXPIRED for n in (1, 2, 3))
        log.close()
        log = opened(tmp_path)
    log.close()


def test_the_newest_pack_can_be_compacted_too(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1, 2))
    log.append(expired(1))
    assert log.compact(0.01) > 0
    assert names(tmp_path) == ["00000002.pack"]
    assert body(1) not in pack_path(tmp_path, 2).read_bytes()
    log.append(kept(3))
    assert living(log) == [2, 3]
    log.close()


def test_a_pack_where_nothing_holds_just_goes(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(kept(1))
    log.forget(named(1))
    assert log.compact(0.5) == SIZE
    assert living(log) == []
    log.append(kept(2))
    assert living(log) == [2]
    log.close()
    log.close()
