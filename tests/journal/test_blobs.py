"""The blob store, against a dictionary and by its promises one by one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meshkit.journal.packs import Kind
from tests.journal.small_store import LARGE, SMALL, A, B, files, named, opened
from tests.journal.world import record as packed


def test_a_blob_is_found_by_its_digest(folder: Path) -> None:
    with opened(folder) as store:
        for blob in (A, B, LARGE):
            assert store.get(named(blob)) == blob
            assert store.get(named(blob)) == blob  # this time from memory
            assert store.has(named(blob))
            assert store.size(named(blob)) == len(blob)
        assert store.get(bytes(32)) is None
        assert store.size(bytes(32)) is None
        assert not store.has(bytes(32))
        assert list(store) == sorted(map(named, (A, B, LARGE)))
        assert list(store.verify()) == store.notices == []


def test_what_is_staged_is_seen_and_lost_without_a_commit(tmp_path: Path) -> None:
    for commit in (False, True):
        with opened(tmp_path) as store:
            for blob in (A, LARGE):
                digest = store.put(blob)
                assert store.get(digest) == blob
                assert store.chunk(digest, 3, 5) == blob[3:8]
                assert store.size(digest) == len(blob)
            assert list(store) == sorted(map(named, (A, LARGE)))
            if commit:
                store.commit()
                store.commit()  # nothing to do
        with opened(tmp_path) as store:
            assert len(list(store)) == 2 * commit


def test_a_blob_is_stored_once(folder: Path) -> None:
    before = files(folder)
    with opened(folder) as store:
        for blob in (A, LARGE):
            store.put(blob)
        store.commit()
    assert files(folder) == before


def test_too_much_is_refused_or_made_durable_early(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match="over 1000"):
            store.put(bytes(1_001))
        for n in range(8):
            store.put(bytes([n]) * 110)
    with opened(tmp_path) as store:
        assert len(list(store)) == 8  # the last of them went over 800


def test_a_chunk_is_a_part_from_wherever_the_blob_lies(folder: Path) -> None:
    for look_first in (False, True):
        with opened(folder) as store:
            for blob in (A, LARGE):
                if look_first:
                    store.get(named(blob))
                assert store.chunk(named(blob), 0, 10) == blob[:10]
                assert store.chunk(named(blob), 30, 1_000) == blob[30:]
                assert store.chunk(named(blob), 1_000, 5) == b""
            assert store.chunk(bytes(32), 0, 5) is None


def test_what_expired_is_remembered(folder: Path) -> None:
    with opened(folder) as store:
        for blob in (A, LARGE):
            assert store.expire(named(blob))
            assert not store.expire(named(blob))
            assert store.get(named(blob)) is None
            assert store.expired(named(blob))
        assert not store.expire(bytes(32))
        assert not store.expired(bytes(32))
        assert not store.expired(named(B))
        store.commit()
    for read_only in (False, True):
        with opened(folder, read_only) as store:
            assert list(store) == [named(B)]
            assert store.expired(named(A))
            assert store.expired(named(LARGE))
            assert list(store.verify()) == []
    assert not list((folder / "large").iterdir())


def test_what_expired_can_come_back(folder: Path) -> None:
    with opened(folder) as store:
        for blob in (A, LARGE):
            store.expire(named(blob))
            store.put(blob)  # before the commit, nothing happened
            assert not store.expired(named(blob))
        store.commit()
        for blob in (A, LARGE):
            store.expire(named(blob))
        store.commit()
        for blob in (A, LARGE):
            store.put(blob)
        store.commit()
    with opened(folder) as store:
        assert len(list(store)) == 3
        assert not store.expired(named(LARGE))


def test_expiring_what_is_only_staged_leaves_the_memory_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.expire(store.put(A))
        store.commit()
    with opened(tmp_path) as store:
        assert store.expired(named(A))
        assert list(store) == []


def test_compaction_frees_what_expired(folder: Path) -> None:
    with opened(folder) as store:
        store.expire(named(A))
        store.commit()
        assert store.compact(0.99) == 0
        assert store.compact(0.1) > 0
        assert store.get(named(B)) == B
        assert store.expired(named(A))
    assert all(A not in content for content in files(folder).values())


# --- the model ------------------------------------------------------------------------------------

blobs = st.binary(min_size=1, max_size=4).map(lambda seed: seed * 40)  # 40 to 160 bytes


class StoreAgainstADict(RuleBasedStateMachine):
    """Durable is what was committed; a crash takes the rest, and tears what comes after."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory(prefix="meshkit-test-")
        self.folder = Path(self.place.name, "blobs")
        self.store = opened(self.folder)
        self.here: dict[bytes, bytes] = {}
        self.gone: set[bytes] = set()
        self.durable = (dict(self.here), set(self.gone))

    @rule(blob=blobs)
    def put(self, blob: bytes) -> None:
        staged = self.store._staged_bytes + len(blob) * (named(blob) not in self.here)
        self.here[self.store.put(blob)] = blob
        self.gone.discard(named(blob))
        if staged > SMALL.staged_bytes_max:
            self.durable = (dict(self.here), set(self.gone))

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        if self.here:
            digest = data.draw(st.sampled_from(sorted(self.here)))
            assert self.store.expire(digest)
            del self.here[digest]
            self.gone.add(digest)

    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.durable = (dict(self.here), set(self.gone))

    @rule(share=st.sampled_from([0.1, 0.5, 0.9]))
    def compact(self, share: float) -> None:
        self.store.compact(share)

    @rule(torn=st.integers(0, 60))
    def crash(self, torn: int) -> None:
        self.store.close()
        if packs := sorted((self.folder / "packs").iterdir()):
            # The beginning of what the next commit would have written.
            size = packs[-1].stat().st_size
            record = packed(int(packs[-1].stem), size, Kind.KEPT, named(b"t" * 60), b"t" * 60)
            with packs[-1].open("ab") as file:
                file.write(record[:torn])
        self.store = opened(self.folder)
        self.here, self.gone = dict(self.durable[0]), set(self.durable[1])

    @invariant()
    def same(self) -> None:
        assert list(self.store) == sorted(self.here)
        for digest, blob in self.here.items():
            assert self.store.get(digest) == blob
            assert self.store.size(digest) == len(blob)
        assert all(self.store.expired(digest) for digest in self.gone)
        assert list(self.store.verify()) == []
        with opened(self.folder, read_only=True) as reader:
            assert list(reader) == sorted(self.durable[0])
            assert all(reader.expired(digest) for digest in self.durable[1])

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.place.cleanup()


TestStoreAgainstADict = StoreAgainstADict.TestCase
TestStoreAgainstADict.settings = settings(max_examples=30, stateful_step_count=25)
