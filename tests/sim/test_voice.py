"""A signature, modelled or real, is its signer's and binds what is said in one mesh."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from meshkit.consensus.tendermint.messages import PREVOTE, Known, Proposal, Vote
from meshkit.core.history import Head
from meshkit.core.value import Value, digest
from meshkit.journal import Head as Tail
from meshkit.ledger.messages import Block, Note, RoundResult
from meshkit.pool.messages import Offered
from meshkit.rounds.messages import Attestation, Held, Proof, Update
from meshkit.sim import people
from meshkit.sim.voice import VERIFY_NS, heard, is_authentic, signed_by, spoken, voice

MESH, OTHER = digest("a mesh"), digest("another")
ANN, BOB = people.node(0), people.node(1)
PEOPLE = {person.key: person for person in (ANN, BOB)}
NOTE = Note(ANN.key, 1, b"words")
NAME = digest("name")
JOURNAL = SimpleNamespace(head=lambda: Tail(1, NAME))  # of one entry
MODES = pytest.mark.parametrize("real", [False, True], ids=["modelled", "real"])


@MODES
def test_only_the_signer_can_sign_and_only_for_this_mesh(real: bool) -> None:
    signed = signed_by(ANN, NOTE, MESH, real)
    assert is_authentic(Offered(signed), PEOPLE, MESH, real)
    assert is_authentic(Head(), PEOPLE, MESH, real)
    lies = (
        NOTE,
        replace(signed, payload=b"other words"),
        replace(signed, author=BOB.key),
        signed_by(BOB, NOTE, MESH, real) if not real else replace(NOTE, signature=bytes(64)),
        signed_by(ANN, NOTE, OTHER, real),
    )
    for lie in lies:
        assert not is_authentic(Offered(lie), PEOPLE, MESH, real)


def test_nobody_unknown_is_authentic() -> None:
    stranger = people.node(9)
    signed = signed_by(stranger, Note(stranger.key, 1, b""), MESH, False)
    assert not is_authentic(signed, PEOPLE, MESH, False)


@MODES
def test_a_voice_signs_what_is_its_own(real: bool) -> None:
    says = voice(ANN, MESH, JOURNAL, real)
    signed, envelope = says.say(NOTE, 1, 0)
    assert is_authentic(signed, PEOPLE, MESH, real)
    assert bool(envelope) == real
    assert says.say(signed, 1, 0)[0] == signed
    assert says.say(Head(), 1, 0)[0] == Head()
    if not real:
        foreign = Note(BOB.key, 1, b"")
        assert says.say(foreign, 1, 0) == (foreign, b"")


def test_real_bytes_are_opened_by_their_hearer_or_refused() -> None:
    says = voice(ANN, MESH, JOURNAL, True)
    signed, envelope = says.say(NOTE, 1, 0)
    offered = Offered(signed_by(ANN, NOTE, MESH, True))
    assert offered.item == signed
    said = spoken(ANN.key, offered, says.say(offered, 1, 0)[1])
    assert heard(said, MESH) == said.command
    assert heard(said, OTHER) is None
    assert heard(said._replace(envelope=envelope[:-1]), MESH) is None
    assert heard(said._replace(sender=BOB.key), MESH) is None


def test_opening_costs_a_verification_for_the_envelope_and_each_statement() -> None:
    vote = Vote(PREVOTE, 1, 0, NAME, ANN.key)
    update = Update(ANN.key, NAME, 0, NAME, 1, 1, -1, -1)
    held = Held(ANN.key, NAME, 0, (update, update))
    attested = Attestation(ANN.key, NAME, 0, NAME, NAME)
    result = RoundResult(ANN.key, NAME, 0, NAME, NAME, (), Proof((held,), (attested,)))
    block = Block(1, NAME, ANN.key, NAME, (NOTE, result))
    proposal = Proposal(1, 0, -1, digest(block), ANN.key, block)
    costs: list[tuple[Value, int]] = [
        (Head(), 0),
        (vote, 1),
        (attested, 1),
        (held, 3),
        (result, 5),
        (replace(proposal, value=None), 1),
        (proposal, 7),
        (Known((proposal,), (vote, vote)), 9),
        (Offered(NOTE), 1),
    ]
    for message, count in costs:
        assert spoken(ANN.key, message, b"").cost_ns == VERIFY_NS * (1 + count), message
