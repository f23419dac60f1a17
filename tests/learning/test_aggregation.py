"""Aggregates are exact: no order, thread, block or processor changes a bit of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from meshkit.learning import aggregate as package_function
from meshkit.learning.aggregation import (
    EXACT,
    STRATEGIES,
    Partial,
    Update,
    aggregate,
    fedavg,
    mean,
    merge,
    moved,
    weighted_sum,
)
from meshkit.learning.grid import Grid, Refused, decode_model, encode_model, encode_update
from meshkit.ledger.messages import Task

ROOT = Path(__file__).parents[2]


@st.composite
def meetings(draw: st.DrawFn) -> tuple[Grid, list[Update]]:
    """A grid and some updates on it, with samples small and large."""
    bits = draw(st.sampled_from((2, 8, 12, 16, 24, 32)))
    size = draw(st.integers(1, 6))
    limit = (1 << (bits - 1)) - 1
    entry = st.one_of(st.integers(-limit, limit), st.sampled_from((-limit, limit, 0)))
    one = st.tuples(
        st.lists(entry, min_size=size, max_size=size).map(lambda e: np.array(e, np.int32)),
        st.one_of(st.integers(1, 400), st.integers(1, 2**24)),
    )
    return Grid(size, bits), draw(st.lists(one, min_size=1, max_size=20))


def exact_sum(updates: list[Update]) -> list[int]:
    columns = zip(*(update.tolist() for update, _ in updates), strict=True)
    weights = [samples for _, samples in updates]
    return [sum(x * w for x, w in zip(column, weights, strict=True)) for column in columns]


@given(meetings())
def test_a_sum_is_what_python_integers_make_it(drawn: tuple[Grid, list[Update]]) -> None:
    grid, updates = drawn
    total, weight = weighted_sum(updates, grid)
    assert total.tolist() == exact_sum(updates)
    assert weight == sum(samples for _, samples in updates)


@given(meetings(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(drawn: tuple[Grid, list[Update]], dice: Any) -> None:
    grid, updates = drawn
    before = fedavg(updates, grid).tolist()
    dice.shuffle(updates)
    assert fedavg(updates, grid).tolist() == before


@given(meetings(), st.data())
def test_partial_sums_merge_in_any_tree(
    drawn: tuple[Grid, list[Update]], data: st.DataObject
) -> None:
    grid, updates = drawn
    cuts = sorted(data.draw(st.lists(st.integers(0, len(updates)), max_size=5)))
    edges = [0, *cuts, len(updates)]
    parts = [weighted_sum(updates[low:high], grid) for low, high in pairwise(edges)]
    while len(parts) > 1:
        second = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        first = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(merge(first, second, grid.bits))
    whole = weighted_sum(updates, grid)
    assert parts[0].total.tolist() == whole.total.tolist()
    assert parts[0].weight == whole.weight


@given(meetings())
def test_the_mean_is_rounded_half_to_even(drawn: tuple[Grid, list[Update]]) -> None:
    grid, updates = drawn
    weight = sum(samples for _, samples in updates)
    # Python rounds a Fraction half to even, in integers.
    assert fedavg(updates, grid).tolist() == [
        round(Fraction(x, weight)) for x in exact_sum(updates)
    ]


@given(meetings())
def test_it_is_within_a_step_of_what_floats_make_it(drawn: tuple[Grid, list[Update]]) -> None:
    grid, updates = drawn
    rows = np.array([update for update, _ in updates], np.float64)
    weights = [samples for _, samples in updates]
    floats = np.average(rows, axis=0, weights=weights)
    assert np.all(np.abs(fedavg(updates, grid) - floats) <= 0.5 + 1e-6)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_large_models_are_summed_in_tiles_and_blocks(bits: int) -> None:
    """More columns than a tile, more rows than a block, and weights at float64's bound."""
    dice = np.random.default_rng(bits)
    limit = (1 << (bits - 1)) - 1
    size, rows = 20_000, 37
    matrix = dice.integers(-limit, limit + 1, (rows, size)).astype(np.int32)
    heavy = (EXACT >> (bits - 1)) // 3 if bits == 32 else 5
    weights = [heavy + k for k in range(rows)]
    updates = [(matrix[k], weights[k]) for k in range(rows)]
    expected = np.zeros(size, np.int64)
    for update, weight in updates:
        expected += update.astype(np.int64) * weight
    assert np.array_equal(weighted_sum(updates, Grid(size, bits)).total, expected)


def test_one_update_too_heavy_for_float64_is_summed_in_integers() -> None:
    update = np.array([2**31 - 1, -(2**31) + 1, 1])
    weight = 2**29 + 1
    total, _ = weighted_sum([(update, weight)], Grid(3, 32))
    assert total.tolist() == [x * weight for x in update.tolist()]


def test_updates_are_drawn_a_block_at_a_time() -> None:
    alive = 0
    most = 0

    class Counted(np.ndarray[Any, Any]):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Iterator[Update]:
        nonlocal alive, most
        for _ in range(200):
            alive += 1
            most = max(most, alive)
            yield np.zeros(3, np.int16).view(Counted), 1

    weighted_sum(stream(), Grid(3))
    assert most < 60


# -- from blobs to a blob -------------------------------------------------------------------------


def task(size: int, strategy: str = "fedavg") -> Task:
    return Task(
        name="t",
        module="m:a",
        parameters="{}",
        rounds=1,
        quorum=0,
        deadline_ms=1,
        patience_ms=1,
        size=size,
        bits=16,
        scale_bits=12,
        strategy=strategy,
        initial=b"",
        seed=0,
    )


def blobs(rows: list[list[int]], bits: int = 16) -> list[bytes]:
    return [encode_update(np.array(row), bits) for row in rows]


