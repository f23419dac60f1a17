"""An envelope is believed when every signature in it is right, and refused by name otherwise."""

from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from meshkit.codec import Malformed
from meshkit.codec.envelope import PREFIX_BYTES, encode_envelope, frame
from meshkit.consensus.messages import Ask, EquivocationSeen
from meshkit.consensus.tendermint.messages import Known, Proposal, Vote
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value, signing_digest, statements
from meshkit.ledger.messages import Block, Join, Member, Note, Ticket
from meshkit.pb import journal_pb2
from meshkit.rounds.messages import Held, Update
from meshkit.wire import envelope as wire
from meshkit.wire.envelope import (
    JOURNALED,
    REASONS,
    VOLATILE,
    Envelope,
    Refused,
    open_envelope,
    open_unverified,
    seal,
    sign_statements,
    verify_statements,
)
from meshkit.wire.keys import Identity
from tests.strategies import envelopes

MESH, OTHER_MESH = bytes([1]) * 32, bytes([2]) * 32
DIGEST = bytes(range(32))
ANNA, BERT, CLEO = (Identity(bytes([n]) * 32) for n in (1, 2, 3))


def around(body: Value, identity: Identity = ANNA, mesh: bytes = MESH) -> Envelope:
    return Envelope(mesh, identity.key, JOURNALED, 3, 0, 4, DIGEST, 9, body)


def vote(identity: Identity, mesh: bytes = MESH) -> Vote:
    return sign_statements(Vote(1, 7, 0, DIGEST, identity.key), identity, mesh)


def refusal(data: bytes, mesh: bytes = MESH, **limits: Any) -> str:
    with pytest.raises(Refused) as refused:
        open_envelope(data, mesh, **limits)
    assert refused.value.reason in REASONS
    assert str(refused.value).startswith(f"{refused.value.reason}: ")
    assert "\n" not in str(refused.value)
    return refused.value.reason


# -- envelopes -------------------------------------------------------------------------------------


def test_what_is_sealed_can_be_opened() -> None:
    envelope = around(vote(BERT))
    assert open_envelope(seal(envelope, ANNA), MESH) == envelope
    assert open_unverified(seal(envelope, ANNA)) == envelope


@given(envelopes(MESH, ANNA.key))
def test_any_envelope_can_be_opened_by_who_asks_no_signatures_of_it(envelope: Envelope) -> None:
    assert open_unverified(seal(envelope, ANNA)) == envelope


@given(envelopes(MESH, ANNA.key))
def test_sealed_again_it_is_the_same_to_the_byte(envelope: Envelope) -> None:
    assert seal(envelope, ANNA) == seal(envelope, ANNA)


@pytest.mark.parametrize("kind", [JOURNALED, VOLATILE])
def test_any_flipped_bit_is_refused(kind: int) -> None:
    entry = 3 if kind == JOURNALED else 0
    envelope = Envelope(MESH, ANNA.key, kind, entry, 0, 4, DIGEST, 9, vote(BERT))
    good = seal(envelope, ANNA)
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        reason = refusal(bytes(bad))
        if bit < 8:
            assert reason == wire.UNKNOWN_VERSION
        elif bit < 8 * PREFIX_BYTES:
            assert reason == wire.BAD_SIGNATURE
        else:
            assert reason in (wire.BAD_SIGNATURE, wire.MALFORMED, wire.FOREIGN_MESH)


@given(envelopes(MESH, ANNA.key), st.data())
def test_any_cut_or_lengthened_envelope_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    good = seal(envelope, ANNA)
    refusal(good[: data.draw(st.integers(0, len(good) - 1))])
    refusal(good + data.draw(st.binary(min_size=1, max_size=9)))


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    refusal(data)
    refusal(b"\x01" + data)


def test_an_envelope_of_another_mesh_is_refused() -> None:
    data = seal(around(vote(BERT, OTHER_MESH), mesh=OTHER_MESH), ANNA)
    assert open_envelope(data, OTHER_MESH)
    assert refusal(data) == wire.FOREIGN_MESH


def test_nobody_speaks_in_anothers_name() -> None:
    signed = encode_envelope(around(Ask(1)))
    forged = frame(CLEO.sign(wire._digest(signed)), signed)
    assert refusal(forged) == wire.BAD_SIGNATURE
    with pytest.raises(AssertionError, match="another's name"):
        seal(around(Ask(1)), CLEO)


def test_a_signature_over_a_statement_is_none_over_an_envelope() -> None:
    # Whoever could choose what is digested plainly must not get an envelope's signature by it.
    signed = encode_envelope(around(Ask(1)))
    plain = blake3(signed).digest()
    assert refusal(frame(ANNA.sign(plain), signed)) == wire.BAD_SIGNATURE


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    data = seal(around(Ask(1)), ANNA)
    assert refusal(data, bytes_max=len(data) - 1) == wire.TOO_LARGE
    assert refusal(bytes(wire.ENVELOPE_BYTES_MAX + 1)) == wire.TOO_LARGE
    assert open_envelope(data, MESH, bytes_max=len(data))


def test_what_everybody_would_refuse_is_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ENVELOPE_BYTES_MAX", 100)
    with pytest.raises(Malformed, match="everybody would refuse"):
        seal(around(Ask(1)), ANNA)


def test_a_body_out_of_form_is_refused_though_its_envelope_is_signed() -> None:
    message = journal_pb2.Envelope(mesh=MESH, sender=ANNA.key, head_hash=DIGEST)
    signed = message.SerializeToString()
    data = frame(ANNA.sign(wire._digest(signed)), signed)
    assert refusal(data) == wire.MALFORMED
    with pytest.raises(Refused, match="malformed: a body of no known kind"):
        open_unverified(data)


