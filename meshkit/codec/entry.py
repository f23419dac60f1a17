"""One line of the journal to bytes and back.

An entry that a peer caused keeps the peer's envelope as it came and not the command, which is read
from the envelope again: the evidence and the cause are one and the same bytes. To whom a message is
addressed is not written down either: `address` says it, the routing table of the node's rules.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from meshkit.codec.convert import DEPTH_JOURNAL_MAX, converter, parse, serialize
from meshkit.codec.envelope import unframe
from meshkit.codec.form import COUNT, Malformed
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment
from meshkit.core.value import Value
from meshkit.pb import journal_pb2

Address: TypeAlias = Callable[[Value], str]  # a message, to the name of the machine that hears it

ENTRY_BYTES_MAX = 64 * 2**20  # an envelope, and events that hold its block several times over

_, _read_at, _write_at = converter(At)
_, _read_moment, _write_moment = converter(Moment)


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
    data = serialize(journal_pb2.Entry, fields)
    if len(data) > ENTRY_BYTES_MAX:
        raise Malformed(f"an entry of {len(data)} bytes")
    return data


def decode_entry(data: bytes, address: Address, index: int | None = None) -> Entry:
    """The entry in `data`; raises `Malformed`, also where it says it is not the one at `index`."""
    if len(data) > ENTRY_BYTES_MAX:
        raise Malformed(f"an entry of {len(data)} bytes")
    message = parse(journal_pb2.Entry, data)
    if index is not None and message.index != index:
        raise Malformed(f"the entry at {index} says it is {message.index}")
    if len(message.events) not in COUNT:
        raise Malformed(f"an entry of {len(message.events)} events")
    if not message.HasField("moment"):
        raise Malformed("an entry without a moment")
    moment = cast(Moment, _read_moment(message.moment, 0))
    events = tuple([cast(At, _read_at(event, DEPTH_JOURNAL_MAX)) for event in message.events])
    return Entry(moment, _command(message, address), events, message.envelope)


def _command(message: Any, address: Address) -> At:
    has_command = message.HasField("command")
    if has_command == bool(message.envelope):
        raise Malformed("an entry has either a command or an envelope")
    if has_command:
        return cast(At, _read_at(message.command, DEPTH_JOURNAL_MAX))
    return heard(message.envelope, address)


def heard(data: bytes, address: Address) -> At:
    """The command that the envelope `data` is to the node that opened it; raises `Malformed`."""
    envelope = unframe(data).read()
    return At(address(envelope.body), Heard(envelope.sender, envelope.body))
