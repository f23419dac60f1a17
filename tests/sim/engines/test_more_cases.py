"""PBFT and Raft in every order of a few things; and each promise can be broken there."""

import pytest

from meshkit.consensus import certificate
from meshkit.consensus.pbft import fold
from meshkit.consensus.raft.messages import Append, Campaign, RequestVote, VoteReply
from meshkit.consensus.raft.state import State
from meshkit.core.shell import FREE
from meshkit.sim.engines.more_cases import IDS, PBFT_CASES, RAFT_CASES, stand, vows
from meshkit.sim.search import NAME, Said, Search


def free(effect: object) -> int:
    return FREE


@pytest.mark.parametrize("case", RAFT_CASES, ids=lambda case: case.name)
def test_r3_r24_what_raft_vows_and_commits_holds_in_every_order(case: object) -> None:
    (case,) = [one for one in RAFT_CASES if one is case]
    found = Search(case).run(7)
    assert not found.broken, "\n".join((found.broken, *found.trace))
    assert found.worlds > 1_000


def test_the_stories_before_come_to_where_they_say() -> None:
    search = Search(RAFT_CASES[3])
    states = [search.locals[number].state[NAME] for number in search.begin()[3:]]
    assert [state.role for state in states] == [2, 0, 0]
    assert [state.term for state in states] == [1, 1, 0]
    search = Search(PBFT_CASES[3])
    states = [search.locals[number].state[NAME] for number in search.begin()[3:]]
    assert len({state.slot.pre_prepare.value_id for state in states}) == 2


def test_votes_and_leaderships_are_vows() -> None:
    granted = Said(VoteReply(3, True), IDS[0], 0b10)
    assert vows(granted) == ((("vote", IDS[0], 3), b"\x02"),)
    assert vows(granted._replace(message=VoteReply(3, False))) == ()
    assert vows(granted._replace(message=RequestVote(3, 0, 0, False))) == ()
    leads = Said(Append(3, 0, 0, (), 0, False), IDS[1], 0b1)
    assert vows(leads) == ((("lead", 3), IDS[1]),)
    assert stand(State(term=4)) == Campaign(5)


def test_r1_a_vote_that_leaves_before_it_is_written_is_found() -> None:
    found = Search(RAFT_CASES[1]._replace(urgency=free)).run(7)
    assert "excludes another" in found.broken
    assert any(move.endswith(" crashes") for move in found.trace)


def test_p17_what_leaves_before_it_is_written_is_found() -> None:
    found = Search(PBFT_CASES[1]._replace(urgency=free)).run(4)
    assert "excludes another" in found.broken


def test_p1_a_quorum_of_half_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(total: int) -> int:
        return total // 2

    for module in (fold, certificate):
        monkeypatch.setattr(module, "quorum", half)
    found = Search(PBFT_CASES[2]).run(6)
    assert found.broken == "two values are decided at one height"
