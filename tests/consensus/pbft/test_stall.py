"""Since when a quorum is missing, and who is silent."""

from meshkit.consensus.pbft import heard_weight, silent, stalled_since
from tests.consensus.pbft.network import MS, SECOND, Net, Weather, brain, name
from tests.consensus.pbft.playbook import Play, V, change, pre_prepare, prepare, v


def test_a_running_timer_is_no_stall() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V))
    assert heard_weight(play.state) == 1
    assert stalled_since(play.state, play.now_ns + 60 * SECOND) is None
    assert silent(play.state) == (name(0), name(1), name(3))
    play.hear(prepare(v, 1))
    assert silent(play.state) == (name(0), name(3))


def test_a_view_change_without_a_quorum_is_one_since_it_began() -> None:
    play = Play(me=2)
    play.time_out()
    began = play.now_ns
    assert stalled_since(play.state, began + 10 * MS) is None
    assert stalled_since(play.state, began + SECOND) == began
    play.hear(change(1))
    assert silent(play.state) == (name(0), name(3))
    assert heard_weight(play.state) == 2
    play.hear(change(3))
    assert stalled_since(play.state, began + SECOND) is None


def test_no_quorum_is_known_and_since_when_and_ends() -> None:
    """Two of four are unreachable for a minute."""
    healed = 60 * SECOND
    net = Net(weather=Weather(cut=lambda a, b: (a[0] < 2) != (b[0] < 2), calm_ns=healed))
    nodes = net.join(range(4))
    net.open()
    net.run(50 * SECOND)
    for node in nodes[:2]:
        since = stalled_since(brain(node), net.now_ns)
        assert since is not None
        assert since < 5 * SECOND
        assert set(silent(brain(node))) == {name(2), name(3)}
    net.run(healed + 10 * SECOND, lambda: all(1 in node.decided for node in nodes))
    assert all(1 in node.decided for node in nodes)
    assert all(stalled_since(brain(node), net.now_ns) is None for node in nodes)
