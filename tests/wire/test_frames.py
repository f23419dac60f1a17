"""Every form of message goes over the wire and back; nothing else is taken for one."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshkit.wire import frames
from meshkit.wire.frames import (
    Absent,
    Beacon,
    Chunk,
    Event,
    Frame,
    Gone,
    Guest,
    Message,
    Missing,
    Pull,
    Repair,
)

BYTES = st.binary(max_size=200)
U64 = st.integers(0, frames.NUMBER_MAX)
NUMBER = st.integers(1, frames.NUMBER_MAX)
U32 = st.integers(0, 2**32 - 1)
DIGEST = st.binary(min_size=32, max_size=32)


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    numbers = draw(st.lists(st.integers(1, 10**6), min_size=2, max_size=20, unique=True))
    numbers = sorted(2 * number for number in numbers[: len(numbers) // 2 * 2])
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


EVENTS = st.builds(Event, U64, NUMBER, BYTES) | st.builds(Beacon, U64, U64)
DIRECT = (
    st.builds(Message, BYTES)
    | st.builds(Missing, U64, spans())
    | st.builds(Repair, U64, NUMBER, BYTES)
    | st.builds(Gone, U64, U64)
)
BLOBS = (
    st.builds(Pull, DIGEST, U64, U32)
    | st.builds(Chunk, DIGEST, U64, BYTES)
    | st.builds(Absent, DIGEST)
)
JOIN = st.builds(Guest, U32, BYTES)
ALL = EVENTS | DIRECT | BLOBS | JOIN

Decoder = Callable[[bytes], Frame | None]
DECODERS: list[Decoder] = [
    frames.decode_events,
    frames.decode_direct,
    frames.decode_blobs,
    frames.decode_join,
]


@given(EVENTS)
def test_events_round_trip(frame: Frame) -> None:
    assert frames.decode_events(frames.encode(frame)) == frame


@given(DIRECT)
def test_direct_round_trip(frame: Frame) -> None:
    assert frames.decode_direct(frames.encode(frame)) == frame


@given(BLOBS)
def test_blobs_round_trip(frame: Frame) -> None:
    assert frames.decode_blobs(frames.encode(frame)) == frame


@given(JOIN)
def test_join_round_trips(frame: Frame) -> None:
    assert frames.decode_join(frames.encode(frame)) == frame


@given(ALL)
def test_a_message_belongs_to_one_channel(frame: Frame) -> None:
    taken = [decode(frames.encode(frame)) for decode in DECODERS]
    assert sum(found is not None for found in taken) == 1


@given(st.binary(max_size=100))
@example(b"")
@example(b"\x01")
def test_any_bytes_are_judged(data: bytes) -> None:
    for decode in DECODERS:
        found = decode(data)
        assert found is None or frames.encode(found) == data


@given(ALL, st.data())
def test_damaged_messages_are_judged(frame: Frame, data: st.DataObject) -> None:
    """One byte changed, cut off or added: another message or none, never an exception."""
    whole = bytearray(frames.encode(frame))
    place = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["change", "cut", "add"])):
        case "change":
            whole[place] ^= data.draw(st.integers(1, 255))
        case "cut":
            del whole[place:]
        case _:
            whole.insert(place, data.draw(st.integers(0, 255)))
    for decode in DECODERS:
        found = decode(bytes(whole))
        assert found is None or frames.encode(found) == bytes(whole)


@given(ALL)
def test_another_version_is_not_ours(frame: Frame) -> None:
    other = b"\x02" + frames.encode(frame)[1:]
    assert [decode(other) for decode in DECODERS] == [None] * len(DECODERS)


@pytest.mark.parametrize(
    "bad",
    [(), ((0, 1),), ((5, 4),), ((1, 3), (3, 4)), ((1, 3), (2, 9)), ((7, 8), (1, 2)), ((1, 1),) * 2],
)
def test_numbers_are_asked_for_once_and_in_order(bad: tuple[tuple[int, int], ...]) -> None:
    assert frames.decode_direct(frames.encode(Missing(1, bad))) is None


def test_a_request_has_a_bound() -> None:
    many = tuple((2 * n, 2 * n) for n in range(1, frames.SPANS_MAX + 1))
    assert frames.decode_direct(frames.encode(Missing(1, many))) == Missing(1, many)
    more = (*many, (10**6, 10**6))
    assert frames.decode_direct(frames.encode(Missing(1, more))) is None


def test_numbers_begin_at_one() -> None:
    for frame in (Event(1, 0, b""), Repair(1, 0, b"")):
        assert frames.decode_events(frames.encode(frame)) is None
        assert frames.decode_direct(frames.encode(frame)) is None


def test_overhead_is_as_the_rfcs_say() -> None:
    assert frames.wire_bytes(0) == 35
    assert frames.wire_bytes(222) == 257
    assert frames.wire_bytes(223) == 265
