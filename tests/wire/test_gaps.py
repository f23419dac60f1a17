"""Gaps, as stories of what is heard; and the ring that repairs them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.wire.frames import SPANS_MAX
from meshkit.wire.gaps import Gaps, Ring, spans
from meshkit.wire.limits import Limits

LIMITS = Limits(ask_ns=10, ask=4, asks_max=3, window=20, history=3)


@pytest.fixture
def gaps() -> Gaps:
    return Gaps(LIMITS, Counter())


def test_in_order_nothing_is_missing(gaps: Gaps) -> None:
    assert all(gaps.heard(1, number, 0) for number in range(1, 6))
    assert gaps.due(100) == ()
    assert gaps.deadline_ns() is None


def test_a_jump_shows_what_is_missing_at_once(gaps: Gaps) -> None:
    assert gaps.heard(1, 1, 0)
    assert gaps.heard(1, 5, 7)
    assert gaps.deadline_ns() == 7
    assert gaps.due(7) == ((2, 4),)
    assert gaps.due(8) == (), "it has just been asked for"
    assert gaps.deadline_ns() == 17
    assert gaps.counters["events.missing"] == 3


def test_a_repair_counts_once(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 3, 0)
    assert gaps.repaired(1, 2)
    assert not gaps.repaired(1, 2)
    assert not gaps.repaired(1, 3)
    assert not gaps.heard(1, 2, 0)
    assert not gaps.heard(1, 3, 0)
    assert gaps.deadline_ns() is None


def test_a_beacon_shows_a_lost_end(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.announced(1, 1, 0)
    assert gaps.due(0) == ()
    gaps.announced(1, 3, 0)
    assert gaps.due(0) == ((2, 3),)


def test_a_slow_joiner_wants_the_last_ones_before_it_came(gaps: Gaps) -> None:
    gaps.heard(1, 100, 0)
    assert gaps.due(0) == ((97, 99),)
    gaps.announced(2, 50, 0)
    assert gaps.due(0) == ((48, 50),), "a beacon shows as much, and the old epoch is over"
    assert gaps.counters["events.lost"] == 3


def test_a_new_start_of_the_publisher_begins_anew(gaps: Gaps) -> None:
    gaps.heard(1, 9, 0)
    assert gaps.heard(2, 1, 0)
    assert gaps.due(0) == ()
    assert not gaps.repaired(1, 8)
    gaps.gone(1, 100)
    assert gaps.heard(2, 2, 0)


def test_it_asks_for_a_few_and_for_more_once_they_are_there(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 10, 0)
    assert gaps.due(0) == ((2, 5),)
    for number in (2, 3, 4):
        gaps.repaired(1, number)
    assert gaps.due(1) == ()
    gaps.repaired(1, 5)
    assert gaps.due(1) == ((6, 9),)


def test_it_waits_longer_each_time_and_gives_up(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 3, 0)
    times = [t for t in range(1_000) if gaps.due(t)]
    assert times == [0, 10, 30]
    assert gaps.counters["events.lost"] == 1
    assert gaps.deadline_ns() is None


def test_what_the_publisher_no_longer_has_is_given_up(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 8, 0)
    gaps.gone(1, 6)
    assert gaps.due(0) == ((6, 7),)
    assert gaps.counters["events.lost"] == 4


def test_a_window_bounds_what_is_waited_for(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 2**64 - 1, 0)
    assert len(gaps.missing) <= LIMITS.window
    gaps.heard(2, 1, 0)
    for number in range(3, 200, 2):
        gaps.heard(2, number, 0)
        assert len(gaps.missing) <= LIMITS.window
    assert min(gaps.missing) > 150, "the newest are worth most"


def test_new_losses_do_not_wait_for_old_ones(gaps: Gaps) -> None:
    gaps.heard(1, 1, 0)
    gaps.heard(1, 3, 0)
    while gaps.missing:
        gaps.due(gaps.ask_at_ns)
    gaps.heard(1, 5, 10_000)
    assert gaps.due(10_000) == ((4, 4),)


@given(
    st.lists(st.sampled_from(["ok", "lost", "beacon", "repair"]), max_size=120),
    st.integers(1, 30),
)
def test_each_number_is_delivered_at_most_once_and_in_the_end_all_are(
    steps: list[str], ring_count: int
) -> None:
    """A lossy publisher and a lossless repair: every number is delivered or counted as lost."""
    gaps, ring, got, now = Gaps(LIMITS, Counter()), Ring(ring_count, 10**6), Counter[int](), 0

    def repair() -> None:
        for first, last in gaps.due(now):
            gaps.gone(1, ring.oldest)
            for number in range(first, last + 1):
                if ring.get(number) is not None and gaps.repaired(1, number):
                    got[number] += 1

    gaps.announced(1, 0, 0)
    for step in [*steps, "beacon"]:
        now += 1
        if step in ("ok", "lost"):
            number = ring.add(b"x")
            if step == "ok" and gaps.heard(1, number, now):
                got[number] += 1
        elif step == "beacon":
            gaps.announced(1, ring.latest, now)
        else:
            repair()
    while gaps.missing:
        now = max(now + 1, gaps.deadline_ns() or 0)
        repair()
    assert set(got.values()) <= {1}
    assert len(got) + gaps.counters["events.lost"] == ring.latest


def test_spans_are_runs_and_bounded() -> None:
    assert spans([]) == ()
    assert spans([1, 2, 3, 7, 9, 10]) == ((1, 3), (7, 7), (9, 10))
    assert len(spans(list(range(0, 4 * SPANS_MAX, 2)))) == SPANS_MAX


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_the_ring_keeps_the_last_that_fit(bodies: list[bytes]) -> None:
    ring = Ring(count_max=5, bytes_max=16)
    assert (ring.oldest, ring.latest) == (1, 0)
    for number, body in enumerate(bodies, start=1):
        assert ring.add(body) == number
        assert len(ring.bodies) <= 5
        assert ring.bytes == sum(map(len, ring.bodies)) <= 16
    for number, body in enumerate(bodies, start=1):
        assert ring.get(number) == (body if number >= ring.oldest else None)
    assert ring.get(0) is None
    assert ring.get(len(bodies) + 1) is None


def test_a_message_larger_than_the_ring_is_not_kept() -> None:
    ring = Ring(count_max=5, bytes_max=4)
    ring.add(b"1")
    assert ring.add(b"12345") == 2
    assert ring.get(2) is None
    assert ring.oldest == 3
