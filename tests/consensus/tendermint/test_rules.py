"""The paper's lines, one story each. Node 0 of four; it proposes in round 3."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.consensus.messages import (
    NIL,
    Judge,
    Validator,
)
from meshkit.consensus.tendermint import Timeouts
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    TimerStarted,
    ValidFound,
    ValueMissed,
)
from meshkit.consensus.tendermint.rules import next_event
from meshkit.consensus.tendermint.state import PROPOSE, State
from tests.consensus.tendermint.network import MS, name
from tests.consensus.tendermint.playbook import (
    Play,
    V,
    W,
    precommit,
    prevote,
    proposal,
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


# -- lines 22-33 ----------------------------------------------------------------------------------


def test_T01_line_22_prevotes_a_valid_new_value() -> None:
    play = Play()
    play.hear(proposal(0, V))
    assert play.votes == [(PREVOTE, 0, v)]


def test_T01_line_26_prevotes_nil_for_an_invalid_value() -> None:
    play = Play(judge=lambda value: False)
    play.hear(proposal(0, V))
    assert play.votes == [(PREVOTE, 0, NIL)]


def test_T01_line_26_prevotes_nil_when_locked_elsewhere() -> None:
    play = locked_on_v()
    play.hear(proposal(1, W))
    assert play.votes == [(PREVOTE, 1, NIL)]


def test_T01_line_22_prevotes_what_it_is_locked_on_though_nothing_vouches() -> None:
    play = locked_on_v()
    play.hear(proposal(1, V))
    assert play.votes == [(PREVOTE, 1, v)]


def test_T01_line_28_waits_for_the_quorum_that_vouches() -> None:
    play = Play()
    play.hear(prevote(1, NIL, 1), prevote(1, NIL, 2))  # line 55: to round 1
    play.hear(proposal(1, V, valid_round=0))
    assert play.votes == []
    play.hear(prevote(0, v, 1), prevote(0, v, 2))
    assert play.votes == []
    play.hear(prevote(0, v, 3))
    assert play.votes == [(PREVOTE, 1, v)]


def test_T01_line_32_prevotes_nil_when_locked_later_than_what_vouches() -> None:
    play = locked_on_v()
    play.hear(proposal(1, V), prevote(1, v, 1), prevote(1, v, 2))  # locked again, in round 1
    play.hear(precommit(1, NIL, 1), precommit(1, NIL, 2))
    play.time_out()
    play.forget()
    assert play.state.locked_round == 1
    play.hear(*(prevote(0, w, n) for n in (1, 2, 3)), proposal(2, W, valid_round=0))
    assert play.votes == []  # these voters said V in round 0: nothing vouches for W yet
    play.state = replace(play.state, rounds=play.state.rounds.delete(0))
    play.hear(*(prevote(0, w, n) for n in (1, 2, 3)))
    assert play.votes == [(PREVOTE, 2, NIL)]


def test_T01_line_29_a_later_quorum_unlocks() -> None:
    play = locked_on_v()
    play.time_out()  # prevote nil in round 1
    play.hear(*(prevote(1, w, n) for n in (1, 2, 3)), *(precommit(1, NIL, n) for n in (1, 2, 3)))
    play.time_out()
    assert play.state.round == 2
    play.forget()
    play.hear(proposal(2, W, valid_round=1))
    assert play.votes == [(PREVOTE, 2, w)]


@given(
    st.integers(-1, 3),
    st.sampled_from([v, w]),
    st.integers(-1, 3),
    st.booleans(),
    st.booleans(),
)
def test_T01_every_case_of_lines_22_to_33(
    locked_round: int, locked_id: bytes, vouched: int, polka: bool, valid: bool
) -> None:
    """Against the paper's formula, as written there. Node 1 proposes V in round 5."""
    play = Play(judge=lambda _: valid)
    play.hear(precommit(5, NIL, 1), precommit(5, NIL, 2))
    if polka and vouched >= 0:
        play.hear(*(prevote(vouched, v, n) for n in (1, 2, 3)))
    locked = locked_id if locked_round >= 0 else NIL
    play.state = replace(play.state, locked_round=locked_round, locked_id=locked, valid_round=9)
    play.forget()
    play.hear(proposal(5, V, valid_round=vouched))
    if vouched == -1:
        expected = valid and (locked_round == -1 or locked == v)
        assert play.votes == [(PREVOTE, 5, v if expected else NIL)]
    elif polka:
        expected = valid and (locked_round <= vouched or locked == v)
        assert play.votes == [(PREVOTE, 5, v if expected else NIL)]
    else:
        assert play.votes == []


