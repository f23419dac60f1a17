"""Since when no majority answers."""

from meshkit.consensus.raft import heard_weight, silent, stalled_since
from meshkit.consensus.raft.state import AGAIN_NS
from tests.consensus.raft.network import name
from tests.consensus.raft.playbook import Play, accepted


def test_a_leader_whose_value_nobody_takes_says_so_since_when() -> None:
    play = Play().lead()
    begun_ns = play.state.begun_ns
    play.open()
    play.propose()
    assert stalled_since(play.state, play.now_ns) is None, "not for long"
    late_ns = play.now_ns + 3 * AGAIN_NS
    assert stalled_since(play.state, late_ns) == begun_ns
    assert heard_weight(play.state) == 1
    assert silent(play.state) == (name(1), name(2))
    play.hear(1, accepted(1, 2))
    assert stalled_since(play.state, late_ns) is None


def test_who_has_no_leader_waits_and_says_so() -> None:
    play = Play()
    play.open()
    assert stalled_since(play.state, play.now_ns + 3 * AGAIN_NS) == play.state.begun_ns
    assert silent(play.state) == (name(1), name(2))


def test_an_idle_height_waits_for_nobody() -> None:
    play = Play()
    assert stalled_since(play.state, play.now_ns + 99 * AGAIN_NS) is None
    assert stalled_since(play.machine.initial(), play.now_ns) is None
    leader = Play().lead()
    leader.open()
    late_ns = leader.now_ns + 3 * AGAIN_NS
    assert stalled_since(leader.state, late_ns) is None, "the driver is asked, and takes its time"
