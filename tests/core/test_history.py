"""What a journal says about itself."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.core.history import (
    Head,
    HeadNoted,
    HeadShown,
    Historian,
    History,
    ShowHead,
    Snapshot,
    Snapshotted,
    Start,
    Started,
)
from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Wake, step
from meshkit.core.value import Value
from tests import laws

stories = st.lists(
    st.tuples(
        st.one_of(
            st.builds(Start, st.text(max_size=3), st.integers(1, 3)),
            st.builds(Snapshot, st.integers(1, 9), st.binary(min_size=32, max_size=32)),
            st.just(ShowHead()),
            st.builds(Heard, st.binary(max_size=2), st.sampled_from([Head(), ShowHead()])),
            st.sampled_from([Restarted(), Wake()]),
        ),
        st.integers(0, 9),
    )
)


@given(stories)
def test_every_story_replays(story: list[tuple[Value, int]]) -> None:
    laws.check_replay(Historian(), story)
    laws.check_snapshot(Historian(), story)
    laws.check_wake(Historian(), story)


def test_a_start_names_the_release_and_the_rules() -> None:
    state, entry, effects = step(Historian(), History(), Start("1.2", 3), Moment(0, 0))
    assert entry.events == (Started("1.2", 3),)
    assert state == History(1, "1.2", 3, 0)
    assert effects == []


def test_snapshots_only_move_forward() -> None:
    state, entry, _ = step(Historian(), History(), Snapshot(5, b"digest"), Moment(0, 0))
    assert entry.events == (Snapshotted(5, b"digest"),)
    laws.check_idempotent(Historian(), [(Snapshot(5, b"digest"), 0)])
    assert Historian().decide(state, Snapshot(4, b"older"), Moment(1, 0)) == ()


def test_heads_are_shown_and_noted() -> None:
    _, entry, effects = step(Historian(), History(), ShowHead(), Moment(0, 0))
    assert entry.events == (HeadShown(),)
    assert effects == [Broadcast(Head())]
    assert Historian().decide(History(), Heard(b"you", Head()), Moment(0, 0)) == (
        HeadNoted(b"you"),
    )
    assert Historian().decide(History(), Heard(b"you", ShowHead()), Moment(0, 0)) == ()
