"""Since when no quorum answers."""

from meshkit.consensus.messages import NIL, Begin
from meshkit.consensus.tendermint import heard_weight, silent, stalled_since
from tests.consensus.tendermint.network import MS, equals, name
from tests.consensus.tendermint.playbook import Play, V, precommit, prevote, proposal, v


def test_an_idle_height_stalls_nobody() -> None:
    play = Play(opened=False)
    assert stalled_since(play.state, play.now_ns + 10**12) is None


def test_waiting_for_a_proposal_has_an_end() -> None:
    play = Play()
    assert stalled_since(play.state, play.now_ns + 10**12) is None


def test_two_of_four_are_dead() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 2))
    assert stalled_since(play.state, play.now_ns) is None, "not for long yet"
    since = play.now_ns
    play.pass_ms(60_000)
    assert stalled_since(play.state, play.now_ns) == since
    assert (heard_weight(play.state), play.state.quorum) == (2, 3)
    assert silent(play.state) == (name(1), name(3))


def test_the_quorum_comes_back() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 2))
    play.pass_ms(60_000)
    play.hear(prevote(0, v, 3))
    assert stalled_since(play.state, play.now_ns) is None


def test_the_quorum_goes_between_the_two_votes() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2))
    since = play.now_ns
    play.pass_ms(60_000)
    assert stalled_since(play.state, play.now_ns) == since
    assert heard_weight(play.state) == 1
    assert silent(play.state) == (name(1), name(2), name(3))


def test_a_quorum_that_disagrees_is_a_quorum() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, NIL, 2))
    play.pass_ms(60_000)
    assert stalled_since(play.state, play.now_ns) is None, "the rules set a timer"


def test_a_follower_sees_it_too() -> None:
    play = Play(me=9)
    play.hear(prevote(0, v, 1), prevote(0, v, 2))
    since = play.state.step_ns
    play.pass_ms(60_000)
    assert stalled_since(play.state, play.now_ns) == since
    play.hear(prevote(0, v, 3))
    assert stalled_since(play.state, play.now_ns) is None


def test_a_decided_height_stalls_nobody() -> None:
    play = Play()
    play.hear(proposal(0, V), *(precommit(0, v, n) for n in (1, 2, 3)))
    assert stalled_since(play.state, play.now_ns + 60_000 * MS) is None
    play.do(Begin(2, equals(4)))
    assert stalled_since(play.state, play.now_ns + 60_000 * MS) is None
