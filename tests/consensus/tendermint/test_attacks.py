"""Meshes with liars: fewer than a third change nothing but the time; more are named afterwards."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.consensus.messages import Open
from meshkit.consensus.tendermint import State, Tendermint, Timeouts
from meshkit.consensus.tendermint.evidence import amnesias, culprits, equivocations, proves
from meshkit.consensus.tendermint.fold import evolve
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    Effect,
    Event,
    Known,
    QuorumShown,
    RoundStarted,
    Vote,
    VoteHeard,
)
from meshkit.core.machine import Restarted
from meshkit.core.value import Value, canonical
from tests.consensus.tendermint.liars import (
    Amnesiac,
    Chatterer,
    Equivocator,
    Silent,
    Slow,
    Upgrader,
    Whisperer,
)
from tests.consensus.tendermint.network import (
    MESH,
    NAME,
    SECOND,
    App,
    Block,
    Net,
    Node,
    Weather,
    agreed,
    check_agreement,
    equals,
    name,
    verify,
)

KINDS = [Silent, Equivocator, Amnesiac, Chatterer, Whisperer, Slow, Upgrader]
HEIGHTS = 3
STORM = Weather(loss=0.3, repeat=0.2, delay_ms=(1, 400), crash=0.05, calm_ns=8 * SECOND)


def votes_of(node: Node) -> list[Vote]:
    """Every vote that the journal of a node holds."""
    events = [event.body for entry in node.journal for event in entry.events]
    heard = [event.vote for event in events if isinstance(event, VoteHeard)]
    shown = [vote for event in events if isinstance(event, QuorumShown) for vote in event.votes]
    return heard + shown


def decide(net: Net, honest: Sequence[Node], until_ns: int = 200 * SECOND) -> None:
    net.open()
    net.run(until_ns, lambda: all(HEIGHTS in node.decided for node in honest))
    check_agreement(honest)
    assert all(HEIGHTS in node.decided for node in honest), "stuck"


# -- fewer than a third ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weather", [Weather(), STORM], ids=["calm", "storm"])
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_one_liar_of_four_changes_nothing(kind: type[Node], weather: Weather, seed: int) -> None:
    net = Net(App(heights=HEIGHTS), weather, seed)
    honest = net.join(range(3))
    liars = net.join([3], kind)
    decide(net, honest)
    for node in honest:
        assert {seen.culprit for seen in node.evidence} <= {liar.me for liar in liars}
        for seen in node.evidence:
            assert proves(seen.culprit, seen.first, seen.second, MESH, verify)
        named = {fault.culprit for fault in equivocations(votes_of(node))}
        for height in range(1, HEIGHTS + 1):
            known = [vote for other in honest for vote in votes_of(other) if vote.height == height]
            named |= {fault.culprit for fault in amnesias(known, equals(4))}
        assert named <= {liar.me for liar in liars}, "the honest are never named"


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32), kinds=st.lists(st.sampled_from(KINDS[:6]), min_size=2, max_size=2)
)
def test_two_liars_of_seven_change_nothing(seed: int, kinds: list[type[Node]]) -> None:
    net = Net(App(heights=HEIGHTS, validators=lambda _: equals(7)), STORM, seed)
    honest = net.join(range(5))
    for number, kind in enumerate(kinds, start=5):
        net.join([number], kind)
    decide(net, honest)


def test_T12_double_votes_are_known_to_all_correct_nodes() -> None:
    """The liar tells odd nodes one thing and even ones another; they compare, and tell everyone."""
    net = Net(App(heights=HEIGHTS))
    honest = net.join(range(3))
    net.join([3], Equivocator)
    decide(net, honest)
    net.run(net.now_ns + SECOND)
    for node in honest:
        assert node.evidence
        for seen in node.evidence:
            assert seen.culprit == name(3)
            assert proves(name(3), seen.first, seen.second, MESH, verify), "an outsider can tell"
        charges = [(seen.first.__class__, str(seen.first)) for seen in node.evidence]
        assert len(charges) == len(set(charges)), "once each"


def test_T08_hidden_locks_do_not_last() -> None:
    """The first honest proposer after the liar's trick already knows what to propose again, if the
    others did not learn before what somebody was locked on: they ask, and are told."""
    net = Net(App(heights=4))
    honest = net.join(range(3))
    [liar] = net.join([3], Upgrader)
    assert isinstance(liar, Upgrader)
    decide(net, honest)
    net.run(net.now_ns + 60 * SECOND, lambda: all(4 in node.decided for node in honest))
    assert liar.victims, "someone was locked in secret"
    rounds = [agreed(honest, height).round for height in range(1, 5)]
    assert max(rounds) <= 1


def test_T08_the_trick_would_work_if_quorums_were_not_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So the test above shows something: without the bundles the same mesh is stuck for good."""
    react = Tendermint.react

    def mute(self: Tendermint, state: State, event: Event) -> list[Effect]:
        effects = react(self, state, event)
        return [e for e in effects if not isinstance(getattr(e, "message", None), Known)]

    monkeypatch.setattr(Tendermint, "react", mute)
    net = Net(App(heights=4))
    honest = net.join(range(3))
    net.join([3], Upgrader)
    net.open()
    net.run(120 * SECOND)
    check_agreement(honest)
    assert not any(4 in node.decided for node in honest)


