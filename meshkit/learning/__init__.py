"""Learning: arithmetic that gives the same bits everywhere, and what a user writes to train.

* `grid`: an update as integers, a model as float32, and the blobs both travel in.
* `aggregation`: from many updates to one model, exactly; `STRATEGIES` names the rules.
* `task`, `torch_task`, `data`: what a user writes, in arrays or PyTorch, and whose data it is.
* `training`: one node's work of one round, from blob to blob.
* `tasks`: the tasks that come with meshkit.

Effects and workers call this package; no machine does. Nothing here imports torch until a task
that needs it is made.

The exactness of aggregates is what lets a mesh vote on a model: see `aggregation`. Federated
averaging is from McMahan et al. 2017, "Communication-efficient learning of deep networks from
decentralized data".
"""

from meshkit.learning.aggregation import STRATEGIES, Partial, aggregate, merge
from meshkit.learning.data import Data, Examples, Shard
from meshkit.learning.grid import (
    BITS_DEFAULT,
    SCALE_BITS_DEFAULT,
    Grid,
    Refused,
    check_grid,
    decode_model,
    decode_update,
    dequantise,
    encode_model,
    encode_update,
    fits,
    model_bytes,
    quantise,
    update_bytes,
)
from meshkit.learning.task import LearningTask, Score, flatten, load, unflatten
from meshkit.learning.torch_task import TorchTask
from meshkit.learning.training import Trained, initial_model, train

__all__ = [
    "LearningTask",
    "TorchTask",
    "Data",
    "Examples",
    "Shard",
    "Score",
    "load",
    "flatten",
    "unflatten",
    "Trained",
    "initial_model",
    "train",
    "STRATEGIES",
    "aggregate",
    "Partial",
    "merge",
    "Grid",
    "Refused",
    "BITS_DEFAULT",
    "SCALE_BITS_DEFAULT",
    "check_grid",
    "fits",
    "quantise",
    "dequantise",
    "encode_update",
    "decode_update",
    "update_bytes",
    "encode_model",
    "decode_model",
    "model_bytes",
]
