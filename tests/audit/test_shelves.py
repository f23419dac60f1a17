"""Blobs from whichever store has them, and what is computed of them again."""

from pathlib import Path

import pytest

from meshkit.audit import shelves as shelves_
from meshkit.audit.exhibits import Exhibit
from meshkit.audit.shelves import Absent, Shelves
from meshkit.journal import BlobStore
from meshkit.learning import encode_model, encode_update
from meshkit.rounds.messages import MALFORMED, MODEL, NON_FINITE, UPDATE, Counted, Spec
from tests.audit.world import BITS, SCALE_BITS, SIZE, drawn

ANN, BEN = b"a" * 32, b"b" * 32
SPEC = Spec("m:a", "{}", 0, 1, 1, SIZE, BITS, SCALE_BITS, "fedavg", 0, 100, 1000, 1000, 1000)


@pytest.fixture
def stores(tmp_path: Path) -> dict[bytes, Path]:
    """Two homes, each with blobs of its own."""
    found = {ANN: tmp_path / "ann", BEN: tmp_path / "ben"}
    for path in found.values():
        path.mkdir()
    return found


def put(home: Path, *blobs: bytes) -> list[bytes]:
    with BlobStore.open(home / "blobs") as store:
        names = [store.put(blob) for blob in blobs]
        store.commit()
    return names


def opened(stores: dict[bytes, Path]) -> Shelves:
    shelves = Shelves()
    for path in stores.values():
        shelves.add(Exhibit(path))
    return shelves


def test_a_blob_is_had_from_whoever_has_it(stores: dict[bytes, Path], tmp_path: Path) -> None:
    [first], [second] = put(stores[ANN], b"one"), put(stores[BEN], b"two")
    shelves = opened(stores)
    assert (shelves.get(first), shelves.get(second), shelves.get(b"x" * 32)) == (
        b"one",
        b"two",
        None,
    )
    assert shelves.has(stores[ANN], first)
    assert shelves.holds(stores[ANN], first)
    assert not shelves.has(stores[BEN], first)
    assert not shelves.holds(tmp_path, first)
    assert list(shelves.verify(stores[ANN])) == list(shelves.verify(tmp_path)) == []
    shelves.close()


def test_a_blob_that_was_given_up(stores: dict[bytes, Path], tmp_path: Path) -> None:
    [name] = put(stores[ANN], b"one")
    with BlobStore.open(stores[ANN] / "blobs") as store:
        store.expire(name)
        store.commit()
    put(stores[BEN])
    shelves = opened(stores)
    assert shelves.expired(name)
    assert shelves.expired_of(stores[ANN], name)
    assert not shelves.expired_of(stores[BEN], name)
    assert not shelves.expired_of(tmp_path, name)


def test_a_home_without_a_store(stores: dict[bytes, Path]) -> None:
    put(stores[ANN], b"one")
    shelves = opened(stores)
    assert list(shelves.without) == [stores[BEN]]
    assert not shelves.broken


def test_what_is_left_of_a_store_is_none_and_what_may_not_be_read_is_not_at_hand(
    stores: dict[bytes, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stores[ANN], b"one")
    (stores[ANN] / "blobs" / "packs").rename(stores[ANN] / "packs")
    put(stores[BEN], b"one")

    def refuse(_: Path) -> bool:
        raise PermissionError("not yours")

    monkeypatch.setattr(Path, "iterdir", refuse)  # Ben's packs, to whoever audits
    shelves = opened(stores)
    assert list(shelves.broken) == [stores[ANN]]
    assert list(shelves.without) == [stores[BEN]]


def test_models_are_computed_again(
    stores: dict[bytes, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves_, "COMPUTED_MAX", 1)
    base = encode_model(drawn("base").astype("f4"))
    blobs = put(stores[ANN], base, *(encode_update(drawn(n), BITS) for n in range(3)))
    put(stores[BEN])
    shelves = opened(stores)
    parts = [Counted(bytes([n]) * 32, blobs[n + 1], n + 1) for n in range(3)]
    made = shelves.model(SPEC, blobs[0], parts)
    assert shelves.model(SPEC, blobs[0], parts) == made
    assert shelves.model(SPEC, blobs[0], parts[:2]) != made
    assert shelves.model(SPEC, blobs[0], parts[::-1]) == made
    for absent in (Counted(ANN, b"x" * 32, 1),):
        with pytest.raises(Absent) as error:
            shelves.model(SPEC, blobs[0], [*parts, absent])
        assert error.value.blob == b"x" * 32


def test_what_is_wrong_with_a_blob(stores: dict[bytes, Path]) -> None:
    infinite = encode_model(drawn("base").astype("f4"))[:-4] + b"\x00\x00\x80\x7f"
    update, model, odd = put(
        stores[ANN], encode_update(drawn(1), BITS), infinite, b"neither one nor the other"
    )
    put(stores[BEN])
    shelves = opened(stores)
    assert shelves.problem(update, UPDATE, SPEC) == ""
    assert shelves.problem(update, MODEL, SPEC) == MALFORMED
    assert shelves.problem(model, MODEL, SPEC) == NON_FINITE
    assert shelves.problem(odd, UPDATE, SPEC) == shelves.problem(odd, UPDATE, SPEC) == MALFORMED
    with pytest.raises(Absent):
        shelves.problem(b"x" * 32, MODEL, SPEC)
