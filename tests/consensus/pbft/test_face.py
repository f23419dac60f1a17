"""What a node asks of the state between events."""

from meshkit.consensus.messages import Judge, Open, Propose
from meshkit.consensus.pbft.face import is_dormant, leader, unjudged, wanted
from meshkit.consensus.pbft.state import State
from tests.consensus.pbft.network import name
from tests.consensus.pbft.playbook import Play, V, change, committed, pre_prepare, v


def test_a_value_is_wanted_from_the_primary_until_it_is_there() -> None:
    play = Play(me=0, opened=False)
    assert wanted(play.state) is None
    play.do(Open())
    assert wanted(play.state) == (1, 0)
    play.wake()
    assert wanted(play.state) == (1, 0), "it is asked for again"
    play.do(Propose(1, 0, V))
    assert wanted(play.state) is None
    assert wanted(Play(me=1).state) is None


def test_nothing_is_wanted_of_who_left_the_view() -> None:
    play = Play(me=0)
    play.time_out()
    assert wanted(play.state) is None


def test_a_height_is_dormant_until_something_waits() -> None:
    play = Play(opened=False)
    assert is_dormant(play.state)
    play.hear(pre_prepare(V))
    assert not is_dormant(play.state)
    play.hear(committed(V))
    assert not is_dormant(play.state)


def test_values_wait_for_judgement() -> None:
    play = Play(judge=lambda _: None)
    play.hear(pre_prepare(V))
    assert unjudged(play.state) == ((1, v, V),)
    play.do(Judge(1, v, True))
    assert unjudged(play.state) == ()
    play.hear(committed(V))
    assert unjudged(play.state) == ()


def test_the_leader_is_the_primary_of_our_view() -> None:
    assert leader(State()) == b""
    play = Play(me=2)
    assert leader(play.state) == name(0)
    play.hear(change(0), change(3))
    assert leader(play.state) == name(1)
