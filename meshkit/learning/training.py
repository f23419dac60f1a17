"""What a worker does for a round: blobs in, blobs out, and no opinion on where they come from."""

from typing import Any

import msgspec
import numpy as np

from meshkit.learning.data import Data
from meshkit.learning.grid import (
    Floats,
    Gridded,
    Refused,
    check_grid,
    decode_model,
    encode_model,
    encode_update,
    quantise,
)
from meshkit.learning.task import LearningTask, Score, flatten, unflatten

NONE = -1  # in place of a figure that could not be had: no held-out data, or no finite loss
MILLION = 1_000_000
LOSS_MICRO_MAX = 2**53  # a loss beyond it says only that training went wrong


class Trained(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One node's work of one round."""

    update: bytes  # the blob
    samples: int
    accuracy_ppm: int  # of the base model on the node's own held-out data; NONE without
    loss_micro: int  # likewise
    clipped: int  # entries that had to be moved into the grid's range: the scale is too fine


def initial_model(task: LearningTask, seed: int) -> bytes:
    """The blob of the model that a task starts from."""
    return encode_model(flatten(task.initial(seed)))


def train(
    task: LearningTask, data: Data, base: bytes, grid: Gridded, round_number: int, seed: int
) -> Trained:
    """Test the base model on the node's held-out data, train it, and put the step on the grid.

    Raises Refused, saying why, if the base does not fit or training gives no finite model.
    """
    check_grid(grid)
    before = decode_model(base, grid.size)
    accuracy_ppm, loss_micro = NONE, NONE
    if data.held_out is not None and len(data.held_out) > 0:
        accuracy_ppm, loss_micro = in_millionths(score(task, data.held_out, before))
    after = _fitted(task, data.train, before, round_number, seed)
    delta = after.astype(np.float64) - before.astype(np.float64)
    steps = quantise(delta, grid.bits, grid.scale_bits)
    reach = ((1 << (grid.bits - 1)) - 1) * 2.0**-grid.scale_bits
    return Trained(
        update=encode_update(steps, grid.bits),
        samples=len(data.train),
        accuracy_ppm=accuracy_ppm,
        loss_micro=loss_micro,
        clipped=int(np.count_nonzero(np.abs(delta) > reach)),
    )


def score(task: LearningTask, examples: Any, model: Floats) -> Score:
    """How the model, as a vector, does on these examples."""
    return task.evaluate(unflatten(model, task.shapes), examples)


def in_millionths(found: Score) -> tuple[int, int]:
    """Accuracy and loss as the integers that are signed; NONE for what is not finite."""
    accuracy, loss = float(found.accuracy), float(found.loss)
    accuracy_ppm = round(min(max(accuracy, 0.0), 1.0) * MILLION) if np.isfinite(accuracy) else NONE
    loss_micro = round(min(max(loss * MILLION, 0.0), LOSS_MICRO_MAX)) if np.isfinite(loss) else NONE
    return accuracy_ppm, loss_micro


def _fitted(
    task: LearningTask, examples: Any, before: Floats, round_number: int, seed: int
) -> Floats:
    weights = task.fit(unflatten(before, task.shapes), examples, round_number, seed)
    shapes = tuple(np.shape(array) for array in weights)
    if shapes != task.shapes:
        raise Refused("wrong-shape", f"training gave arrays of {shapes}, not {task.shapes}")
    after = flatten(weights)
    if not np.isfinite(after).all():
        where = int(np.flatnonzero(~np.isfinite(after))[0])
        raise Refused("non-finite-training", f"training made parameter {where} {after[where]}")
    return after
