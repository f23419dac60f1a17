"""The fold is total: no event, however strange, and no state can make it fail."""

from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.core.value import Value, canonical, digest
from meshkit.rounds.fold import evolve, task_of
from meshkit.rounds.messages import (
    AggregateKnown,
    BlobChecked,
    Event,
    HeldTaken,
    Judged,
    RoundReopened,
    UpdateNoted,
)
from meshkit.rounds.state import AGGREGATES_MAX, State
from tests.rounds.playbook import BASE, TASK, A, B, C, D, E, Playbook, held, opening, update
from tests.rounds.world import World

WORLD = World((A, B, C, D), rounds=2, seed=8, loss=10).run()
EVENTS: list[Any] = [event for member in WORLD.members for event in WORLD.events[member]]
STRANGE: list[Any] = [
    HeldTaken(held(E), 1),
    UpdateNoted(update(E), 1),
    RoundReopened(opening(()), 1),
    Judged(b"r", TASK, 1, E, True, True, ""),
    AggregateKnown(TASK, BASE, BASE),
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*EVENTS, *STRANGE]), max_size=40))
def test_any_events_in_any_order(events: list[Event]) -> None:
    state = State(A)
    for event in events:
        state = evolve(state, event)
    assert canonical(state)


def test_an_event_of_no_open_task_changes_nothing() -> None:
    for event in EVENTS:
        if type(event).__name__ != "RoundOpened":
            assert evolve(State(A), event) == State(A)


def test_every_event_tells_of_its_task() -> None:
    assert {task_of(event) for event in EVENTS} == {TASK}
    kinds = {type(event) for event in EVENTS}
    assert kinds <= set(get_args(Event))
    assert all(issubclass(kind, Value) for kind in get_args(Event))


def test_of_what_is_computed_the_newest_is_kept() -> None:
    play = Playbook(A) >> opening()
    state = play.state
    for number in range(AGGREGATES_MAX + 5):
        state = evolve(state, AggregateKnown(TASK, digest(number), BASE))
    known = state.rounds[TASK].aggregates
    assert len(known) == AGGREGATES_MAX
    assert known[-1][0] == digest(AGGREGATES_MAX + 4)


def test_one_blob_may_be_the_update_of_two() -> None:
    """Who copies another's update counts like it: that is for the rule of aggregation to see."""
    copied = update(C, blob=update(B).blob)
    state = (Playbook(D) >> opening()).state
    for event in (
        UpdateNoted(update(B), 1),
        UpdateNoted(copied, 1),
        BlobChecked(TASK, update(B).blob, 216, "", 2),
    ):
        state = evolve(state, event)
    assert sorted(state.rounds[TASK].held) == [B, C]
    late = evolve(state, UpdateNoted(update(A, blob=update(B).blob), 3))
    assert sorted(late.rounds[TASK].held) == [A, B, C]
