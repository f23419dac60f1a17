"""The blobs of all homes at hand, and what can be computed of them again.

A blob proves itself by its name, so it does not matter whose store it comes from. What a node says
of a blob ("it is malformed", "these make that model") is computed again, exactly, wherever the
bytes are at hand: the arithmetic is over integers and gives every machine the same bits.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from blake3 import blake3

from meshkit.audit.exhibits import Exhibit
from meshkit.journal import BlobFinding, BlobStore, JournalError
from meshkit.learning import Grid, Refused, aggregate, decode_model, decode_update
from meshkit.rounds.messages import MALFORMED, PROBLEMS, UPDATE, Counted, Spec

K = TypeVar("K")
V = TypeVar("V")

COMPUTED_MAX = 4_096  # results remembered: of a round each journal speaks about the same time


class Absent(Exception):
    """Bytes that nobody at hand has."""

    def __init__(self, blob: bytes) -> None:
        super().__init__(blob.hex())
        self.blob = blob


class Shelves:
    """Several stores read as one. Open them, and close them at the end."""

    def __init__(self) -> None:
        self._stores: dict[Path, BlobStore] = {}  # by their homes: a node may have several at hand
        self.without: dict[Path, str] = {}  # homes whose store nobody handed over, and why
        self.broken: dict[Path, str] = {}  # homes whose store is no store any more, and why
        self._models: OrderedDict[tuple[bytes, ...], bytes] = OrderedDict()
        self._problems: OrderedDict[tuple[bytes, str, int, int], str] = OrderedDict()

    def add(self, exhibit: Exhibit) -> None:
        """Take in the store of a home."""
        home = exhibit.path
        try:
            self._stores[home] = BlobStore.open(exhibit.blobs, read_only=True)
        except JournalError as error:
            # Not at hand is what a home came without, and what whoever audits may not read.
            absent = not exhibit.blobs.exists() or isinstance(error.__cause__, PermissionError)
            (self.without if absent else self.broken)[home] = str(error)

    def close(self) -> None:
        for store in self._stores.values():
            store.close()

    def get(self, blob: bytes) -> bytes | None:
        """The bytes, from whoever has them whole."""
        for store in self._stores.values():
            found = store.get(blob)
            if found is not None:
                return found
        return None

    def has(self, home: Path, blob: bytes) -> bool:
        """Whether the home's own store lists it."""
        store = self._stores.get(home)
        return store is not None and store.has(blob)

    def holds(self, home: Path, blob: bytes) -> bool:
        """Whether the home's own store has it, whole."""
        store = self._stores.get(home)
        return store is not None and store.get(blob) is not None

    def expired(self, blob: bytes) -> bool:
        """Whether somebody had it and gave it up."""
        return any(store.expired(blob) for store in self._stores.values())

    def expired_of(self, home: Path, blob: bytes) -> bool:
        store = self._stores.get(home)
        return store is not None and store.expired(blob)

    def verify(self, home: Path) -> Iterator[BlobFinding]:
        """Every byte of the home's store, hashed."""
        store = self._stores.get(home)
        if store is not None:
            yield from store.verify()

    # -- computed again ---------------------------------------------------------------------------

    def model(self, spec: Spec, base: bytes, parts: Iterable[Counted]) -> bytes:
        """The digest of the model that these updates make of `base`; raises Absent and Refused."""
        counted = tuple(parts)
        key = (
            repr((spec.strategy, spec.size, spec.bits, spec.scale_bits)).encode(),
            base,
            *(part.update + part.samples.to_bytes(8, "big") for part in counted),
        )
        if key not in self._models:
            grid = Grid(spec.size, spec.bits, spec.scale_bits)
            blobs = ((self._need(part.update), part.samples) for part in counted)
            made = aggregate(spec.strategy, self._need(base), blobs, grid)
            _remember(self._models, key, blake3(made).digest())
        return self._models[key]

    def problem(self, blob: bytes, form: str, spec: Spec) -> str:
        """What is wrong with a blob of this form, in the rounds' words; raises Absent."""
        key = (blob, form, spec.size, spec.bits)
        if key not in self._problems:
            _remember(self._problems, key, _problem(self._need(blob), form, spec))
        return self._problems[key]

    def _need(self, blob: bytes) -> bytes:
        found = self.get(blob)
        if found is None:
            raise Absent(blob)
        return found


def _problem(data: bytes, form: str, spec: Spec) -> str:
    try:
        if form == UPDATE:
            decode_update(data, spec.size, spec.bits)
        else:
            decode_model(data, spec.size)
    except Refused as refused:
        return refused.reason if refused.reason in PROBLEMS else MALFORMED
    return ""


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    while len(kept) > COMPUTED_MAX:
        kept.popitem(last=False)
