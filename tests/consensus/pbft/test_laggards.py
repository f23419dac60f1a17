"""Who was away comes back, whatever it missed, and whoever lies to it."""

from meshkit.consensus.messages import Committed, Serve
from meshkit.consensus.pbft import Timeouts
from meshkit.consensus.pbft.messages import NewView, Offer, PrePrepare
from meshkit.core.value import Value, digest
from tests.consensus.pbft.network import (
    MS,
    SECOND,
    App,
    Block,
    Net,
    Speaker,
    Weather,
    agreed,
    all_at,
    brain,
    check_agreement,
    done,
    name,
)


def test_p18_a_node_alone_for_a_thousand_heights_catches_up() -> None:
    back = 60 * SECOND
    lonely = Weather(cut=lambda a, b: 3 in (a[0], b[0]), calm_ns=back)
    net = Net(App(heights=1_000), lonely, waits=Timeouts(20, 10))
    nodes = net.join(range(4))
    net.open()
    net.run(back)
    assert all_at(nodes[:3], 1_000)
    assert brain(nodes[3]).height == 1
    net.run(back + 30 * SECOND, done(nodes, 1_000))
    assert all_at(nodes, 1_000)
    check_agreement(nodes)
    assert net.now_ns - back < 10 * SECOND


class Donor(Speaker):
    """Answers whoever is behind with decisions that were never made."""

    def perform(self, effect: object) -> None:
        if not isinstance(effect, Serve):
            super().perform(effect)
            return
        for height, held in sorted(self.decided.items()):
            forged = Block(height, "forged")
            proof = held.certificate
            lies = (Committed(proof, forged), type(proof)(height, 9, digest(forged), proof.votes))
            for lie in (*lies, Offer(height, forged)):
                self.send(effect.to, lie)


def test_p18_a_lying_donor_only_costs_time() -> None:
    back = 20 * SECOND
    lonely = Weather(cut=lambda a, b: 3 in (a[0], b[0]), calm_ns=back)
    net = Net(App(heights=30), lonely, every=2)
    nodes = [*net.join((0, 1)), *net.join([2], Donor), *net.join([3])]
    net.open()
    net.run(back)
    assert all_at(nodes[:3], 30)
    net.run(back + 60 * SECOND, done(nodes, 30))
    check_agreement(nodes)
    assert all_at(nodes, 30)


def test_a_decision_that_reached_all_but_one_is_found_by_polling() -> None:
    """Nobody speaks any more, and the one that missed it does not know that it did."""
    net = Net(weather=Weather(cut=lambda a, b: 3 in (a[0], b[0]), calm_ns=SECOND // 2))
    nodes = net.join(range(4))
    net.open(nodes[:3])
    net.run(SECOND // 2)
    assert [1 in node.decided for node in nodes] == [True, True, True, False]
    assert not brain(nodes[3]).opened
    net.run(5 * SECOND)
    assert all_at(nodes, 1)


def test_a_value_that_only_the_old_primary_had_is_found_by_whoever_needs_it() -> None:
    """Prepared by three, and then the view changes: the new primary has the proof and no value."""
    net = Net()
    nodes = net.join(range(4))
    post = net.post

    def lossy(sender: bytes, to: bytes, message: Value) -> None:
        lost = isinstance(message, PrePrepare) and to == name(1)
        early = net.now_ns < SECOND and type(message).__name__ == "Commit"
        if not lost and not early:
            post(sender, to, message)

    net.post = lossy  # type: ignore[method-assign]  # the network itself is what fails
    net.open()
    net.run(20 * SECOND, done(nodes, 1))
    assert agreed(nodes, 1).round == 1
    assert nodes[1].decided[1].value == Block(1, "0/0")


def test_a_follower_keeps_up_whatever_is_lost() -> None:
    net = Net(App(heights=5), Weather(loss=0.5, calm_ns=20 * SECOND), seed=3)
    nodes = net.join((*range(4), 9))
    net.open(nodes[:4])
    net.run(60 * SECOND, done(nodes, 5))
    agreed(nodes, 5)


def test_a_laggard_is_shown_the_view_it_missed() -> None:
    """It does not hear how the view began, and then the others speak of what it does not know."""
    net = Net(App(heights=3))
    nodes = net.join((1, 2, 3))
    post = net.post

    def lossy(sender: bytes, to: bytes, message: Value) -> None:
        if not (to == name(3) and isinstance(message, NewView) and net.now_ns < 1_010 * MS):
            post(sender, to, message)

    net.post = lossy  # type: ignore[method-assign]  # the network itself is what fails
    net.open()
    net.run(60 * SECOND, done(nodes, 3))
    assert all_at(nodes, 3)
    assert {brain(node).view for node in nodes} == {1}
