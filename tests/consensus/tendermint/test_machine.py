"""The laws of every journaled machine, and that no crash makes a validator vote twice."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meshkit.consensus
from meshkit.consensus.messages import (
    NIL,
    Begin,
    Certificate,
    Committed,
    Judge,
    Open,
    Propose,
    Validator,
)
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Event,
    Proposal,
    Vote,
    VoteCast,
)
from meshkit.consensus.tendermint.state import slot
from meshkit.core.machine import Broadcast, Restarted, Wake
from meshkit.core.value import Value, digest
from tests import laws
from tests.consensus.tendermint.network import MS, SECOND, App, Net, Node, agreed, equals, name
from tests.consensus.tendermint.playbook import (
    ME,
    Play,
    V,
    precommit,
    prevote,
    proposal,
    v,
    w,
)
from tests.consensus.tendermint.stories import tell

seeds = st.integers(0, 2**32)


def committed(value: Value, height: int) -> Committed:
    signers = tuple(precommit(0, digest(value), n, height) for n in (1, 2, 3))
    return Committed(Certificate(height, 0, digest(value), signers), value)


def test_stories_are_rich() -> None:
    """What never happens in a story is not shown by the laws below."""
    happened = {type(event).__name__ for seed in range(200) for event in tell(seed).events}
    assert happened == {event.__name__ for event in get_args(Event)}


@given(seeds)
def test_replay_recheck_and_the_live_state_agree(seed: int) -> None:
    play = tell(seed)
    assert laws.check_replay(play.machine, play.story) == play.state


@given(seeds)
def test_a_state_comes_back_from_its_snapshot(seed: int) -> None:
    play = tell(seed)
    laws.check_snapshot(play.machine, play.story)


@given(seeds)
def test_a_wake_at_the_deadline_moves_the_deadline(seed: int) -> None:
    play = tell(seed)
    laws.check_wake(play.machine, play.story)


@settings(max_examples=15)  # each of them tries every prefix of its story
@given(seeds)
def test_what_is_heard_twice_brings_nothing_new(seed: int) -> None:
    play = tell(seed)
    for end in range(1, len(play.story) + 1):
        laws.check_idempotent(play.machine, play.story[:end])


@settings(max_examples=15)  # each of them tries every prefix of its story
@given(seeds)
def test_T11_what_is_owed_is_said_again_after_any_entry(seed: int) -> None:
    """Every effect is lost; a restart alone issues our part in this round again, to the byte."""
    play = tell(seed)
    for end in range(1, len(play.story) + 1):
        state, _ = laws.live(play.machine, play.story[:end])
        if state.decided or state.round < 0:
            continue
        owed: list[Any] = []
        for kind in (PREVOTE, PRECOMMIT):
            value_id = state.cast.get(slot(state.round, kind))
            if value_id is not None:
                ours = Vote(kind, state.height, state.round, value_id, play.machine.me)
                owed.append(Broadcast(ours))
        laws.check_owed(play.machine, play.story[:end], owed, horizon_ns=0)


@given(seeds)
def test_T11_no_vote_is_ever_cast_twice(seed: int) -> None:
    """The journal is the write-ahead log: its votes are for places that only grow."""
    _, entries = laws.live(tell(seed).machine, tell(seed).story)
    places = [
        (event.height, slot(event.round, event.kind))
        for entry in entries
        for event in entry.events
        if isinstance(event, VoteCast)
    ]
    assert len(places) == len(set(places))
    assert places == sorted(places)


@given(seeds)
def test_only_what_was_said_is_known(seed: int) -> None:
    """The tallies add up, and who is ahead of us is counted once."""
    play = tell(seed)
    for _, at in sorted(play.state.rounds.items()):
        for tally in (at.prevotes, at.precommits):
            assert tally.weight == sum(tally.by_value.values())
            assert tally.weight == sum(play.state.weights[voter] for voter in tally.by_voter)
    assert all(at > play.state.round for at in play.state.highest.values())


# -- a crash after every entry --------------------------------------------------------------------


@dataclass
class Fatal(Net):
    """One node dies once: after a given entry of its journal, before the effects of that entry."""

    victim: bytes = b""
    dies_after: int = 0

    def dies(self, node: Node) -> bool:
        now = node.me == self.victim and len(node.journal) == self.dies_after
        return now and node.crashes == 0


def run(dies_after: int, victim: int, heights: int = 2) -> tuple[Net, list[Any]]:
    """Four nodes decide `heights` heights; the victim crashes once; all that was signed."""
    said: list[Any] = []
    net = Fatal(App(heights=heights), victim=name(victim), dies_after=dies_after)
    net.watch = lambda _from, _to, message: said.append(message)
    net.join(range(4))
    net.open()
    net.run(60 * SECOND, lambda: all(heights in n.decided for n in net.nodes.values()))
    return net, said


@pytest.mark.parametrize("victim", range(4))
def test_T11_a_crash_between_any_two_entries_neither_equivocates_nor_stops_us(victim: int) -> None:
    whole, _ = run(0, victim)
    length = len(whole.nodes[name(victim)].journal)
    assert length > 15
    for dies_after in range(2, length + 1):  # the first began height 1
        net, said = run(dies_after, victim)
        node = net.nodes[name(victim)]
        assert node.crashes == 1
        for height in (1, 2):
            agreed(net.nodes.values(), height)
        own: dict[Any, set[Any]] = {}
        for message in said:
            if isinstance(message, Vote) and message.voter == node.me:
                place = (message.height, message.round, message.kind)
                own.setdefault(place, set()).add(message)
            if isinstance(message, Proposal) and message.proposer == node.me:
                own.setdefault((message.height, message.round, 0), set()).add(message)
        assert own
        assert all(len(different) == 1 for different in own.values()), "identical to the byte"
        assert not any(other.evidence for other in net.nodes.values())


def test_T11_a_crash_costs_less_than_a_second() -> None:
    """The restart says again what was lost; nobody waits for a timeout of the protocol."""
    net, _ = run(3, 2, heights=1)
    assert net.now_ns < 1_000 * MS


# -- the rest of its face -------------------------------------------------------------------------


def test_heights_follow_one_another() -> None:
    play = Play()
    for command in (Begin(1, equals(4)), Begin(2, equals(4)), Begin(3, equals(4))):
        assert play.do(command) == []
    play.hear(committed(V, 1))
    assert play.do(Begin(3, equals(4))) == []
    assert play.do(Begin(2, equals(5)))
    assert play.state.total == 5


def test_a_node_may_begin_at_any_height() -> None:
    play = Play()
    play.state = play.machine.initial()
    assert play.do(Begin(7, equals(4)))
    assert play.state.height == 7


@pytest.mark.parametrize(
    "validators", [(), (Validator(ME, 0),), (Validator(ME, 1), Validator(ME, 1))]
)
def test_a_set_that_is_none_is_our_own_bug(validators: tuple[Validator, ...]) -> None:
    play = Play()
    play.state = play.machine.initial()
    with pytest.raises(AssertionError):
        play.do(Begin(1, validators))


def test_before_the_first_height_and_after_a_decision_nothing_is_due() -> None:
    play = Play()
    empty = play.machine.initial()
    assert play.machine.deadline(empty) is None
    play.hear(committed(V, 1))
    assert play.machine.deadline(play.state) is None
    for command in (Wake(), Open(), Restarted(), Propose(1, 0, V), Judge(1, v, True)):
        assert play.do(command) == []


def test_the_nearest_timer_is_the_deadline() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, NIL, 1), prevote(0, w, 2))
    assert play.machine.deadline(play.state) == play.state.again_due_ns
    play.wake()
    assert play.machine.deadline(play.state) == play.state.step_due_ns
    play.hear(*(precommit(0, NIL, n) for n in (1, 2, 3)))
    play.time_out()
    assert play.state.round_due_ns == play.machine.deadline(play.state)


def test_a_judgement_is_taken_once_and_of_what_is_there() -> None:
    play = Play(judge=lambda _: None)
    assert play.do(Judge(1, v, True)) == []
    play.hear(proposal(0, V))
    assert play.do(Judge(2, v, True)) == []
    assert play.do(Judge(1, v, False))
    assert play.do(Judge(1, v, True)) == []


def test_one_validator_decides_alone() -> None:
    play = Play(validators=equals(1))
    play.do(Propose(1, 0, V))
    assert play.state.decided


def test_T18_the_machine_checks_no_signature() -> None:
    """Verification is off the state machine: nothing in this room could do it."""
    for path in sorted(Path(meshkit.consensus.__path__[0]).rglob("*.py")):
        tree = ast.parse(path.read_text())
        named = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        named |= {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        known = {"meshkit", "immutables", "msgspec", "typing", "collections"}
        known |= {"functools", "itertools", "operator"}
        assert named <= known, path
