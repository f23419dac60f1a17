"""Blob stores held against what the journal says lies in them."""

import shutil
from pathlib import Path

import pytest

from meshkit.audit.exhibits import Exhibit
from meshkit.audit.findings import Findings, Note
from meshkit.audit.shelves import Shelves
from meshkit.audit.stores import check_store
from meshkit.audit.trial import Deposition
from meshkit.journal import BlobStore
from meshkit.journal.packs import HEADER_BYTES

ANN = b"a" * 32


class Case:
    """One node's store, and what its journal says of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said = Deposition(ANN)
        self.findings, self.notes = Findings(), list[Note]()

    @property
    def pack(self) -> Path:
        return next((self.home / "blobs" / "packs").iterdir())

    def put(self, *blobs: bytes) -> list[bytes]:
        with BlobStore.open(self.home / "blobs") as store:
            names = [store.put(blob) for blob in blobs]
            store.commit()
        for number, name in enumerate(names, start=1):
            self.said.held[name] = self.said.named[name] = number
        return names

    def flip(self, position: int) -> None:
        data = bytearray(self.pack.read_bytes())
        data[position] ^= 1
        self.pack.write_bytes(data)

    def check(self) -> list[tuple[int, str]]:
        shelves = Shelves()
        exhibit = Exhibit(self.home)
        shelves.add(exhibit)
        check_store(self.said, exhibit, shelves, self.findings, self.notes)
        shelves.close()
        return [(one.entry, one.kind) for one in self.findings]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_all_as_it_was_written(case: Case) -> None:
    case.put(b"one", b"two" * 100, b"large" * 20_000)
    assert case.check() == []
    assert case.notes == []


def test_a_body(case: Case) -> None:
    case.put(b"one", b"two")
    case.flip(HEADER_BYTES)
    assert case.check() == [(1, "blob")]


def test_a_large_one(case: Case) -> None:
    [name] = case.put(b"large" * 20_000)
    (case.home / "blobs" / "large" / name.hex()).write_bytes(b"small")
    assert case.check() == [(1, "blob")]


def test_a_header_takes_its_blob_with_it(case: Case) -> None:
    case.put(b"one" * 100, b"two" * 100)
    case.flip(4)
    [(entry, kind)] = case.check()
    assert (entry, kind) == (1, "blob")
    assert f"not in {case.home.name}'s store any more" in next(iter(case.findings)).what


def test_a_header_of_what_no_entry_names(case: Case) -> None:
    case.put(b"one" * 100, b"two" * 100)
    case.said.held.clear()
    case.flip(4)
    assert case.check() == [(0, "blob")]


def test_rot_in_what_was_put_again(case: Case) -> None:
    case.put(b"one", b"two")
    case.flip(HEADER_BYTES)
    with BlobStore.open(case.home / "blobs") as store:
        store.put(b"one")
        store.commit()
    assert case.check() == []
    assert "another copy that is whole" in case.notes[0].what


def test_the_beginning_of_a_record_that_a_crash_left(case: Case) -> None:
    case.put(b"one")
    with case.pack.open("ab") as file:
        file.write(case.pack.read_bytes()[:20])
    assert case.check() == []
    assert "never finished" in case.notes[0].what


def test_a_file_that_is_no_blob(case: Case) -> None:
    case.put(b"one")
    (case.home / "blobs" / "large" / "readme").write_text("hello")
    assert case.check() == []
    assert "no blob is named by" in case.notes[0].what


def test_what_was_given_up_is_not_missed(case: Case) -> None:
    [name, _] = case.put(b"one", b"two")
    with BlobStore.open(case.home / "blobs") as store:
        store.expire(name)
        store.commit()
    assert case.check() == []


def test_a_pack_that_is_gone_or_empty(case: Case) -> None:
    case.put(b"one", b"two")
    case.pack.write_bytes(b"")
    assert case.check() == [(1, "blob"), (2, "blob")]
    case.pack.unlink()
    assert case.check() == [(1, "blob"), (2, "blob")]
    assert case.notes == []


def test_a_large_one_that_is_gone(case: Case) -> None:
    [_, name] = case.put(b"one", b"large" * 20_000)
    (case.home / "blobs" / "large" / name.hex()).unlink()
    assert case.check() == [(2, "blob")]


def test_many_places_are_told_as_the_first_and_a_number(case: Case) -> None:
    case.put(b"one" * 100, b"two" * 100, b"three" * 100)
    for at in (4, HEADER_BYTES + 300 + HEADER_BYTES + 300 + 4):
        case.flip(at)
    assert case.check() == [(1, "blob"), (3, "blob")]
    assert all(one.what.endswith(", and 1 place more") for one in case.findings)


def test_what_is_left_of_a_store(case: Case) -> None:
    case.put(b"one", b"two")
    case.pack.unlink()
    (case.home / "blobs" / "packs").rmdir()
    assert case.check() == [(1, "blob"), (2, "blob")]
    assert all("is no blob store" in one.what for one in case.findings)
    case.findings, case.said.held = Findings(), {}
    assert case.check() == []
    assert "its blobs were not looked at" in case.notes[0].what


def test_no_store_at_all(case: Case) -> None:
    case.put(b"one", b"two")
    shutil.rmtree(case.home / "blobs")
    assert case.check() == []
    assert case.notes[0].what.startswith("2 blobs that its journal says it has were not looked at")
