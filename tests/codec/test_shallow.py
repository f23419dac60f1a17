"""The second reading of a schema: the same fields, and bytes where messages stand."""

import pytest
from hypothesis import given

from meshkit.codec import encode
from meshkit.codec.rooms import ROOM_OF
from meshkit.codec.schemas import SCHEMAS
from meshkit.codec.shallow import shallow
from meshkit.core.value import Value
from meshkit.pb import body_pb2, journal_pb2, tendermint_pb2
from tests.strategies import any_value

VOTE = tendermint_pb2.Vote(kind=1, height=7, voter=bytes(range(32)))


@given(any_value())
def test_it_takes_and_gives_the_same_bytes(value: Value) -> None:
    kind, data = type(value), encode(value)
    assert shallow(SCHEMAS[ROOM_OF[kind]], kind.__name__).FromString(data).SerializeToString(
        deterministic=True
    ) == getattr(SCHEMAS[ROOM_OF[kind]], kind.__name__).FromString(data).SerializeToString(
        deterministic=True
    )


def test_what_is_inside_comes_as_its_bytes() -> None:
    heard = tendermint_pb2.VoteHeard(vote=VOTE)
    read = shallow(tendermint_pb2, "VoteHeard").FromString(heard.SerializeToString())
    assert read.vote == VOTE.SerializeToString()


def test_many_come_one_by_one_and_a_kind_says_its_name() -> None:
    known = tendermint_pb2.Known(votes=[VOTE, VOTE])
    read = shallow(tendermint_pb2, "Known").FromString(known.SerializeToString())
    assert list(read.votes) == [VOTE.SerializeToString()] * 2
    body = body_pb2.Body(tendermint_vote=VOTE)
    read = shallow(body_pb2, "Body").FromString(body.SerializeToString())
    assert read.WhichOneof("kind") == "tendermint_vote"
    assert read.tendermint_vote == VOTE.SerializeToString()


@pytest.mark.parametrize("there", [True, False])
def test_whether_something_empty_is_there_can_be_asked(there: bool) -> None:
    data = journal_pb2.Entry(moment={} if there else None).SerializeToString()
    read = shallow(journal_pb2, "Entry").FromString(data)
    assert read.moment == b""
    assert read.HasField("moment") is there


def test_of_what_is_given_twice_the_last_counts() -> None:
    first, second = b"\x0a\x02\x08\x01", b"\x0a\x02\x10\x07"  # two parts of one vote
    assert tendermint_pb2.VoteHeard.FromString(first + second).vote.kind == 1  # merged
    assert shallow(tendermint_pb2, "VoteHeard").FromString(first + second).vote == b"\x10\x07"
