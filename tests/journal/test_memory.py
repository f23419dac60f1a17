"""The stores in memory do what those on a disk do, and fail on demand as disks fail."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meshkit.journal import (
    BlobStore,
    Head,
    JournalError,
    JournalFailed,
    JournalForeign,
    Limits,
    Mark,
)
from meshkit.journal.memory import Crashed, Fault, MemoryBlobs, MemoryDisk, MemoryJournal
from tests.journal.world import ME, MESH, NODE, OTHER_NODE, bodies, open_journal, sign

CRASHES = (Fault.LOST, Fault.KEPT, Fault.TORN, Fault.REORDERED)
ERRORS = (Fault.EIO, Fault.EIO_KEPT, Fault.ENOSPC)
KEEPING = (Fault.KEPT, Fault.EIO_KEPT)


def opened(disk: MemoryDisk) -> MemoryJournal:
    return MemoryJournal.open(disk, MESH, NODE, sign)


def named(blob: bytes) -> bytes:
    return blake3(blob).digest()


# --- the journal ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", Fault)
def test_whatever_strikes_an_append_it_is_there_whole_or_not_at_all(fault: Fault) -> None:
    disk = MemoryDisk()
    journal = opened(disk)
    before = journal.append(bodies(1, 2))
    disk.arm(fault)
    with pytest.raises(Crashed if fault in CRASHES else JournalFailed):
        journal.append(bodies(3, 4), [Mark("blocks", 1, b"at 3")])
    with pytest.raises(JournalFailed):
        journal.append(bodies(3, 4))
    assert journal.head == before  # it was never told otherwise
    again = opened(disk)
    count = 4 if fault in KEEPING else 2
    assert [record.body for record in again.read()] == bodies(1, count)
    assert again.head.index == count
    assert again.mark("blocks", 1) == (b"at 3" if fault in KEEPING else None)
    assert again.append(bodies(count + 1, count + 1)).index == count + 1


def test_a_fault_can_wait_for_its_write() -> None:
    disk = MemoryDisk()
    journal = opened(disk)
    disk.arm(Fault.ENOSPC, writes=2)
    journal.append([b"a"])
    journal.append([])  # writes nothing
    journal.append([b"b"])
    with pytest.raises(JournalFailed, match="free space"):
        journal.append([b"c"])


def test_a_disk_can_lie_and_rot() -> None:
    disk = MemoryDisk()
    journal = opened(disk)
    journal.append(bodies(1, 4))
    disk.cut(2)
    assert opened(disk).head.index == 2
    disk.rot(2)
    with pytest.raises(JournalError, match="entry 2 was altered"):
        list(opened(disk).read())
    assert [record.index for record in opened(disk).read(1, 1)] == [1]


def test_it_belongs_to_one_node() -> None:
    disk = MemoryDisk()
    assert opened(disk).identity == ME
    with pytest.raises(JournalForeign, match="is the journal of"):
        MemoryJournal.open(disk, MESH, OTHER_NODE, sign)


def test_a_mark_is_new() -> None:
    journal = opened(MemoryDisk())
    journal.append([], [Mark("blocks", 1, b"")])
    with pytest.raises(AssertionError, match="second mark"):
        journal.append([], [Mark("blocks", 1, b"")])


def test_closed_is_closed() -> None:
    disk = MemoryDisk()
    journal, blobs = opened(disk), MemoryBlobs(disk)
    journal.idle()
    journal.close()
    blobs.close()
    for refused in (journal.idle, blobs.commit, lambda: list(journal.read())):
        with pytest.raises(JournalError, match="closed"):
            refused()


class JournalAgainstTheDisk(RuleBasedStateMachine):
    """The double does what the real one does, to the byte."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory(prefix="meshkit-test-")
        self.disk = MemoryDisk()
        self.double = opened(self.disk)
        self.real = open_journal(Path(self.place.name, "journal.db"))
        self.version = 0

    @rule(added=st.lists(st.binary(max_size=20), max_size=4), marked=st.booleans())
    def append(self, added: list[bytes], marked: bool) -> None:
        self.version += marked
        marks = [Mark("blocks", self.version, bytes([self.version]))] if marked else []
        assert self.double.append(added, marks) == self.real.append(added, marks)

    @rule()
    def reopen(self) -> None:
        self.real.close()
        self.real = open_journal(Path(self.place.name, "journal.db"))
        self.double = opened(self.disk)

    @rule(first=st.integers(1, 12), last=st.none() | st.integers(0, 12))
    def read(self, first: int, last: int | None) -> None:
        if first <= self.real.head.index + 1:
            assert list(self.double.read(first, last)) == list(self.real.read(first, last))
        else:
            for journal in (self.double, self.real):
                with pytest.raises(JournalError, match="no entry"):
                    list(journal.read(first))

    @rule(version=st.integers(0, 12), until=st.none() | st.integers(0, 12))
    def marks(self, version: int, until: int | None) -> None:
        assert self.double.mark("blocks", version) == self.real.mark("blocks", version)
        assert self.double.last_mark("blocks", until) == self.real.last_mark("blocks", until)

    @invariant()
    def same_head(self) -> None:
        assert self.double.head == self.real.head
        assert isinstance(self.real.head, Head)

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.close()
            self.place.cleanup()