def test_a_round_by_hand() -> None:
    base = encode_model(np.array([1.0, -1.0, 0.5]))
    first, second = blobs([[4096, 0, 1], [0, 8192, 2]])
    made = aggregate("fedavg", base, [(first, 1), (second, 3)], task(3))
    # 1024 steps are 0.25; 6144 are 1.5; (1 + 6) / 4 = 1.75 is 2 steps.
    assert decode_model(made).tolist() == [1.25, 0.5, 0.5 + 2 / 4096]
    assert package_function is aggregate


@given(meetings(), st.integers(0, 20))
def test_the_model_is_rounded_once_to_float32(
    drawn: tuple[Grid, list[Update]], scale_bits: int
) -> None:
    grid, updates = drawn
    base = np.linspace(-3.0, 3.0, grid.size).astype(np.float32)
    delta = fedavg(updates, grid)
    made = decode_model(moved(base, delta, scale_bits))
    expected = [
        np.float32(float(b) + int(d) * 2.0**-scale_bits) for b, d in zip(base, delta, strict=True)
    ]
    assert made.tolist() == [float(x) for x in expected]


BASE = encode_model(np.zeros(2))
ONE = (encode_update(np.array([1, 2]), 16), 3)


@pytest.mark.parametrize(
    ("strategy", "base", "updates", "grid", "why"),
    [
        ("median", BASE, [ONE], Grid(2), "unknown-strategy"),
        ("fedavg", BASE, [ONE], Grid(2, 40), "grid"),
        ("fedavg", BASE, [ONE], Grid(3), "wrong-count"),
        ("fedavg", BASE[:-1], [ONE], Grid(2), "malformed"),
        ("fedavg", BASE, [], Grid(2), "no-updates"),
        ("fedavg", BASE, [(ONE[0], 0)], Grid(2), "samples"),
        ("fedavg", BASE, [(ONE[0], -5)], Grid(2), "samples"),
        ("fedavg", BASE, [ONE, (ONE[0][:-1], 1)], Grid(2), "malformed"),
        ("fedavg", BASE, [ONE], Grid(2, 8), "wrong-grid"),
        ("fedavg", BASE, [(ONE[0], 2**46 + 1)], Grid(2), "overflow"),
        ("fedavg", BASE, [(ONE[0], 2**45), (ONE[0], 2**45), ONE], Grid(2), "overflow"),
    ],
)
def test_a_bad_round_is_refused_by_name(
    strategy: str, base: bytes, updates: list[tuple[bytes, int]], grid: Grid, why: str
) -> None:
    with pytest.raises(Refused) as refusal:
        aggregate(strategy, base, updates, grid)
    assert refusal.value.reason == why


def test_sums_that_could_overflow_do_not_merge() -> None:
    one = Partial(np.zeros(1, np.int64), 2**46)
    with pytest.raises(Refused) as refusal:
        merge(one, Partial(np.zeros(1, np.int64), 1), 16)
    assert refusal.value.reason == "overflow"


def test_nothing_has_no_mean() -> None:
    with pytest.raises(Refused, match="nothing to average"):
        mean(Partial(np.zeros(1, np.int64), 0))


def test_a_model_that_grows_beyond_float32_is_refused() -> None:
    base = encode_model(np.array([3.4e38], np.float32))
    far = encode_update(np.array([2**31 - 1]), 32)
    made = aggregate("fedavg", base, [(far, 1)], Grid(1, 32, 0))
    assert decode_model(made).tolist() == [np.float32(3.4e38)]
    # No one round can move it past the end; a base that is past it is refused as it comes.
    with pytest.raises(Refused) as refusal:
        moved(np.array([np.inf], np.float32), np.array([1]), 0)
    assert refusal.value.reason == "non-finite"


def test_a_thread_that_drops_subnormals_makes_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor always keeps subnormals")
    try:
        with pytest.raises(FloatingPointError):
            moved(np.zeros(1, np.float32), np.zeros(1, np.int64), 0)
    finally:
        torch.set_flush_denormal(False)
    moved(np.zeros(1, np.float32), np.zeros(1, np.int64), 0)


def test_a_rule_is_a_function_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(updates: Any, grid: Any) -> NDArray[np.int64]:
        return np.asarray(next(iter(updates))[0], np.int64)

    monkeypatch.setitem(STRATEGIES, "first", first)
    made = aggregate("first", BASE, [ONE, ONE], Grid(2, 16, 0))
    assert decode_model(made).tolist() == [1.0, 2.0]


# -- elsewhere ------------------------------------------------------------------------------------

ELSEWHERE = """
import sys
from hashlib import sha256
import numpy as np
from meshkit.learning.aggregation import aggregate
from meshkit.learning.grid import Grid, encode_model, encode_update
dice = np.random.default_rng(7)
updates = [
    (encode_update(dice.integers(-32767, 32768, 4810), 16), int(dice.integers(1, 100_000)))
    for _ in range(50)
]
if sys.argv[1] == "backwards":
    updates.reverse()
base = encode_model(dice.normal(size=4810).astype(np.float32))
print(sha256(aggregate("fedavg", base, updates, Grid(4810))).hexdigest())
"""


def digest_in_a_process(order: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", ELSEWHERE, order],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_threads_kernels_and_hash_seeds_change_nothing() -> None:
    """OpenBLAS is told to take another processor's kernels, too; where it is not there, no harm."""
    ways = [
        ("forwards", {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}),
        ("backwards", {"OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "2"}),
        ("forwards", {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": ""}),
    ]
    digests = [digest_in_a_process(order, **environment) for order, environment in ways]
    assert len(set(digests)) == 1
    assert len(digests[0].strip()) == len(sha256().hexdigest())
