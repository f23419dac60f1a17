"""A learning task in PyTorch, in about twenty lines.

    import numpy as np
    from torch import nn
    from meshkit.learning import Data, Examples, Shard, TorchTask

    class Petals(TorchTask):
        hidden: int = 32
        epochs: int = 3

        def model(self) -> nn.Module:
            return nn.Sequential(nn.Linear(4, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 3))

        def data(self, shard: Shard) -> Data:
            table = np.load(f"{shard.folder}/petals.npz")
            return shard.data(Examples(table["features"], table["labels"]))

That is a whole task: `train` is stochastic gradient descent with momentum and `test` counts what
is right, and either may be written anew. The model's vector is the floating-point entries of its
`state_dict()`, in that order: parameters, and buffers such as a batch norm's running mean.
Integer buffers stay what a new module has.

Importing this module does not import torch; making a model does.
"""

# torch's own annotations leave the arguments of some functions open.
# mypy: allow-untyped-calls
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from meshkit.learning.data import Examples
from meshkit.learning.task import LearningTask, Score, Weights

if TYPE_CHECKING:
    from torch import Tensor, nn

Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]

TEST_BATCH = 4_096  # examples judged at once: bounds the memory that testing takes
THREADS = 1  # of torch: nodes share a machine, and one thread adds up in one order


class TorchTask(LearningTask):
    """Derive from it; write `model` and `data`; change the settings by annotated attributes."""

    learning_rate: Positive = 0.1
    momentum: Fraction = 0.9
    epochs: Count = 5  # passes over the node's own data, a round
    batch: Count = 16
    label_smoothing: Fraction = 0.0  # Szegedy et al. 2016, section 7

    @abstractmethod
    def model(self) -> "nn.Module":
        """A new module, the same in every process but for what is random in it, and that is drawn
        from torch's own generator, which is seeded. Its floating-point entries are the model."""

    def loss(self, outputs: "Tensor", labels: "Tensor") -> "Tensor":
        """What training makes small, one number; unless written anew, a classifier's mean
        cross-entropy, from `outputs` of (batch, classes) and `labels` of (batch,), integers."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, labels, label_smoothing=self.label_smoothing)

    def train(self, model: "nn.Module", examples: Any, round_number: int) -> None:
        """Train `model` in place on the `train` of `data`; rounds count from 0. torch's generator
        is seeded, so shuffle and drop out freely. Raises nothing of its own."""
        import torch

        optimiser = torch.optim.SGD(
            model.parameters(), lr=self.learning_rate, momentum=self.momentum
        )
        model.train()
        for _ in range(self.epochs):
            for features, labels in shuffled(examples, self.batch):
                optimiser.zero_grad()
                self.loss(model(features), labels).backward()
                optimiser.step()

    def test(self, model: "nn.Module", examples: Any) -> Score:
        """The share of labels that `model` ranks first, its mean loss, and of how many examples;
        zeros of none."""
        import torch

        right, loss, count = 0, 0.0, 0
        model.eval()
        with torch.no_grad():
            for features, labels in in_order(examples, TEST_BATCH):
                outputs = model(features)
                right += int((outputs.argmax(dim=1) == labels).sum())
                loss += float(self.loss(outputs, labels)) * len(labels)
                count += len(labels)
        return Score(right / max(count, 1), loss / max(count, 1), count)

    # -- what LearningTask asks for, in terms of the above ----------------------------------------

    def initial(self, seed: int) -> Weights:
        import torch

        torch.manual_seed(seed)
        return _weights(self.model())

    def fit(self, weights: Weights, examples: Any, round_number: int, seed: int) -> Weights:
        import torch

        module = self._holding(weights)
        torch.manual_seed(seed)
        self.train(module, examples, round_number)
        return _weights(module)

    def evaluate(self, weights: Weights, examples: Any) -> Score:
        return self.test(self._holding(weights), examples)

    def prepare(self) -> None:
        import torch

        torch.set_num_threads(THREADS)
        torch.use_deterministic_algorithms(True, warn_only=True)
        super().prepare()

    def _holding(self, weights: Weights) -> "nn.Module":
        # Everything starts as in a new module, so that no round knows of the one before.
        import torch

        module, entries = self._made
        arrays = iter(weights)
        module.load_state_dict(
            {
                name: torch.as_tensor(next(arrays)) if entry.is_floating_point() else entry
                for name, entry in entries.items()
            }
        )
        return module

    @cached_property
    def _made(self) -> "tuple[nn.Module, dict[str, Tensor]]":
        module = self.model()
        return module, {name: entry.clone() for name, entry in module.state_dict().items()}


def shuffled(examples: Any, batch: int) -> "Iterator[tuple[Tensor, Tensor]]":
    """Every example once, in batches, in an order drawn from torch's generator.

    `examples` are `Examples` of arrays or tensors, or a map-style torch data set.
    """
    import torch
    from torch.utils.data import DataLoader

    if not isinstance(examples, Examples):
        yield from DataLoader(examples, batch_size=batch, shuffle=True)
        return
    # A data loader would collate row by row, which for small models costs more than training.
    features, labels = _tensor(examples.features), _tensor(examples.labels)
    for rows in torch.randperm(len(labels)).split(batch):
        yield features[rows], labels[rows]


def in_order(examples: Any, batch: int) -> "Iterator[tuple[Tensor, Tensor]]":
    """Every example once, in batches, in its own order."""
    from torch.utils.data import DataLoader

    if not isinstance(examples, Examples):
        yield from DataLoader(examples, batch_size=batch)
        return
    features, labels = _tensor(examples.features), _tensor(examples.labels)
    yield from zip(features.split(batch), labels.split(batch), strict=True)


def _tensor(data: Any) -> "Tensor":
    # Arrays come in whatever precision they were read in; modules and losses want one.
    import torch

    tensor = torch.as_tensor(data)
    return tensor.to(torch.get_default_dtype() if tensor.is_floating_point() else torch.int64)


def _weights(module: "nn.Module") -> Weights:
    entries = module.state_dict().values()
    return [entry.numpy().astype(np.float32) for entry in entries if entry.is_floating_point()]
