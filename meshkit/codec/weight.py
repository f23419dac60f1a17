"""Bounds what parsing may cost: bytes that claim very many messages are refused before they exist.

An empty message is two bytes on the wire and about 170 in memory (measured: 2 MiB of them parse
into 168 MiB). So long data is walked first, tag by tag and without building anything, and refused
where its messages are more, for its length, than any honest sender's are.
"""

from typing import Any

from meshkit.codec.form import Malformed

UNWEIGHED_BYTES = 64 * 2**10  # shorter data costs 6 MiB at the most
FREE_MESSAGES = 40_000  # the events of the longest cascade, four messages each: 7 MiB
BYTES_PER_MESSAGE = (
    16  # half of the smallest honest one, which holds a key: tenfold memory at worst
)

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5  # wire types; groups are not in proto3


def weigh(data: bytes, message: Any) -> None:
    """Raise `Malformed` where `data`, read as the protobuf class `message`, holds too many."""
    if len(data) <= UNWEIGHED_BYTES:
        return
    left = FREE_MESSAGES + len(data) // BYTES_PER_MESSAGE
    pending: list[tuple[int, int, dict[int, Any]]] = [(0, len(data), _inner(message.DESCRIPTOR))]
    while pending:
        start, end, inner = pending.pop()
        for number, first, last in _delimited(data, start, end):
            if number in inner:
                left -= 1
                if left < 0:
                    raise Malformed("more messages than the length allows")
                pending.append((first, last, _inner(inner[number])))


_known: dict[str, dict[int, Any]] = {}  # by full name: the fields of a descriptor that are messages


def _inner(descriptor: Any) -> dict[int, Any]:
    found = _known.get(descriptor.full_name)
    if found is None:
        found = {
            field.number: field.message_type
            for field in descriptor.fields
            if field.message_type is not None
        }
        _known[descriptor.full_name] = found
    return found


def _delimited(data: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """The number, start and end of each length-delimited field between `at` and `end`."""
    found: list[tuple[int, int, int]] = []
    while at < end:
        tag, at = _varint(data, at, end)
        wire = tag & 7
        if wire == _DELIMITED:
            length, at = _varint(data, at, end)
            found.append((tag >> 3, at, at + length))
            at += length
        elif wire == _VARINT:
            _, at = _varint(data, at, end)
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise Malformed("not in wire format")
        if at > end:
            raise Malformed("cut short")
    return found


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed("cut short")
