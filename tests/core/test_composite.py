"""Machines by name, policies between them, and a guard at the door."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.core.composite import At, Composite, State
from meshkit.core.machine import Entry, Moment, Restarted, Wake, recheck, replay, step
from meshkit.core.value import Value
from tests.core.clockwork import AlarmClock, Clockwork, Rang, Ring, Set, WasSet


def snooze(_: State, event: Value) -> list[At]:
    return [At("second", Set(7))]


def two_clocks() -> Composite:
    return Composite({"second": AlarmClock(), "first": AlarmClock()}, {("first", Rang): [snooze]})


def test_a_policy_turns_one_machines_event_into_anothers_command() -> None:
    node = two_clocks()
    state, _, _ = step(node, node.initial(), At("first", Set(3)), Moment(0, 0))
    state, entry, effects = step(node, state, At("", Wake()), Moment(3, 0))
    assert entry.events == (At("first", Rang()), At("second", WasSet(10)))
    assert effects == [At("first", Ring(1))]
    assert node.deadline(state) == 10
    assert node.decide(state, At("", Wake()), Moment(9, 0)) == ()


def test_a_deadline_is_that_of_the_state_asked_about() -> None:
    """Whatever was asked before, of this state or another."""
    node = two_clocks()
    later, sooner = ({"first": Clockwork(due, 0), "second": Clockwork(None, 0)} for due in (9, 4))
    assert [node.deadline(state) for state in (later, sooner, later)] == [9, 4, 9]
    assert node.deadline({**sooner, "second": Clockwork(2, 0)}) == 2
    assert node.deadline(node.initial()) is None


def test_a_restart_goes_to_every_machine_in_order_of_name() -> None:
    node = two_clocks()
    state = {"first": Clockwork(None, 1), "second": Clockwork(None, 2)}
    _, entry, effects = step(node, state, At("", Restarted()), Moment(0, 0))
    assert [event.name for event in entry.events] == ["first", "second", "second"]
    assert effects == [At("first", Ring(2)), At("second", Ring(3))]


def test_the_guard_refuses_before_anything_is_decided() -> None:
    node = Composite({"only": AlarmClock()}, guard=lambda state, command: command.name == "other")
    assert node.decide(node.initial(), At("only", Set(1)), Moment(0, 0)) == ()


def test_only_wakes_and_restarts_may_address_nobody() -> None:
    node = two_clocks()
    with pytest.raises(AssertionError, match="nobody is addressed"):
        node.decide(node.initial(), At("", Set(1)), Moment(0, 0))


def test_a_cascade_without_end_is_our_own_bug_and_stops_loudly() -> None:
    def again(_: State, event: Value) -> list[At]:
        return [At("only", Restarted())]

    node = Composite({"only": AlarmClock()}, {("only", Rang): [again]})
    with pytest.raises(AssertionError, match="a cascade without end"):
        node.decide({"only": Clockwork(None, 1)}, At("only", Restarted()), Moment(0, 0))


class Foreseeing(AlarmClock):
    """A clock that evolves while it decides, and tells both at once."""

    def unfold(self, state: Clockwork, command: Any, moment: Moment) -> list[tuple[Any, Clockwork]]:
        unfolded = list[tuple[Any, Clockwork]]()
        for event in self.decide(state, command, moment):
            state = self.evolve(state, event)
            unfolded.append((event, state))
        return unfolded


@given(st.integers(1, 50))
def test_a_machine_that_unfolds_is_stepped_like_any_other(due_ns: int) -> None:
    usual, quick = Composite({"only": AlarmClock()}), Composite({"only": Foreseeing()})
    for command in (At("only", Set(due_ns)), At("only", Restarted()), At("", Wake())):
        before = usual.initial()
        assert quick.run(before, command, Moment(60, 0)) == usual.run(
            before, command, Moment(60, 0)
        )


class Quiet(AlarmClock):
    """A clock that asks for nothing when it rings, and says so."""

    SILENT = frozenset({Rang})


def test_a_machine_is_not_asked_what_follows_from_events_that_are_silent() -> None:
    node = Composite({"only": Quiet()})
    state, _, _ = node.run(node.initial(), At("only", Set(3)), Moment(0, 0))
    _, events, effects = node.run(state, At("", Wake()), Moment(3, 0))
    assert (events, effects) == ((At("only", Rang()),), [])


def test_a_step_leaves_the_state_before_it_alone() -> None:
    node = two_clocks()
    before = node.initial()
    after, _, _ = node.run(before, At("first", Set(3)), Moment(0, 0))
    assert before == node.initial()
    assert after != before
    assert node.run(after, At("first", Set(3)), Moment(1, 0))[0] is after


commands = st.tuples(
    st.one_of(
        st.builds(At, st.sampled_from(["first", "second"]), st.builds(Set, st.integers(1, 50))),
        st.sampled_from([At("", Wake()), At("", Restarted())]),
    ),
    st.integers(0, 100),
)


@given(st.lists(commands))
def test_every_story_of_a_composite_replays(story: list[tuple[At, int]]) -> None:
    node = two_clocks()
    state, entries = node.initial(), list[Entry]()
    for command, now_ns in story:
        before = state
        state, entry, effects = step(node, state, command, Moment(now_ns, 0))
        entries.append(entry)
        asked = list[At]()
        for event in entry.events:
            before = node.evolve(before, event)
            asked.extend(node.react(before, event))
        assert asked == effects
    assert replay(node, entries) == recheck(node, entries) == state
