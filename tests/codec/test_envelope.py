"""The form of an envelope: a frame, a header that makes sense, and a body of any kind."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.codec import AHEAD, ENVELOPE_BYTES_MAX, JOURNALED, VOLATILE, Envelope, Malformed
from meshkit.codec.envelope import encode_envelope, frame, unframe
from meshkit.core.history import Head
from meshkit.pb import journal_pb2
from tests.strategies import envelopes

KEY = bytes(range(32))
SIGNATURE = KEY + KEY
SAID: dict[str, Any] = {
    "mesh": KEY,
    "sender": KEY,
    "kind": JOURNALED,
    "entry": 3,
    "effect": 0,
    "head_index": 4,
    "head_hash": KEY,
    "sequence": 9,
    "body": Head(),
}


@given(envelopes())
def test_an_envelope_comes_back(envelope: Envelope) -> None:
    data = frame(SIGNATURE, encode_envelope(envelope))
    sealed = unframe(data)
    assert sealed.envelope() == envelope
    assert (sealed.mesh, sealed.sender) == (envelope.mesh, envelope.sender)
    assert frame(sealed.signature, sealed.signed) == data


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"kind": VOLATILE}, "of volatile traffic names a cause"),
    ({"kind": VOLATILE, "entry": 0, "effect": 1}, "of volatile traffic names a cause"),
    ({"kind": AHEAD}, "sent ahead of its cause names one"),
    ({"kind": AHEAD, "entry": 0, "effect": 1}, "sent ahead of its cause names one"),
    ({"kind": 0}, "of unknown kind 0"),
    ({"kind": 4}, "of unknown kind 4"),
    ({"entry": 0}, "names entry 0 under head 4"),
    ({"entry": 5}, "names entry 5 under head 4"),
]


@pytest.mark.parametrize(("fields", "fault"), FAULTS)
def test_a_header_that_no_honest_node_sends_is_malformed(
    fields: dict[str, Any], fault: str
) -> None:
    envelope = Envelope(**{**SAID, **fields})
    with pytest.raises(Malformed, match=fault):
        encode_envelope(envelope)
    said: dict[str, Any] = {**SAID, **fields, "body": {"history_head": {}}}
    message = journal_pb2.Envelope(**said)
    with pytest.raises(Malformed, match=fault):
        unframe(frame(SIGNATURE, message.SerializeToString())).envelope()


def test_keys_and_hashes_are_in_form() -> None:
    for field in ("mesh", "sender", "head_hash"):
        said: dict[str, Any] = {**SAID, field: b"short"}
        with pytest.raises(Malformed, match=field):
            encode_envelope(Envelope(**said))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", b"\x01" + bytes(63), b"\x02" + bytes(64), bytes(ENVELOPE_BYTES_MAX + 1)],
    ids=["nothing", "a byte", "cut short", "another version", "too long"],
)
def test_what_is_no_frame_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        unframe(data)


def test_the_least_frame_has_no_body() -> None:
    with pytest.raises(Malformed):
        unframe(b"\x01" + bytes(64)).envelope()


@given(st.binary(max_size=200))
def test_random_bytes_are_an_envelope_or_malformed(data: bytes) -> None:
    for candidate in (data, b"\x01" + bytes(64) + data):
        with suppress(Malformed):
            unframe(candidate).envelope()


@given(envelopes(), st.data())
def test_tampered_bytes_are_an_envelope_or_malformed(
    envelope: Envelope, data: st.DataObject
) -> None:
    good = frame(SIGNATURE, encode_envelope(envelope))
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(flipped), good[:at], good + good[at:]):
        with suppress(Malformed):
            unframe(bad).envelope()
