"""The core's contract, told on the smallest machine there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.core.machine import (
    Divergence,
    Entry,
    Moment,
    Restarted,
    Wake,
    earliest,
    recheck,
    replay,
    step,
)
from meshkit.core.value import Value
from tests import laws
from tests.core.clockwork import AlarmClock, Clockwork, Rang, Ring, Set, WasSet

stories = st.lists(
    st.tuples(
        st.one_of(st.builds(Set, st.integers(1, 50)), st.just(Wake()), st.just(Restarted())),
        st.integers(0, 100),
    )
)


def test_step_gives_state_entry_and_effects() -> None:
    clock = AlarmClock()
    state, entry, effects = step(clock, Clockwork(5, 0), Wake(), Moment(5, 1), b"as it came")
    assert state == Clockwork(None, 1)
    assert entry == Entry(Moment(5, 1), Wake(), (Rang(),), b"as it came")
    assert effects == [Ring(1)]


@given(stories)
def test_every_story_replays(story: list[tuple[Value, int]]) -> None:
    laws.check_replay(AlarmClock(), story)


@given(stories)
def test_every_state_survives_a_snapshot(story: list[tuple[Value, int]]) -> None:
    laws.check_snapshot(AlarmClock(), story)


@given(stories)
def test_a_wake_moves_the_deadline(story: list[tuple[Value, int]]) -> None:
    laws.check_wake(AlarmClock(), story)


def test_setting_twice_is_setting_once() -> None:
    laws.check_idempotent(AlarmClock(), [(Set(3), 0)])
    laws.check_idempotent(AlarmClock(), [])


def test_a_restart_owes_the_last_ring() -> None:
    laws.check_owed(AlarmClock(), [(Set(3), 0), (Wake(), 3)], [Ring(2)])


def test_replay_and_recheck_go_on_from_a_state() -> None:
    clock = AlarmClock()
    entries = [Entry(Moment(9, 0), Wake(), (Rang(),))]
    assert replay(clock, entries, Clockwork(9, 4)) == Clockwork(None, 5)
    assert recheck(clock, entries, Clockwork(9, 4)) == Clockwork(None, 5)


def test_recheck_names_the_first_entry_that_decides_otherwise() -> None:
    clock = AlarmClock()
    told = [
        Entry(Moment(0, 0), Set(5), (WasSet(5),)),
        Entry(Moment(5, 0), Wake(), (WasSet(6),)),
    ]
    with pytest.raises(Divergence, match="entry 2") as caught:
        recheck(clock, told)
    assert caught.value.index == 2
    assert caught.value.recorded == (WasSet(6),)
    assert caught.value.decided == (Rang(),)


def test_the_earliest_of_several_deadlines_is_the_first_that_there_is() -> None:
    assert earliest(None, 7, 3) == 3
    assert earliest(None) is None
