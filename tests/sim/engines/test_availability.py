"""What an engine takes of the time, and what no engine can help."""

from itertools import pairwise

import pytest

from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.engines import KITS
from meshkit.sim.engines.availability import (
    DAY_NS,
    DOWN_NS,
    HOUR_NS,
    WARM_NS,
    Agreed,
    Course,
    Site,
    Span,
    availability,
    drawn,
    overlap,
    without_quorum,
)

HALF_AN_HOUR = 1 / 48  # in which each replica dies once, and a day's partition takes place
RAFT, PBFT, TENDERMINT = KITS["raft"], KITS["pbft"], KITS["tendermint"]


def seconds(*spans: tuple[int, int]) -> list[Span]:
    return [Span(begin * SECOND, end * SECOND) for begin, end in spans]


@pytest.mark.parametrize("engine", KITS)
def test_half_an_hour_in_which_everybody_dies_once(engine: str) -> None:
    document = availability(KITS[engine], HALF_AN_HOUR)
    assert document["probes"] == 1_800
    assert document["crashes"] == document["replicas"]
    assert len(document["partitions_s"]) == 1
    assert document["messages_lost"] > 100
    assert document["share"] > 0.999
    assert document["longest_gap_beyond_ms"] < 1_000
    assert document["gaps_beyond_1s"] == document["missed_unforced"] == 0
    assert document["latency"]["p50_ms"] < 10


def test_two_runs_of_a_seed_are_alike_and_of_two_seeds_are_not() -> None:
    first, again, other = (availability(TENDERMINT, 1 / 480, 4, seed) for seed in (3, 3, 4))
    assert first == again
    assert first["messages_lost"] != other["messages_lost"]


def test_what_no_engine_can_help_is_told_apart() -> None:
    site = Site(TENDERMINT, 4, 0, 60 * SECOND)
    site.course = Course([seconds((20, 32)), seconds((24, 34)), [], []], [])
    site.lost = without_quorum(TENDERMINT, site.course)
    site.go()
    assert site.lost == seconds((24, 32))
    document = site.document()
    assert document["no_quorum_s"] == 8.0
    assert document["missed"] >= 7
    assert document["missed_unforced"] == 0
    worst = max(document["worst"], key=lambda gap: gap["gap_ms"])
    assert worst["gap_ms"] > 7_000
    assert worst["forced_ms"] > 7_000
    assert document["longest_gap_beyond_ms"] < 1_000


def test_who_is_alone_is_down_whenever_it_is() -> None:
    document = availability(RAFT, 1 / 480, 1)
    assert document["partitions_s"] == []
    assert document["crashes"] == 1
    assert document["no_quorum_s"] == DOWN_NS // SECOND
    assert document["missed_unforced"] == 0


def test_a_gap_that_does_not_end_is_one() -> None:
    site = Site(RAFT, 3, 0, 20 * SECOND)
    site.course = Course([seconds((20, 400)), seconds((20, 400)), []], [])
    site.lost = without_quorum(RAFT, site.course)
    site.go()
    document = site.document()
    assert document["answered"] == 10
    assert document["longest_gap_ms"] == 70_000.0
    assert document["longest_gap_beyond_ms"] < 1_000


def test_what_is_drawn() -> None:
    site = Site(PBFT, 7, 5, 2 * DAY_NS)
    course = drawn(site.world, WARM_NS, 2 * DAY_NS)
    assert [len(spans) for spans in course.down] == [48] * 7
    for spans in course.down:
        assert all(span.end_ns - span.begin_ns == DOWN_NS for span in spans)
        assert all(a.end_ns < b.begin_ns for a, b in pairwise(spans))
        assert all(
            hour * HOUR_NS <= span.begin_ns - WARM_NS < (hour + 1) * HOUR_NS + DOWN_NS + SECOND
            for hour, span in enumerate(spans)
        )
    assert len(course.apart) == 2
    assert all(1 <= len(minority) <= 2 for _, minority in course.apart)


def test_without_a_quorum() -> None:
    nobody: list[list[Span]] = [[], [], [], []]
    cut = [(seconds((10, 20))[0], (0,))]
    assert without_quorum(PBFT, Course(nobody, cut)) == []
    dead = [[], seconds((12, 15), (18, 30)), [], []]
    assert without_quorum(PBFT, Course(dead, cut)) == seconds((12, 15), (18, 20))
    twice = [*cut, (seconds((15, 16))[0], (1,))]
    assert without_quorum(PBFT, Course(nobody, twice)) == seconds((15, 16))
    in_turn = [seconds((10, 12)), seconds((10, 12)), seconds((12, 14)), seconds((12, 14))]
    assert without_quorum(PBFT, Course(in_turn, [])) == seconds((10, 14))
    assert without_quorum(RAFT, Course(dead[:3], cut)) == seconds((12, 15), (18, 20))


def test_overlaps() -> None:
    assert overlap(Span(0, 10), Span(5, 20)) == 5
    assert overlap(Span(5, 20), Span(0, 10)) == 5
    assert overlap(Span(0, 10), Span(2, 3)) == 1
    assert overlap(Span(0, 10), Span(10, 20)) == 0
    assert overlap(Span(0, 10), Span(30, 40)) == 0


def test_two_replicas_that_differ_end_the_run() -> None:
    site = Site(RAFT, 1, 0, 5 * SECOND)
    replica = site.world.replicas[0]
    replica.start()
    site.world.agenda.run(100 * MS)
    agreed = site.world.audience
    assert isinstance(agreed, Agreed)
    agreed.chain[replica.books.height] = b"another"
    with pytest.raises(AssertionError, match="decided differently"):
        agreed.arrived(replica)
