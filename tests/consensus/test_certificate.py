"""A certificate is arithmetic: distinct validators, in order, more than two thirds."""

from meshkit.consensus.certificate import stands, weights_of
from meshkit.consensus.messages import NIL, Certificate, Validator
from meshkit.consensus.tendermint.evidence import vouches
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Proposal, Vote
from meshkit.core.value import Statement, statements

VALUE = b"v" * 32
IDS = [bytes([number]) * 32 for number in range(1, 5)]
WEIGHTS = weights_of([Validator(key, 1) for key in IDS])


def precommit(
    voter: bytes, value_id: bytes = VALUE, round_: int = 2, kind: int = PRECOMMIT
) -> Vote:
    return Vote(kind, 7, round_, value_id, voter, b"s" * 64)


def certificate(*votes: Statement, value_id: bytes = VALUE) -> Certificate:
    return Certificate(7, 2, value_id, votes)


def test_three_of_four_stand() -> None:
    assert stands(certificate(*map(precommit, IDS[:3])), WEIGHTS, vouches)
    assert stands(certificate(*map(precommit, IDS)), WEIGHTS, vouches)


def test_too_few_fall() -> None:
    assert not stands(certificate(*map(precommit, IDS[:2])), WEIGHTS, vouches)
    assert not stands(certificate(), WEIGHTS, vouches)


def test_nobody_counts_twice() -> None:
    one, two = precommit(IDS[0]), precommit(IDS[1])
    assert not stands(certificate(one, two, two), WEIGHTS, vouches)


def test_votes_stand_in_order() -> None:
    """So one decision by the same votes has one certificate, to the byte."""
    assert not stands(certificate(*map(precommit, reversed(IDS))), WEIGHTS, vouches)


def test_outsiders_do_not_count() -> None:
    stranger = b"\xff" * 32
    votes = [*map(precommit, IDS[:3]), precommit(stranger)]
    assert not stands(certificate(*votes), WEIGHTS, vouches)


def test_each_vote_must_vouch_for_just_this() -> None:
    good = [precommit(key) for key in IDS[:2]]
    for bad in (
        precommit(IDS[2], round_=3),
        precommit(IDS[2], value_id=b"w" * 32),
        precommit(IDS[2], kind=PREVOTE),
        Proposal(7, 2, -1, VALUE, IDS[2]),
    ):
        assert not stands(certificate(*good, bad), WEIGHTS, vouches)


def test_nothing_cannot_be_decided() -> None:
    votes = [precommit(key, NIL) for key in IDS]
    assert not stands(certificate(*votes, value_id=NIL), WEIGHTS, vouches)


def test_whoever_opens_an_envelope_finds_every_vote() -> None:
    votes = [precommit(key) for key in IDS[:3]]
    assert sorted(statements(certificate(*votes)), key=repr) == sorted(votes, key=repr)