# -- every order ----------------------------------------------------------------------------------


def after(messages: tuple[object, ...]) -> State:
    play = Play()
    play.hear(*messages)
    return play.state


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(
            [proposal(0, V), *(prevote(0, v, n) for n in (1, 2, 3)), precommit(0, v, 1)],
            id="a lock",
        ),
        pytest.param(
            [
                proposal(0, V),
                *(prevote(0, NIL, n) for n in (1, 2, 3)),
                precommit(0, NIL, 1),
                precommit(0, v, 2),
            ],
            id="nothing",
        ),
        pytest.param(
            [proposal(0, V), prevote(0, v, 1), prevote(0, NIL, 2), precommit(0, NIL, 1)],
            id="two timers",
        ),
        pytest.param(
            [
                proposal(1, V, valid_round=0),
                *(prevote(0, v, n) for n in (1, 2, 3)),
                prevote(1, v, 1),
                prevote(1, v, 2),
            ],
            id="a proposal that an older quorum vouches for",
        ),
        pytest.param(
            [precommit(5, v, 1), prevote(5, v, 1), prevote(5, w, 2), prevote(4, w, 3)],
            id="a skip",
        ),
    ],
)
def test_T02_all_orders_of_the_same_messages_give_the_same_state(messages: list[object]) -> None:
    states = [after(order) for order in permutations(messages)]
    assert all(state == states[0] for state in states)


def test_T02_all_orders_of_a_decision_decide() -> None:
    """Precommits before the proposal, prevotes last: whatever comes, V is decided in round 0."""
    messages = [
        proposal(0, V),
        *(prevote(0, v, n) for n in (1, 2)),
        *(precommit(0, v, n) for n in (1, 2, 3)),
    ]
    for order in permutations(messages):
        state = after(order)
        assert state.decided
        assert state.last is not None
        assert (state.last.certificate.round, state.last.value) == (0, V)


def test_T02_prevotes_before_the_proposal() -> None:
    play = Play()
    play.hear(*(prevote(0, v, n) for n in (1, 2, 3)))
    assert play.votes == []
    play.hear(proposal(0, V))
    assert play.votes == [(PREVOTE, 0, v), (PRECOMMIT, 0, v)]


def test_T02_a_judgement_that_comes_late_is_obeyed_while_the_step_lasts() -> None:
    verdicts: dict[str, bool] = {}
    play = Play(judge=lambda value: verdicts.get("V"))
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2))
    assert play.votes == []
    play.do(Judge(1, v, True))
    assert play.votes == [(PREVOTE, 0, v), (PRECOMMIT, 0, v)]


# -- lines 34-46 ----------------------------------------------------------------------------------


def test_T03_line_36_locks_and_precommits_in_step_prevote() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1))
    assert play.votes == [(PREVOTE, 0, v)]
    play.hear(prevote(0, v, 2))
    assert play.votes == [(PREVOTE, 0, v), (PRECOMMIT, 0, v)]
    assert (play.state.locked_round, play.state.valid_round) == (0, 0)


def test_T03_line_42_updates_the_valid_value_in_step_precommit_and_locks_nothing() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, NIL, 2))
    play.time_out()  # line 61: precommit nil
    assert play.votes == [(PREVOTE, 0, v), (PRECOMMIT, 0, NIL)]
    play.hear(prevote(0, v, 3))
    assert play.of(ValidFound) == [ValidFound(1, 0, v)]
    assert (play.state.locked_round, play.state.valid_id) == (-1, v)
    assert len(play.votes) == 2


