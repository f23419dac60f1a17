"""The common workload learns what it must, through our grid and our aggregation."""

from typing import Any

import numpy as np
import pytest

from meshkit.learning import (
    Data,
    Grid,
    Shard,
    aggregate,
    decode_model,
    initial_model,
    load,
    train,
)
from meshkit.learning.training import score

pytest.importorskip("torch")
pytest.importorskip("sklearn")

DIGITS = "meshkit.learning.tasks.digits:Digits"


@pytest.fixture(scope="module")
def task() -> Any:
    made = load(DIGITS, "", [DIGITS])
    made.prepare()
    return made


def accuracy(task: Any, split: str, seed: int) -> float:
    """Ten rounds of five nodes in a plain loop, tested on the common test set."""
    data: list[Data] = [task.data(Shard(index, 5, split)) for index in range(5)]
    grid = Grid(task.size)
    model = initial_model(task, seed)
    for number in range(10):
        updates = [
            train(task, own, model, grid, number, 1_000 * seed + 10 * number + index)
            for index, own in enumerate(data)
        ]
        assert not any(update.clipped for update in updates)
        model = aggregate("fedavg", model, [(u.update, u.samples) for u in updates], grid)
    return score(task, data[0].test, decode_model(model)).accuracy


def test_five_nodes_with_like_data(task: Any) -> None:
    assert accuracy(task, "iid", seed=0) >= 0.96


def test_five_nodes_with_unlike_data(task: Any) -> None:
    assert accuracy(task, "dirichlet:0.5", seed=0) >= 0.95


def test_the_model_and_the_data_are_the_common_ones(task: Any) -> None:
    assert task.size == 4_810
    assert task.shapes == ((64, 64), (64,), (10, 64), (10,))
    data = task.data(Shard())
    assert len(data.train) + len(data.held_out) == 1_437
    assert len(data.test) == 360


def test_the_split_is_that_of_scikit_learn(task: Any) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    selection = pytest.importorskip("sklearn.model_selection")
    images, labels = datasets.load_digits(return_X_y=True)
    _, test = selection.train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    test.sort()
    ours = task.data(Shard()).test
    assert np.array_equal(images[test], ours.features * 16)
    assert np.array_equal(labels[test], ours.labels)


def test_a_setting_changes_the_model() -> None:
    assert load(DIGITS, '{"hidden": 8}', [DIGITS]).size == 65 * 8 + 9 * 10


def test_the_same_seed_trains_the_same(task: Any) -> None:
    data = task.data(Shard(0, 5))
    base, grid = initial_model(task, 1), Grid(task.size)
    first = train(task, data, base, grid, 0, 7)
    assert train(task, data, base, grid, 0, 7) == first
    assert train(task, data, base, grid, 0, 8) != first
