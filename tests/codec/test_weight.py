"""What would cost much memory for few bytes is refused before anything is built."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.codec.form import Malformed
from meshkit.codec.weight import BYTES_PER_MESSAGE, FREE_MESSAGES, UNWEIGHED_BYTES, weigh
from meshkit.pb import ledger_pb2, rounds_pb2

GENESIS = ledger_pb2.Genesis
PROOF = rounds_pb2.Proof
EMPTY_FOUNDER = b"\x1a\x00"  # field 3, length-delimited, of length 0
KEY = bytes(range(32))


def test_a_crowd_of_empty_messages_is_refused() -> None:
    with pytest.raises(Malformed, match="more messages than the length allows"):
        weigh(EMPTY_FOUNDER * 2**20, GENESIS)


def test_also_one_level_further_in() -> None:
    held = rounds_pb2.Held(updates=[{} for _ in range(100_000)])
    data = rounds_pb2.Proof(lists=[held]).SerializeToString()
    with pytest.raises(Malformed, match="more messages"):
        weigh(data, PROOF)


def test_what_honest_nodes_send_passes() -> None:
    update = {"submitter": KEY, "task": KEY, "blob": KEY, "round": 7, "signature": KEY + KEY}
    held = {"holder": KEY, "task": KEY, "updates": [update] * 100, "signature": KEY + KEY}
    data = rounds_pb2.Proof(lists=[held] * 100).SerializeToString()
    assert len(data) > 10 * UNWEIGHED_BYTES
    weigh(data, PROOF)


def test_short_data_is_not_even_looked_at() -> None:
    weigh(b"\xff" * UNWEIGHED_BYTES, GENESIS)


def test_the_allowance_is_for_the_length() -> None:
    # As many empty messages as are free, and then one for every so many bytes of other fields.
    padding = ledger_pb2.Genesis(name="x" * 2**20).SerializeToString()
    allowed = FREE_MESSAGES + (len(padding) + 2 * FREE_MESSAGES) // BYTES_PER_MESSAGE
    weigh(padding + EMPTY_FOUNDER * allowed, GENESIS)
    with pytest.raises(Malformed):
        weigh(padding + EMPTY_FOUNDER * (allowed + 20_000), GENESIS)


@pytest.mark.parametrize(
    "tail",
    [b"\x1a", b"\x1a\x05ab", b"\xff" * 11, b"\x0b", b"\x0d\x00", b"\x09\x00", b"\x10"],
    ids=["no length", "too short", "no number", "a group", "fixed32", "fixed64", "varint"],
)
def test_what_is_cut_or_no_wire_format_is_malformed(tail: bytes) -> None:
    padding = ledger_pb2.Genesis(name="x" * UNWEIGHED_BYTES).SerializeToString()
    with pytest.raises(Malformed):
        weigh(padding + tail, GENESIS)


def test_other_wire_types_are_stepped_over() -> None:
    padding = ledger_pb2.Genesis(name="x" * UNWEIGHED_BYTES, created_ns=300).SerializeToString()
    weigh(padding + b"\x0d\x00\x00\x00\x00" + b"\x09" + bytes(8), GENESIS)


@given(st.binary(max_size=64), st.integers(0, 2))
def test_any_bytes_are_weighed_or_malformed(data: bytes, place: int) -> None:
    padding = ledger_pb2.Genesis(name="x" * UNWEIGHED_BYTES).SerializeToString()
    with suppress(Malformed):
        weigh(padding * (place > 0) + data + padding * (place < 2), GENESIS)
