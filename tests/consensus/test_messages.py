"""What every engine is told and tells keeps its form."""

from meshkit.consensus.messages import NIL, Begin, Certificate, Committed, Validator
from meshkit.consensus.tendermint.messages import PRECOMMIT, Vote
from meshkit.core.value import canonical, from_canonical

ID = b"i" * 32


def test_a_certificate_comes_back_with_the_engine_s_own_votes() -> None:
    """So it is the same in a snapshot, whichever engine made it."""
    vote = Vote(PRECOMMIT, 3, 1, b"v" * 32, ID, b"s" * 64)
    committed = Committed(Certificate(3, 1, b"v" * 32, (vote,)), Validator(ID, 1))
    assert from_canonical(Committed, canonical(committed)) == committed


def test_a_vote_for_nothing_has_an_id_that_no_value_has() -> None:
    assert NIL == b""
    assert Begin(1, (Validator(ID, 1),)).validators[0].weight == 1