TestJournalAgainstTheDisk = JournalAgainstTheDisk.TestCase
TestJournalAgainstTheDisk.settings = settings(max_examples=30, stateful_step_count=20)


# --- the blobs ------------------------------------------------------------------------------------


def test_what_is_staged_dies_with_the_process() -> None:
    disk = MemoryDisk()
    store = MemoryBlobs(disk)
    digest = store.put(b"a")
    assert store.get(digest) == b"a"
    assert list(MemoryBlobs(disk)) == []
    store.commit()
    assert list(MemoryBlobs(disk)) == [digest]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault.LOST, []),
        (Fault.EIO, []),
        (Fault.ENOSPC, []),
        (Fault.KEPT, [b"a", b"b", b"c"]),
        (Fault.EIO_KEPT, [b"a", b"b", b"c"]),
        (Fault.TORN, [b"a", b"b"]),
        (Fault.REORDERED, [b"c"]),
    ],
)
def test_what_of_a_commit_survives(fault: Fault, left: list[bytes]) -> None:
    disk = MemoryDisk()
    store = MemoryBlobs(disk)
    for blob in (b"a", b"b", b"c"):
        store.put(blob)
    disk.arm(fault)
    with pytest.raises(Crashed if fault in CRASHES else JournalFailed):
        store.commit()
    with pytest.raises(JournalFailed):
        store.commit()
    assert set(MemoryBlobs(disk)) == set(map(named, left))


def test_a_rotten_blob_is_gone_and_can_be_put_again() -> None:
    disk = MemoryDisk()
    store = MemoryBlobs(disk)
    digest = store.put(b"abc")
    store.commit()
    disk.rot_blob(digest, 2)
    assert store.get(digest) is None
    assert not store.has(digest)
    store.put(b"abc")
    store.commit()
    assert store.get(digest) == b"abc"


def test_a_limit_is_a_limit() -> None:
    with pytest.raises(ValueError, match="over 2"):
        MemoryBlobs(MemoryDisk(), blob_bytes_max=2).put(b"abc")


blobs = st.binary(min_size=1, max_size=3).map(lambda seed: seed * 50)
SMALL = Limits(1_000, 100, 300, 500, 1 << 20)


class BlobsAgainstTheDisk(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory(prefix="meshkit-test-")
        self.disk = MemoryDisk()
        self.known: dict[bytes, None] = {bytes(32): None}
        self.open()

    def open(self) -> None:
        self.double = MemoryBlobs(self.disk)
        self.real = BlobStore.open(Path(self.place.name), limits=SMALL)

    @rule(blob=blobs)
    def put(self, blob: bytes) -> None:
        digest = self.real.put(blob)
        assert self.double.put(blob) == digest
        self.known[digest] = None

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        digest = data.draw(st.sampled_from(list(self.known)))
        assert self.double.expire(digest) == self.real.expire(digest)

    @rule()
    def commit(self) -> None:
        self.real.commit()
        self.double.commit()

    @rule()
    def crash(self) -> None:
        self.real.close()
        self.open()

    @invariant()
    def same(self) -> None:
        assert list(self.double) == list(self.real)
        for digest in self.known:
            assert self.double.get(digest) == self.real.get(digest)
            assert self.double.chunk(digest, 2, 7) == self.real.chunk(digest, 2, 7)
            assert self.double.size(digest) == self.real.size(digest)
            assert self.double.has(digest) == self.real.has(digest)
            assert self.double.expired(digest) == self.real.expired(digest)

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.close()
            self.place.cleanup()


TestBlobsAgainstTheDisk = BlobsAgainstTheDisk.TestCase
TestBlobsAgainstTheDisk.settings = settings(max_examples=40, stateful_step_count=25)
