"""One peer's progress: when it is probed, streamed to, waited for."""

import pytest

from meshkit.consensus.raft import progress as pace
from meshkit.consensus.raft.progress import PROBE, REPLICATE, SNAPSHOT, Progress

STREAM = Progress(5, 6, REPLICATE)


def test_R18_a_probe_waits_for_its_answer() -> None:
    fresh = Progress(next=4)
    assert pace.may_send(fresh)
    asked = pace.sent(fresh, 9, 100, 2)
    assert not pace.may_send(asked)
    assert (asked.next, asked.told) == (4, 2)
    answered = pace.acknowledged(asked, 9, 0)
    assert answered == Progress(9, 10, REPLICATE, told=2)


def test_R18_a_stream_is_bounded_by_messages() -> None:
    peer = STREAM
    for number in range(pace.INFLIGHT_MAX):
        assert pace.may_send(peer)
        peer = pace.sent(peer, 6 + number, 1, 0)
    assert not pace.may_send(peer)
    assert pace.may_send(pace.acknowledged(peer, 6, 0)), "an answer makes room"
    assert len(pace.acknowledged(peer, 9, 0).inflight) == pace.INFLIGHT_MAX - 4


def test_R18_a_stream_is_bounded_by_bytes() -> None:
    peer = pace.sent(STREAM, 6, pace.INFLIGHT_BYTES_MAX, 0)
    assert not pace.may_send(peer)
    assert pace.may_send(pace.acknowledged(peer, 6, 0))


def test_an_answer_frees_all_that_was_sent_before_it() -> None:
    peer = pace.sent(pace.sent(pace.sent(STREAM, 6, 10, 0), 8, 20, 0), 9, 30, 0)
    now = pace.acknowledged(peer, 8, 0)
    assert (now.match, now.next, now.inflight, now.weights) == (8, 10, (9,), (30,))


def test_a_notice_takes_no_room() -> None:
    assert pace.sent(STREAM, 5, 0, 5) == Progress(5, 6, REPLICATE, told=5)


def test_R06_stale_answers_take_nothing_back() -> None:
    peer = pace.sent(STREAM, 9, 10, 0)
    assert pace.acknowledged(peer, 3, 0).match == 5
    assert pace.acknowledged(peer, 3, 0).next == 10
    assert pace.is_stale(peer, 5)
    assert not pace.is_stale(peer, 7)
    assert pace.is_stale(Progress(2, 8, PROBE, True), 5)
    assert not pace.is_stale(Progress(2, 8, PROBE, True), 7)


def test_a_refusal_probes_but_not_before_what_is_acknowledged() -> None:
    assert pace.rejected(STREAM, 2) == Progress(5, 6, PROBE)
    assert pace.rejected(Progress(2, 9, PROBE, True), 5) == Progress(2, 5, PROBE)


def test_what_is_lost_is_sent_again_from_where_it_is_acknowledged() -> None:
    peer = pace.sent(STREAM, 9, 10, 3)
    assert pace.lost(peer) == Progress(5, 6, PROBE)
    assert pace.may_send(pace.lost(peer))
    probed = pace.sent(Progress(2, 9, PROBE), 0, 0, 3)
    assert pace.lost(probed) == Progress(2, 9, PROBE), "and asked again where it was asked"


@pytest.mark.parametrize(("index", "mode"), [(6, SNAPSHOT), (10, REPLICATE), (20, REPLICATE)])
def test_R17_nothing_is_sent_before_a_snapshot_is_acknowledged(index: int, mode: int) -> None:
    """Or all that is before the log, which reaches back to 10."""
    waiting = pace.offered(Progress(2, 9, PROBE), 20)
    assert not pace.may_send(waiting)
    now = pace.acknowledged(waiting, index, 10)
    assert now.mode == mode
    assert pace.may_send(now) == (mode == REPLICATE)
    assert now.match == index


def test_R17_a_snapshot_that_was_lost_is_offered_again() -> None:
    assert pace.lost(pace.offered(Progress(2, 9, PROBE), 20)) == Progress(2, 3, PROBE)
