"""Envelopes as evidence: what each binds its sender to, and who contradicts himself."""

from msgspec.structs import replace

from meshkit.audit.letters import Copy, Post, bare, content_of, described
from meshkit.codec import AHEAD, JOURNALED, VOLATILE, Envelope, encode_entry
from meshkit.consensus.messages import Certificate, Committed
from meshkit.consensus.raft.messages import Append
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Known, Proposal, Vote
from meshkit.core.composite import At
from meshkit.core.history import Head, HeadNoted, ShowHead
from meshkit.core.machine import Entry, Heard, Moment
from meshkit.core.value import Value, digest
from meshkit.journal import Record
from meshkit.ledger.messages import Block, Note
from meshkit.node import address
from meshkit.rounds.messages import Update
from meshkit.wire.envelope import seal, sign_statements
from tests.audit.world import identity_of

MESH = b"m" * 32
ANN, BEN, CEM = (identity_of(number) for number in range(3))


def letter(
    message: Value, entry: int = 3, effect: int = 0, head: int = 5, kind: int = JOURNALED,
    hash_: bytes = b"h" * 32, sequence: int = 9, mesh: bytes = MESH,
) -> bytes:  # fmt: skip
    """An envelope of Ann's."""
    signed = sign_statements(message, ANN, mesh)
    if kind != JOURNALED:
        entry = effect = 0
    said = Envelope(mesh, ANN.key, kind, entry, effect, head, hash_, sequence, signed)
    return seal(said, ANN)


def post(*held: tuple[bytes, bytes]) -> Post:
    """What the holders hold, each at its next entry."""
    found = Post(MESH)
    for at, (holder, data) in enumerate(held, start=1):
        found.hold(holder, at, data)
    return found


def contradictions(*held: tuple[bytes, bytes]) -> list[tuple[bytes, str]]:
    found = post(*held)
    return [(one.culprit, one.kind) for one in (*found.contradictions, *found.split_heads())]


def vote(value_id: bytes, kind: int = PREVOTE, voter: bytes = ANN.key) -> Vote:
    return Vote(kind, 1, 0, value_id, voter)


def test_a_letter_that_all_hold_is_one_letter() -> None:
    data = letter(Head())
    found = post((BEN.key, data), (CEM.key, data))
    [[first, second]] = found.copies(ANN.key).values()
    assert first.letter is second.letter
    assert (first.holder, first.at, second.holder, second.at) == (BEN.key, 1, CEM.key, 2)
    assert (first.letter.entry, first.letter.effect, first.letter.head.index) == (3, 0, 5)
    assert [copy.holder for copy in found.heads(ANN.key)] == [BEN.key]
    assert found.contradictions == []
    assert found.copies(BEN.key) == {}
    assert list(found.heads(BEN.key)) == []


def test_entries_that_no_peer_caused() -> None:
    found = Post(MESH)
    entry = Entry(Moment(1, 1), At("history", ShowHead()), ())
    for body in (encode_entry(entry, 1), b"\xff no entry"):
        found.take(BEN.key, Record(1, b"h" * 32, b"", body))
    assert found.copies(ANN.key) == {}


def test_an_entry_that_a_peer_caused() -> None:
    found, data = Post(MESH), letter(Head())
    command = At(address(Head()), Heard(ANN.key, Head()))
    entry = Entry(Moment(1, 1), command, (At("history", HeadNoted(ANN.key, 1)),), data)
    found.take(BEN.key, Record(7, b"h" * 32, b"", encode_entry(entry, 7)))
    [[copy]] = found.copies(ANN.key).values()
    assert copy == Copy(copy.letter, BEN.key, 7)


# -- what no honest node takes ---------------------------------------------------------------------


def test_what_cannot_be_believed() -> None:
    good = letter(Head())
    forged = letter(Update(BEN.key, b"t" * 32, 0, b"b" * 32, 1, 1, -1, -1, b"s" * 64))
    bad = {
        "bad-signature": good[:1] + bytes(64) + good[65:],
        "foreign-mesh": letter(Head(), mesh=b"o" * 32),
        "malformed": b"\x01" + bytes(64) + b"\xff",
        "forged-statement": forged,
        "volatile": letter(Head(), kind=VOLATILE),
        "not-addressed": letter(Block(1, b"p" * 32, ANN.key, b"l" * 32, ())),
    }
    found = post(*((BEN.key, data) for data in bad.values()))
    assert [copy.letter.fault.partition(":")[0] for copy in found.faults(BEN.key)] == list(bad)
    assert found.faults(CEM.key) == []
    assert found.copies(ANN.key) == {}


