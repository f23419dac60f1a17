"""The laws of every journaled machine, and that no crash makes a replica say two things."""

from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.consensus.messages import Begin, Judge, Open, ProposalTaken, Propose, Validator
from meshkit.consensus.pbft.evidence import place
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    CommitCast,
    Event,
    NewView,
    Prepare,
    PrepareCast,
    PrePrepare,
    Proposed,
    ViewChange,
    ViewLeft,
)
from meshkit.core.machine import Broadcast, Restarted, Wake
from meshkit.core.value import Statement, statements
from tests import laws
from tests.consensus.pbft.network import MS, SECOND, App, Net, agreed, equals, name, sign
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    change,
    commit,
    committed,
    new_view,
    pre_prepare,
    prepare,
    v,
    w,
)
from tests.consensus.pbft.stories import tell

seeds = st.integers(0, 2**32)


def test_stories_are_rich() -> None:
    """What never happens in a story is not shown by the laws below."""
    happened = {type(event).__name__ for seed in range(150) for event in tell(seed).events}
    assert happened == {event.__name__ for event in get_args(Event)}


@given(seeds)
def test_replay_recheck_and_the_live_state_agree(seed: int) -> None:
    play = tell(seed)
    assert laws.check_replay(play.machine, play.story) == play.state


@settings(max_examples=30)
@given(seeds)
def test_a_state_comes_back_from_its_snapshot(seed: int) -> None:
    play = tell(seed)
    laws.check_snapshot(play.machine, play.story)


@given(seeds)
def test_a_wake_at_the_deadline_moves_the_deadline(seed: int) -> None:
    play = tell(seed)
    laws.check_wake(play.machine, play.story)


@settings(max_examples=12)  # each of them tries every prefix of its story
@given(seeds)
def test_what_is_heard_twice_brings_nothing_new(seed: int) -> None:
    play = tell(seed, 60)
    for end in range(1, len(play.story) + 1):
        laws.check_idempotent(play.machine, play.story[:end])


def owed(play: Play, state: Any) -> list[Any]:
    """What others may not have heard, of all that a state has bound us to."""
    me, slot = play.machine.me, state.slot
    said: list[Any] = [state.change, state.made]
    if slot.prepared_id is not None:
        said.append(Prepare(state.view, state.height, slot.prepared_id, me))
    if slot.committed_id is not None:
        said.append(Commit(state.view, state.height, slot.committed_id, me))
    said += [Checkpoint(height, chain, me) for height, chain in sorted(state.taken.items())]
    return [Broadcast(message) for message in said if message is not None]


@settings(max_examples=12)  # each of them tries every prefix of its story
@given(seeds)
def test_p17_what_is_owed_is_said_again_after_any_entry(seed: int) -> None:
    """Every effect is lost; a restart alone says all of it again, to the byte."""
    play = tell(seed, 60)
    for end in range(1, len(play.story) + 1):
        state, _ = laws.live(play.machine, play.story[:end])
        if state.height and not state.decided:
            laws.check_owed(play.machine, play.story[:end], owed(play, state), horizon_ns=0)


@given(seeds)
def test_p17_no_place_is_ever_spoken_of_twice(seed: int) -> None:
    """The journal is the write-ahead log: what it binds us to is for places that only grow."""
    play = tell(seed)
    said: dict[type, list[tuple[int, int]]] = {}
    views: dict[int, list[int]] = {}
    for event in play.events:
        if isinstance(event, Proposed | PrepareCast | CommitCast):
            said.setdefault(type(event), []).append((event.height, event.view))
        if isinstance(event, ViewLeft):
            views.setdefault(event.change.since, []).append(event.change.view)
    for places in said.values():
        assert len(places) == len(set(places))
        assert [height for height, _ in places] == sorted(height for height, _ in places)
    for left in views.values():
        assert left == sorted(set(left)), "of each view a replica changes to it says so once"


# -- a crash after every entry --------------------------------------------------------------------


@dataclass
class Fatal(Net):
    """One node dies once: after a given entry of its journal, before the effects of that entry."""

    victim: bytes = b""
    dies_after: int = 0

    def dies(self, node: Any) -> bool:
        now = node.me == self.victim and len(node.journal) == self.dies_after
        return bool(now and node.crashes == 0)


def run(dies_after: int, victim: int, silent: int | None = None) -> tuple[Fatal, list[Any]]:
    """Four nodes decide three heights; the victim crashes once; all that was signed.

    With a `silent` primary there is a change of views in the story.
    """
    said: list[Any] = []
    net = Fatal(App(heights=3), victim=name(victim), dies_after=dies_after, every=1)
    net.watch = lambda _from, _to, message: said.append(message)
    nodes = net.join(n for n in range(4) if n != silent)
    net.open()
    net.run(60 * SECOND, lambda: all(3 in node.decided for node in nodes))
    return net, said


