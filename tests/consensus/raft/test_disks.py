"""Disks that are slow, hang or fail; and what memory costs."""

import pytest

from meshkit.consensus.messages import Open
from meshkit.consensus.raft import Timing
from meshkit.consensus.raft.events import Replicated
from meshkit.consensus.raft.log import KEPT_BYTES_MAX, KEPT_ENTRIES_MAX, SLACK
from meshkit.consensus.raft.messages import Append, AppendReply, VoteReply
from meshkit.consensus.raft.progress import INFLIGHT_MAX
from meshkit.consensus.raft.state import FOLLOWER, LEADER
from meshkit.core.value import Value
from tests.consensus.raft.network import (
    MS,
    SECOND,
    Weather,
    decided,
    name,
)
from tests.consensus.raft.sites import ENDLESS, SLOW, T, cut_off, open_all, site

# -- disks ----------------------------------------------------------------------------------------


def test_R01_a_vote_and_an_acknowledgement_wait_for_the_disk() -> None:
    """A follower whose disk has not answered has said nothing that it might not remember."""
    said: list[tuple[bytes, Value]] = []
    net = site(3, heights=1, weather=Weather(sync_us=(0, 0)))
    slow = net.nodes[name(2)]
    slow.hung = True
    slow.inbox = []

    def spy(sender: bytes, _to: bytes, message: Value) -> bool:
        said.append((sender, message))
        return True

    net.spy = spy
    net.open([net.nodes[name(0)], net.nodes[name(1)]])
    net.run(5 * SECOND)
    assert decided([net.nodes[name(0)], net.nodes[name(1)]], 1)
    assert not [m for by, m in said if by == slow.me and isinstance(m, AppendReply | VoteReply)]


def test_R01_entries_leave_before_the_leader_s_disk_has_answered() -> None:
    net = site(3, heights=1, weather=Weather(delay_us=(100, 100), sync_us=(5_000, 5_000)))
    leader = net.settle()
    net.run(net.now_ns + SECOND)
    sent_ns: list[int] = []

    def spy(sender: bytes, _to: bytes, message: Value) -> bool:
        if isinstance(message, Append) and message.entries:
            sent_ns.append(net.now_ns)
        return True

    net.spy, before_ns = spy, net.now_ns
    leader.take(Open())
    net.run(net.now_ns + SECOND, lambda: 1 in leader.store)
    assert sent_ns[0] == before_ns
    assert net.now_ns - before_ns < 8 * MS, "both disks work at the same time"


def test_R02_a_disk_that_failed_is_never_asked_again() -> None:
    """The process is over: it votes for nobody and acknowledges nothing; the others go on."""
    net = site(3, heights=20)
    net.open()
    leader = net.settle()
    leader.up = False  # the poison latch: what the shell does when an fsync fails
    before = len(leader.journal)
    others = [node for node in net.nodes.values() if node is not leader]
    net.run(10 * SECOND, lambda: decided(others, 20))
    assert decided(others, 20)
    assert len(leader.journal) == before


@pytest.mark.parametrize("blocked", [True, False])
def test_R10_a_leader_whose_disk_hangs_is_succeeded(blocked: bool) -> None:
    """Whether its heartbeats wait for the disk too, or are sent by another hand."""
    net = site(3, ENDLESS, Weather(delay_us=SLOW))
    for node in net.nodes.values():
        node.blocked = blocked
    net.open()
    old = net.settle()
    net.run(net.now_ns + SECOND)
    old.hung = True
    hung_ns = net.now_ns
    others = [node for node in net.nodes.values() if node is not old]

    def succeeded() -> bool:
        return any(node.raft.role == LEADER for node in others)

    net.run(net.now_ns + 10 * SECOND, succeeded)
    assert succeeded()
    assert net.now_ns - hung_ns < 6 * T
    height = max(others[0].store)
    open_all(net)
    net.run(net.now_ns + SECOND // 2)
    assert max(others[0].store) > height, "and goes on"
    # The disk answers at last: what it held back was of a leader that is none any more.
    old.hung = False
    old._finish([], [], old.life)
    net.run(net.now_ns + SECOND)
    assert old.raft.role == FOLLOWER
    assert old.raft.term == net.settle().raft.term
    net.watch.alike(net.nodes.values())


# -- memory ---------------------------------------------------------------------------------------


def test_R18_a_dead_follower_costs_no_memory() -> None:
    """An hour, and the log is as long as after a minute; the leader asks it ever more rarely."""
    net = site(3, heights=0, timing=Timing(1_000, 3_000))
    leader = net.settle(20_000)
    net.run(net.now_ns + 2 * SECOND)
    dead = next(node for node in net.nodes.values() if node is not leader)
    dead.up = False
    net.app.heights = 700
    leader.take(Open())
    hour_ns = net.now_ns + 3_600 * SECOND
    net.run(hour_ns)
    assert max(leader.store) == 700
    log, peer = leader.raft.log, leader.raft.peers[dead.me]
    assert len(log.entries) <= KEPT_ENTRIES_MAX + SLACK
    assert log.size <= KEPT_BYTES_MAX
    assert len(peer.inflight) <= INFLIGHT_MAX
    assert len(leader.beat.rounds) <= 64
    told = [e for entry in leader.journal for e in entry.events if isinstance(e.body, Replicated)]
    assert len(told) < 3 * 700 + 3_600 // 3, "some seconds apart at last"


def test_R17_R18_who_was_away_for_long_catches_up_by_a_snapshot() -> None:
    net = site(3, heights=0)
    leader = net.settle()
    away = next(node for node in net.nodes.values() if node is not leader)
    back_ns = net.now_ns + 3 * SECOND
    cut_off(net, lambda a, b: away.me[0] in (a, b), back_ns)
    net.app.heights = 1_000
    leader.take(Open())
    net.run(back_ns)
    assert max(leader.store) == 1_000
    assert not away.store
    net.run(back_ns + 5 * SECOND, lambda: 1_000 in away.store)
    assert 1_000 in away.store
    assert net.now_ns - back_ns < 2 * SECOND
    net.run(net.now_ns + SECOND)
    assert leader.raft.peers[away.me].match == leader.raft.commit
