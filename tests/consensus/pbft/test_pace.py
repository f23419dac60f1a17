"""A primary that is late again and again is slow; a network that is slow for all is not a liar."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from meshkit.consensus.pbft import Timeouts
from meshkit.consensus.pbft.messages import PrimarySlow, ViewLeft, WantValue
from meshkit.consensus.pbft.pace import (
    FRESH,
    LATENESS,
    Pace,
    allowed_ns,
    is_slow,
    kept,
    late,
    remembered,
)
from meshkit.core.value import digest
from tests.consensus.pbft.liars import Slow
from tests.consensus.pbft.network import (
    MS,
    SECOND,
    App,
    Block,
    Net,
    Node,
    Weather,
    all_at,
    brain,
    done,
    equals,
    views_left,
)
from tests.consensus.pbft.playbook import Play, commit, committed, pre_prepare

FLOOR = 300 * MS


def test_p16_one_late_height_is_forgiven_and_a_second_soon_after_is_not() -> None:
    assert not is_slow(late(FRESH))
    assert is_slow(late(late(FRESH)))
    pace = late(FRESH)
    for _ in range(LATENESS):
        pace = kept(pace, 0)
    assert not is_slow(late(pace)), "it made up for the first"
    assert is_slow(late(late(pace)))


def test_p16_what_is_allowed_follows_from_what_others_reached() -> None:
    assert allowed_ns((), 4, FLOOR) == FLOOR
    assert allowed_ns((900 * MS,), 4, FLOOR) == FLOOR, "one of four may be a liar"
    assert allowed_ns((900 * MS, 400 * MS), 4, FLOOR) == 800 * MS
    assert allowed_ns((900 * MS, 10 * MS), 4, FLOOR) == FLOOR


def test_p16_averages_of_one_full_turn_are_remembered() -> None:
    paces: tuple[int, ...] = ()
    for number in range(1, 7):
        paces = remembered(paces, Pace(2, 20 * number, 0), 4)
    assert paces == (30, 40, 50, 60)
    assert remembered(paces, FRESH, 4) == paces


def height(play: Play, waited_ms: int) -> None:
    """One height, whose pre-prepare comes after so long."""
    until = play.now_ns + waited_ms * MS
    while (due := play.machine.deadline(play.state) or until) < until and play.state.active:
        play.now_ns = due
        play.wake()
    play.now_ns = until
    number = play.state.height
    value = Block(number, "v")
    play.hear(pre_prepare(value, play.state.view, number))
    play.hear(committed(value, number, play.state.view))
    play.go_on()


def test_p16_a_primary_just_under_the_timeout_is_voted_out() -> None:
    play = Play(me=2, every=100)
    for _ in range(10):
        height(play, 5)
    assert not play.of(PrimarySlow)
    height(play, 900)
    assert play.state.active
    height(play, 900)
    assert [left.change.view for left in play.of(ViewLeft)] == [1]
    assert len(play.of(PrimarySlow)) == 2
    assert play.state.paces == ((10 * 5 + 900) * MS // 11,)


def test_p16_a_primary_whose_word_was_lost_on_its_way_to_us_is_not_slow() -> None:
    play = Play(me=2)
    value = Block(1, "v")
    name_ = digest(value)
    assert play.state.slow_due_ns
    play.hear(commit(name_, 0), commit(name_, 1))
    assert play.state.slow_due_ns, "so far it may have told only some"
    play.hear(commit(name_, 3))
    assert play.state.slow_due_ns == 0, "a quorum had it in time"
    play.pass_ms(900)
    play.wake()
    assert not play.of(PrimarySlow)
    assert WantValue(1, name_) in play.sent(WantValue)


def test_p16_the_primary_does_not_judge_itself() -> None:
    play = Play(me=0)
    assert play.state.slow_due_ns == 0
    assert play.state.timer_due_ns > 0


# -- whole meshes ---------------------------------------------------------------------------------


def latencies(net: Net, nodes: Sequence[Node], heights: int) -> list[int]:
    """How long each height took at the replica that was last, in ms."""
    net.open()
    ends: list[int] = [0]
    for height in range(1, heights + 1):
        net.run(net.now_ns + 60 * SECOND, done(nodes, height))
        assert all_at(nodes, height)
        ends.append(net.now_ns // MS)
    return sorted(after - before for before, after in pairwise(ends))


@pytest.mark.parametrize("faulty", [1, 2])
def test_p16_a_primary_just_under_the_timeout_does_not_spoil_the_p99(faulty: int) -> None:
    """It holds each value back for 900 of 1,000 ms, and is voted out after the second."""
    count = 3 * faulty + 1
    heights = 400
    net = Net(App(heights, lambda _: equals(count)), Weather(delay_ms=(1, 1)))
    nodes = net.join(range(faulty, count))
    net.join(range(faulty), Slow)
    took = latencies(net, nodes, heights)
    assert took[len(took) * 99 // 100] < 500
    assert took[-faulty] >= 900, "it was slow, and not for long"
    assert {brain(node).view for node in nodes} == {faulty}


def test_p16_where_the_network_is_slow_nobody_is_to_blame() -> None:
    """Everyone takes 400 ms to be heard: votes cease once that is known to be nobody's fault."""
    net = Net(App(heights=60), Weather(delay_ms=(400, 400)), waits=Timeouts(3_000, 100))
    nodes = net.join(range(4))
    took = latencies(net, nodes, 60)
    assert took[0] >= 1_200
    settled = views_left(nodes)
    assert settled <= 4 * 4
    assert took[len(took) // 2] <= 1_300
