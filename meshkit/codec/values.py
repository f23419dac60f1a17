"""Values to bytes and back: of a known class, or of any class, wrapped in a `Body`."""

from typing import TypeVar, cast

from meshkit.codec.convert import (
    DEPTH_MAX,
    converter,
    parse,
    read_body,
    serialize,
    write_body,
)
from meshkit.core.value import Value
from meshkit.pb import body_pb2

V = TypeVar("V", bound=Value)


def encode(value: Value) -> bytes:
    """The bytes of `value`; raises `Malformed` where a field is out of form, which is our bug."""
    message, _, write = converter(type(value))
    return serialize(message, write(value))


def decode(kind: type[V], data: bytes, depth: int = DEPTH_MAX) -> V:
    """The value of class `kind` in `data`; raises `Malformed` and nothing else."""
    message, read, _ = converter(kind)
    return cast(V, read(parse(message, data), depth))


def encode_body(value: Value) -> bytes:
    """The bytes of `value` behind the number of its class."""
    return serialize(body_pb2.Body, write_body(value))


def decode_body(data: bytes, depth: int = DEPTH_MAX) -> Value:
    """The value, of any class of the table, in `data`; raises `Malformed` and nothing else."""
    return read_body(parse(body_pb2.Body, data), depth)
