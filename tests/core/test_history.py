"""What a journal says about itself."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.core.history import (
    HEAD_NS,
    HEADS_NS,
    TALLIED_MIN,
    Count,
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
    Tallied,
    Tally,
)
from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Wake, step
from meshkit.core.value import Value
from tests import laws

counts = st.builds(Count, st.sampled_from(["malformed", "too-large"]), st.integers(0, 500))
stories = st.lists(
    st.tuples(
        st.one_of(
            st.builds(Start, st.text(max_size=3), st.integers(1, 3)),
            st.builds(Snapshot, st.integers(1, 9), st.binary(min_size=32, max_size=32)),
            st.just(ShowHead()),
            st.builds(Tally, st.binary(max_size=1), st.lists(counts, max_size=2).map(tuple)),
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
        HeadNoted(b"you", HEAD_NS),
    )
    assert Historian().decide(History(), Heard(b"you", ShowHead()), Moment(0, 0)) == ()


def noted(state: History, who: bytes, now_ns: int) -> tuple[History, int]:
    """How many heads of one peer, said without end, are noted at one moment."""
    for count in range(1_000):
        state, entry, _ = step(Historian(), state, Heard(who, Head()), Moment(now_ns, 0))
        if not entry.events:
            return state, count
    return state, 1_000


def test_whoever_shows_its_head_without_end_makes_few_entries() -> None:
    state, count = noted(History(), b"liar", 0)
    assert count == HEADS_NS // HEAD_NS + 1
    for turn in range(1, 4):
        state, more = noted(state, b"liar", turn * HEAD_NS)
        assert more == 1
    state, others = noted(state, b"you", 3 * HEAD_NS)
    assert others == count
    state, again = noted(state, b"liar", 3 * HEAD_NS + 2 * HEADS_NS)
    assert again == count


def test_of_peers_that_are_long_gone_nothing_is_kept() -> None:
    state = History()
    for number in range(50):
        who = number.to_bytes(1, "big")
        state, _, _ = step(Historian(), state, Heard(who, Head()), Moment(number * HEADS_NS, 0))
    assert len(state.paid_ns) <= 3


def tally(number: int, of: bytes = b"liar") -> Tally:
    return Tally(of, (Count("malformed", number - 1), Count("too-large", 1)))


def test_a_tally_is_noted_when_it_is_much_and_when_it_has_doubled() -> None:
    state, noted_ = History(), list[int]()
    for number in range(1, 10 * TALLIED_MIN):
        state, entry, effects = step(Historian(), state, tally(number), Moment(number, 0))
        assert not effects
        for event in entry.events:
            assert event == Tallied(b"liar", tally(number).counts)
            noted_.append(number)
    assert noted_ == [TALLIED_MIN, 2 * TALLIED_MIN, 4 * TALLIED_MIN, 8 * TALLIED_MIN]
    laws.check_idempotent(Historian(), [(tally(TALLIED_MIN), 0)])
    assert Historian().decide(state, tally(TALLIED_MIN, b"other"), Moment(1, 0))
    state, _, _ = step(Historian(), state, Start("1.2", 3), Moment(1, 0))
    assert Historian().decide(state, tally(TALLIED_MIN), Moment(1, 0)), "another process counts"
