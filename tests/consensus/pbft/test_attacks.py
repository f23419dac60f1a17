"""Meshes with liars: fewer than a third change nothing but the time."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Ask, EquivocationSeen
from meshkit.consensus.pbft.evidence import proves
from meshkit.consensus.pbft.hearing import CLAIMS_MAX, LATER_MAX
from meshkit.consensus.pbft.messages import (
    CommitCast,
    NewView,
    PrepareCast,
    ViewEntered,
)
from meshkit.consensus.pbft.views import is_new_view
from meshkit.core.machine import Heard
from meshkit.core.value import Value, canonical
from tests.consensus.pbft.liars import (
    KINDS,
    Amnesiac,
    Chatterer,
    Equivocator,
    Parrot,
    Silent,
    Usurper,
    Whisperer,
)
from tests.consensus.pbft.network import (
    MESH,
    SECOND,
    App,
    Block,
    Net,
    Node,
    Weather,
    agreed,
    brain,
    check_agreement,
    equals,
    name,
    sign,
    verify,
)
from tests.consensus.pbft.playbook import Play, among, change, pre_prepare, prepare, v

STORM = Weather(loss=0.3, repeat=0.2, delay_ms=(1, 400), crash=0.05, calm_ns=8 * SECOND)
HEIGHTS = 4


def events_of(node: Node) -> list[Any]:
    return [event.body for entry in node.journal for event in entry.events]


def decide(net: Net, honest: Sequence[Node], heights: int = HEIGHTS) -> None:
    net.open()
    net.run(200 * SECOND, lambda: all(heights in node.decided for node in honest))
    check_agreement(honest)
    assert all(heights in node.decided for node in honest), f"stuck: seed {net.seed}"


def check_prepared(honest: Sequence[Node]) -> None:
    """P3: no two of them ever knew different values to be prepared at one height in one view."""
    prepared: dict[tuple[int, int], bytes] = {}
    for node in honest:
        for event in events_of(node):
            if isinstance(event, CommitCast):
                where = (event.height, event.view)
                assert prepared.setdefault(where, event.value_id) == event.value_id


def check_evidence(net: Net, honest: Sequence[Node], liars: Sequence[Node]) -> None:
    """Whoever is accused lied, and the proof convinces an outsider."""
    culprits = [node.me for node in liars]
    for node in honest:
        for seen in node.evidence:
            assert seen.culprit in culprits
            assert proves(seen.culprit, seen.first, seen.second, MESH, verify)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weather", [Weather(), STORM], ids=["calm", "storm"])
def test_p03_one_liar_of_four_changes_nothing(kind: type[Node], weather: Weather) -> None:
    for seed in range(12):
        liar = seed % 4
        net = Net(App(heights=HEIGHTS), weather, seed, every=2)
        honest = net.join(n for n in range(4) if n != liar)
        liars = net.join([liar], kind)
        decide(net, honest)
        check_prepared(honest)
        check_evidence(net, honest, liars)


@pytest.mark.parametrize(
    "kinds", [(Equivocator, Whisperer), (Chatterer, Usurper), (Parrot, Silent)]
)
def test_two_liars_of_seven_change_nothing(kinds: Sequence[type[Node]]) -> None:
    for seed in range(6):
        app = App(heights=HEIGHTS, validators=lambda _: equals(7))
        net = Net(app, STORM, seed, every=2)
        liars = [net.join([number], kind)[0] for number, kind in enumerate(kinds)]
        honest = net.join(range(2, 7))
        decide(net, honest)
        check_prepared(honest)
        check_evidence(net, honest, liars)


def test_p03_an_equivocating_primary_prepares_nothing_twice() -> None:
    """It tells every other backup something else: at most one of the values is prepared."""
    for seed in range(8):
        net = Net(App(heights=2, validators=lambda _: equals(7)), seed=seed)
        [liar] = net.join([0], Equivocator)
        honest = net.join(range(1, 7))
        decide(net, honest, 2)
        check_prepared(honest)
        accepted = {
            event.value_id
            for node in honest
            for event in events_of(node)
            if isinstance(event, PrepareCast) and (event.height, event.view) == (1, 0)
        }
        assert len(accepted) == 2, "they were told different things"
        assert all(liar.me in {seen.culprit for seen in node.evidence} for node in honest)


def test_p19_all_honest_replicas_know_who_equivocated() -> None:
    """Even where all backups but one were told the same, and decided."""

    class Favourer(Equivocator):
        def send(self, to: bytes, message: Value) -> None:
            self.net.post(self.me, to, self.twist(message) if to == name(3) else message)

    net = Net(App(heights=2))
    honest = net.join((1, 2, 3))
    net.join([0], Favourer)
    decide(net, honest, 2)
    net.run(net.now_ns + 2 * SECOND)
    for node in honest:
        assert name(0) in {seen.culprit for seen in node.evidence}


def test_p10_a_view_that_did_not_begin_as_it_must_is_not_entered() -> None:
    """The next primary lies about it: everyone passes it by, and it takes one more timeout."""
    false = 0
    for seed in range(12):
        net = Net(App(heights=2), Weather(loss=0.2, calm_ns=SECOND), seed)
        honest = net.join((0, 2, 3))
        net.join([1], Usurper)
        said: list[Value] = []
        net.watch = partial(overhear, said)
        net.nodes[name(0)].up = False
        net.at(4 * SECOND, partial(revive, net.nodes[name(0)]))
        decide(net, honest, 2)
        for node in honest:
            for event in events_of(node):
                if isinstance(event, ViewEntered):
                    assert is_new_view(event.new_view, among())
        begun = [one for one in said if isinstance(one, NewView)]
        false += sum(not is_new_view(one, among()) for one in begun)
    assert false > 20


def overhear(said: list[Value], _from: bytes, _to: bytes, message: Value) -> None:
    said.append(message)


def revive(node: Node) -> None:
    node.up = True
    node.restart()


def test_p02_a_replay_from_another_mesh_is_not_even_opened() -> None:
    """The same keys, another mesh: whatever was said there is worth nothing here."""

    class Replayer(Silent):
        def take(self, command: Any) -> None:
            for to in range(3):
                foreign = replace(prepare(v, to), signature=b"other mesh".ljust(64))
                self.net.post(self.me, name(to), foreign)

    net = Net(App(heights=2))
    honest = net.join(range(3))
    net.join([3], Replayer)
    decide(net, honest, 2)
    assert all(brain(node).view == 0 for node in honest)


def test_p17_a_crash_and_a_liar_are_each_one_too_many_only_together() -> None:
    """f = 1 liar, and honest replicas that crash and come back with what they journaled."""
    for seed in range(20):
        weather = Weather(crash=0.15, delay_ms=(1, 60), calm_ns=6 * SECOND)
        net = Net(App(heights=HEIGHTS), weather, seed, every=1)
        honest = net.join(range(3))
        liars = net.join([3], Equivocator)
        decide(net, honest)
        check_prepared(honest)
        check_evidence(net, honest, liars)


def test_amnesia_of_one_is_not_enough_to_forget_what_was_decided() -> None:
    for seed in range(10):
        net = Net(App(heights=HEIGHTS), STORM, seed, every=4)
        honest = net.join(range(1, 4))
        net.join([0], Amnesiac)
        decide(net, honest)
        agreed(honest, HEIGHTS)


# -- memory ---------------------------------------------------------------------------------------


def test_p20_a_flood_fills_no_memory() -> None:
    """A thousand lies of each kind from one replica: the state grows to a bound and no further."""
    sizes: list[int] = []
    for budget in (300, 3_000):
        play = Play(me=2)
        flood(play, budget)
        sizes.append(len(canonical(play.state)))
        state = play.state
        assert len(state.later[name(3)]) <= LATER_MAX
        assert len(state.changes) <= 4
        assert len(state.convicted) <= 12
        assert len(state.claims) + len(state.ahead) <= 2 * CLAIMS_MAX
    assert sizes[1] < 1.2 * sizes[0]


def flood(play: Play, count: int) -> None:
    for number in range(count):
        play.pass_ms(1)
        value = Block(number % 40, f"flood {number}")
        value_id = pre_prepare(value).value_id
        view, height = number % 7, number % 11
        for said in (
            prepare(value_id, 3, view, height),
            change(3, 2 + number),
            pre_prepare(value, view=3 + 4 * (number % 9), height=height),
            Ask(10 + number),
        ):
            play.do(Heard(name(3), said))


def test_p20_the_journal_does_not_grow_with_a_flood_either() -> None:
    """What is refused leaves no entry: of thousands of messages a few hundred are taken in."""
    lengths: list[int] = []
    for count in (500, 5_000):
        play = Play(me=2, opened=False)
        for number in range(count):
            value_id = pre_prepare(Block(1, f"flood {number}")).value_id
            play.do(Heard(name(3), prepare(value_id, 3, number % 50, 1 + number % 50)))
            play.do(Heard(name(3), change(3, 2 + number)))
            play.do(Heard(name(3), sign(replace(change(3), stable=4, signature=b""))))
        lengths.append(len(play.journal))
    assert lengths[0] == lengths[1] < 60
    assert len(play.of(EquivocationSeen)) <= 1
