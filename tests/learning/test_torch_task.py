"""A task in PyTorch as a user writes it: a module and data, and nothing else."""

from typing import Any

import numpy as np
import pytest

from meshkit.learning.data import Data, Examples, Shard
from meshkit.learning.grid import Grid, Refused, encode_model
from meshkit.learning.task import flatten
from meshkit.learning.torch_task import TorchTask, in_order, shuffled
from meshkit.learning.training import initial_model, train

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

DICE = np.random.default_rng(0)
FEATURES = DICE.normal(size=(60, 4)).astype(np.float32)
LABELS = (FEATURES[:, 0] > 0).astype(np.int64)
EXAMPLES = Examples(FEATURES, LABELS)


class Sign(TorchTask):
    hidden: int = 8
    epochs: int = 3

    def model(self) -> Any:
        return nn.Sequential(nn.Linear(4, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 2))

    def data(self, shard: Shard) -> Data:
        return shard.data(EXAMPLES)


class Remembering(Sign):
    """A module with running means, a counter of batches, and dice of its own."""

    def model(self) -> Any:
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8, momentum=None), nn.Dropout(0.2), nn.Linear(8, 2)
        )


def test_twenty_lines_are_a_task() -> None:
    task = Sign()
    task.prepare()
    data, grid, base = task.data(Shard()), Grid(task.size), initial_model(task, 0)
    trained = train(task, data, base, grid, 0, 0)
    assert task.size == 4 * 8 + 8 + 8 * 2 + 2
    assert trained.samples == 54
    weights = task.fit(task.initial(0), data.train, 0, 0)
    assert task.evaluate(weights, data.train).accuracy > 0.8
    assert task.evaluate(weights, data.train).loss < task.evaluate(task.initial(0), data.train).loss


def test_settings_of_the_task_and_of_training() -> None:
    task = Sign(hidden=2, learning_rate=0.5, batch=4)
    assert (task.size, task.epochs, task.learning_rate) == (16, 3, 0.5)
    for wrong in ({"batch": 0}, {"momentum": 1.5}, {"learning_rate": 0.0}):
        with pytest.raises(Refused):
            Sign(**wrong)


def test_the_vector_is_the_state_dict_in_its_order() -> None:
    torch.manual_seed(5)
    module = Sign().model()
    expected = np.concatenate([t.numpy().ravel() for t in module.state_dict().values()])
    assert flatten(Sign().initial(5)).tolist() == expected.tolist()


def test_floating_buffers_travel_and_integers_do_not() -> None:
    task = Remembering()
    assert task.shapes == ((8, 4), (8,), (8,), (8,), (8,), (8,), (2, 8), (2,))
    before = task.initial(0)
    after = task.fit(before, EXAMPLES, 0, 0)
    running_mean = 4
    assert before[running_mean].tolist() == [0.0] * 8
    assert after[running_mean].tolist() != [0.0] * 8


def test_no_round_knows_of_the_one_before() -> None:
    """With a cumulative moving average, a counter left over would change the running mean."""
    task = Remembering()
    start = task.initial(3)
    first = flatten(task.fit(start, EXAMPLES, 0, 9))
    task.fit(task.initial(4), EXAMPLES, 0, 10)
    assert flatten(task.fit(start, EXAMPLES, 0, 9)).tolist() == first.tolist()
    assert flatten(Remembering().fit(start, EXAMPLES, 0, 9)).tolist() == first.tolist()
    assert flatten(task.fit(start, EXAMPLES, 0, 11)).tolist() != first.tolist()


def test_training_does_not_touch_what_it_is_given() -> None:
    start = Sign().initial(0)
    copy = [array.copy() for array in start]
    Sign().fit(start, EXAMPLES, 0, 0)
    assert all(np.array_equal(a, b) for a, b in zip(start, copy, strict=True))


def test_training_that_explodes_is_refused_by_name() -> None:
    task = Sign(learning_rate=1e30)
    with pytest.raises(Refused) as refusal:
        train(task, Data(EXAMPLES), encode_model(np.ones(task.size)), Grid(task.size), 0, 0)
    assert refusal.value.reason == "non-finite-training"


def test_smoothing_is_a_setting() -> None:
    weights = Sign().fit(Sign().initial(0), EXAMPLES, 0, 0)
    smooth = Sign(label_smoothing=0.2)
    assert smooth.evaluate(weights, EXAMPLES).loss > Sign().evaluate(weights, EXAMPLES).loss


def test_another_loss_and_another_training() -> None:
    class Own(Sign):
        def loss(self, outputs: Any, labels: Any) -> Any:
            return nn.functional.multi_margin_loss(outputs, labels)

        def train(self, model: Any, examples: Any, round_number: int) -> None:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.fill_(round_number)

    task = Own()
    assert set(flatten(task.fit(task.initial(0), EXAMPLES, 3, 0)).tolist()) == {3.0}
    assert task.evaluate([np.zeros(s, np.float32) for s in task.shapes], EXAMPLES).loss == 0.5


# -- examples as torch takes them -----------------------------------------------------------------


def test_every_example_comes_once_a_pass() -> None:
    torch.manual_seed(0)
    batches = list(shuffled(EXAMPLES, 16))
    assert [len(labels) for _, labels in batches] == [16, 16, 16, 12]
    seen = np.concatenate([features.numpy() for features, _ in batches])
    assert sorted(seen[:, 0].tolist()) == sorted(FEATURES[:, 0].tolist())
    assert seen[:, 0].tolist() != FEATURES[:, 0].tolist()


def test_a_torch_data_set_will_do() -> None:
    numbers = Examples(torch.tensor(FEATURES), torch.tensor(LABELS))
    data_set = torch.utils.data.TensorDataset(numbers.features, numbers.labels)
    task = Sign()
    start = task.initial(0)
    assert task.evaluate(start, data_set) == task.evaluate(start, EXAMPLES)
    again = [flatten(task.fit(start, data_set, 0, 1)).tolist() for _ in range(2)]
    assert again[0] == again[1]
    in_turn = torch.cat([labels for _, labels in in_order(data_set, 7)])
    assert in_turn.tolist() == LABELS.tolist()


def test_arrays_of_any_precision_become_what_a_module_takes() -> None:
    coarse = Examples(FEATURES.astype(np.float64), LABELS.astype(np.int8))
    (features, labels), *_ = in_order(coarse, 60)
    assert features.dtype == torch.float32
    assert labels.dtype == torch.int64


def test_one_thread_in_a_fixed_order() -> None:
    threads = torch.get_num_threads()
    try:
        Sign().prepare()
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
