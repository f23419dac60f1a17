"""One node's work of one round, blob to blob, with a task of numpy alone."""

from typing import Any

import numpy as np
import pytest

from meshkit.learning.data import Data, Shard
from meshkit.learning.grid import (
    Grid,
    Refused,
    decode_model,
    decode_update,
    encode_model,
    encode_update,
)
from meshkit.learning.task import Score, Weights, unflatten
from meshkit.learning.tasks.softmax import Softmax
from meshkit.learning.training import (
    LOSS_MICRO_MAX,
    NONE,
    in_millionths,
    initial_model,
    score,
    train,
)

TASK = Softmax()
DATA = TASK.data(Shard(0, 3))
GRID = Grid(TASK.size)
BASE = initial_model(TASK, 0)


class Broken(Softmax):
    """Training that gives back whatever the test wants."""

    def __init__(self, made: Weights) -> None:
        super().__init__()
        self.made = made

    def fit(self, weights: Weights, examples: Any, round_number: int, seed: int) -> Weights:
        return self.made


def test_the_update_is_the_step_that_training_took() -> None:
    trained = train(TASK, DATA, BASE, GRID, 0, 0)
    steps = decode_update(trained.update, GRID.size, GRID.bits)
    before = decode_model(BASE)
    after = np.concatenate(
        [array.ravel() for array in TASK.fit(unflatten(before, TASK.shapes), DATA.train, 0, 0)]
    )
    assert np.all(np.abs(before + steps / 2.0**GRID.scale_bits - after) <= 2.0**-GRID.scale_bits)
    assert trained.samples == len(DATA.train) == 180
    assert trained.clipped == 0


def test_the_figures_are_of_the_base_on_what_was_held_back() -> None:
    trained = train(TASK, DATA, BASE, GRID, 0, 0)
    found = score(TASK, DATA.held_out, decode_model(BASE))
    assert (trained.accuracy_ppm, trained.loss_micro) == in_millionths(found)
    assert found.samples == 20
    assert 0 <= trained.accuracy_ppm <= 1_000_000
    assert trained.loss_micro > 0


def test_who_holds_nothing_back_has_no_figures() -> None:
    trained = train(TASK, Data(DATA.train), BASE, GRID, 0, 0)
    assert (trained.accuracy_ppm, trained.loss_micro) == (NONE, NONE)


def test_the_same_seed_is_the_same_update() -> None:
    assert train(TASK, DATA, BASE, GRID, 1, 5) == train(TASK, DATA, BASE, GRID, 1, 5)
    assert initial_model(TASK, 3) == initial_model(TASK, 3) != initial_model(TASK, 4)


def test_what_leaves_the_range_is_clipped_and_counted() -> None:
    made = unflatten(np.full(15, 100.0, np.float32), TASK.shapes)
    trained = train(Broken(made), DATA, encode_model(np.zeros(15)), GRID, 0, 0)
    assert trained.clipped == 15
    assert trained.update == encode_update(np.full(15, 2**15 - 1), 16)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_training_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    made = [np.zeros((4, 3)), np.array([0.0, bad, 0.0])]
    with pytest.raises(Refused, match="parameter 13") as refusal:
        train(Broken(made), DATA, BASE, GRID, 0, 0)
    assert refusal.value.reason == "non-finite-training"


def test_training_that_gives_another_model_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        train(Broken([np.zeros((3, 4)), np.zeros(3)]), DATA, BASE, GRID, 0, 0)
    assert refusal.value.reason == "wrong-shape"


@pytest.mark.parametrize(
    ("base", "grid", "why"),
    [
        (BASE, Grid(14), "wrong-count"),
        (BASE[:-4], Grid(15), "malformed"),
        (BASE, Grid(15, 99), "grid"),
        (encode_model(np.zeros(9)), Grid(9), "wrong-count"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(base: bytes, grid: Grid, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        train(TASK, DATA, base, grid, 0, 0)
    assert refusal.value.reason == why


@pytest.mark.parametrize(
    ("accuracy", "loss", "expected"),
    [
        (0.5, 1.25, (500_000, 1_250_000)),
        (1.5, -3.0, (1_000_000, 0)),
        (float("nan"), float("inf"), (NONE, NONE)),
        (0.0, 1e300, (0, LOSS_MICRO_MAX)),
    ],
)
def test_figures_are_integers(accuracy: float, loss: float, expected: tuple[int, int]) -> None:
    assert in_millionths(Score(accuracy, loss, 1)) == expected
