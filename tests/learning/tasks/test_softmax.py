"""Softmax regression on blobs: a mesh without torch learns something, and always the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from meshkit.learning import Grid, Shard, aggregate, decode_model, initial_model, train
from meshkit.learning.tasks.softmax import Softmax
from meshkit.learning.training import score

ROOT = Path(__file__).parents[3]


def accuracy_after(rounds: int, split: str) -> float:
    task = Softmax()
    data = [task.data(Shard(index, 5, split)) for index in range(5)]
    grid = Grid(task.size)
    model = initial_model(task, 0)
    for number in range(rounds):
        updates = [train(task, own, model, grid, number, 0) for own in data]
        model = aggregate("fedavg", model, [(u.update, u.samples) for u in updates], grid)
    return score(task, data[0].test, decode_model(model)).accuracy


def test_a_mesh_of_five_learns_it() -> None:
    assert accuracy_after(0, "iid") < 0.5
    assert accuracy_after(5, "iid") > 0.94
    assert accuracy_after(5, "dirichlet:0.5") > 0.92


def test_all_nodes_share_one_test_and_no_training_data() -> None:
    first, second = (Softmax().data(Shard(index, 2)) for index in range(2))
    assert np.array_equal(first.test.features, second.test.features)
    assert len(first.test) == 300
    rows = np.concatenate([first.train.features, second.train.features])
    assert len(np.unique(rows, axis=0)) == len(rows) == 540


def test_the_loss_is_that_of_chance_before_training() -> None:
    task = Softmax()
    weights = [np.zeros((4, 3), np.float32), np.zeros(3, np.float32)]
    found = task.evaluate(weights, task.data(Shard()).test)
    assert abs(found.loss - np.log(3)) < 1e-9
    assert found.samples == 300


def test_a_hopeless_model_has_a_finite_loss() -> None:
    task = Softmax()
    slope = np.outer(np.ones(4), [1e6, 0.0, -1e6])
    weights = [slope, np.zeros(3)]
    assert np.isfinite(task.evaluate(weights, task.data(Shard()).test).loss)


SCRIPT = """
from hashlib import sha256
from meshkit.learning import Grid, Shard, initial_model, train
from meshkit.learning.tasks.softmax import Softmax
task = Softmax(classes=4)
data = task.data(Shard(1, 3, "dirichlet:0.5"))
print(sha256(train(task, data, initial_model(task, 9), Grid(task.size), 2, 3).update).hexdigest())
"""


def test_every_process_trains_the_same() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
