"""The grid: how an update travels, and what a model looks like on the wire.

An update is a vector of integers. The entry x stands for x / 2^scale_bits, and |x| < 2^(bits-1):
the range is symmetric, so the negative of an update is an update. Sums of integers do not depend
on the order, the number of threads or the processor, which is why consensus can vote on the
digest of an aggregate, and why an auditor years later gets the same one.

What is off the grid is rounded, half to even, and what is outside its range is clipped: an honest
node clips its own update before it sends it. A peer's update that is out of range was not made by
an honest node, and is refused.

Both blobs are a header of 16 bytes and the entries, everything little-endian. There is exactly
one blob for a vector on a grid, so that a digest names the vector and not one of its spellings:

    update  b"mkup"  version u8  bits u8  zero u16  count u64   int8, int16 or int32 each
    model   b"mkmo"  version u8  32 u8    zero u16  count u64   float32 each, all finite

An entry of an update takes the smallest of 8, 16 and 32 bits that holds `bits`.
"""

from struct import Struct
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.float32]

UPDATE_MAGIC = b"mkup"
MODEL_MAGIC = b"mkmo"
VERSION = 1
HEADER = Struct("<4sBBHQ")  # 16 bytes: the entries behind it stay aligned

BITS_MIN = 2  # -1, 0, 1: the ternary grid
BITS_MAX = 32
SCALE_BITS_MAX = 30  # a step of 1e-9, finer than a float32 of weight 1 can follow
SUM_BITS_MAX = 62  # of the largest |sum|: int64 holds it, and twice it, which rounding needs
BITS_DEFAULT = 16  # half of float32's bytes; digits get as accurate as on 32 bits
SCALE_BITS_DEFAULT = 12  # a range of ±8; the largest entry seen in training digits was 1.7


class Refused(ValueError):
    """What a peer sent, or a task did, is not acceptable. `reason` is a slug fit for a counter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Gridded(Protocol):
    """Whatever says which grid its updates lie on: a `Grid`, or a task of the ledger."""

    @property
    def size(self) -> int: ...
    @property
    def bits(self) -> int: ...
    @property
    def scale_bits(self) -> int: ...


class Grid(msgspec.Struct, frozen=True, array_like=True):
    """The grid of one task. No `Value`: it goes to a worker, never into a journal."""

    size: int  # parameters of the model
    bits: int = BITS_DEFAULT
    scale_bits: int = SCALE_BITS_DEFAULT


def check_grid(grid: Gridded) -> None:
    """Raise Refused unless updates can be made, sent and summed on `grid`."""
    if grid.size < 1:
        raise Refused("grid", f"a model has at least one parameter, not {grid.size}")
    if not BITS_MIN <= grid.bits <= BITS_MAX:
        raise Refused("grid", f"bits must be {BITS_MIN} to {BITS_MAX}, not {grid.bits}")
    if not 0 <= grid.scale_bits <= SCALE_BITS_MAX:
        raise Refused("grid", f"scale_bits must be 0 to {SCALE_BITS_MAX}, not {grid.scale_bits}")


def fits(bits: int, samples_max: int, updates_max: int) -> bool:
    """Whether a weighted sum can never overflow: bits + log2(samples_max · updates_max) <= 62."""
    return samples_max * updates_max << bits <= 1 << SUM_BITS_MAX


def update_dtype(bits: int) -> np.dtype[Any]:
    """The entries' type in an update's blob."""
    return np.dtype("<i1" if bits <= 8 else "<i2" if bits <= 16 else "<i4")


def update_bytes(grid: Gridded) -> int:
    """The size of every valid update's blob on `grid`."""
    return HEADER.size + grid.size * update_dtype(grid.bits).itemsize


def model_bytes(size: int) -> int:
    """The size of the blob of every model of `size` parameters."""
    return HEADER.size + 4 * size


# -- from floats to the grid and back -------------------------------------------------------------