# -- contradictions --------------------------------------------------------------------------------


def test_two_messages_of_one_effect() -> None:
    held = ((BEN.key, letter(Head())), (CEM.key, letter(vote(b"v" * 32), sequence=10)))
    assert contradictions(*held) == [(ANN.key, "two-effects")]


def test_one_number_for_two_envelopes() -> None:
    held = ((BEN.key, letter(Head())), (CEM.key, letter(Head(), entry=4)))
    assert contradictions(*held) == [(ANN.key, "two-numbers")]


def test_two_hashes_at_one_index() -> None:
    held = ((BEN.key, letter(Head())), (CEM.key, letter(Head(), hash_=b"i" * 32, sequence=10)))
    assert contradictions(*held) == [(ANN.key, "two-heads")]


def test_two_statements_in_one_place_whoever_brings_them() -> None:
    first, second = vote(b"v" * 32), vote(b"w" * 32)
    held = ((BEN.key, letter(first)), (CEM.key, letter(Known((), (second,)), 4, sequence=10)))
    found = post(*held)
    [one] = found.contradictions
    assert (one.culprit, one.kind, one.holder, one.at) == (ANN.key, "equivocation", CEM.key, 2)
    assert [getattr(each, "value_id") for each in (one.first, one.second)] == [  # noqa: B009  # of a Value that is a Vote
        b"v" * 32, b"w" * 32,
    ]  # fmt: skip
    assert [getattr(each, "value_id") for each in found.votes(1)] == [b"v" * 32]  # noqa: B009  # it is a Vote
    assert list(found.votes(2)) == []


def test_a_contradiction_is_told_once() -> None:
    votes = [letter(vote(bytes([n]) * 32), entry=n, sequence=n) for n in (3, 4, 5)]
    assert contradictions(*((BEN.key, data) for data in votes)) == [(ANN.key, "equivocation")]


def test_decisions_that_one_effect_serves() -> None:
    """One question is answered with many decisions: each height is an answer of its own."""
    note = Note(BEN.key, 1, b"", b"")
    served = [
        letter(Committed(Certificate(height, 0, digest(note), ()), Head()), sequence=height)
        for height in (1, 2)
    ]
    assert contradictions(*((BEN.key, data) for data in served)) == []
    other = letter(Committed(Certificate(2, 1, digest(note), ()), Head()), sequence=7)
    assert contradictions((BEN.key, served[1]), (CEM.key, other)) == [(ANN.key, "two-effects")]


# -- words and contents ----------------------------------------------------------------------------


def test_own_signatures_do_not_count_and_others_do() -> None:
    ours = sign_statements(vote(b"v" * 32), ANN, MESH)
    theirs = sign_statements(vote(b"v" * 32, voter=BEN.key), BEN, MESH)
    known = Known((), (ours, theirs))
    assert bare(known, ANN.key) == Known((), (replace(ours, signature=b""), theirs))
    assert bare(known, CEM.key) is known
    assert content_of(ours, ANN.key) == content_of(vote(b"v" * 32), ANN.key)
    assert content_of(theirs, ANN.key) != content_of(vote(b"v" * 32, voter=BEN.key), ANN.key)


def test_places_in_words() -> None:
    assert described(vote(b"v" * 32)) == "a Prevote at height 1, round 0"
    assert described(vote(b"v" * 32, PRECOMMIT)) == "a Precommit at height 1, round 0"
    update = Update(BEN.key, b"t" * 32, 4, b"b" * 32, 1, 1, -1, -1)
    assert described(update) == "an Update of task 7474747474747474, round 4"
    proposal = Proposal(2, 1, -1, b"v" * 32, ANN.key)
    assert described(proposal) == "a Proposal at height 2, round 1"


def test_what_left_before_its_entry_binds_to_the_head_and_to_no_entry() -> None:
    first, second = (Append(1, number, 1, (), 0, True) for number in (1, 2))
    early = letter(first, kind=AHEAD, sequence=1)
    found = post((BEN.key, early), (BEN.key, letter(second, kind=AHEAD, sequence=2)))
    assert not found.faults(BEN.key)
    assert not found.contradictions
    assert [copy.at for copy in found.heads(ANN.key)] == [1]
    twice = (BEN.key, letter(second, kind=AHEAD, sequence=1))
    assert contradictions((BEN.key, early), twice) == [(ANN.key, "two-numbers")]


def test_only_a_leaders_entries_leave_so_early() -> None:
    [copy] = post((BEN.key, letter(Head(), kind=AHEAD))).faults(BEN.key)
    assert copy.letter.fault.startswith("volatile")
