"""What aggregation costs, beside the least it could cost: numpy's own mean of the same updates."""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from meshkit.learning.aggregation import STRATEGIES, aggregate
from meshkit.learning.grid import Grid, encode_model, encode_update

UPDATES = 1_000
PARAMETERS = 4_810  # of digits, the common workload
REPEATS = 5  # the best of which counts: the rest is what else the machine was doing
SAMPLES_MAX = 400


def aggregate_floor(
    updates: int = UPDATES, parameters: int = PARAMETERS, repeats: int = REPEATS
) -> list[dict[str, Any]]:
    """One row a rule: seconds from blobs to the new model's blob, against `numpy.mean`.

    Ours is checking, weighing, summing, dividing and encoding, all from the blobs as they came;
    numpy's is `numpy.mean(updates, axis=0)` over a list of as many float32 vectors, unweighted.
    """
    grid = Grid(parameters)
    dice = np.random.default_rng(0)
    steps = dice.integers(-4_096, 4_096, (updates, parameters)).astype(np.int16)
    blobs = [
        (encode_update(update, grid.bits), int(samples))
        for update, samples in zip(steps, dice.integers(1, SAMPLES_MAX, updates), strict=True)
    ]
    floats = [update.astype(np.float32) for update in steps]
    base = encode_model(np.zeros(parameters, np.float32))
    floor_seconds = _best(partial(np.mean, floats, axis=0), repeats)
    rows: list[dict[str, Any]] = []
    for rule in STRATEGIES:
        seconds = _best(partial(aggregate, rule, base, blobs, grid), repeats)
        rows.append(
            {
                "rule": rule,
                "updates": updates,
                "parameters": parameters,
                "seconds": seconds,
                "ratio_to_numpy_mean": seconds / floor_seconds,
            }
        )
    return rows


def _best(work: Callable[[], object], repeats: int) -> float:
    times: list[float] = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)
