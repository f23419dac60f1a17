"""What a node asks of the state between events."""

from meshkit.consensus.messages import Judge, Propose
from meshkit.consensus.tendermint.face import unjudged, wanted
from tests.consensus.tendermint.playbook import Play, V, precommit, proposal, turn_of, v


def test_a_value_is_wanted_until_it_is_given_or_too_late() -> None:
    play = Play(me=2)
    assert turn_of(2) == 0
    assert wanted(play.state) == (1, 0)
    play.do(Propose(1, 0, V))
    assert wanted(play.state) is None
    late = Play(me=2)
    late.time_out()
    assert wanted(late.state) is None


def test_nothing_is_wanted_of_others() -> None:
    assert wanted(Play().state) is None
    assert wanted(Play(me=2, opened=False).state) is None


def test_values_wait_for_their_judgement() -> None:
    play = Play(judge=lambda _: None)
    play.hear(proposal(0, V))
    assert unjudged(play.state) == ((1, v, V),)
    play.do(Judge(1, v, True))
    assert unjudged(play.state) == ()


def test_nothing_waits_once_it_is_decided() -> None:
    play = Play(me=2, judge=lambda _: None)
    play.hear(proposal(0, V), *(precommit(0, v, n) for n in (0, 1, 3)))
    play.do(Propose(1, 0, V))
    play.hear(*(precommit(0, v, n) for n in (1, 3)))
    assert wanted(play.state) is None
    play = Play(judge=lambda _: None)
    play.hear(proposal(0, V), *(precommit(0, v, n) for n in (1, 2, 3)))
    assert play.state.decided
    assert unjudged(play.state) == ()
    assert wanted(play.state) is None