# -- statements ------------------------------------------------------------------------------------


def test_a_statement_is_believed_whoever_brings_it() -> None:
    block = Block(1, DIGEST, BERT.key, DIGEST, (sign(Note(CLEO.key, 1, b"x"), CLEO),))
    proposal = sign(Proposal(7, 0, -1, DIGEST, BERT.key, block), BERT)
    known = Known((proposal,), (vote(ANNA), vote(CLEO)))
    assert open_envelope(seal(around(known), ANNA), MESH).body == known


def sign(statement: Statement, identity: Identity) -> Any:
    return sign_statements(statement, identity, MESH)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (Vote(1, 7, 0, DIGEST, BERT.key), wire.UNSIGNED_STATEMENT),
        (Vote(1, 7, 0, DIGEST, BERT.key, bytes(64)), wire.FORGED_STATEMENT),
        (Vote(1, 8, 0, DIGEST, BERT.key, vote(BERT).signature), wire.FORGED_STATEMENT),
        (Vote(1, 7, 0, DIGEST, CLEO.key, vote(BERT).signature), wire.FORGED_STATEMENT),
        (vote(BERT, OTHER_MESH), wire.FORGED_STATEMENT),
    ],
    ids=["unsigned", "zeros", "another height", "another signer", "another mesh"],
)
def test_an_envelope_with_one_false_statement_is_refused(statement: Vote, reason: str) -> None:
    assert refusal(seal(around(statement), ANNA)) == reason
    nested = Known((), (vote(ANNA), statement, vote(CLEO)))
    assert refusal(seal(around(nested), ANNA)) == reason
    evidence = EquivocationSeen(BERT.key, vote(BERT), statement)
    assert refusal(seal(around(evidence), ANNA)) == reason


def test_who_is_taken_at_their_word_signs_the_envelope_still() -> None:
    def votes(envelope: Envelope) -> frozenset[type]:
        return frozenset({Vote}) if envelope.sender == ANNA.key else frozenset()

    vote = Vote(1, 7, 0, DIGEST, BERT.key, bytes(64))
    false = seal(around(vote), ANNA)
    assert refusal(false) == "forged-statement"
    assert open_envelope(false, MESH, believed=votes)
    broken = false[:PREFIX_BYTES] + false[PREFIX_BYTES:].replace(DIGEST, bytes(32), 1)
    assert refusal(broken, believed=votes) == "bad-signature"
    other = Proposal(7, 0, -1, DIGEST, BERT.key, None, bytes(64))
    assert (
        refusal(seal(around(Known((other,), (vote,))), ANNA), believed=votes) == "forged-statement"
    )
    assert refusal(seal(around(vote, CLEO), CLEO), believed=votes) == "forged-statement"


def test_a_signature_is_good_for_one_kind_of_statement() -> None:
    ticket = Ticket(BERT.key, 1, CLEO.key, (), 1)
    signature = BERT.sign(signing_digest(ticket, MESH))
    verify_statements(Ticket(BERT.key, 1, CLEO.key, (), 1, signature), MESH)
    with pytest.raises(Refused, match="forged-statement: a Vote"):
        verify_statements(Vote(1, 7, 0, DIGEST, BERT.key, signature), MESH)


def test_what_is_not_covered_may_be_added_or_left_out() -> None:
    proposal = sign(Proposal(7, 0, -1, DIGEST, BERT.key), BERT)
    carrying = Proposal(7, 0, -1, DIGEST, BERT.key, Ask(1), proposal.signature)
    verify_statements(carrying, MESH)


# -- signing ---------------------------------------------------------------------------------------

UPDATE = Update(ANNA.key, DIGEST, 1, DIGEST, 100, 10, -1, -1)
MEMBER = Member(CLEO.key, "c", (), 1, DIGEST, "", "", "", "", DIGEST)


def test_all_of_ours_is_signed_and_what_is_inside_first() -> None:
    held = sign_statements(Held(ANNA.key, DIGEST, 1, (UPDATE,)), ANNA, MESH)
    verify_statements(held, MESH)
    assert len(statements(held)) == 2
    heard = sign_statements(Heard(BERT.key, UPDATE), ANNA, MESH)
    verify_statements(heard, MESH)


def test_of_others_nothing_is_signed() -> None:
    ticket = Ticket(BERT.key, 1, CLEO.key, (), 1)
    join = sign_statements(Join(CLEO.key, ticket, MEMBER), CLEO, MESH)
    assert join.signature
    assert not join.ticket.signature
    by_both = sign_statements(Join(CLEO.key, sign(ticket, BERT), MEMBER), CLEO, MESH)
    verify_statements(by_both, MESH)


def test_what_is_signed_stays_the_same_value() -> None:
    signed = vote(ANNA)
    assert sign_statements(signed, ANNA, OTHER_MESH) is signed
    known = Known((), (signed, vote(BERT)))
    assert sign_statements(known, ANNA, MESH) is known
    assert sign_statements(vote(BERT), ANNA, MESH) == vote(BERT)


@given(envelopes())
def test_signing_changes_signatures_and_nothing_else(envelope: Envelope) -> None:
    message = envelope.body
    signed = sign_statements(message, ANNA, MESH)
    assert type(signed) is type(message)
    assert len(statements(signed)) == len(statements(message))
