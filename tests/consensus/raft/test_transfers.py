"""R16: leadership is handed over to whoever has all of the log, or to nobody."""

from collections.abc import Callable

from meshkit.consensus.messages import Open, ProposalWanted
from meshkit.consensus.raft.events import TransferBegun, TransferEnded
from meshkit.consensus.raft.messages import (
    AppendReply,
    ChangeConfiguration,
    Compact,
    Configuration,
    RequestVote,
    TimeoutNow,
    TransferLeadership,
)
from meshkit.consensus.raft.state import FOLLOWER, LEADER
from meshkit.core.value import Value
from tests.consensus.raft.network import MS, SECOND, Net, Node, decided, name
from tests.consensus.raft.playbook import Play, accepted
from tests.consensus.raft.sites import T, cut_off, site


def led(count: int = 3, heights: int = 0) -> tuple[Net, Node, list[Node]]:
    """A site at rest, its leader, and the others."""
    net = site(count, heights)
    leader = net.settle()
    net.run(net.now_ns + SECOND)
    return net, leader, [node for node in net.nodes.values() if node is not leader]


def leads(node: Node) -> Callable[[], bool]:
    return lambda: node.raft.role == LEADER


# -- to whom --------------------------------------------------------------------------------------


def test_R16_to_one_with_all_of_the_log_it_takes_two_round_trips() -> None:
    net, leader, [heir, other] = led()
    before_ns = net.now_ns
    leader.take(TransferLeadership(heir.me))
    net.run(net.now_ns + SECOND, leads(heir))
    assert heir.raft.role == LEADER
    assert net.now_ns - before_ns < 2 * MS, "not an election timeout"
    net.run(net.now_ns + SECOND)
    assert leader.raft.leader == other.raft.leader == heir.me
    assert net.watch.elections == 2


def test_R16_from_a_follower_it_is_passed_on() -> None:
    net, _, [heir, other] = led()
    other.take(TransferLeadership(heir.me))
    net.run(net.now_ns + SECOND)
    assert heir.raft.role == LEADER


def test_R09_R16_stickiness_does_not_hold_it_up() -> None:
    """The others have just heard a leader, and vote all the same, for it is its own wish."""
    net, leader, [heir, *_] = led(5)
    refused = net.refused
    leader.take(TransferLeadership(heir.me))
    net.run(net.now_ns + 5 * MS, leads(heir))
    assert heir.raft.role == LEADER
    assert net.refused == refused


def test_R16_to_a_slow_one_it_waits_until_that_has_all() -> None:
    play = Play().lead()
    play.propose()
    play.hear(2, accepted(1, 2))
    play.do(TransferLeadership(name(1)))
    assert play.sent(TimeoutNow) == []
    play.hear(1, accepted(1, 2))
    assert play.sent(TimeoutNow, to=1) == [TimeoutNow(1)]


