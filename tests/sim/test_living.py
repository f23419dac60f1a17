"""Whole nodes that agree by Raft, whose engine has a volatile half."""

from collections import Counter
from functools import cache

import pytest
from msgspec.structs import replace

from meshkit.consensus.raft.messages import Heartbeat, RequestVote
from meshkit.consensus.raft.state import FOLLOWER, LEADER, State
from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.ledger.messages import Note, RemoveMember
from meshkit.pool.messages import Offer
from meshkit.sim import people
from meshkit.sim.agenda import SECOND
from meshkit.sim.campaign import play
from meshkit.sim.check import Checker
from meshkit.sim.living import WENT_EARLY, Living
from meshkit.sim.mesh import Mesh
from meshkit.sim.process import Process
from meshkit.sim.run import Report
from tests.sim import worlds

SEEDS = 30  # `make sim` runs thousands
CHUNK = 5
SOMETIMES = (
    WENT_EARLY, "SteppedDown", "ConfigurationApplied", "AppendRefused", "PeerAhead", "restart",
    "restart from a snapshot", "MemberAdmitted", "MemberRemoved", "TaskFinished",
)  # fmt: skip


@cache
def report(seed: int) -> Report:
    told = play("site", seed, seed < CHUNK)
    assert not told.failure, f"{told.failure}\nreplay it: {told.line}"
    return told


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_is_broken_by_whole_nodes_that_agree_by_raft(first: int) -> None:
    for seed in range(first, first + CHUNK):
        assert report(seed).heights > 0, report(seed).line


def test_rare_states_are_reached() -> None:
    reached: Counter[str] = Counter()
    for seed in range(SEEDS):
        reached.update(dict(report(seed).counts))
    assert not [name for name in SOMETIMES if not reached[name]]


# -- one site --------------------------------------------------------------------------------------


def founded(count: int = 3) -> Mesh:
    genesis = worlds.genesis(count)
    policy = replace(genesis.policy, engine="raft", propose_ms=150, vote_ms=50)
    watch = Checker()
    made = watch.mesh = Mesh(1, replace(genesis, policy=policy), watch)
    for number in range(count):
        made.add(people.node(number))
    for process in made.processes:
        assert isinstance(process, Living)
        process.start()
    made.agenda.run(SECOND)
    return made


def engine(process: Process) -> State:
    state: State = process.shell.state["consensus"]
    return state


def leader(made: Mesh) -> Process:
    return next(one for one in made.processes if one.up and engine(one).role == LEADER)


def rest(made: Mesh, seconds: int = 1) -> None:
    made.agenda.run(made.agenda.now_ns + seconds * SECOND)


def write(process: Process) -> None:
    process.take(At("pool", Offer(Note(process.me, 1, b"hello"))))


def heights(made: Mesh) -> list[int]:
    return [one.shell.state["ledger"].height for one in made.processes]


def test_who_leads_is_heard_by_all_and_idling_costs_no_entries() -> None:
    made = founded()
    first = leader(made)
    lengths = [one.store.length for one in made.processes]
    assert {engine(one).leader for one in made.processes} == {first.me}
    rest(made, 10)
    assert leader(made) is first
    grown = [one.store.length - had for one, had in zip(made.processes, lengths, strict=True)]
    assert max(grown) < 10  # and not two hundred heartbeats


def test_when_the_leader_dies_the_others_go_on_and_it_comes_back_as_a_follower() -> None:
    made = founded()
    first = leader(made)
    first.crash("the test wants it")
    rest(made)
    second = leader(made)
    write(second)
    rest(made)
    first.start()
    rest(made, 2)
    assert engine(first).role == FOLLOWER
    assert len(set(heights(made))) == 1
    assert leader(made) is second


def test_what_is_written_anywhere_is_decided_everywhere_in_two_round_trips() -> None:
    made = founded()
    write(next(one for one in made.processes if engine(one).role == FOLLOWER))
    made.agenda.run(made.agenda.now_ns + SECOND // 20)
    assert all(heights(made))


def test_strangers_are_heard_by_neither_half() -> None:
    made = founded()
    one = leader(made)
    before = engine(one)
    for message in (Heartbeat(9, 1), RequestVote(9, 9, 9, True)):
        one.take(At("consensus", Heard(b"s" * 32, message)))
    rest(made)
    assert engine(one).term == before.term


# -- who goes --------------------------------------------------------------------------------------


def removals(made: Mesh, *leaving: Process) -> list[RemoveMember]:
    operator = people.operator(0).key
    return [RemoveMember(operator, n, one.me, b"s" * 64) for n, one in enumerate(leaving, 1)]


@pytest.mark.parametrize(("count", "gone", "left"), [(2, 1, 2), (4, 2, 2), (5, 3, 2), (5, 4, 2)])
def test_however_many_are_to_go_at_once_those_who_stay_go_on(
    count: int, gone: int, left: int
) -> None:
    """One block after another, and of two nobody; who is gone is heard no more at once."""
    made = founded(count)
    stays = leader(made)
    for item in removals(made, *[one for one in made.processes if one is not stays][:gone]):
        stays.take(At("pool", Offer(item)))
    rest(made, 5)
    assert len(stays.shell.state["ledger"].members) == left
    assert len(engine(stays).configuration.voters) == left
    before = stays.shell.state["ledger"].height
    write(stays)
    rest(made, 5)
    assert stays.shell.state["ledger"].height > before


def test_a_leader_that_is_removed_with_others_leaves_a_mesh_that_goes_on() -> None:
    made = founded(4)
    first = leader(made)
    other, *staying = [one for one in made.processes if one is not first]
    for item in removals(made, first, other):
        first.take(At("pool", Offer(item)))
    rest(made, 10)
    write(staying[0])
    rest(made, 5)
    assert staying[0].shell.state["ledger"].notes == 1
