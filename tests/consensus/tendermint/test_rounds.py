"""From round to round: deciding, skipping, timeouts, and who proposes what. Lines 11-21, 49-67."""

import pytest

from meshkit.consensus.messages import (
    NIL,
    Begin,
    Decided,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Validator,
)
from meshkit.consensus.tendermint import Timeouts
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Proposed,
    RoundStarted,
    ValueMissed,
    VoteCast,
)
from meshkit.consensus.tendermint.rules import next_event
from meshkit.core.machine import Wake
from tests.consensus.tendermint.network import MS, Block, equals, name
from tests.consensus.tendermint.playbook import (
    Play,
    V,
    W,
    precommit,
    prevote,
    proposal,
    turn_of,
    v,
    w,
)


def locked_on_v() -> Play:
    """Locked on V in round 0, now in round 1, where node 1 proposes."""
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2))
    play.hear(precommit(0, NIL, 1), precommit(0, NIL, 2))
    play.time_out()
    assert (play.state.round, play.state.locked_round, play.state.locked_id) == (1, 0, v)
    play.forget()
    return play


# -- lines 49-56 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2])
def test_T05_line_49_decides_in_a_past_round(number: int) -> None:
    play = Play()
    play.hear(proposal(0, V))
    play.hear(prevote(2, NIL, 1), prevote(2, NIL, 2))
    play.hear(*(precommit(number, v, n) for n in (1, 2, 3)))
    [decided] = play.of(Decided)
    assert (decided.certificate.round, decided.value) == (number, V)


@pytest.mark.parametrize("number", [1, 7, 10**9])
def test_T05_line_49_decides_in_a_later_round(number: int) -> None:
    play = Play()
    play.hear(proposal(0, V))
    play.hear(*(precommit(number, v, n) for n in (1, 2, 3)))
    [decided] = play.of(Decided)
    assert decided.certificate.round == number


def test_T05_line_49_does_not_ask_for_our_judgement() -> None:
    play = Play(judge=lambda _: None)
    play.hear(proposal(0, V), *(precommit(0, v, n) for n in (1, 2, 3)))
    assert len(play.of(Decided)) == 1


def test_T05_a_follower_decides_too() -> None:
    play = Play(me=9)
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2, 3)))
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    assert len(play.of(Decided)) == 1
    assert play.votes == []


def test_T06_line_55_skips_at_more_than_a_third_of_distinct_senders() -> None:
    play = Play()
    play.hear(prevote(4, v, 1), precommit(4, v, 1))
    assert play.state.round == 0, "one sender, whatever it sends"
    play.hear(precommit(4, NIL, 2))
    assert play.state.round == 4, "prevotes and precommits count together"
    assert play.state.rounds[4].prevotes.weight == 1


def test_T06_line_55_counts_who_is_further_ahead() -> None:
    play = Play()
    play.hear(prevote(3, v, 1), prevote(9, v, 2))
    assert play.state.round == 3
    play.hear(prevote(9, v, 3))
    assert play.state.round == 9


def test_T06_exactly_a_third_is_not_enough() -> None:
    play = Play(validators=equals(6))
    play.hear(prevote(4, v, 1), prevote(4, v, 2))
    assert play.state.round == 0
    play.hear(prevote(4, v, 3))
    assert play.state.round == 4


def test_T06_weights_count_not_heads() -> None:
    heavy = tuple(Validator(name(n), 3 if n == 1 else 1) for n in range(4))
    play = Play(validators=heavy)
    play.hear(prevote(2, v, 2), prevote(2, v, 3))
    assert play.state.round == 0
    play.hear(prevote(2, v, 1))
    assert play.state.round == 2


# -- lines 57-67 ----------------------------------------------------------------------------------


def test_T07_timeouts_grow_without_bound() -> None:
    timeouts = Timeouts(propose_ms=300, vote_ms=200, step_ms=50)
    assert timeouts.propose_ns(0) == 300 * MS
    assert timeouts.propose_ns(1_000) == 50_300 * MS
    assert timeouts.vote_ns(10**6) == (200 + 50 * 10**6) * MS


def test_T07_a_silent_proposer_costs_one_timeout() -> None:
    play = Play()
    assert play.state.step_due_ns == 1_000 * MS + Timeouts().propose_ns(0)
    play.time_out()
    assert play.votes == [(PREVOTE, 0, NIL)]


def test_T07_a_timer_of_a_past_step_does_nothing() -> None:
    play = Play()
    due = play.state.step_due_ns
    play.hear(proposal(0, V))
    play.now_ns = due
    assert not any(isinstance(event, VoteCast) for event in play.do(Wake()))
    assert play.votes == [(PREVOTE, 0, v)]


def test_T07_a_timer_of_a_past_round_does_nothing() -> None:
    play = Play()
    play.hear(*(precommit(0, NIL, n) for n in (1, 2, 3)))
    due = play.state.round_due_ns
    play.hear(prevote(5, NIL, 1), prevote(5, NIL, 2))
    play.now_ns = due
    play.do(Wake())
    assert play.state.round == 5