def test_T03_line_36_needs_the_value_itself() -> None:
    """A quorum for a value that we have not seen locks nothing; it is asked for."""
    play = Play()
    play.time_out()
    play.hear(*(prevote(0, v, n) for n in (1, 2, 3)))
    assert play.state.locked_round == -1
    assert play.of(ValueMissed) == [ValueMissed(1, v)]
    play.hear(proposal(0, V))
    assert play.votes == [(PREVOTE, 0, NIL), (PRECOMMIT, 0, v)]


def test_T03_line_36_needs_our_own_judgement() -> None:
    play = Play(judge=lambda _: False)
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2, 3)))
    assert play.votes == [(PREVOTE, 0, NIL)]
    play.time_out()
    assert play.votes == [(PREVOTE, 0, NIL), (PRECOMMIT, 0, NIL)]
    assert play.state.valid_round == -1


def test_T03_line_36_waits_for_step_prevote() -> None:
    play = Play()
    play.hear(prevote(1, NIL, 1), prevote(1, NIL, 2), proposal(1, V, valid_round=0))
    play.hear(*(prevote(1, v, n) for n in (3,)))
    play.hear(proposal(0, V))
    play.state = replace(play.state, polka_round=1, rounds=_with_polka(play.state, 1), skip_to=-1)
    assert next_event(play.state, name(0), Timeouts(), play.now_ns) is None
    assert play.state.step == PROPOSE


def _with_polka(state: State, number: int) -> object:
    at = state.rounds[number]
    return state.rounds.set(number, replace(at, prevotes=replace(at.prevotes, quorum_for=v)))


def test_T03_line_36_waits_for_its_round() -> None:
    """A quorum in the next round that hardly anyone but our own key's thief is in."""
    heavy = tuple(Validator(name(n), 1 if n else 3) for n in range(4))
    play = Play(validators=heavy)
    play.hear(Known((), tuple(prevote(1, v, n) for n in (0, 1, 2))))
    assert (play.state.polka_round, play.state.round) == (1, 0)
    assert play.votes == []


def test_T03_line_42_takes_a_late_quorum_of_an_earlier_round() -> None:
    """Beyond the paper: it may be proposed again, with the round it is from."""
    play = Play()
    play.hear(proposal(0, V))
    play.hear(prevote(2, NIL, 1), prevote(2, NIL, 2))
    assert play.state.round == 2
    play.hear(*(prevote(0, v, n) for n in (1, 2)))
    assert play.of(ValidFound) == [ValidFound(1, 0, v)]


def test_T04_line_44_precommits_nil_at_once() -> None:
    play = Play()
    play.time_out()
    play.hear(prevote(0, NIL, 1))
    assert play.votes == [(PREVOTE, 0, NIL)]
    play.hear(prevote(0, NIL, 2))
    assert play.votes == [(PREVOTE, 0, NIL), (PRECOMMIT, 0, NIL)]


def test_T04_line_34_starts_one_timer_a_round() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, NIL, 1), prevote(0, w, 2))
    play.pass_ms(100)
    play.hear(prevote(0, NIL, 3))
    due = 1_000 * MS + Timeouts().vote_ns(0)
    assert play.of(TimerStarted) == [TimerStarted(1, 0, PREVOTE, due)]


def test_T04_line_34_waits_for_step_prevote() -> None:
    play = Play()
    play.hear(*(prevote(0, NIL, n) for n in (1, 3)), prevote(0, w, 2))
    assert play.of(TimerStarted) == []


def test_T04_line_47_starts_one_timer_a_round_whatever_the_step() -> None:
    play = Play()
    play.hear(precommit(0, NIL, 1), precommit(0, NIL, 2))
    assert play.of(TimerStarted) == []
    play.hear(precommit(0, v, 3))
    assert [(t.round, t.kind) for t in play.of(TimerStarted)] == [(0, PRECOMMIT)]
    play.pass_ms(100)
    play.time_out()  # line 57 fires first: prevote nil, then nothing new
    assert [(t.round, t.kind) for t in play.of(TimerStarted)] == [(0, PRECOMMIT)]
