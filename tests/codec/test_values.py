"""Whatever value goes out comes back; whatever bytes come in are a value in form, or malformed."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshkit.codec import Malformed, decode, decode_body, encode, encode_body
from meshkit.codec.convert import DEPTH_MAX
from meshkit.consensus.tendermint.messages import Vote
from meshkit.core.machine import Heard
from meshkit.core.value import Value, canonical
from meshkit.ledger.messages import Genesis, Policy
from tests.strategies import KINDS, any_value, values

KEY = bytes(range(32))
VOTE = Vote(1, 7, 0, KEY, KEY, KEY + KEY)
MEMORY_BYTES_MAX = 2**20  # for decoding a few hundred bytes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@settings(max_examples=10)
@given(data=st.data())
def test_every_class_comes_back(kind: type[Value], data: st.DataObject) -> None:
    value = data.draw(values(kind))
    again = decode(kind, encode(value))
    assert again == value
    assert canonical(again) == canonical(value)


@given(any_value())
def test_any_value_comes_back_from_a_body(value: Value) -> None:
    assert decode_body(encode_body(value)) == value


@given(any_value())
def test_one_value_has_one_encoding(value: Value) -> None:
    assert encode_body(decode_body(encode_body(value))) == encode_body(value)


# -- fuzzing ---------------------------------------------------------------------------------------


def read(kind: type[Value] | None, data: bytes) -> Any:
    """A value, or None if the bytes are malformed; any other exception is the test's failure."""
    try:
        return decode_body(data) if kind is None else decode(kind, data)
    except Malformed:
        return None


@pytest.mark.parametrize("kind", [*KINDS, None], ids=lambda kind: getattr(kind, "__name__", "Body"))
@settings(max_examples=10)
@given(data=st.binary(max_size=300))
def test_random_bytes_are_a_value_or_malformed(kind: type[Value] | None, data: bytes) -> None:
    read(kind, data)


@settings(max_examples=150)
@given(any_value(), st.data())
def test_bytes_that_were_tampered_with_are_a_value_or_malformed(
    value: Value, data: st.DataObject
) -> None:
    good = encode_body(value)
    at = data.draw(st.integers(0, len(good) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(good)
    flipped[at] ^= 1 << bit
    for bad in (bytes(flipped), good[:at], good[at:], good[:at] + good, good + good[at:]):
        found = read(None, bad)
        if found is not None:  # what was accepted is in form: it can be sent on
            assert decode_body(encode_body(found)) == found


@given(any_value(), st.data())
def test_tampered_bytes_cost_little_memory(value: Value, data: st.DataObject) -> None:
    good = encode_body(value)
    at = data.draw(st.integers(0, len(good)))
    bad = good[:at] + data.draw(st.binary(max_size=20)) + good[at:]
    tracemalloc.start()
    try:
        read(None, bad)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES_MAX
    finally:
        tracemalloc.stop()


def nested(times: int) -> Value:
    value: Value = VOTE
    for _ in range(times):
        value = Heard(KEY, value)
    return value


@example(DEPTH_MAX - 1)
@example(DEPTH_MAX)
@example(5_000)
@given(st.integers(0, 100))
def test_nesting_has_an_end(times: int) -> None:
    # Nested by hand: the encoder would run out of stack.
    data = encode_body(VOTE)
    for _ in range(times):
        data = _delimited(4, b"\x0a\x20" + KEY + _delimited(2, data))
    found = read(None, data)
    assert found is None if times >= DEPTH_MAX else found == nested(times)


def _delimited(number: int, data: bytes) -> bytes:
    length, head = len(data), bytearray([number << 3 | 2])
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + data


def test_a_crowd_of_empty_messages_is_malformed() -> None:
    assert read(Genesis, b"\x1a\x00" * 2**20) is None


def test_what_cannot_be_read_again_is_not_written() -> None:
    with pytest.raises(Malformed, match=r"Vote\.voter has length 3"):
        encode(Vote(1, 7, 0, KEY, b"abc"))
    with pytest.raises(Malformed, match=r"Vote\.height is out of range: -1"):
        encode_body(Vote(1, -1, 0, KEY, KEY))


def test_text_that_is_none_is_not_written() -> None:
    with pytest.raises(Malformed, match="not a"):
        encode(Genesis("\ud800", 1, (), (), Policy()))


class Stranger(Value):
    """A value of no room."""


def test_a_class_of_no_room_is_our_bug() -> None:
    with pytest.raises(TypeError, match="add its room"):
        encode(Stranger())
    with pytest.raises(TypeError, match="add its room"):
        encode_body(Stranger())
