"""Workers in the box: training and aggregation as pure functions of their inputs, blobs with bytes.

Two crafts make the blobs. `Tokens` makes short ones that stand for what they would be: a name is
enough for every protocol. `Grids` makes the real thing, tiny models on the learning room's integer
grid, by its own code. Either way the same training gives the same blob, whoever asks how often.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from blake3 import blake3

from meshkit.core.value import digest
from meshkit.learning import (
    Grid,
    Refused,
    aggregate,
    decode_model,
    decode_update,
    encode_model,
    encode_update,
)
from meshkit.learning.grid import MODEL_MAGIC
from meshkit.rounds.messages import MALFORMED, NON_FINITE, PROBLEMS, UPDATE, Spec

UPDATE_BYTES = 36  # of an update of the tasks that operators here submit

Parts = Sequence[tuple[bytes, int]]  # each update's blob, and what it weighs


class Craft(Protocol):
    """How blobs are made and judged."""

    def initial(self, spec: Spec) -> bytes: ...
    def update(self, who: bytes, number: int, spec: Spec, base: bytes) -> bytes: ...
    def spoilt(self, blob: bytes) -> bytes: ...
    def model(self, spec: Spec, base: bytes, parts: Parts) -> bytes: ...
    def problem(self, form: str, blob: bytes, size: int, spec: Spec) -> str: ...


class Tokens:
    """Blobs of a few bytes: a word, and a digest of all they depend on."""

    def initial(self, spec: Spec) -> bytes:
        return _first_model(spec)  # the real one, so that a task has the same name either way

    def update(self, who: bytes, number: int, spec: Spec, base: bytes) -> bytes:
        word = b"update" + digest((who, number, spec.seed, base))
        return word[: spec.update_bytes].ljust(spec.update_bytes, b"-")  # as long as a real one

    def spoilt(self, blob: bytes) -> bytes:
        return b"spoilt" + blob[6:]

    def model(self, spec: Spec, base: bytes, parts: Parts) -> bytes:
        return b"model" + digest((base, tuple(parts)))

    def problem(self, form: str, blob: bytes, size: int, spec: Spec) -> str:
        if form == UPDATE:
            if len(blob) != size or not blob.startswith((b"update", b"spoilt")):
                return MALFORMED
            return NON_FINITE if blob.startswith(b"spoilt") else ""
        return "" if blob.startswith((b"model", MODEL_MAGIC)) else MALFORMED


class Grids:
    """Real blobs of the learning room, of as many parameters as the task says."""

    def initial(self, spec: Spec) -> bytes:
        return _first_model(spec)

    def update(self, who: bytes, number: int, spec: Spec, base: bytes) -> bytes:
        name = digest((who, number, spec.seed, base))
        words = np.frombuffer(blake3(name).digest(length=2 * spec.size), "<i2")
        half = 1 << (spec.bits - 1)
        return encode_update(words.astype(np.int64) % (2 * half - 1) - (half - 1), spec.bits)

    def spoilt(self, blob: bytes) -> bytes:
        return bytes([blob[0] ^ 1]) + blob[1:]

    def model(self, spec: Spec, base: bytes, parts: Parts) -> bytes:
        return aggregate(spec.strategy, base, parts, _grid(spec))

    def problem(self, form: str, blob: bytes, size: int, spec: Spec) -> str:
        try:
            if form == UPDATE:
                decode_update(blob, spec.size, spec.bits)
            else:
                decode_model(blob, spec.size)
        except Refused as refused:
            return refused.reason if refused.reason in PROBLEMS else MALFORMED
        return ""


def craft(real: bool) -> Craft:
    return Grids() if real else Tokens()


def _first_model(spec: Spec) -> bytes:
    return encode_model(np.arange(spec.size, dtype=np.float32) / 8)


def _grid(spec: Spec) -> Grid:
    return Grid(spec.size, spec.bits, spec.scale_bits)


# -- computed again, another way -------------------------------------------------------------------


def recomputed(real: bool, spec: Spec, base: bytes, parts: Parts) -> bytes:
    """The model that these updates make, by other code than the members': for whoever checks."""
    if not real:
        said = digest((base, tuple((blob, weight) for blob, weight in parts)))
        return b"model" + said
    before = decode_model(base, spec.size)
    updates = [(decode_update(blob, spec.size, spec.bits), weight) for blob, weight in parts]
    total = sum(weight for _, weight in updates)
    after: list[float] = []
    for place in range(spec.size):
        summed = sum(int(update[place]) * weight for update, weight in updates)
        step = _half_even(summed, total)
        after.append(float(before[place]) + step * 2.0**-spec.scale_bits)
    return encode_model(np.array(after, np.float64).astype(np.float32))


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        return whole + 1
    return whole
