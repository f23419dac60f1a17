"""Values inside, protobuf outside: one table that maps every value that travels to its message.

The wire and the journal are contracts with others and with later releases, so they speak protobuf:
the schemas stand in `schemas/meshkit/pb`, the generated code in `meshkit.pb`. The machines speak
values, which are frozen, hashable and ten times faster. Between the two stand converters built from
the values' own annotations:

    rooms     which classes travel, and under which name
    shape     what an annotation means for a message
    form      what a field may hold beyond its type: lengths, ranges
    weight    what parsing may cost
    schemas   the generated modules
    shallow   their second reading, which leaves what is inside as bytes
    convert   the converters
    values    bytes to values and back
    envelope  the form of what is signed and sent
    entry     the form of a line of the journal
    draft     writes the schemas after the values, and never renumbers

Whatever bytes come in, a decoder gives a value in form or raises `Malformed`, in bounded memory.
Nothing that is signed is ever encoded again: a statement's signature covers its canonical form
(`meshkit.core.value`), an envelope's the bytes as they came.
"""

from meshkit.codec.entry import Address, cause, decode_entry, encode_entry, heard
from meshkit.codec.envelope import AHEAD, ENVELOPE_BYTES_MAX, JOURNALED, VOLATILE, Envelope
from meshkit.codec.form import Malformed
from meshkit.codec.values import decode, decode_body, encode, encode_body

__all__ = [
    "Malformed",
    "encode",
    "decode",
    "encode_body",
    "decode_body",
    "Address",
    "encode_entry",
    "decode_entry",
    "heard",
    "cause",
    "Envelope",
    "VOLATILE",
    "AHEAD",
    "JOURNALED",
    "ENVELOPE_BYTES_MAX",
]
