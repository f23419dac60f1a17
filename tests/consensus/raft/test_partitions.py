"""Networks that are cut: alone, in chains, by bridges, one way."""

from collections.abc import Callable, Sequence

import pytest

from meshkit.consensus.raft.state import FOLLOWER, LEADER
from tests.consensus.raft.network import (
    SECOND,
    Node,
    Weather,
)
from tests.consensus.raft.sites import ENDLESS, SLOW, T, cut_off, open_all, site

# -- partitions -----------------------------------------------------------------------------------


def led(nodes: Sequence[Node]) -> Callable[[], bool]:
    """Whether one of these leads."""
    return lambda: any(node.raft.role == LEADER for node in nodes)


SHAPES: dict[str, Callable[[int, int], bool]] = {
    "a chain": lambda a, b: abs(a - b) > 1,
    "a bridge": lambda a, b: (a < 2) != (b < 2) and 2 not in (a, b),
    "one unheard": lambda a, b: a == 0,
    "one deaf": lambda a, b: b == 0,
    "one alone": lambda a, b: 0 in (a, b),
    "two and three": lambda a, b: (a < 2) != (b < 2),
    "a ring, each link one way": lambda a, b: (b - a) % 5 == 1,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", range(2))
def test_R11_partial_partitions_do_not_stop_a_site(shape: str, first: int) -> None:
    """Wherever the leader was, some majority is connected, and decides within ten timeouts."""
    net = site(5, heights=ENDLESS, weather=Weather(delay_us=SLOW), seed=first)
    net.open()
    net.settle()
    net.run(net.now_ns + SECOND)
    cut_off(net, SHAPES[shape], net.now_ns + 60 * SECOND)
    net.run(net.now_ns + 10 * T)
    heights = [max(node.store) for node in net.nodes.values()]
    open_all(net)
    elections = net.watch.elections
    net.run(net.now_ns + 4 * SECOND)
    later = [max(node.store) for node in net.nodes.values()]
    assert sum(after > before for before, after in zip(heights, later, strict=True)) >= 3
    assert net.watch.elections - elections <= 3, "and then it stays so"


def test_R11_an_old_leader_that_reaches_only_the_bridge_is_succeeded() -> None:
    """Five nodes: the leader hears one of them, and that one hears everybody."""
    for seed in range(5):
        net = site(5, heights=ENDLESS, weather=Weather(delay_us=SLOW), seed=seed)
        net.open()
        old = net.settle()
        net.run(net.now_ns + SECOND)
        bridge = (old.me[0] + 1) % 5

        def shape(a: int, b: int, old: int = old.me[0], bridge: int = bridge) -> bool:
            return old in (a, b) and bridge not in (a, b)

        cut_off(net, shape, net.now_ns + 60 * SECOND)
        cut_ns = net.now_ns
        rest = [node for node in net.nodes.values() if node is not old]
        net.run(cut_ns + 10 * T, led(rest))
        assert any(node.raft.role == LEADER for node in rest)
        net.run(cut_ns + 10 * T)
        assert old.raft.role == FOLLOWER


def test_R09_a_node_that_comes_back_deposes_nobody() -> None:
    net = site(3, ENDLESS, Weather(delay_us=SLOW))
    net.open()
    leader = net.settle()
    lost = next(node for node in net.nodes.values() if node is not leader)
    cut_off(net, lambda a, b: lost.me[0] in (a, b), net.now_ns + 5 * SECOND)
    net.run(net.now_ns + 8 * SECOND)
    assert net.leader() is leader
    assert leader.raft.term == lost.raft.term == 1
    assert max(lost.store) > max(leader.store) - 50, "it has caught up"


def test_R12_split_votes_are_rare() -> None:
    """Five nodes that lose their leader elect another, mostly at the first attempt."""
    terms = []
    for seed in range(40):
        net = site(5, heights=0, seed=seed, weather=Weather(delay_us=(100, 2_000)))
        leader = net.settle()
        net.run(net.now_ns + SECOND)
        before = leader.raft.term
        leader.up = False
        net.run(net.now_ns + 20 * T, led([n for n in net.nodes.values() if n is not leader]))
        terms.append(net.settle().raft.term - before)
    assert terms.count(1) > 33
    assert max(terms) <= 3
