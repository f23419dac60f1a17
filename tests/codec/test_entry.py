"""A line of the journal comes back; what a peer caused is kept as the peer's envelope alone."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.codec import Envelope, Malformed, cause, decode_entry, encode_entry, heard
from meshkit.codec.envelope import encode_envelope, frame
from meshkit.consensus.tendermint.messages import Vote, VoteHeard
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment
from meshkit.core.value import Value
from meshkit.pb import journal_pb2
from tests.strategies import ats, envelopes, values

KEY = bytes(range(32))
SIGNATURE = KEY + KEY
VOTE = Vote(1, 7, 0, KEY, KEY, SIGNATURE)
MOMENT = Moment(1_700_000_000_000_000_000, 2**64 - 1)


def address(message: Value) -> str:
    return type(message).__name__.lower()


@given(values(Moment), ats(), st.lists(ats(), max_size=3), st.integers(1, 2**40))
def test_an_entry_comes_back(moment: Moment, command: At, events: list[At], index: int) -> None:
    entry = Entry(moment, command, tuple(events))
    assert decode_entry(encode_entry(entry, index), address, index) == entry


@given(values(Moment), envelopes(), st.lists(ats(), max_size=3))
def test_an_entry_that_a_peer_caused_comes_back_with_its_command(
    moment: Moment, envelope: Envelope, events: list[At]
) -> None:
    data = frame(SIGNATURE, encode_envelope(envelope))
    command = At(address(envelope.body), Heard(envelope.sender, envelope.body))
    entry = Entry(moment, command, tuple(events), data)
    assert decode_entry(encode_entry(entry, 5), address) == entry
    assert heard(data, address) == command


def test_the_envelope_stands_in_the_entry_as_it_came_and_the_command_does_not() -> None:
    data = frame(SIGNATURE, encode_envelope(Envelope(KEY, KEY, 2, 1, 0, 1, KEY, 0, VOTE)))
    command = At("vote", Heard(KEY, VOTE))
    stored = encode_entry(Entry(MOMENT, command, (At("vote", VoteHeard(VOTE)),), data), 1)
    assert stored.count(data) == 1
    assert cause(stored) == data
    assert not journal_pb2.Entry.FromString(stored).HasField("command")


def test_an_entry_knows_its_place() -> None:
    data = encode_entry(Entry(MOMENT, At("a", VOTE), ()), 7)
    assert decode_entry(data, address, 7) == decode_entry(data, address)
    assert cause(data) == b""
    with pytest.raises(Malformed, match="the entry at 8 says it is 7"):
        decode_entry(data, address, 8)


MOMENT_FIELDS = {"now_ns": 1, "seed": 1}
STRANGER = journal_pb2.Envelope(sender=b"short", body={"wake": {}}).SerializeToString()
COMMAND = {"name": "a", "body": {"tendermint_vote": {"voter": KEY, "value_id": KEY}}}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"moment": MOMENT_FIELDS}, "either a command or an envelope"),
        ({"moment": MOMENT_FIELDS, "command": COMMAND, "envelope": b"x"}, "either a command"),
        ({"command": COMMAND}, "without a moment"),
        ({"moment": MOMENT_FIELDS, "envelope": b"x"}, "not an envelope"),
        ({"moment": MOMENT_FIELDS, "command": {"name": "a"}}, "no known kind"),
        ({"moment": MOMENT_FIELDS, "command": {**COMMAND, "name": "a" * 5_000}}, r"At\.name has"),
        ({"moment": MOMENT_FIELDS, "envelope": frame(SIGNATURE, STRANGER)}, "a sender of 5 bytes"),
        ({"moment": {"now_ns": 2**63}, "command": COMMAND}, r"Moment\.now_ns is out of range"),
        (
            {"moment": MOMENT_FIELDS, "command": COMMAND, "events": [{"name": "x" * 100}] * 65_537},
            "65537 events",
        ),
    ],
)
def test_what_no_shell_writes_is_malformed(fields: dict[str, object], fault: str) -> None:
    data = journal_pb2.Entry(**fields).SerializeToString()  # type: ignore[arg-type]  # one per case
    with pytest.raises(Malformed, match=fault):
        decode_entry(data, address)


def test_an_entry_too_long_is_neither_written_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshkit.codec.entry.DATA_BYTES_MAX", 20)
    monkeypatch.setattr("meshkit.codec.convert.DATA_BYTES_MAX", 20)
    with pytest.raises(Malformed, match="an entry of"):
        encode_entry(Entry(MOMENT, At("a", VOTE), ()), 1)
    with pytest.raises(Malformed, match="21 bytes are too many"):
        decode_entry(bytes(21), address)


@given(ats(), st.lists(ats(), max_size=2), st.data())
def test_tampered_bytes_are_an_entry_or_malformed(
    command: At, events: list[At], data: st.DataObject
) -> None:
    good = encode_entry(Entry(MOMENT, command, tuple(events)), 3)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(flipped), good[:at], good[at:], good + good[at:]):
        with suppress(Malformed):
            cause(bad)
            decode_entry(bad, address)


@given(st.binary(max_size=200))
def test_random_bytes_are_an_entry_or_malformed(data: bytes) -> None:
    with suppress(Malformed):
        decode_entry(data, address)
