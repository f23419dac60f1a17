"""How each event changes what is known; most of it is seen through the rules."""

from typing import get_args

from meshkit.consensus.messages import NIL, EquivocationSeen, Validator
from meshkit.consensus.tendermint.fold import FOLDS, evolve
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    Event,
    HeightAnswered,
    HeightBegun,
    PeerAhead,
    Repeated,
    RoundAnswered,
    RoundStarted,
    ValueAnswered,
    ValueMissed,
    VoteCast,
    VoteHeard,
)
from meshkit.consensus.tendermint.state import (
    AGAIN_NS,
    AGAIN_NS_MAX,
    GRACE_NS,
    POLL_NS,
    POLL_NS_MAX,
    WINDOW_NS,
    State,
    may_answer,
)
from tests.consensus.tendermint.network import Block, equals, name
from tests.consensus.tendermint.playbook import Play, V, precommit, prevote, proposal, v


def begun(height: int = 1, state: State | None = None, now_ns: int = 0) -> State:
    return evolve(state or State(), HeightBegun(height, equals(4), now_ns))


def test_every_event_has_its_fold() -> None:
    assert set(FOLDS) == set(get_args(Event))


def test_a_height_begins_with_nothing() -> None:
    state = begun()
    assert (state.round, state.total, state.quorum) == (-1, 4, 3)
    assert state.again_due_ns == POLL_NS


def test_a_height_begins_in_a_hurry_when_others_are_ahead() -> None:
    state = evolve(begun(), PeerAhead(name(1), 9, 0))
    state = evolve(state, PeerAhead(name(2), 2, 0))
    later = begun(2, state, 1_000)
    assert later.again_due_ns == 1_000 + GRACE_NS
    assert dict(later.claims) == {name(1): 9}, "who claimed no more than this is forgotten"


def test_events_are_total() -> None:
    """Even those that `decide` never yields in such a state: evolve asks nothing."""
    empty = State()
    assert evolve(empty, RoundStarted(0, 3, 1, 2)).round == 3
    assert evolve(empty, VoteHeard(prevote(7, v, 1))).skip_to == -1
    assert evolve(empty, VoteHeard(prevote(0, v, 1))).rounds[0].prevotes.weight == 0
    assert evolve(empty, HeightBegun(0, (), 0)).quorum == 1
    strange = EquivocationSeen(name(1), Validator(name(1), 1), Validator(name(1), 2))  # type: ignore[arg-type]  # not even statements
    assert evolve(empty, strange) == empty


def test_silence_is_broken_less_and_less_often() -> None:
    idle = begun()
    waits: list[int] = []
    for number in range(40):
        now_ns = idle.again_due_ns
        idle = evolve(idle, Repeated(1, now_ns, False))
        assert idle.again_count == number + 1
        waits.append(idle.again_due_ns - now_ns)
    assert waits[:3] == [2 * POLL_NS, 4 * POLL_NS, 8 * POLL_NS]
    assert waits[-1] == POLL_NS_MAX
    open_ = evolve(begun(), RoundStarted(1, 0, 0, 0))
    assert open_.again_due_ns == AGAIN_NS
    for _ in range(20):
        open_ = evolve(open_, Repeated(1, open_.again_due_ns, False))
    assert open_.again_due_ns - open_.again_ns == AGAIN_NS_MAX


def test_where_nobody_is_patient_what_was_lost_is_said_again_sooner() -> None:
    """Within each round before it is given up, but never more often than a round trip takes."""
    ms = 1_000_000
    waits: list[int] = []
    for due_ms in (0, 60, 200, 600, 1_000, 9_000):
        state = evolve(begun(), RoundStarted(1, 0, 5 * ms, due_ms and (due_ms + 5) * ms))
        waits.append((state.again_due_ns - 5 * ms) // ms)
        cast = evolve(state, VoteCast(1, 0, PREVOTE, v, 7 * ms))
        assert (cast.again_due_ns - 7 * ms) // ms == waits[-1]
        again = evolve(cast, Repeated(1, 9 * ms, False))
        assert (again.again_due_ns - 9 * ms) // ms == 2 * waits[-1]
    assert waits == [400, 50, 100, 300, 400, 400]


def test_who_is_behind_asks_as_often_as_who_is_busy() -> None:
    state = evolve(evolve(begun(), PeerAhead(name(1), 9, 0)), Repeated(1, 0, False))
    assert state.again_due_ns == 2 * AGAIN_NS


def test_a_claim_hurries_us_once() -> None:
    state = evolve(begun(), PeerAhead(name(1), 9, 0))
    assert state.again_due_ns == GRACE_NS
    asked = evolve(state, Repeated(1, GRACE_NS, False))
    again = evolve(asked, PeerAhead(name(1), 7, GRACE_NS + 1))
    assert again.again_due_ns == asked.again_due_ns
    assert again.claims[name(1)] == 9


def test_answers_are_counted_by_window() -> None:
    state = evolve(begun(), HeightAnswered(name(1), 1, 0))
    assert not may_answer(state, "height", name(1), WINDOW_NS - 1)
    assert may_answer(state, "round", name(1), WINDOW_NS - 1), "another kind of question"
    assert may_answer(state, "height", name(2), WINDOW_NS - 1)
    assert may_answer(state, "height", name(1), WINDOW_NS)
    state = evolve(state, RoundAnswered(name(1), 1, 0, 5))
    state = evolve(state, ValueAnswered(name(1), 1, v, 6))
    assert len(state.answered) == 3
    later = evolve(state, HeightAnswered(name(2), 1, WINDOW_NS))
    assert (len(later.answered), later.window_ns) == (1, WINDOW_NS)


def test_what_was_missed_and_came_is_missed_no_longer() -> None:
    play = Play()
    play.state = evolve(play.state, ValueMissed(1, v))
    play.hear(proposal(0, V))
    assert not play.state.missed


def test_values_that_nothing_rests_on_are_forgotten() -> None:
    play = Play()
    for number in range(12):
        play.hear(proposal(number, Block(1, str(number))))
        play.hear(*(precommit(number, NIL, n) for n in (1, 2, 3)))
        play.time_out()
    assert len(play.state.values) <= 5
    assert len(play.state.judged) <= 5
