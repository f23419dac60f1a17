"""Whose turn it was, what was proposed and what was judged wrong, height by height."""

from meshkit.audit.facts import WRONG_PROPOSAL
from meshkit.audit.heights import Heights
from meshkit.audit.places import Place
from meshkit.audit.silence import Turns
from meshkit.consensus.messages import Certificate, Decided, ProposalTaken, Validator
from meshkit.consensus.pbft import messages as pbft
from meshkit.consensus.pbft.messages import NewView, PrePrepare, PrePrepareHeard, ViewEntered
from meshkit.consensus.tendermint.messages import (
    HeightBegun,
    Proposal,
    ProposalHeard,
    RoundStarted,
    ValueJudged,
)
from meshkit.core.value import Value, digest
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import Block, Note, RoundResult
from meshkit.pool.messages import ItemPooled
from meshkit.rounds.messages import Judged, Proof, Result

WHO, TASK, ONE = b"w" * 32, b"t" * 32, b"1" * 32
PLACE = Place(b"n" * 32, 7, 1)
NOTE = Note(WHO, 1, b"said", b"s" * 64)
RESULT = RoundResult(WHO, TASK, 2, ONE, ONE, (), Proof((), ()), b"s" * 64)
BLOCK = Block(5, ONE, WHO, ONE, (NOTE, RESULT))
VALUE = digest(BLOCK)
PROPOSAL = Proposal(5, 1, -1, VALUE, WHO, None, b"s" * 64)


def heard(*events: Value) -> Heights:
    found = Heights()
    for event in events:
        found.hear(PLACE, event)
    return found


def test_turns() -> None:
    voters = (Validator(WHO, 1),)
    found = heard(
        HeightBegun(5, voters, 1),
        RoundStarted(5, 0, 1, 1),
        RoundStarted(5, 1, 1, 1),
        ProposalHeard(PROPOSAL),
    )
    assert found.turns(5) == Turns(5, {0: WHO}, {0: (PLACE,)})
    assert found.turns(6) == Turns(6, {}, {})


def test_turns_of_views_that_go_on_from_height_to_height() -> None:
    voters = tuple(Validator(bytes([number]) * 32, 1) for number in range(4))
    new_view = NewView(1, 3, (), (), (), voters[3].id)
    found = heard(
        pbft.HeightBegun(5, voters, 1, 4, 1),
        ViewEntered(new_view, 1),
        PrePrepareHeard(PrePrepare(3, 5, VALUE, voters[3].id), 1),
        pbft.HeightBegun(6, voters, 1, 4, 1),
        PrePrepareHeard(PrePrepare(3, 6, VALUE, voters[3].id), 1),
    )
    assert found.turns(5) == Turns(5, {2: voters[2].id}, {2: (PLACE,)})
    assert found.turns(6) == Turns(6, {}, {})


def test_whose_result_was_decided() -> None:
    found = heard(Decided(Certificate(5, 0, VALUE, ()), BLOCK))
    assert found.collector(5, TASK, 2) == WHO
    assert found.collector(5, TASK, 3) == found.collector(6, TASK, 2) == b""


def test_the_item_that_a_collector_signed() -> None:
    result = Result(WHO, TASK, 2, ONE, ONE, (), Proof((), ()))
    for event in (
        ItemPooled(RESULT, ONE, False, 1, 1, False),
        ProposalTaken(5, 1, VALUE, WHO, BLOCK),
    ):
        assert heard(event).result(result) == (RESULT,)
    assert heard().result(result) == ()


def test_a_block_that_was_judged_wrong() -> None:
    taken = (ProposalTaken(5, 1, VALUE, WHO, BLOCK), ProposalHeard(PROPOSAL))
    [(fact, place)] = heard(*taken, ValueJudged(5, VALUE, False)).wrong()
    assert place == PLACE
    assert (fact.scope, fact.who, fact.crime) == (("height", 5), WHO, WRONG_PROPOSAL)
    assert fact.proof == (PROPOSAL,)
    assert fact.what.endswith("the rules forbid the block")
    assert list(heard(*taken, ValueJudged(5, VALUE, True)).wrong()) == []


def test_a_block_with_a_wrong_result() -> None:
    judged = Judged(item_id(RESULT), TASK, 2, WHO, False, False, "makes another model")
    taken = (ProposalTaken(5, 1, VALUE, WHO, BLOCK), ProposalHeard(PROPOSAL))
    [(fact, _)] = heard(judged, *taken, ValueJudged(5, VALUE, False)).wrong()
    assert fact.proof == (PROPOSAL, RESULT)
    assert fact.what.endswith("the result of round 2 in it makes another model")


def test_a_judgement_without_a_signed_proposal_convicts_nobody() -> None:
    assert list(heard(ValueJudged(5, VALUE, False)).wrong()) == []
    other = Proposal(5, 0, -1, ONE, WHO)
    assert list(heard(ProposalHeard(other), ValueJudged(5, VALUE, False)).wrong()) == []
    assert (
        heard(Judged(ONE, TASK, 2, WHO, False, True, "")).result(
            Result(WHO, TASK, 2, ONE, ONE, (), Proof((), ()))
        )
        == ()
    )