def own(said: list[Any], me: bytes) -> dict[object, set[Statement]]:
    """What one replica signed, by the place where it may sign one thing only."""
    found: dict[object, set[Statement]] = {}
    for message in {id(message): message for message in said}.values():
        for statement in statements(message):
            if getattr(statement, statement.SIGNER) != me:
                continue
            where: object = place(statement)
            if isinstance(statement, ViewChange | NewView):
                where = (type(statement), statement.since, statement.view)
            if isinstance(statement, PrePrepare):
                statement = PrePrepare(
                    statement.view,
                    statement.height,
                    statement.value_id,
                    statement.proposer,
                    None,
                    statement.signature,
                )
            found.setdefault(where, set()).add(statement)
    return found


@pytest.mark.parametrize(("victim", "silent"), [(0, None), (1, None), (1, 0), (2, 0)])
def test_p17_a_crash_at_any_entry_neither_equivocates_nor_stops_us(
    victim: int, silent: int | None
) -> None:
    whole, _ = run(0, victim, silent)
    length = len(whole.nodes[name(victim)].journal)
    assert length > 15
    for dies_after in range(2, length + 1):  # the first began height 1
        net, said = run(dies_after, victim, silent)
        assert net.nodes[name(victim)].crashes == 1
        for height in (1, 2, 3):
            agreed(net.nodes.values(), height)
        signed = own(said, name(victim))
        assert signed
        assert all(len(different) == 1 for different in signed.values()), "identical to the byte"
        assert not any(other.evidence for other in net.nodes.values())


def test_p17_a_crash_costs_less_than_a_view() -> None:
    """The restart says again what was lost; nobody waits for a timeout of the protocol."""
    net, _ = run(3, 0)
    assert net.now_ns < 1_000 * MS


def test_p17_what_our_key_signed_elsewhere_is_not_ours() -> None:
    """A statement of ours that our journal does not know is refused, whoever brings it."""
    play = Play(me=1, echo=False)
    play.hear(pre_prepare(V))
    before = play.state
    for stranger in (commit(v, 1), prepare(w, 1)):
        play.hear(stranger, sender=name(2))
        assert play.state == before


def test_p17_a_view_change_or_new_view_that_our_journal_does_not_know_is_refused() -> None:
    play = Play(me=1)
    for stranger in (change(1), new_view([change(0), change(2), change(3)])):
        assert play.hear(stranger, sender=name(2)) == []
    assert (play.state.view, play.state.active) == (0, True)


def test_a_value_at_hand_is_proposed_without_being_taken_again() -> None:
    """Prepared here, but no view change that the new view rests on says so: it is free again."""
    play = Play(me=1, echo=False)
    play.hear(pre_prepare(V), prepare(v, 2), prepare(v, 3), change(0), change(2), change(3))
    [made] = play.sent(NewView)
    play.hear(sign(made))
    play.forget()
    play.do(Propose(1, 1, V))
    assert play.of(Proposed)
    assert not play.of(ProposalTaken)


# -- the rest of its face -------------------------------------------------------------------------


def test_heights_follow_one_another() -> None:
    play = Play()
    for command in (Begin(1, equals(4)), Begin(2, equals(4)), Begin(3, equals(4))):
        assert play.do(command) == []
    play.hear(committed(V))
    assert play.do(Begin(3, equals(4))) == []
    assert play.do(Begin(2, equals(5)))
    assert play.state.total == 5


def test_a_node_may_begin_at_any_height() -> None:
    play = Play()
    play.state = play.machine.initial()
    assert play.do(Begin(7, equals(4)))
    assert (play.state.height, play.state.stable, play.state.since) == (7, 6, 7)


@pytest.mark.parametrize(
    "validators", [(), (Validator(name(1), 0),), (Validator(name(1), 1), Validator(name(1), 1))]
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
    play.hear(committed(V))
    assert play.machine.deadline(play.state) is None
    for command in (Wake(), Open(), Restarted(), Propose(1, 0, V), Judge(1, v, True)):
        assert play.do(command) == []
    play.state = empty
    assert play.hear(pre_prepare(V)) == []


def test_the_nearest_timer_is_the_deadline() -> None:
    play = Play()
    state = play.state
    assert 0 < state.again_due_ns < state.slow_due_ns < state.timer_due_ns
    assert play.machine.deadline(state) == state.again_due_ns
    play.wake()
    assert play.machine.deadline(play.state) == state.slow_due_ns
    play.wake()
    while play.state.again_due_ns < state.timer_due_ns:
        play.wake()
    assert play.machine.deadline(play.state) == state.timer_due_ns


def test_a_judgement_is_taken_once_and_of_what_is_there() -> None:
    play = Play(judge=lambda _: None)
    assert play.do(Judge(1, v, True)) == []
    play.hear(pre_prepare(V))
    assert play.do(Judge(2, v, True)) == []
    assert play.do(Judge(1, v, True))
    assert play.do(Judge(1, v, True)) == []


def test_one_validator_decides_alone() -> None:
    play = Play(me=0, validators=equals(1))
    play.do(Propose(1, 0, V))
    assert play.state.decided


def test_a_proposal_is_taken_only_where_it_was_wanted() -> None:
    play = Play(me=0)
    for late in (Propose(2, 0, V), Propose(1, 1, V)):
        assert play.do(late) == []
    assert play.do(Propose(1, 0, V))
    assert play.do(Propose(1, 0, W)) == []
    assert Play(me=1).do(Propose(1, 0, V)) == []
