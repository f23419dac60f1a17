"""Whose data is whose: examples, the part of them that one node has, and what it holds back.

In production every node has data of its own, in a folder its operator names, and is the one shard
of it. A demonstration has one data set and deals it out: evenly at random ("iid"), or by a
Dirichlet law ("dirichlet:0.5"), which gives each node its own mixture of labels, the more unlike
the smaller α is (Hsu, Qi and Brown 2019, "Measuring the effects of non-identical data
distribution"). What a node trains on is an external fact, so none of this need agree to the bit
between machines; within one installation it depends on the shard alone.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from meshkit.learning.grid import Refused

Labels = NDArray[Any]
Rows = NDArray[np.int64]

ALPHA_MIN, ALPHA_MAX = 1e-3, 1e6  # one label a node, and all alike: beyond, nothing changes
ROWS_MIN = 20  # of a dealt shard, where there are enough: a guess, one batch and some to hold back
SHARDS_MAX = 1_000_000  # a guess: a thousand times as many as a mesh has members
SEED_MAX = 2**64 - 1  # a word, which is what a worker can be told
HELD_OUT = 0.1  # a node's own test: more would cost the mesh accuracy, less would say nothing


@dataclass(frozen=True)
class Examples:
    """Features and labels, row for row: arrays, tensors, anything that rows index.

    `features` are (rows, ...) and `labels` (rows,), integers for a classifier. It has a length and
    items (features, label), so it is a torch `Dataset` as well.
    """

    features: Any
    labels: Any

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Any, Any]:
        return self.features[row], self.labels[row]

    def take(self, rows: Rows) -> "Examples":
        return Examples(self.features[rows], self.labels[rows])


@dataclass(frozen=True)
class Data:
    """What one node knows: what it trains on, its own test, and the test that all share.

    Either test may be missing.

    The built-in training takes `Examples` and torch's map-style data sets; a task with a `train`
    and an `evaluate` of its own may put here whatever has a length.
    """

    train: Any
    held_out: Any = None
    test: Any = None


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """Which part of the data is this node's. The default is: all that is in `folder`."""

    index: int = 0
    count: int = 1
    split: str = "iid"  # or "dirichlet:α"
    seed: int = 0
    folder: str = ""  # the node's own data; "" where the task brings its data along

    def check(self) -> float | None:
        """Raise Refused unless this is a shard; α of its split, None for iid."""
        if not 0 <= self.index < self.count:
            raise Refused("shard", f"there is no shard {self.index} of {self.count}")
        if self.count > SHARDS_MAX:
            raise Refused("shard", f"there are {SHARDS_MAX:,} shards at most, not {self.count}")
        if not 0 <= self.seed <= SEED_MAX:
            raise Refused("shard", f"a shard's seed is from 0 to {SEED_MAX}, not {self.seed}")
        try:
            self.folder.encode()
        except UnicodeEncodeError:
            name = ascii(self.folder)
            raise Refused("shard", f"the name of the data's folder is not UTF-8: {name}") from None
        return parse_split(self.split)

    def rows(self, labels: Labels) -> Rows:
        """The rows of a common data set that are this node's, sorted; no two nodes share one."""
        alpha = self.check()
        dice = np.random.default_rng(self.seed)
        if alpha is None:
            return np.sort(np.array_split(dice.permutation(len(labels)), self.count)[self.index])
        return np.sort(_dirichlet(labels, self.count, alpha, dice)[self.index])

    def data(
        self, train: Examples, test: Examples | None = None, held_out: float = HELD_OUT
    ) -> Data:
        """This node's part of the common data set `train`, with the share `held_out` of it, 0 to 1,
        held back; `test` is for all. Raises Refused for what is no shard."""
        mine = self.rows(np.asarray(train.labels))
        dice = np.random.default_rng((self.seed, self.index))
        apart = round(len(mine) * held_out)
        mixed = dice.permutation(mine)
        held_back = train.take(np.sort(mixed[:apart])) if apart else None
        return Data(train.take(np.sort(mixed[apart:])), held_back, test)


def parse_split(split: str) -> float | None:
    """α of "dirichlet:α", None for "iid". Raises Refused for anything else."""
    name, _, rest = split.partition(":")
    if split == "iid":
        return None
    try:
        alpha = float(rest)
    except ValueError:
        alpha = 0.0
    if name != "dirichlet" or not ALPHA_MIN <= alpha <= ALPHA_MAX:
        raise Refused("shard", f"a split is iid or dirichlet:α (0.001 to 1,000,000), not {split!r}")
    return alpha


def _dirichlet(labels: Labels, count: int, alpha: float, dice: np.random.Generator) -> list[Rows]:
    parts: list[list[Rows]] = [[] for _ in range(count)]
    for label in np.unique(labels):
        rows = dice.permutation(np.flatnonzero(labels == label))
        shares = dice.dirichlet(np.full(count, alpha))
        cuts = (np.cumsum(shares)[:-1] * len(rows)).astype(np.int64)
        for part, piece in zip(parts, np.split(rows, cuts), strict=True):
            part.append(piece)
    shards = [np.concatenate(part) for part in parts]
    _top_up(shards, min(ROWS_MIN, len(labels) // (2 * count)))
    return shards


def _top_up(shards: list[Rows], rows_min: int) -> None:
    # The law may leave a node next to nothing. It then takes from whoever has most: drawing again
    # until all have enough, as is usual, may take forever among a hundred nodes.
    for poor, shard in enumerate(shards):
        missing = rows_min - len(shard)
        while missing > 0:
            rich = max(range(len(shards)), key=lambda k: len(shards[k]))
            moved = min(missing, len(shards[rich]) - rows_min)
            shards[poor] = np.concatenate([shards[poor], shards[rich][-moved:]])
            shards[rich] = shards[rich][:-moved]
            missing -= moved
