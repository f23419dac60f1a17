"""Aggregation: many updates, one model, the same to the last bit wherever it is computed.

FedAvg (McMahan et al. 2017, algorithm 1) moves the model by the mean of the updates, weighted by
the samples each was trained on. Over the integers of the grid the sum is exact, so partial
aggregates (Σ w·x, Σ w) add up in any order, on any number of threads, in any tree; only the final
model divides:

    delta = Σ w·x / Σ w      in integers, rounded half to even
    model = base + delta·2^-scale_bits      in float64, then rounded to float32, each entry alone

IEEE 754 fixes both roundings of the second line: the product is with a power of two and so exact,
there is one addition, and one narrowing.

Speed, without losing exactness: float64 holds every integer up to 2^53, so a block of updates is
summed by BLAS for as long as Σ w · 2^(bits-1) stays under that, whatever order BLAS adds in, and
the blocks add up in int64, whose own bound is bits + log2(Σ w) <= 62. Both bounds are checked.

A rule is a function from updates to a delta on the grid, and a line in STRATEGIES. Left out here:
the rules that withstand liars, which need more than one pass.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meshkit.learning.grid import (
    SUM_BITS_MAX,
    Floats,
    Gridded,
    Integers,
    Refused,
    check_grid,
    decode_model,
    decode_update,
    dequantise,
    encode_model,
)

Steps = NDArray[np.int64]
Update = tuple[Integers, int]  # entries on the grid, and the samples they were trained on
Strategy = Callable[[Iterable[Update], Gridded], Steps]

EXACT = 1 << 53  # every integer up to here is a float64
BLOCK_UPDATES = 16  # measured: 8 to 32 are equally fast, and more only takes memory
BLOCK_ENTRIES = 1 << 22  # of a block: large models wait in it one at a time
TILE = 1 << 13  # columns converted at once: 16 rows of them are 1 MiB and stay in the cache


class Partial(NamedTuple):
    """A sum under way: it travels, and adds up with others in any order."""

    total: Steps  # Σ w·x
    weight: int  # Σ w


def merge(first: Partial, second: Partial, bits: int) -> Partial:
    """The sum of both. Raises Refused("overflow") where int64 might not hold it."""
    weight = first.weight + second.weight
    _check_sum(bits, weight)
    return Partial(first.total + second.total, weight)


def weighted_sum(updates: Iterable[Update], grid: Gridded) -> Partial:
    """(Σ w·x, Σ w), one block of updates in memory at a time.

    Raises Refused where an update's samples are not positive or the sum might not fit in int64.
    """
    total = np.zeros(grid.size, np.int64)
    weight = 0
    for block in _blocks(updates, grid):
        weight += sum(samples for _, samples in block)
        _check_sum(grid.bits, weight)
        _add_block(total, block, grid.bits)
    return Partial(total, weight)


def mean(partial: Partial) -> Steps:
    """Σ w·x / Σ w, rounded half to even, in integers all the way."""
    if partial.weight == 0:
        raise Refused("no-updates", "nothing to average: no update counted")
    quotient, remainder = np.divmod(partial.total, partial.weight)
    # divmod rounds down and leaves 0 <= remainder < weight < 2^61, so twice it fits as well.
    twice = 2 * remainder
    up = (twice > partial.weight) | ((twice == partial.weight) & (quotient & 1 == 1))
    rounded: Steps = quotient + up
    return rounded


def fedavg(updates: Iterable[Update], grid: Gridded) -> Steps:
    """The mean of the updates, weighted by samples."""
    return mean(weighted_sum(updates, grid))


STRATEGIES: dict[str, Strategy] = {
    "fedavg": fedavg,
}


def moved(base: Floats, delta: Steps, scale_bits: int) -> bytes:
    """The blob of `base` moved by `delta` steps of the grid."""
    _check_float_unit()
    return encode_model(base.astype(np.float64) + dequantise(delta, scale_bits))


def aggregate(
    strategy: str, base: bytes, updates: Iterable[tuple[bytes, int]], grid: Gridded
) -> bytes:
    """The blob of the model that `strategy` makes of the blob `base` and the updates' blobs.

    `updates` are (blob, samples), drawn as they are needed and never all in memory at once; their
    order makes no difference. Raises Refused, saying why, if the grid, the base or any update is
    not acceptable, or if there is no update.
    """
    rule = STRATEGIES.get(strategy)
    if rule is None:
        known = ", ".join(sorted(STRATEGIES))
        raise Refused("unknown-strategy", f"no strategy is called {strategy!r}; there is {known}")
    check_grid(grid)
    model = decode_model(base, grid.size)
    return moved(model, rule(_decoded(updates, grid), grid), grid.scale_bits)


def _decoded(updates: Iterable[tuple[bytes, int]], grid: Gridded) -> Iterator[Update]:
    for blob, samples in updates:
        yield decode_update(blob, grid.size, grid.bits), samples


# -- exact sums by way of float64 -----------------------------------------------------------------


def _blocks(updates: Iterable[Update], grid: Gridded) -> Iterator[list[Update]]:
    # A block ends where one more update could push a float64 sum past what it holds exactly.
    rows_max = max(1, min(BLOCK_UPDATES, BLOCK_ENTRIES // grid.size))
    weight_max = EXACT >> (grid.bits - 1)
    block: list[Update] = []
    weight = 0
    for update, samples in updates:
        if samples < 1:
            raise Refused("samples", f"an update weighs at least one sample, not {samples}")
        if block and (len(block) == rows_max or weight + samples > weight_max):
            yield block
            block, weight = [], 0
        block.append((update, samples))
        weight += samples
    if block:
        yield block


def _add_block(total: Steps, block: list[Update], bits: int) -> None:
    weights = [samples for _, samples in block]
    if sum(weights) << (bits - 1) > EXACT:
        # Only a single update that weighs more than float64 can count exactly is ever here.
        assert len(block) == 1, "a block of several updates is within the bound"
        total += block[0][0].astype(np.int64) * weights[0]
        return
    row = np.array(weights, np.float64)
    tile = np.empty((len(block), min(TILE, total.size)), np.float64)
    for start in range(0, total.size, TILE):
        columns = total[start : start + TILE]
        entries = tile[:, : columns.size]
        for target, (update, _) in zip(entries, block, strict=True):
            target[:] = update[start : start + TILE]
        columns += (row @ entries).astype(np.int64)


def _check_sum(bits: int, weight: int) -> None:
    if weight << bits > 1 << SUM_BITS_MAX:
        raise Refused("overflow", f"a sum of weight {weight} at {bits} bits might not fit in int64")


def _check_float_unit() -> None:
    # A library built with -ffast-math turns subnormals off for the whole thread when it is loaded,
    # and then this processor would make another model than its peers. Better to stop.
    tiny = np.array([2.0**-149, 1.0 + 2.0**-24], np.float64).astype(np.float32)
    if tiny.tobytes() != b"\x01\x00\x00\x00\x00\x00\x80\x3f":
        raise FloatingPointError("this thread does not round as IEEE 754 says: subnormals are off")