def test_T07_line_65_goes_on_to_the_next_round() -> None:
    play = Play()
    play.hear(*(precommit(0, NIL, n) for n in (1, 2, 3)))
    play.time_out()
    [started] = play.of(RoundStarted)
    assert started == RoundStarted(1, 1, play.now_ns, play.now_ns + Timeouts().propose_ns(1))


# -- lines 11-21 ----------------------------------------------------------------------------------


def test_T08_the_proposer_is_asked_for_a_value_and_may_answer_late() -> None:
    play = Play(me=2)
    assert play.state.asked
    play.pass_ms(500)
    play.do(Propose(1, 0, V))
    assert play.of(Proposed) == [Proposed(1, 0, -1, v)]
    assert play.votes == [(PREVOTE, 0, v)]


def test_T08_an_answer_for_another_round_height_or_time_is_refused() -> None:
    play = Play(me=2)
    for command in (Propose(1, 1, V), Propose(2, 0, V)):
        assert play.do(command) == []
    assert Play().do(Propose(1, 0, V)) == [], "it is not our turn"
    play.time_out()
    assert play.do(Propose(1, 0, V)) == [], "too late: we prevoted nil"


def test_T08_one_proposal_a_round() -> None:
    play = Play(me=2)
    play.do(Propose(1, 0, V))
    assert play.do(Propose(1, 0, W)) == []
    assert play.do(Propose(1, 0, V)) == []


def test_T08_the_valid_value_is_proposed_again_not_the_locked_one() -> None:
    """Line 15. Locked on V in round 0; a quorum for W in round 1 comes too late to lock."""
    play = locked_on_v()
    play.hear(proposal(1, W))
    play.hear(prevote(1, w, 1), prevote(1, w, 2))
    play.time_out()
    assert play.votes == [(PREVOTE, 1, NIL), (PRECOMMIT, 1, NIL)]
    play.hear(prevote(1, w, 3))
    assert (play.state.locked_id, play.state.valid_id, play.state.valid_round) == (v, w, 1)
    play.hear(prevote(3, NIL, 1), prevote(3, NIL, 2))
    assert play.state.round == turn_of(0) == 3
    [again] = play.of(Proposed)
    assert again == Proposed(1, 3, 1, w)


def test_T08_locks_last_from_round_to_round_and_end_with_the_height() -> None:
    play = locked_on_v()
    for _ in range(2):
        play.time_out()
        play.hear(*(precommit(play.state.round, NIL, n) for n in (1, 2, 3)))
        play.time_out()
        assert (play.state.locked_round, play.state.locked_id, play.state.valid_id) == (0, v, v)
    play.hear(*(precommit(99, v, n) for n in (1, 2, 3)))
    assert play.state.decided
    play.do(Begin(2, equals(4)))
    state = play.state
    assert (state.locked_round, state.locked_id, state.valid_round, state.valid_id) == (
        -1,
        NIL,
        -1,
        NIL,
    )


def test_T08_a_value_that_becomes_valid_while_we_wait_is_proposed() -> None:
    """Asked for a new value in round 3, we learn of a quorum in round 0 instead."""
    play = Play()
    play.hear(proposal(0, V))
    play.hear(prevote(3, NIL, 1), prevote(3, NIL, 2))
    assert play.of(ProposalWanted) == [ProposalWanted(1, 3)]
    play.hear(prevote(0, v, 1), prevote(0, v, 2))
    assert play.of(Proposed) == [Proposed(1, 3, 0, v)]
    assert play.do(Propose(1, 3, W)) == []


def test_T08_a_value_proposed_again_is_taken_once() -> None:
    play = Play()
    play.hear(proposal(0, V))
    play.hear(prevote(1, NIL, 1), prevote(1, NIL, 2), proposal(1, V))
    assert [taken.value for taken in play.of(ProposalTaken)] == [V]
    assert play.state.rounds[1].proposal is not None


def test_T15_a_missing_value_stops_nothing_else() -> None:
    """A quorum precommitted what we lack; until it comes we follow the others' rounds."""
    play = Play()
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    assert play.of(ValueMissed) == [ValueMissed(1, v)]
    play.hear(prevote(4, NIL, 1), prevote(4, NIL, 2))
    assert play.state.round == 4
    play.hear(proposal(0, V))
    assert len(play.of(Decided)) == 1


def test_an_idle_height_waits_for_nothing() -> None:
    play = Play(opened=False)
    assert play.state.round == -1
    assert play.machine.deadline(play.state) == play.state.again_due_ns
    assert next_event(play.state, name(0), Timeouts(), play.now_ns) is None


def test_every_block_of_the_tests_is_another_value() -> None:
    assert len({v, w, Block(2, "v")}) == 3
