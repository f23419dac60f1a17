"""What a node and its worker say to each other: one request, one reply, never pickle.

A frame is its length (u32, little-endian), then MessagePack: an array that starts with the name of
what it is. Both sides know every kind in advance, so bytes never become anything else. The two
are one program on one machine, started together; no frame of another version can arrive.

    node      Begin                       once, first
              Train | Initial | ...       then one request at a time
              Contribution, ...           behind an Aggregate, as many as it announces
    worker    one reply a request, in order
"""

from struct import Struct
from typing import Literal, dataclass_transform

import msgspec

from meshkit.learning import Grid, Shard, Trained

LENGTH = Struct("<I")
FRAME_BYTES_MAX = 256 * 2**20  # a model of 64 million parameters fits, a guess at what is enough

Split = Literal["train", "held-out", "test"]


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """No `Value`: these never meet a journal or a peer."""


class Begin(Message):
    """Who the worker works for."""

    allowed: tuple[str, ...]  # tasks, "module:attribute"
    shard: Shard


class Warm(Message):
    """Import the task, make its model and read the data now, before a round waits for it."""

    task: str
    parameters: str


class Initial(Message):
    task: str
    parameters: str
    seed: int


class Train(Message):
    task: str
    parameters: str
    base: bytes  # a model's blob
    grid: Grid
    round: int
    seed: int


class Evaluate(Message):
    task: str
    parameters: str
    model: bytes
    on: Split = "held-out"


class Aggregate(Message):
    strategy: str
    base: bytes
    grid: Grid
    count: int  # of the contributions that follow, a frame each


class Contribution(Message):
    """One update of an aggregate; has no reply of its own."""

    update: bytes
    samples: int


class Warmed(Message):
    size: int  # parameters of the model


class Model(Message):
    """The answer to Initial and to Aggregate."""

    model: bytes


class Evaluated(Message):
    samples: int  # 0: there is no such data here
    accuracy_ppm: int  # -1: none
    loss_micro: int  # -1: none


class Failed(Message):
    """Why there is no answer: a slug for a counter, and one line for a person."""

    reason: str
    line: str


Request = Warm | Initial | Train | Evaluate | Aggregate
Incoming = Begin | Request | Contribution
Reply = Warmed | Model | Trained | Evaluated | Failed

_encoder = msgspec.msgpack.Encoder()
_incoming: "msgspec.msgpack.Decoder[Incoming]" = msgspec.msgpack.Decoder(Incoming)
_reply: "msgspec.msgpack.Decoder[Reply]" = msgspec.msgpack.Decoder(Reply)


class TooLong(ValueError):
    """A message that no frame holds."""


def frame(message: Incoming | Reply) -> bytes:
    """The message behind its length. Raises TooLong."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise TooLong(f"a message of {len(body)} bytes; a worker takes {FRAME_BYTES_MAX}")
    return LENGTH.pack(len(body)) + body


def incoming(body: bytes | bytearray | memoryview) -> Incoming:
    """What a node sent, at most a frame; raises ValueError for anything else."""
    try:
        return _incoming.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def reply(body: bytes | bytearray | memoryview) -> Reply:
    """What a worker sent, at most a frame; raises ValueError for anything else."""
    try:
        return _reply.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def body_bytes(header: bytes | bytearray | memoryview) -> int:
    """How long the body behind this length is. Raises TooLong."""
    (length,) = LENGTH.unpack_from(header)
    if length > FRAME_BYTES_MAX:
        raise TooLong(f"a frame of {length} bytes; {FRAME_BYTES_MAX} are allowed")
    return int(length)
