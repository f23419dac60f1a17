"""Whole sites in virtual time: quick when all is well, and of one history when it is not."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.consensus.messages import Begin, Open, Propose, Validator
from meshkit.core.machine import recheck
from meshkit.core.value import Value, digest
from tests.consensus.raft.network import (
    MS,
    SECOND,
    App,
    Block,
    Net,
    Node,
    Weather,
    decided,
    equals,
    name,
)
from tests.consensus.raft.sites import ENDLESS, open_all, site, storm

HEIGHTS = 40


def whole(net: Net, heights: int, until_ns: int) -> None:
    """Everybody decides all of it, alike, and the first journal tells the same story again."""
    nodes = list(net.nodes.values())
    net.run(until_ns, lambda: net.calm() and decided(nodes, heights))
    assert decided(nodes, heights)
    net.watch.alike(nodes)
    for node in nodes[:1]:
        assert recheck(node.machine, node.journal)["consensus"] == node.durable


# -- when all is well -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_R23_sites_of_any_size_elect_and_decide(count: int) -> None:
    net = site(count, HEIGHTS)
    net.open()
    whole(net, HEIGHTS, 5 * SECOND)
    assert net.watch.elections == 1, "nobody stands where all is well"


def test_R25_one_outstanding_value_takes_a_round_trip_and_two_disks() -> None:
    """The first leaves at once: no timer holds it back. The leader's disk works meanwhile."""
    net = site(3, heights=0, weather=Weather(delay_us=(200, 200), sync_us=(500, 500)))
    leader = net.settle()
    net.run(net.now_ns + SECOND)
    before_ns = net.now_ns
    leader.take(Open())
    net.run(net.now_ns + SECOND, lambda: 1 in leader.store)
    # Out and back 400 us; both disks 500 us, at the same time; and what was under way before.
    assert net.now_ns - before_ns <= 1_400_000


