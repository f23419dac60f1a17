"""Traces of our own making, played by `Player`: plain numbers and texts, in and out."""

import pytest

from meshkit.consensus.tendermint.script import Output, Player, View

A = "a"
PROPOSE, PREVOTE, PRECOMMIT = "propose", "prevote", "precommit"


def begun() -> Player:
    """Validator 1 of four; round 0 is another's turn, and has begun."""
    player = Player()
    assert player.proposer(0) == 3
    assert player.start() == [Output("round", 0), Output("timer", 0, PROPOSE)]
    return player


def test_a_height_from_its_proposal_to_its_decision() -> None:
    player = begun()
    assert player.proposal(0, A) == [Output(PREVOTE, 0, A)]
    assert player.prevote(2, 0, A) == []
    assert player.prevote(3, 0, A) == [Output(PRECOMMIT, 0, A)]
    assert player.view() == View(1, 0, PRECOMMIT, 0, A, 0, A, False)
    assert player.precommit(2, 0, A) == []
    assert player.precommit(3, 0, A) == [Output("decide", 0, A)]
    assert player.view().decided
    assert player.next_height() == []
    assert player.view() == View(2, -1, PROPOSE, -1, None, -1, None, False)
    assert player.start()[0] == Output("round", 0)


def test_whose_turn_it_is_is_asked_what_to_propose() -> None:
    player = Player(me=3)
    assert player.start() == [Output("round", 0), Output("timer", 0, PROPOSE), Output("want", 0)]
    assert player.propose(A) == [Output(PROPOSE, 0, A), Output(PREVOTE, 0, A)]
    assert player.propose("another") == [], "it has proposed"


def test_what_is_invalid_is_voted_nil() -> None:
    player = Player(invalid=["bad"])
    player.start()
    assert player.proposal(0, "bad") == [Output(PREVOTE, 0, None)]


def test_timeouts_come_when_the_trace_says_so() -> None:
    player = begun()
    assert player.timeout(PREVOTE) == [], "none runs"
    assert player.timeout(PRECOMMIT) == []
    assert player.timeout(PROPOSE) == [Output(PREVOTE, 0, None)]
    assert player.timeout(PROPOSE) == [], "it is over"
    assert player.timeout(PREVOTE) == []
    assert player.prevote(2, 0, A) == []
    assert player.prevote(3, 0) == [Output("timer", 0, PREVOTE)]
    assert player.precommit(2, 0) == []
    assert player.precommit(3, 0) == []
    assert player.precommit(4, 0, A) == [Output("timer", 0, PRECOMMIT)]
    # The later one first: to a specification their lengths mean nothing.
    assert player.timeout(PRECOMMIT) == [Output("round", 1), Output("timer", 1, PROPOSE)]
    assert player.view() == View(1, 1, PROPOSE, -1, None, -1, None, False)


def test_the_earlier_of_two_timeouts_may_come_first_too() -> None:
    player = begun()
    player.timeout(PROPOSE)
    for voter, text in ((2, A), (3, None)):
        player.prevote(voter, 0, text)
    for voter in (2, 3):
        player.precommit(voter, 0)
    assert player.precommit(4, 0, A) == [Output("timer", 0, PRECOMMIT)]
    assert player.timeout(PREVOTE) == [Output(PRECOMMIT, 0, None)]


def test_a_locked_value_is_kept_until_a_later_round_s_quorum_releases_it() -> None:
    player = begun()
    player.proposal(0, A)
    player.prevote(2, 0, A)
    player.prevote(3, 0, A)
    for voter in (2, 3):
        player.precommit(voter, 0)
    player.timeout(PRECOMMIT)
    assert player.proposer(1) == 2
    assert player.proposal(1, "b") == [Output(PREVOTE, 1, None)], "it is locked"
    assert player.prevote(2, 1, "b") == []
    assert player.prevote(3, 1, "b")[-1] == Output("timer", 1, PREVOTE)
    assert player.prevote(4, 1, "b") == [Output(PRECOMMIT, 1, "b")]
    assert player.view() == View(1, 1, PRECOMMIT, 1, "b", 1, "b", False)


def test_a_proposal_with_a_valid_round_is_prevoted_when_its_prevotes_are_there() -> None:
    player = begun()
    player.timeout(PROPOSE)
    for voter in (2, 3):
        player.prevote(voter, 0, A)
    for voter in (2, 3):
        player.precommit(voter, 0)
    player.timeout(PREVOTE)
    player.timeout(PRECOMMIT)
    assert player.proposal(1, A, 0) == [], "too few prevoted it in round 0, as far as is known"
    assert player.prevote(4, 0, A) == [Output(PREVOTE, 1, A)]


def test_a_locked_value_that_is_proposed_again_is_prevoted_again() -> None:
    player = begun()
    player.proposal(0, A)
    for voter in (2, 3):
        player.prevote(voter, 0, A)
    player.precommit(4, 0)
    assert player.precommit(2, 0, A) == [Output("timer", 0, PRECOMMIT)]
    player.timeout(PRECOMMIT)
    assert player.proposal(1, A, 0) == [Output(PREVOTE, 1, A)]


def test_a_quorum_that_comes_after_the_precommit_makes_a_value_valid_and_locks_nothing() -> None:
    player = begun()
    player.proposal(0, A)
    player.prevote(2, 0)
    player.prevote(3, 0, A)
    assert player.timeout(PREVOTE) == [Output(PRECOMMIT, 0, None)]
    player.prevote(4, 0, A)
    assert player.view() == View(1, 0, PRECOMMIT, -1, None, 0, A, False)


def test_a_round_that_is_past_may_still_decide() -> None:
    player = Player(count=7, me=1)
    player.start()
    player.timeout(PROPOSE)
    player.precommit(2, 0)
    for voter in (3, 4, 5, 6):
        player.precommit(voter, 0, A)
    player.timeout(PRECOMMIT)
    assert player.view().round == 1
    assert player.precommit(7, 0, A) == []
    assert player.proposal(0, A)[-1] == Output("decide", 0, A)


def test_more_than_a_third_ahead_take_one_along() -> None:
    player = begun()
    assert player.prevote(2, 5) == []
    assert player.prevote(4, 5)[0] == Output("round", 5)


@pytest.mark.parametrize(("weights", "enough"), [((1, 1, 1, 1), False), ((1, 7, 1, 1), True)])
def test_votes_weigh_what_their_voters_do(weights: tuple[int, ...], enough: bool) -> None:
    player = Player(weights=weights, me=1)
    player.start()
    while player.proposer(max(player.view().round, 0)) == 1:
        player.timeout(PROPOSE)
    player.proposal(0, A)
    assert (player.prevote(2, 0, A) == [Output(PRECOMMIT, 0, A)]) == enough
