"""The form of an envelope: what a node says to others, and what its journal then stands for.

    one byte, the version | 64 bytes, the signature | the encoded `Envelope`

The signature covers the third part as it stands, so nothing is ever encoded again to verify it.
Whether it is right is for `meshkit.wire.envelope`; here is only the form, which the journal needs
too, since an entry that a peer caused holds the peer's envelope instead of the command.
"""

from typing import Any, NamedTuple, cast

from meshkit.codec.convert import DEPTH_MAX, build, read_body, strictly
from meshkit.codec.form import Malformed
from meshkit.codec.shallow import shallow
from meshkit.core.value import Value
from meshkit.pb import journal_pb2

VERSION = 1
SIGNATURE_BYTES = 64
PREFIX_BYTES = 1 + SIGNATURE_BYTES
ENVELOPE_BYTES_MAX = 8 * 2**20  # a hundred Held lists of a hundred updates are 3 MB

VOLATILE = 1  # never journaled by who hears it, and caused by no entry
JOURNALED = 2  # caused by an entry of the sender's journal
AHEAD = 3  # said before the sender's entry is durable, so it names none: a crash may lose that


class Envelope(Value):
    """A message and where it comes from. What the fields mean stands in `journal.proto`."""

    mesh: bytes
    sender: bytes
    kind: int
    entry: int
    effect: int
    head_index: int
    head_hash: bytes
    sequence: int
    body: Value


class Sealed(NamedTuple):
    """An envelope in its frame, parsed but not yet read: what its signature is verified with.

    Of all that is in the message, only what `envelope` returns has been checked for form.
    """

    signature: bytes
    signed: bytes  # the bytes that the signature covers
    message: Any

    @property
    def mesh(self) -> bytes:
        return cast(bytes, self.message.mesh)

    @property
    def sender(self) -> bytes:
        return cast(bytes, self.message.sender)

    def body(self) -> Value:
        """What it says, without a look at the header; raises `Malformed`."""
        body: Value = strictly(_message, _said, self.signed)[1]
        return body

    def envelope(self) -> Envelope:
        """The envelope with its body; raises `Malformed`."""
        envelope: Envelope = strictly(_message, _read, self.signed, DEPTH_MAX)
        fault = _fault(envelope)
        if fault:
            raise Malformed(f"an envelope {fault}")
        return envelope


_message, _read, _write = build(Envelope, journal_pb2)
_parsed = shallow(journal_pb2, "Envelope").FromString


def _said(data: bytes) -> tuple[bytes, Value]:
    message = _parsed(data)
    return message.sender, read_body(message.body, DEPTH_MAX)


def unframe(data: bytes) -> Sealed:
    """Take a frame apart; raises `Malformed`, also where the body is not of this version."""
    if len(data) > ENVELOPE_BYTES_MAX:
        raise Malformed(f"an envelope of {len(data)} bytes")
    if len(data) < PREFIX_BYTES or data[0] != VERSION:
        raise Malformed("not an envelope of version 1")
    signed = data[PREFIX_BYTES:]
    return Sealed(data[1:PREFIX_BYTES], signed, strictly(_message, _parsed, signed))


def said(data: bytes) -> tuple[bytes, Value]:
    """Who says what in a frame, without a look at the rest of it; raises `Malformed`."""
    if not PREFIX_BYTES <= len(data) <= ENVELOPE_BYTES_MAX or data[0] != VERSION:
        raise Malformed("not an envelope of version 1")
    found: tuple[bytes, Value] = strictly(_message, _said, data[PREFIX_BYTES:])
    return found


def frame(signature: bytes, signed: bytes) -> bytes:
    """What travels: version, signature, and the bytes it covers."""
    assert len(signature) == SIGNATURE_BYTES, "a signature has 64 bytes"
    return b"%c%b%b" % (VERSION, signature, signed)


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes to sign; raises `Malformed` at an envelope that others would refuse: our bug."""
    fault = _fault(envelope)
    if fault:
        raise Malformed(f"an envelope {fault}")
    data: bytes = _write(envelope)
    return data


def _fault(envelope: Envelope) -> str:
    """Why no honest sender sends this, or nothing."""
    if envelope.kind == VOLATILE:
        return "of volatile traffic names a cause" if envelope.entry or envelope.effect else ""
    if envelope.kind == AHEAD:
        return "sent ahead of its cause names one" if envelope.entry or envelope.effect else ""
    if envelope.kind != JOURNALED:
        return f"of unknown kind {envelope.kind}"
    if not 1 <= envelope.entry <= envelope.head_index:
        return f"names entry {envelope.entry} under head {envelope.head_index}"
    return ""