def test_T14_a_flood_in_a_mesh_costs_neither_memory_nor_progress() -> None:
    calm = Net(App(heights=HEIGHTS))
    alone = calm.join(range(4))
    decide(calm, alone)
    normal = max(len(canonical(node.consensus)) for node in alone)
    net = Net(App(heights=HEIGHTS), seed=5)
    honest = net.join(range(3))
    net.join([3], Chatterer, budget=20_000)
    largest = 0

    def watch(_from: bytes, _to: bytes, _message: Value) -> None:
        nonlocal largest
        if net.sent % 200 == 0:
            largest = max(largest, *(len(canonical(node.consensus)) for node in honest))

    net.watch = watch
    decide(net, honest)
    net.run(net.now_ns + 2 * SECOND)
    assert largest < 2 * normal + 10_000


def test_T07_a_slow_third_does_not_grow_the_timeouts_for_ever() -> None:
    """Late by more than a round trip, but honest: each height is decided, and most in round 0."""
    net = Net(App(heights=8), timeouts=Timeouts(300, 200, 100))
    prompt = net.join(range(3))
    net.join([3], Slow)
    net.open()
    net.run(60 * SECOND, lambda: all(8 in node.decided for node in prompt))
    rounds = [agreed(prompt, height).round for height in range(1, 9)]
    assert sum(number == 0 for number in rounds) >= 6
    assert max(rounds) <= 1


# -- more than a third ----------------------------------------------------------------------------


class Latecomer(Node):
    """Begins with round 1, as if it had said nothing in round 0."""

    def take(self, command: Any) -> None:
        if not isinstance(command, Open):
            super().take(command)
            return
        now_ns = self.net.now_ns
        late = evolve(self.consensus, RoundStarted(1, 1, now_ns, now_ns + SECOND))
        self.state = {NAME: late}
        self.take(Restarted())


def live(honest: int, liars: type[Node]) -> Node:
    """A world in which 2 and 3 decide with one honest node; the other is said to be away."""
    app = App(value=lambda _, height, round_: Block(height, f"world {honest}, round {round_}"))
    net = Net(app, timeouts=Timeouts(500, 100, 100))
    [node] = net.join([honest])
    net.join([1 - honest], Silent)
    net.join([2, 3], liars)
    net.open()
    net.run(60 * SECOND, lambda: 1 in node.decided)
    return node


@pytest.mark.parametrize("liars", [Node, Latecomer], ids=["in one round", "in a later round"])
def test_T13_a_disagreement_names_more_than_a_third_and_nobody_honest(liars: type[Node]) -> None:
    """The liars live in two worlds: in one with node 0, in the other with node 1."""
    one, other = live(0, Node), live(1, liars)
    first, second = one.decided[1].certificate, other.decided[1].certificate
    assert first.value_id != second.value_id, "the mesh is broken"
    assert (second.round > first.round) == (liars is Latecomer)
    faults = culprits(first, second, [*votes_of(one), *votes_of(other)], equals(4))
    assert [fault.culprit for fault in faults] == [name(2), name(3)]
    forgotten = [fault.first.kind == PRECOMMIT != fault.second.kind for fault in faults]
    assert forgotten == [liars is Latecomer] * 2
