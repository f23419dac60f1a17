"""What was read lately is read no more: only equal bytes, only as deep as allowed, only so much."""

import pytest
from msgspec.structs import replace

from meshkit.codec import Malformed, decode, encode
from meshkit.codec.kept import Kept, Written
from meshkit.consensus.messages import Certificate, Committed
from meshkit.consensus.tendermint.messages import PRECOMMIT, Vote
from meshkit.core.value import Value, digest
from meshkit.ledger.messages import Accusation, Block, Note

WHO = b"w" * 32
VOTE = Vote(PRECOMMIT, 1, 0, b"v" * 32, WHO, b"s" * 64)
NOTE = Note(WHO, 1, b"said", b"s" * 64)
BLOCK = Block(1, b"p" * 32, WHO, b"l" * 32, (NOTE,))


def test_equal_bytes_are_read_as_one_value() -> None:
    assert decode(Vote, encode(VOTE)) is decode(Vote, encode(VOTE))
    committed = Committed(Certificate(1, 0, digest(BLOCK), (VOTE,)), BLOCK)
    first, second = decode(Committed, encode(committed)), decode(Committed, encode(committed))
    assert first == committed
    assert first.value is second.value
    assert first.certificate.votes[0] is decode(Vote, encode(VOTE))


def test_what_was_read_at_some_depth_is_known_at_any_greater_one() -> None:
    accused = Accusation(WHO, WHO, NOTE, NOTE, b"s" * 64)
    data = encode(Block(7, b"p" * 32, WHO, b"l" * 32, (accused,)))
    first = decode(Block, data, depth=4)
    assert decode(Block, data, depth=5) is first
    lower = decode(Block, data, depth=2)
    assert lower == first
    assert lower is not first
    assert decode(Block, data, depth=2) is decode(Block, data, depth=4) is lower


@pytest.mark.parametrize("deep_first", [True, False])
def test_what_was_read_where_more_was_allowed_is_refused_where_less_is(deep_first: bool) -> None:
    note = Note(WHO, 2 + deep_first, b"said", b"s" * 64)
    value: Value = Block(1, b"p" * 32, WHO, b"l" * 32, (note,))
    data = encode(value)
    if deep_first:
        assert decode(Block, data, depth=1) == value
    with pytest.raises(Malformed, match="too deep"):
        decode(Block, data, depth=0)


def test_a_full_memory_begins_anew() -> None:
    kept = Kept(bytes_max=10)
    votes, notes = kept.shelf(), kept.shelf()
    kept.put(votes, b"four", 0, VOTE)
    kept.put(notes, b"sixsix", 0, NOTE)
    assert (votes[b"four"][1], notes[b"sixsix"][1]) == (VOTE, NOTE)
    kept.put(votes, b"more", 0, VOTE)
    assert (list(votes), list(notes), kept.size_bytes) == ([b"more"], [], 4)


def test_what_was_written_is_known_by_itself_and_not_by_its_likes() -> None:
    written = Written(bytes_max=10)
    twin = replace(VOTE)
    written.put(VOTE, b"four")
    assert (written.get(VOTE), written.get(twin)) == (b"four", None)
    written.put(twin, b"sixsix")
    assert (written.get(VOTE), written.get(twin)) == (b"four", b"sixsix")
    written.put(NOTE, b"more")
    assert (written.get(VOTE), written.get(NOTE), written.size_bytes) == (None, b"more", 4)


def test_what_is_written_again_is_the_same_bytes() -> None:
    vote = replace(VOTE, height=99)
    assert encode(vote) is encode(vote)
    assert (
        encode(Committed(Certificate(1, 0, digest(BLOCK), (vote, vote)), BLOCK)).count(encode(vote))
        == 2
    )
    assert encode(replace(vote)) == encode(vote)
