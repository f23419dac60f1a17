"""What stands in the frames between nodes: one frame a message, a small header before the bytes.

Every message is a version, a kind, what the kind needs in network byte order, and then opaque
bytes to the end. One frame and no more: ZeroMQ delivers all frames of a message at once and
bounds neither their number nor their sum, so a second frame is already a breach of form.

    events   Event   epoch number | body        what a node said to all
             Beacon  epoch number               the latest number, for whoever missed the last ones
    direct   Message | body                     what a node said to one
             Missing epoch (first last)...      say these numbers again
             Repair  epoch number | body        here is one
             Gone    epoch oldest               I no longer have what came before
    blobs    Pull    digest offset length       give me this piece
             Chunk   digest offset | data       here
             Absent  digest                     I do not have that blob
    join     Guest   number | body              a question and, under its number, the answers

An epoch is a random number drawn when a node starts, so numbers begin anew with each start and
nobody mistakes the new for the old. Decoders take any bytes and return None for what is not in
form; they never raise.
"""

from itertools import pairwise
from struct import Struct
from typing import NamedTuple, assert_never

VERSION = 1

EVENT, BEACON, MESSAGE, MISSING, REPAIR, GONE, PULL, CHUNK, ABSENT, GUEST = range(1, 11)

HEAD = Struct(">BB")  # version, kind
NUMBERED = Struct(">BBQQ")  # version, kind, epoch, number
EPOCH = Struct(">BBQ")
SPAN = Struct(">QQ")
PIECE = Struct(">BB32sQI")  # version, kind, digest, offset, length
PLACED = Struct(">BB32sQ")
NAMED = Struct(">BB32s")
TURN = Struct(">BBI")  # version, kind, number

SPANS_MAX = 256  # in one request: four times what `Limits.ask` can make of single numbers
NUMBER_MAX = 2**64 - 1  # of a field of eight bytes

CURVE_BYTES = 33  # command name, nonce, tag and flags about each frame: RFC 26, MESSAGE command
SHORT_MAX = 255  # RFC 23: a frame up to here has one byte of length, else eight


class Event(NamedTuple):
    epoch: int
    number: int
    body: bytes


class Beacon(NamedTuple):
    epoch: int
    number: int


class Message(NamedTuple):
    body: bytes


class Missing(NamedTuple):
    epoch: int
    spans: tuple[tuple[int, int], ...]  # first and last number of each, ascending, disjoint


class Repair(NamedTuple):
    epoch: int
    number: int
    body: bytes


class Gone(NamedTuple):
    epoch: int
    oldest: int


class Pull(NamedTuple):
    digest: bytes
    offset: int
    length: int


class Chunk(NamedTuple):
    digest: bytes
    offset: int
    data: bytes


class Absent(NamedTuple):
    digest: bytes


class Guest(NamedTuple):
    number: int
    body: bytes


Frame = Event | Beacon | Message | Missing | Repair | Gone | Pull | Chunk | Absent | Guest


def encode(frame: Frame) -> bytes:
    match frame:
        case Event(epoch, number, body):
            return NUMBERED.pack(VERSION, EVENT, epoch, number) + body
        case Beacon(epoch, number):
            return NUMBERED.pack(VERSION, BEACON, epoch, number)
        case Message(body):
            return HEAD.pack(VERSION, MESSAGE) + body
        case Missing(epoch, spans):
            packed = [SPAN.pack(*span) for span in spans]
            return b"".join((EPOCH.pack(VERSION, MISSING, epoch), *packed))
        case Repair(epoch, number, body):
            return NUMBERED.pack(VERSION, REPAIR, epoch, number) + body
        case Gone(epoch, oldest):
            return NUMBERED.pack(VERSION, GONE, epoch, oldest)
        case Pull(digest, offset, length):
            return PIECE.pack(VERSION, PULL, digest, offset, length)
        case Chunk(digest, offset, data):
            return b"".join((PLACED.pack(VERSION, CHUNK, digest, offset), data))
        case Absent(digest):
            return NAMED.pack(VERSION, ABSENT, digest)
        case Guest(number, body):
            return TURN.pack(VERSION, GUEST, number) + body
        case _:
            assert_never(frame)


def kind_of(data: bytes) -> int:
    """The kind of a message, or 0 if it is not of our version."""
    return data[1] if len(data) >= HEAD.size and data[0] == VERSION else 0


def decode_events(data: bytes) -> Event | Beacon | None:
    match kind_of(data):
        case kind if kind == EVENT and len(data) >= NUMBERED.size:
            _, _, epoch, number = NUMBERED.unpack_from(data)
            return Event(epoch, number, data[NUMBERED.size :]) if number else None
        case kind if kind == BEACON and len(data) == NUMBERED.size:
            return Beacon(*NUMBERED.unpack(data)[2:])
        case _:
            return None


def decode_direct(data: bytes) -> Message | Missing | Repair | Gone | None:
    match kind_of(data):
        case kind if kind == MESSAGE:
            return Message(data[HEAD.size :])
        case kind if kind == MISSING:
            return decode_missing(data)
        case kind if kind == REPAIR and len(data) >= NUMBERED.size:
            _, _, epoch, number = NUMBERED.unpack_from(data)
            return Repair(epoch, number, data[NUMBERED.size :]) if number else None
        case kind if kind == GONE and len(data) == NUMBERED.size:
            return Gone(*NUMBERED.unpack(data)[2:])
        case _:
            return None


def decode_missing(data: bytes) -> Missing | None:
    count, rest = divmod(len(data) - EPOCH.size, SPAN.size)
    if rest or not 0 < count <= SPANS_MAX:
        return None
    spans = tuple(SPAN.iter_unpack(memoryview(data)[EPOCH.size :]))
    flat = [0, *(number for span in spans for number in (span[0], span[1] + 1))]
    if any(later <= earlier for earlier, later in pairwise(flat)):
        # Empty, descending or overlapping: the same numbers could be asked for without end. The
        # one harmless exception, two spans that touch, nobody needs to send.
        return None
    return Missing(EPOCH.unpack_from(data)[2], spans)


def decode_blobs(data: bytes) -> Pull | Chunk | Absent | None:
    match kind_of(data):
        case kind if kind == PULL and len(data) == PIECE.size:
            return Pull(*PIECE.unpack(data)[2:])
        case kind if kind == CHUNK and len(data) >= PLACED.size:
            _, _, digest, offset = PLACED.unpack_from(data)
            return Chunk(digest, offset, data[PLACED.size :])
        case kind if kind == ABSENT and len(data) == NAMED.size:
            return Absent(NAMED.unpack(data)[2])
        case _:
            return None


def decode_join(data: bytes) -> Guest | None:
    if kind_of(data) != GUEST or len(data) < TURN.size:
        return None
    return Guest(TURN.unpack_from(data)[2], data[TURN.size :])


def wire_bytes(length: int) -> int:
    """What a frame of `length` bytes takes on a CURVE connection, by RFC 23 and RFC 26."""
    sealed = length + CURVE_BYTES
    return sealed + (2 if sealed <= SHORT_MAX else 9)
