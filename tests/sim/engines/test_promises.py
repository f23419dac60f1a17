"""What the promises of engines count by."""

import pytest

from meshkit.consensus.messages import Certificate, Validator
from meshkit.consensus.tendermint.evidence import vouches
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Vote
from meshkit.sim.check import Broken
from meshkit.sim.engines.promises import is_proved, is_quorum, is_third, require, weighed
from tests.sim.engines.grounds import world

IDS = tuple(bytes([number]) * 32 for number in range(4))
WEIGHTS = weighed([Validator(id_, 1) for id_ in IDS])


def test_a_quorum_is_more_than_two_thirds_and_counts_each_once() -> None:
    assert is_quorum(IDS[:3], WEIGHTS)
    assert not is_quorum([IDS[0], IDS[1], IDS[1], b"stranger"], WEIGHTS)
    assert not is_quorum(IDS[:2], weighed([Validator(id_, 1) for id_ in IDS[:3]]))
    assert is_third(IDS[:2], WEIGHTS)
    assert not is_third([IDS[0], IDS[0]], WEIGHTS)


def test_a_proof_holds_a_quorum_of_votes_for_it_and_nothing_else() -> None:
    votes = [Vote(PRECOMMIT, 1, 0, b"v", id_) for id_ in IDS]
    others = Vote(PREVOTE, 1, 0, b"v", IDS[3]), Vote(PRECOMMIT, 1, 0, b"v", b"stranger")
    proof = Certificate(1, 0, b"v", tuple(votes[:3]))
    assert is_proved(proof, WEIGHTS, vouches)
    for wrong in (votes[:2], [*votes[:3], votes[0]], [*votes[:3], others[0]], [*votes, others[1]]):
        assert not is_proved(Certificate(1, 0, b"v", tuple(wrong)), WEIGHTS, vouches)


def test_what_does_not_hold_is_told_with_who_and_when() -> None:
    process = world().replicas[2]
    require(True, process, "all is well")
    with pytest.raises(Broken, match="node2 at 1000 ms: it is not"):
        require(0, process, "it is not")
