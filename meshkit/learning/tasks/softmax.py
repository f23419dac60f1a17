"""Softmax regression on synthetic blobs, in numpy alone: a whole mesh can be tried without torch.

Every class is a Gaussian around its own centre. A node's part of the data is drawn anew in each
process from the same seeds, so there is no file to bring along.
"""

import numpy as np
from numpy.typing import NDArray

from meshkit.learning.data import Data, Examples, Shard
from meshkit.learning.task import LearningTask, Score, Weights

Reals = NDArray[np.float64]


class Softmax(LearningTask):
    """`features · classes + classes` parameters; a round trains in half a millisecond."""

    classes: int = 3
    features: int = 4
    rows: int = 600  # of the data that all nodes share out
    test_rows: int = 300
    spread: float = 0.7  # of a class, where the centres are about a distance of 2 apart
    learning_rate: float = 0.2
    steps: int = 10  # over all of a node's data, a round
    data_seed: int = 2  # whose centres lie apart: 0.96 is about the best there is

    def initial(self, seed: int) -> Weights:
        dice = np.random.default_rng(seed)
        weights = dice.normal(0.0, 0.01, (self.features, self.classes))
        return [weights.astype(np.float32), np.zeros(self.classes, np.float32)]

    def data(self, shard: Shard) -> Data:
        dice = np.random.default_rng(self.data_seed)
        centres = dice.normal(0.0, 1.0, (self.classes, self.features))
        train, test = (self._blobs(centres, rows, dice) for rows in (self.rows, self.test_rows))
        return shard.data(train, test)

    def fit(self, weights: Weights, examples: Examples, round_number: int, seed: int) -> Weights:
        slope, offset = (array.astype(np.float64) for array in weights)
        wanted = np.eye(self.classes)[examples.labels]
        for _ in range(self.steps):
            miss = _probabilities(examples.features @ slope + offset) - wanted
            slope -= self.learning_rate / len(examples) * (examples.features.T @ miss)
            offset -= self.learning_rate * miss.mean(axis=0)
        return [slope.astype(np.float32), offset.astype(np.float32)]

    def evaluate(self, weights: Weights, examples: Examples) -> Score:
        slope, offset = weights
        chances = _probabilities(examples.features @ slope + offset)
        right = chances.argmax(axis=1) == examples.labels
        chosen = chances[np.arange(len(examples)), examples.labels]
        loss = -np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean()
        return Score(float(right.mean()), float(loss), len(examples))

    def _blobs(self, centres: Reals, rows: int, dice: np.random.Generator) -> Examples:
        labels = np.arange(rows) % self.classes
        noise = dice.normal(0.0, self.spread, (rows, self.features))
        return Examples(centres[labels] + noise, labels)


def _probabilities(scores: Reals) -> Reals:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
