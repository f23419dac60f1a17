"""Values to bytes and back: of a known class, or of any class, wrapped in a `Body`."""

from typing import TypeVar

from meshkit.codec.convert import (
    DEPTH_MAX,
    converter,
    read_body,
    strictly,
    write_body,
)
from meshkit.core.value import Value
from meshkit.pb import body_pb2

V = TypeVar("V", bound=Value)


def encode(value: Value) -> bytes:
    """The bytes of `value`; raises `Malformed` where a field is out of form, which is our bug."""
    data: bytes = converter(type(value)).write(value)
    return data


def decode(kind: type[V], data: bytes, depth: int = DEPTH_MAX) -> V:
    """The value of class `kind` in `data`; raises `Malformed` and nothing else."""
    message, read, _ = converter(kind)
    value: V = strictly(message, read, data, depth)
    return value


def encode_body(value: Value) -> bytes:
    """The bytes of `value` behind the number of its class."""
    return write_body(value)


def decode_body(data: bytes, depth: int = DEPTH_MAX) -> Value:
    """The value, of any class of the table, in `data`; raises `Malformed` and nothing else."""
    value: Value = strictly(body_pb2.Body, read_body, data, depth)
    return value