def test_R25_commands_that_come_while_one_is_under_way_go_together() -> None:
    """The driver puts all that waits into the next value: batches grow with the load alone."""
    waiting: list[int] = []
    sizes: list[int] = []

    def value(me: bytes, height: int, round_: int) -> Value | None:
        batch, waiting[:] = list(waiting), []
        sizes.append(len(batch))
        return Block(height, ",".join(map(str, batch)))

    net = Net(App(heights=ENDLESS, validators=lambda _: equals(3), value=value))
    net.join(range(3))
    leader = net.settle()
    net.run(net.now_ns + SECOND // 2)
    for number in range(1_000):
        net.at(net.now_ns + number * 10_000, partial(waiting.append, number))
    leader.take(Open())
    net.run(net.now_ns + 30 * MS)
    assert sum(sizes) == 1_000
    assert max(sizes) > 20
    assert max(sizes) < 100, "one value a round trip"


def test_R09_heartbeats_and_reads_are_in_no_journal() -> None:
    net = site(3, heights=3)
    net.open()
    net.run(600 * SECOND)
    nodes = list(net.nodes.values())
    assert decided(nodes, 3)
    assert all(len(node.journal) < 60 for node in nodes), "ten idle minutes: a rare question each"


# -- storms ---------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([2, 3, 3, 4, 5]))
def test_R01_R06_R24_storms_and_crashes_end_in_one_history(seed: int, count: int) -> None:
    """Loss, delay, reorder, duplication, slow disks, and deaths at every place of a tick.

    `Watch` holds every step to election safety, log matching, leader completeness, state machine
    safety, and to it that what is committed is durable at a majority.
    """
    net = site(count, 150, storm(seed), seed)
    random = Random(seed)
    for node in net.nodes.values():
        node.blocked = random.random() < 0.5
    net.open()
    net.run(4 * SECOND)
    open_all(net)
    whole(net, 150, 20 * SECOND)


def ever_changing(seed: int, count: int, every: int) -> Callable[[int], Sequence[Validator]]:
    def validators(height: int) -> Sequence[Validator]:
        random = Random(seed * 1_000 + height // every)
        members = random.sample(range(count), random.randint(1, count))
        return tuple(Validator(name(member), 1) for member in sorted(members))

    return validators


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([3, 4, 5]), st.sampled_from([1, 3, 10]))
def test_R13_members_come_and_go_in_a_storm(seed: int, count: int, every: int) -> None:
    """Whatever the ledger wants at each height, through joint configurations, and crashes."""
    validators = ever_changing(seed, count, every)
    net = Net(App(heights=60, validators=validators), storm(seed), seed)
    net.join(range(count))
    net.open()
    net.run(4 * SECOND)
    open_all(net)
    whole(net, 60, 40 * SECOND)


@dataclass
class Fatal(Net):
    """One node dies once: at a given place where it can."""

    victim: bytes = b""
    place: int = 0
    places: int = 0

    def dies(self, node: Node) -> bool:
        if node.me != self.victim:
            return False
        self.places += 1
        return self.places == self.place


def fatal(victim: int, place: int, validators: Callable[[int], Sequence[Validator]]) -> Fatal:
    net = Fatal(App(heights=6, validators=validators), victim=name(victim), place=place)
    nodes = net.join(range(4))
    net.open()
    net.run(20 * SECOND, lambda: decided(nodes, 6))
    assert decided(nodes, 6)
    net.watch.alike(nodes)
    return net


@pytest.mark.parametrize("victim", range(4))
def test_R01_R13_a_crash_at_every_place_of_every_tick(victim: int) -> None:
    """While members are replaced: before an entry is durable, and after it, before its effects."""
    sets = {
        0: (0, 1, 2),
        1: (0, 1, 2),
        2: (1, 2, 3),
        3: (1, 3),
        4: (0, 1, 2),
        5: (0, 2, 3),
        6: (1,),
    }

    def validators(height: int) -> Sequence[Validator]:
        return tuple(Validator(name(member), 1) for member in sets[height % 7])

    whole_run = fatal(victim, 0, validators)
    assert whole_run.places > 10
    for place in range(1, whole_run.places + 1):
        net = fatal(victim, place, validators)
        assert net.nodes[name(victim)].crashes == 1


@settings(max_examples=8)
@given(st.integers(0, 2**32))
def test_R13_a_mesh_that_replaces_all_its_members_goes_on(seed: int) -> None:
    """From (0, 1, 2) to (3, 4, 5), while the first three are there to hand over."""
    later = tuple(Validator(name(number), 1) for number in (3, 4, 5))

    def validators(height: int) -> Sequence[Validator]:
        return equals(3) if height < 10 else later

    net = Net(App(heights=30, validators=validators), Weather(delay_us=(1_000, 15_000)), seed)
    nodes = net.join(range(6))
    net.open()
    for _ in range(5):  # a new leader's driver has something too
        net.run(net.now_ns + SECOND, lambda: decided(nodes, 30))
        open_all(net)
    assert decided(nodes, 30)
    net.run(net.now_ns + SECOND)
    final = net.settle()
    assert final.me[0] in (3, 4, 5)
    assert final.raft.configuration.voters == (name(3), name(4), name(5))


# -- determinism ----------------------------------------------------------------------------------


def journals(seed: int) -> bytes:
    """The digest of all that three nodes journal in a storm."""
    net = site(3, 60, storm(seed), seed)
    net.open()
    net.run(6 * SECOND)
    return digest(tuple(tuple(node.journal) for node in net.nodes.values()))


def test_a_seed_tells_one_story_under_any_hash_seed() -> None:
    script = f"from {__name__} import journals; print(journals(7).hex())"
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {journals(7).hex().encode() + b"\n"}


# -- the watch itself -----------------------------------------------------------------------------


def test_the_watch_sees_what_breaks_the_properties() -> None:
    """A check that cannot fail shows nothing: each is given what it must not let pass."""
    net = site(3, heights=3)
    net.open()
    whole(net, 3, 5 * SECOND)
    leader = net.settle()
    watch = net.watch
    with pytest.raises(AssertionError, match="decided once"):
        watch._decide(leader, 1, b"other")
    watch.chain[4] = b"other"
    with pytest.raises(AssertionError, match="history"):
        watch._decide(leader, 4, b"this")
    watch.places[1] = 99
    with pytest.raises(AssertionError, match="state machine safety"):
        watch._commit(leader, leader.raft, 1)
    watch.when[1] = 0
    with pytest.raises(AssertionError, match="complete"):
        watch._complete(leader.raft)


def test_R01_the_watch_sees_an_acknowledgement_that_was_not_durable() -> None:
    """Two of three answer before their disks do: the mutant is found at the first commit."""
    net = site(3, heights=1, weather=Weather(sync_us=(2_000, 2_000)))
    leader = net.settle()
    net.run(net.now_ns + SECOND // 2)
    for node in net.nodes.values():
        if node is not leader:

            def hasty(command: object, entries: object, node: Node = node) -> list[object]:
                for effect in Node._step(node, command, entries):  # type: ignore[arg-type]  # any
                    node.perform(effect)
                return []

            node._step = hasty  # type: ignore[method-assign]  # that is the mutant
    leader.take(Open())
    with pytest.raises(AssertionError, match="durable at a majority"):
        net.run(net.now_ns + SECOND)


def test_a_begun_node_is_not_begun_again() -> None:
    net = site(3, 0)
    node = net.nodes[name(0)]
    before = len(node.journal)
    node.take(Begin(1, equals(3)))
    node.take(Propose(1, 0, Block(1, "v")))
    assert len(node.journal) == before
