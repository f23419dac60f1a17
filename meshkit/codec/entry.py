"""One line of the journal to bytes and back.

An entry that a peer caused keeps the peer's envelope as it came and not the command, which is read
from the envelope again: the evidence and the cause are one and the same bytes. To whom a message is
addressed is not written down either: `address` says it, the routing table of the node's rules.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from meshkit.codec.convert import (
    DATA_BYTES_MAX,
    DEPTH_JOURNAL_MAX,
    length,
    read_body,
    serialize,
    strictly,
    write_body,
)
from meshkit.codec.envelope import said
from meshkit.codec.form import COUNT, KEY, TEXT, TIME_NS, Malformed
from meshkit.codec.shallow import shallow
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment
from meshkit.core.value import Value
from meshkit.pb import body_pb2, journal_pb2

Address: TypeAlias = Callable[[Value], str]  # a message, to the name of the machine that hears it


_entry = shallow(journal_pb2, "Entry")
_parsed_entry = _entry.FromString
_at = shallow(body_pb2, "At")
_parsed_at = _at.FromString
_moment = shallow(body_pb2, "Moment")
_parsed_moment = _moment.FromString
BODY_TAG = bytes([body_pb2.At.DESCRIPTOR.fields_by_name["body"].number << 3 | 2])
NAMES_MAX = 64  # a node has five machines


def encode_entry(entry: Entry, index: int) -> bytes:
    """The bytes of the entry at `index`, counted from 1; `Malformed` is our bug.

    The command and the events of a node are `At` its machines. With an envelope the command must
    be what `decode_entry` makes of the envelope.
    """
    fields: dict[str, Any] = {
        "index": index,
        "moment": _write_moment(entry.moment),
        "events": [_write_at(event) for event in entry.events],
    }
    if entry.envelope:
        fields["envelope"] = entry.envelope
    else:
        fields["command"] = _write_at(entry.command)
    data = serialize(_entry, fields)
    if len(data) > DATA_BYTES_MAX:
        raise Malformed(f"an entry of {len(data)} bytes")
    return data


def decode_entry(data: bytes, address: Address, index: int | None = None) -> Entry:
    """The entry in `data`; raises `Malformed`, also where it says it is not the one at `index`."""
    entry: Entry = strictly(journal_pb2.Entry, _read_entry, data, address, index)
    return entry


def _read_entry(data: bytes, address: Address, index: int | None) -> Entry:
    message = _parsed_entry(data)
    if index is not None and message.index != index:
        raise Malformed(f"the entry at {index} says it is {message.index}")
    events = message.events[:]  # a list, which is cheaper than asking twice
    if len(events) not in COUNT:
        raise Malformed(f"an entry of {len(events)} events")
    moment = message.moment
    if not moment and not message.HasField("moment"):
        raise Malformed("an entry without a moment")
    envelope = message.envelope
    return Entry(
        _read_moment(moment),
        _command(message, envelope, address),
        tuple([_read_at(event) for event in events]),
        envelope,
    )


def cause(data: bytes) -> bytes:
    """The envelope that caused the entry in `data`, unread; empty if none; raises `Malformed`."""
    envelope: bytes = strictly(journal_pb2.Entry, _parsed_entry, data).envelope
    return envelope


# The next four do what the converters of their classes do, in half the time: a journal is little
# else. A seed is 64 bits in any message.


def _write_moment(moment: Moment) -> bytes:
    now_ns = moment.now_ns
    if now_ns not in TIME_NS:
        raise Malformed(f"Moment.now_ns is out of range: {now_ns}")
    data: bytes = _moment(now_ns=now_ns, seed=moment.seed).SerializeToString()
    return data


def _read_moment(data: bytes) -> Moment:
    message = _parsed_moment(data)
    now_ns = message.now_ns
    if now_ns not in TIME_NS:
        raise Malformed(f"Moment.now_ns is out of range: {now_ns}")
    return Moment(now_ns, message.seed)


def _write_at(at: At) -> bytes:
    body = write_body(at.body)
    return _at_head(at.name) + length(len(body)) + body


@lru_cache(NAMES_MAX)
def _at_head(name: str) -> bytes:
    """What an `At` begins with, down to its body's length."""
    if len(name) not in TEXT:
        raise Malformed(f"At.name has length {len(name)}")
    return serialize(_at, {"name": name}) + BODY_TAG


def _read_at(data: bytes) -> At:
    message = _parsed_at(data)
    name = message.name
    if len(name) not in TEXT:
        raise Malformed(f"At.name has length {len(name)}")
    return At(name, read_body(message.body, DEPTH_JOURNAL_MAX))


def _command(message: Any, envelope: bytes, address: Address) -> At:
    command = message.command
    has_command = bool(command) or message.HasField("command")
    if has_command == bool(envelope):
        raise Malformed("an entry has either a command or an envelope")
    if has_command:
        return _read_at(command)
    return heard(envelope, address)


def heard(data: bytes, address: Address) -> At:
    """The command that the envelope `data` is to the node that opened it; raises `Malformed`."""
    sender, body = said(data)
    if len(sender) not in KEY:
        raise Malformed(f"a sender of {len(sender)} bytes")
    return At(address(body), Heard(sender, body))
