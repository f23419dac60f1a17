"""Fields that are more than one scalar: present or not, many or one, of any kind or of some."""

from typing import Any

import pytest

from meshkit.codec import Malformed, convert, decode, decode_body, encode, encode_body
from meshkit.codec.form import COUNT
from meshkit.codec.rooms import ROOM_OF
from meshkit.consensus.messages import Begin, EquivocationSeen, Validator
from meshkit.consensus.tendermint.messages import Proposal, Vote, VoteHeard
from meshkit.core.composite import At
from meshkit.core.machine import Heard, Wake
from meshkit.ledger.messages import Block, Member, Note
from meshkit.pb import body_pb2, consensus_pb2, ledger_pb2, rounds_pb2, tendermint_pb2
from meshkit.rounds.messages import EarlyKept, Update

KEY = bytes(range(32))
SIGNATURE = KEY + KEY
VOTE = Vote(1, 7, 0, KEY, KEY, SIGNATURE)
UPDATE = Update(KEY, KEY, 1, KEY, 100, 50, -1, -1, SIGNATURE)
MEMBER = Member(KEY, "n1", ("trainer",), 1, KEY, "", "", "", "", KEY)


def body(value: Any) -> bytes:
    return encode_body(value)


def test_what_is_optional_may_be_missing_and_what_is_not_may_not() -> None:
    proposal = Proposal(7, 0, -1, KEY, KEY)
    assert decode(Proposal, encode(proposal)).value is None
    with pytest.raises(Malformed, match=r"VoteHeard\.vote is missing"):
        decode(VoteHeard, b"")
    with pytest.raises(Malformed, match="no known kind"):
        decode(Heard, body_pb2.Heard(sender=KEY, message={}).SerializeToString())
    with pytest.raises(Malformed, match="no known kind"):
        decode(Heard, body_pb2.Heard(sender=KEY).SerializeToString())


def test_the_bytes_of_a_body_left_out_are_a_body_of_no_kind() -> None:
    message = consensus_pb2.EquivocationSeen(culprit=KEY, first=body(VOTE))
    with pytest.raises(Malformed, match="no known kind"):
        decode(EquivocationSeen, message.SerializeToString())


def test_a_kind_from_a_later_release_is_malformed() -> None:
    unknown = b"\xfa\xff\x03\x00"  # a field number that no kind has
    with pytest.raises(Malformed, match="no known kind"):
        decode_body(unknown)


def test_a_field_holds_only_what_it_is_declared_to_hold() -> None:
    block = ledger_pb2.Block(height=1, previous=KEY, proposer=KEY, link=KEY, items=[body(Wake())])
    with pytest.raises(Malformed, match=r"Block\.items holds a Wake"):
        decode(Block, block.SerializeToString())
    with pytest.raises(Malformed, match=r"EarlyKept\.statement holds a Vote"):
        decode(EarlyKept, rounds_pb2.EarlyKept(statement=body(VOTE)).SerializeToString())
    assert decode(EarlyKept, encode(EarlyKept(UPDATE))) == EarlyKept(UPDATE)
    with pytest.raises(Malformed, match=r"Block\.items holds a Wake"):
        encode(Block(1, KEY, KEY, KEY, (Wake(),)))  # type: ignore[arg-type]  # the bug we look for


def test_items_are_counted() -> None:
    many = tuple(["validator"] * (COUNT[-1] + 1))
    with pytest.raises(Malformed, match=r"Member\.roles has 65537 items"):
        encode(Member(KEY, "n1", many, 1, KEY, "", "", "", "", KEY))
    message = ledger_pb2.Member(id=KEY, weight=1, transport=KEY, anchor=KEY, roles=many)
    with pytest.raises(Malformed, match=r"Member\.roles has 65537 items"):
        decode(Member, message.SerializeToString())


def test_each_item_of_a_tuple_is_in_form() -> None:
    long = "x" * 5_000
    with pytest.raises(Malformed, match=r"Member\.roles"):
        encode(Member(KEY, "n1", (long,), 1, KEY, "", "", "", "", KEY))
    message = consensus_pb2.Begin(height=1, validators=[{"id": b"short", "weight": 1}])
    with pytest.raises(Malformed, match=r"Validator\.id has length 5"):
        decode(Begin, message.SerializeToString())
    begin = Begin(1, (Validator(KEY, 1), Validator(SIGNATURE[:32], 2)))
    assert decode(Begin, encode(begin)) == begin


@pytest.mark.parametrize(
    ("field", "value"), [("height", 2**53), ("voter", b""), ("signature", KEY), ("value_id", b"a")]
)
def test_a_field_out_of_form_is_malformed(field: str, value: Any) -> None:
    good: dict[str, Any] = {
        "kind": 1,
        "height": 7,
        "round": 0,
        "value_id": KEY,
        "voter": KEY,
        "signature": b"",
    }
    assert decode(Vote, tendermint_pb2.Vote(**good).SerializeToString()).voter == KEY
    with pytest.raises(Malformed, match=rf"Vote\.{field}"):
        decode(Vote, tendermint_pb2.Vote(**{**good, field: value}).SerializeToString())


def test_text_that_is_not_utf8_is_malformed() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        decode(Member, b"\x12\x01\xff")


def test_bodies_nest_in_messages_and_in_bytes() -> None:
    block = Block(1, KEY, KEY, KEY, (VOTE, UPDATE))
    at = At("consensus", Heard(KEY, Proposal(1, 0, -1, KEY, KEY, block, SIGNATURE)))
    assert decode_body(encode_body(at)) == at


def test_every_converter_can_be_built_beforehand() -> None:
    convert.prepare()
    assert convert._converters.keys() >= ROOM_OF.keys()
    assert len(convert._heads) == len(ROOM_OF)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 70_000])
def test_a_body_of_any_length_is_what_protobuf_makes_of_it(size: int) -> None:
    note = Note(KEY, 1, bytes(min(size, 2**16)), SIGNATURE)
    fields: Any = {"author": KEY, "serial": 1, "payload": note.payload, "signature": SIGNATURE}
    message = body_pb2.Body(ledger_note=fields)
    assert encode_body(note) == message.SerializeToString()
    assert decode_body(encode_body(note)) == note
    assert consensus_pb2.Ask(height=size or 1).SerializeToString()[1:] == convert.length(size or 1)