def test_R16_to_one_that_needs_a_snapshot_first() -> None:
    net, leader, [heir, _] = led()
    back_ns = net.now_ns + SECOND
    cut_off(net, lambda a, b: heir.me[0] in (a, b), back_ns)
    net.app.heights = 30
    leader.take(Open())
    net.run(back_ns - SECOND // 2)
    leader.take(Compact(leader.raft.applied))
    net.run(back_ns)
    assert not heir.store
    # It asks for it again and again, as an operator would.
    for _ in range(20):
        leader.take(TransferLeadership(heir.me))
        net.run(net.now_ns + T, leads(heir))
    assert heir.raft.role == LEADER
    assert decided([heir], 30)


def test_R16_to_oneself_is_nothing() -> None:
    play = Play().lead()
    assert play.do(TransferLeadership(name(0))) == []


def test_R16_to_a_stranger_or_a_learner_is_nothing() -> None:
    play = Play(3, targets=False).lead()
    learners = Configuration((name(0), name(1), name(2)), learners=(name(5),))
    play.do(ChangeConfiguration(learners))
    play.acknowledge()
    assert play.do(TransferLeadership(name(9))) == []
    assert play.do(TransferLeadership(name(5))) == []


# -- and if it does not come about ----------------------------------------------------------------


def test_R16_it_ends_with_an_election_timeout() -> None:
    net, leader, [heir, _] = led()
    heir.up = False
    leader.take(TransferLeadership(heir.me))
    net.run(net.now_ns + T // 2)
    assert leader.raft.transferee == heir.me
    net.run(net.now_ns + T)
    assert leader.raft.role == LEADER
    assert not leader.raft.transferee


def test_R16_meanwhile_nothing_is_proposed_and_afterwards_it_is() -> None:
    play = Play().lead()
    play.propose()
    play.hear(2, accepted(1, 2))
    play.do(TransferLeadership(name(1)))
    play.forget()
    play.open()
    assert play.propose() == []
    assert not play.of(ProposalWanted)
    play.wake()
    assert play.of(TransferEnded)
    assert play.of(ProposalWanted) == [ProposalWanted(2, 1)]
    assert play.propose()


def test_R16_a_higher_term_ends_it() -> None:
    play = Play().lead()
    play.propose()
    play.do(TransferLeadership(name(1)))
    play.hear(2, RequestVote(9, 9, 9, False))
    assert play.state.role == FOLLOWER
    assert not play.state.transferee
    assert play.state.transfer_due_ns == 0


def test_R16_the_heir_is_removed() -> None:
    play = Play(3, targets=False).lead()
    play.do(ChangeConfiguration(Configuration((name(0), name(2)))))
    play.do(TransferLeadership(name(1)))
    play.hear(2, accepted(1, 2))
    assert not play.state.transferee


def test_R16_the_heir_is_made_a_learner() -> None:
    play = Play(3, targets=False).lead()
    demoted = Configuration((name(0), name(2)), learners=(name(1),))
    play.do(ChangeConfiguration(demoted))
    play.do(TransferLeadership(name(1)))
    play.hear(2, accepted(1, 2))
    assert play.state.configuration == demoted
    assert not play.state.transferee


def test_R16_to_oneself_takes_it_back() -> None:
    play = Play().lead()
    play.propose()
    play.do(TransferLeadership(name(1)))
    play.do(TransferLeadership(name(0)))
    assert play.of(TransferEnded)
    assert not play.state.transferee
    play.hear(1, accepted(1, 2))
    assert play.sent(TimeoutNow) == []


def test_R16_to_another_instead() -> None:
    play = Play().lead()
    play.propose()
    play.do(TransferLeadership(name(1)))
    play.do(TransferLeadership(name(2)))
    assert [event.member for event in play.of(TransferBegun)] == [name(1), name(2)]
    play.hear(1, accepted(1, 2))
    assert play.sent(TimeoutNow) == []
    play.hear(2, accepted(1, 2))
    assert play.sent(TimeoutNow, to=2) == [TimeoutNow(1)]


def test_R16_to_the_same_again_takes_no_longer() -> None:
    play = Play().lead()
    play.propose()
    play.do(TransferLeadership(name(1)))
    due_ns = play.state.transfer_due_ns
    play.now_ns += 50 * MS
    assert play.do(TransferLeadership(name(1))) == []
    assert play.state.transfer_due_ns == due_ns


def test_R16_a_transfer_under_load_loses_nothing() -> None:
    """Values go on before and after; what was under way is decided by the heir."""
    net, leader, [heir, _] = led(heights=400)
    leader.take(Open())
    net.run(net.now_ns + 50 * MS)
    assert 10 < max(leader.store) < 400
    leader.take(TransferLeadership(heir.me))
    net.run(net.now_ns + SECOND, leads(heir))
    heir.take(Open())
    net.run(net.now_ns + 2 * SECOND, lambda: decided(net.nodes.values(), 400))
    assert decided(net.nodes.values(), 400)


def test_R16_a_lost_timeout_now_is_said_again() -> None:
    net, leader, [heir, _] = led()
    lost: list[Value] = []

    def spy(_from: bytes, _to: bytes, message: Value) -> bool:
        if isinstance(message, TimeoutNow) and not lost:
            lost.append(message)
            return False
        return not isinstance(message, AppendReply)

    net.spy = spy
    leader.take(TransferLeadership(heir.me))
    net.run(net.now_ns + T // 2)
    assert lost
    for _ in range(5):
        leader.take(TransferLeadership(heir.me))
        net.run(net.now_ns + T, leads(heir))
    assert heir.raft.role == LEADER
