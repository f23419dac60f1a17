"""A blob store whose disk crashes, rots, fills up or belongs to somebody else."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from meshkit.journal.blobs import BlobStore
from meshkit.journal.errors import JournalError, JournalFailed
from meshkit.journal.packs import HEADER_BYTES, Kind
from tests.journal.small_store import LARGE, A, B, files, named, opened
from tests.journal.world import in_child, one_line, public_folder
from tests.journal.world import record as packed

# --- crashes --------------------------------------------------------------------------------------


def test_a_crash_between_the_record_and_the_end_of_a_large_blob(folder: Path) -> None:
    with opened(folder) as store:
        store.expire(named(LARGE))
        store.commit()
    path = folder / "large" / named(LARGE).hex()
    path.write_bytes(LARGE)
    with opened(folder, read_only=True) as store:
        assert store.expired(named(LARGE))
    assert path.exists()
    opened(folder).close()
    assert not path.exists()


def test_a_crash_before_the_rename(folder: Path) -> None:
    (folder / "staging" / named(A).hex()).write_bytes(b"half of")
    opened(folder).close()
    assert not list((folder / "staging").iterdir())


def test_a_crash_in_the_middle_of_an_append(folder: Path) -> None:
    path = folder / "packs" / "00000001.pack"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with opened(folder, read_only=True) as store:
        assert [notice.kind for notice in store.notices] == ["torn"]
        assert [finding.kind for finding in store.verify()] == ["torn"]
    with opened(folder) as store:
        assert [(n.kind, n.file, n.offset) for n in store.notices] == [
            ("torn", "packs/00000001.pack", HEADER_BYTES + 40)
        ]
        assert list(store.verify()) == []
        assert list(store) == sorted(map(named, (A, LARGE)))


# --- rot ------------------------------------------------------------------------------------------


def test_any_flipped_byte_is_found_and_named(folder: Path) -> None:
    sound = {name: whole for name, whole in files(folder).items() if name != "lock"}
    assert len(sound) == 2
    for name, whole in sound.items():
        for position in range(len(whole)):
            hurt = bytearray(whole)
            hurt[position] ^= 0x20
            (folder / name).write_bytes(hurt)
            with opened(folder, read_only=True) as store:
                found = list(store.verify())
                assert [finding.file for finding in found] == [name]
                assert found[0].offset <= position
                assert found[0].kind in ("hash", "damage", "torn")
        (folder / name).write_bytes(whole)
    with opened(folder, read_only=True) as store:
        assert list(store.verify()) == []


def test_what_rotted_is_gone_and_can_be_put_again(folder: Path) -> None:
    with opened(folder) as store:
        for name, blob in (("packs/00000001.pack", A), (f"large/{named(LARGE).hex()}", LARGE)):
            whole = bytearray((folder / name).read_bytes())
            whole[whole.index(blob) + 3] ^= 1
            (folder / name).write_bytes(whole)
            assert store.get(named(blob)) is None
            assert not store.has(named(blob))
            assert store.notices[-1].kind == "hash"
            assert store.notices[-1].digest == named(blob)
            store.put(blob)
            store.commit()
            assert store.get(named(blob)) == blob
    with opened(folder) as store:
        assert {store.get(digest) for digest in store} == {A, B, LARGE}


@pytest.mark.parametrize("whole", [True, False])
def test_what_cannot_be_read_is_gone_too(folder: Path, whole: bool) -> None:
    with opened(folder) as store:
        (folder / "large" / named(LARGE).hex()).unlink()
        (folder / "packs" / "00000001.pack").unlink()
        for blob in (A, LARGE):
            digest = named(blob)
            assert (store.get(digest) if whole else store.chunk(digest, 0, 5)) is None
            assert not store.has(digest)
            assert store.notices[-1].kind == "unreadable"


def test_what_is_not_ours_is_said(folder: Path) -> None:
    (folder / "large" / "letter.txt").write_bytes(b"a letter")
    (folder / "large" / ("AB" * 32)).mkdir()
    (folder / "large" / ("ab" * 32)).mkdir()
    with opened(folder) as store:
        assert [notice.kind for notice in store.notices] == ["stray", "stray"]
        found = {finding.file: finding.kind for finding in store.verify()}
        assert found == {
            f"large/{'AB' * 32}": "stray",
            f"large/{'ab' * 32}": "unreadable",
            "large/letter.txt": "stray",
        }


def test_a_pack_that_cannot_be_read_is_a_finding(folder: Path) -> None:
    with opened(folder, read_only=True) as store:
        (folder / "packs" / "00000002.pack").mkdir()
        assert [finding.kind for finding in store.verify()] == ["unreadable"]
        (folder / "packs").rename(folder / "gone")
        assert [(f.kind, f.file) for f in store.verify()] == [("unreadable", ".")]


def test_a_record_that_expires_with_a_body_is_a_finding(folder: Path) -> None:
    path = folder / "packs" / "00000002.pack"
    path.write_bytes(packed(2, 0, Kind.EXPIRED, named(A), b"what is this"))
    with opened(folder, read_only=True) as store:
        assert [finding.kind for finding in store.verify()] == ["hash"]


# --- what stands in the way -----------------------------------------------------------------------


def fail(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "write", "writev", "rename"])
def test_a_failed_write_or_fsync_is_final(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = opened(folder)
    store.put(b"c" * 40)
    store.put(b"M" * 150)
    with monkeypatch.context() as patch:
        patch.setattr(Path if call == "rename" else os, call, fail)
        with pytest.raises(JournalFailed, match="check the disk"):
            store.commit()
    calls: list[Callable[[], object]] = [
        lambda: store.put(A),
        lambda: store.commit(),
        lambda: store.get(named(A)),
        lambda: store.chunk(named(A), 0, 1),
        lambda: store.expire(named(A)),
        lambda: store.compact(),
    ]
    for refused in calls:
        with pytest.raises(JournalFailed, match="check the disk"):
            refused()
    store.close()
    with opened(folder) as store:
        assert {A, B, LARGE} <= {store.get(digest) for digest in store}


def test_a_failed_compaction_is_final_and_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(folder)
    store.expire(named(A))
    store.commit()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(JournalFailed):
            store.compact(0.1)
    store.close()
    with opened(folder) as store:
        assert list(store) == sorted(map(named, (B, LARGE)))
        assert store.expired(named(A))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_clear_line(folder: Path) -> None:
    path = folder / "packs" / "00000001.pack"
    path.unlink()
    path.symlink_to("/dev/full")
    with opened(folder) as store:
        store.put(A)
        with pytest.raises(JournalFailed, match="free space"):
            store.commit()


def test_a_quota_is_one_clear_line_and_loses_nothing(folder: Path) -> None:
    def story() -> str:
        store = opened(folder)
        for n in range(100):
            store.put(bytes([n]) * 90)
            store.commit()
        return "it never failed"

    said = in_child(story, file_bytes_max=250)
    assert one_line(said, "JournalFailed", "free space")
    with opened(folder) as store:
        assert [notice.kind for notice in store.notices] == ["torn"]
        assert {A, B, LARGE} <= {store.get(digest) for digest in store}


def test_one_process_writes_and_others_may_read(folder: Path) -> None:
    with opened(folder):
        with pytest.raises(JournalError, match="running node"):
            opened(folder)
        with opened(folder, read_only=True) as reader:
            assert reader.get(named(A)) == A
            for write in (reader.commit, reader.compact):
                if write == reader.commit:
                    reader.put(b"new")
                with pytest.raises(AssertionError):
                    write()


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no blob store"):
        opened(tmp_path, read_only=True)
    with pytest.raises(JournalError, match="no folder"):
        opened(tmp_path / "a" / "b")


def test_a_failure_to_open_lets_go_of_the_lock(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "_load_large", fail)
        with pytest.raises(JournalError, match="check the disk"):
            opened(folder)
    opened(folder).close()


def test_a_closed_store_refuses(folder: Path) -> None:
    store = opened(folder)
    store.close()
    store.close()
    with pytest.raises(JournalError, match="closed"):
        store.get(named(A))


def test_a_folder_of_another_user() -> None:
    """A node run as the wrong user is told so; an auditor who may only read leaves no trace."""
    with public_folder() as folder:
        home = folder / "blobs"
        with opened(home) as store:
            for blob in (A, LARGE):
                store.put(blob)
            store.commit()
        for path in home.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        home.chmod(0o555)
        before = files(home)

        def read() -> str:
            with opened(home, read_only=True) as store:
                return f"{len(list(store))} {list(store.verify())}"

        assert in_child(read, unprivileged=True) == "2 []"
        said = in_child(lambda: str(opened(home)), unprivileged=True)
        assert one_line(said, "JournalError", "may not read and write", str(home))
        assert files(home) == before
        for path in (home, *home.rglob("*")):
            path.chmod(0o755)


def test_nothing_is_acknowledged_before_its_turn(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large blob is whole before it has a name, and has a durable name before a record or a
    caller speaks of it; only what is recorded as gone goes."""
    calls: list[str] = []

    def watch(owner: object, name: str) -> None:
        whole: Callable[..., object] = getattr(owner, name)

        def watched(*arguments: object) -> object:
            calls.append(name)
            return whole(*arguments)

        monkeypatch.setattr(owner, name, watched)

    with opened(folder) as store:
        for name in ("write", "writev", "fsync", "fdatasync"):
            watch(os, name)
        for name in ("rename", "unlink"):
            watch(Path, name)
        store.put(b"M" * 150)
        store.put(b"c" * 40)
        store.expire(named(LARGE))
        assert calls == []
        store.commit()
    large, pack = ["write", "fsync", "rename", "fsync"], ["writev", "fdatasync"]
    assert calls == [*large, *pack, "unlink"]