def quantise(delta: NDArray[np.floating[Any]], bits: int, scale_bits: int) -> NDArray[np.int32]:
    """`delta` on the grid: rounded half to even, clipped to its range.

    Raises Refused("non-finite") if an entry is NaN or infinite: no integer stands for it.
    """
    if not np.isfinite(delta).all():
        raise Refused("non-finite", "an update with a NaN or an infinity has no place on the grid")
    # A product with a power of two is exact, so the only rounding is the one written here.
    steps = np.rint(delta.astype(np.float64) * float(1 << scale_bits))
    limit = float((1 << (bits - 1)) - 1)
    return np.clip(steps, -limit, limit).astype(np.int32)


def dequantise(steps: Integers, scale_bits: int) -> NDArray[np.float64]:
    """What the integers stand for; exact, since float64 holds every entry of 32 bits."""
    return steps.astype(np.float64) * 2.0**-scale_bits


# -- blobs ----------------------------------------------------------------------------------------


def encode_update(update: Integers, bits: int) -> bytes:
    """The blob of `update`; our own entries are in range, or we have a bug."""
    assert _in_range(update, bits), f"an update with an entry outside {bits} bits"
    entries = np.ascontiguousarray(update, update_dtype(bits))
    return HEADER.pack(UPDATE_MAGIC, VERSION, bits, 0, update.size) + entries.tobytes()


def decode_update(blob: bytes, size: int, bits: int) -> Integers:
    """The entries in `blob`, as a read-only view. Raises Refused, saying why, for any other."""
    dtype = update_dtype(bits)
    _check_header(blob, UPDATE_MAGIC, bits, size, dtype.itemsize)
    entries: Integers = np.frombuffer(blob, dtype, offset=HEADER.size)
    if not _in_range(entries, bits):
        raise Refused("out-of-grid", f"an entry lies outside the {bits} bits of the grid")
    return entries


def encode_model(model: NDArray[np.floating[Any]]) -> bytes:
    """The blob of `model`. Raises Refused("non-finite") if it is not a vector of finite float32."""
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused here
        entries = np.ascontiguousarray(model, "<f4")
    _check_finite(entries)
    return HEADER.pack(MODEL_MAGIC, VERSION, 32, 0, entries.size) + entries.tobytes()


def decode_model(blob: bytes, size: int | None = None) -> Floats:
    """The parameters in `blob`, as a read-only view of it. `size`, if given, must be their number.

    Raises Refused, saying why, for anything but a well-formed model of finite parameters.
    """
    if size is None:
        size = max(0, len(blob) - HEADER.size) // 4
    _check_header(blob, MODEL_MAGIC, 32, size, 4)
    entries: Floats = np.frombuffer(blob, "<f4", offset=HEADER.size)
    _check_finite(entries)
    return entries


def _check_header(blob: bytes, magic: bytes, bits: int, size: int, entry_bytes: int) -> None:
    if len(blob) < HEADER.size:
        raise Refused("malformed", f"{len(blob)} bytes are no blob: the header alone is longer")
    found, version, found_bits, zero, count = HEADER.unpack_from(blob)
    if found != magic:
        raise Refused("malformed", f"a blob that starts with {found!r}, not {magic!r}")
    if version != VERSION:
        raise Refused("unknown-version", f"a blob of version {version}; this is {VERSION}")
    if found_bits != bits or zero != 0:
        raise Refused("wrong-grid", f"a blob of {found_bits} bits where the task has {bits}")
    if count != size:
        raise Refused("wrong-count", f"{count} entries where the model has {size}")
    expected = HEADER.size + size * entry_bytes
    if len(blob) > expected:
        raise Refused("oversized", f"{len(blob)} bytes where {expected} say it all")
    if len(blob) < expected:
        raise Refused("malformed", f"cut short: {len(blob)} of {expected} bytes")


def _in_range(entries: Integers, bits: int) -> bool:
    if entries.size == 0:
        return True
    limit = (1 << (bits - 1)) - 1
    # Where the type itself has `bits` bits, only its one unpaired value can be outside.
    lowest_is_inside = bool(entries.min() >= -limit)
    if entries.dtype.itemsize * 8 == bits:
        return lowest_is_inside
    return lowest_is_inside and bool(entries.max() <= limit)


def _check_finite(entries: Floats) -> None:
    if not np.isfinite(entries).all():
        where = int(np.flatnonzero(~np.isfinite(entries))[0])
        raise Refused("non-finite", f"parameter {where} is {entries[where]}: a model is finite")
