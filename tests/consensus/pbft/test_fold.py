"""How events change what is known: what a view change and a new height keep, and what they drop."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.pbft.fold import evolve
from meshkit.consensus.pbft.hearing import LATER_MAX
from meshkit.consensus.pbft.messages import Repeated
from meshkit.consensus.pbft.state import AGAIN_NS_MAX, POLL_NS_MAX, State
from tests.consensus.pbft.network import MS, Block, name
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    change,
    checkpoints,
    committed,
    new_view,
    pre_prepare,
    prepare,
    proof,
    v,
    w,
)
from tests.consensus.pbft.stories import tell


def test_of_values_a_view_change_keeps_those_that_may_have_been_decided() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), prepare(v, 1))
    play.time_out()
    assert list(play.state.values) == [v]
    changes = [change(0), change(1), change(3)]
    play.hear(new_view(changes))
    play.hear(pre_prepare(W, 1))
    assert sorted(play.state.values) == sorted([v, w])
    play.time_out()
    assert list(play.state.values) == [v]
    assert play.state.prepared[1].pre_prepare.value_id == v


def test_a_later_proof_replaces_an_earlier_one() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), prepare(v, 1))
    changes = [change(0), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    play.hear(pre_prepare(W, 1), prepare(w, 0, 1))
    assert play.state.prepared[1].pre_prepare.value_id == w


def test_a_new_height_keeps_the_view_and_the_proofs_above_the_checkpoint() -> None:
    play = Play(me=2)
    changes = [change(0), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    play.hear(pre_prepare(V, 1), prepare(v, 0, 1))
    play.hear(committed(V, view=1))
    play.go_on()
    state = play.state
    assert (state.view, state.active, state.height) == (1, True, 2)
    assert 1 in state.prepared
    assert not state.values
    assert state.slot.pre_prepare is None
    assert state.former is not None


def test_what_a_view_must_decide_later_is_remembered_until_then() -> None:
    second = Block(2, "second")
    play = Play(me=2)
    changes = [change(0, 1, [proof(V), proof(second, height=2)]), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    assert sorted(play.state.bound) == [1, 2]
    play.hear(committed(V))
    play.go_on()
    assert sorted(play.state.bound) == [2]
    said = play.state.slot.pre_prepare
    assert said is not None
    assert (said.view, said.height) == (1, 2)


def test_a_new_view_moves_the_window_of_who_is_behind() -> None:
    play = Play(me=2)
    changes = [change(0, 1, [], checkpoints(4)), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    assert (play.state.stable, play.state.proof) == (4, checkpoints(4))
    assert play.state.height == 1


def test_saying_it_again_slows_down_to_a_limit() -> None:
    for play, most in ((Play(), AGAIN_NS_MAX), (Play(opened=False), POLL_NS_MAX)):
        state = play.state
        for _ in range(100):
            state = evolve(state, Repeated(1, play.now_ns, False))
        assert state.again_due_ns - play.now_ns == most


def test_no_event_of_this_machine_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        evolve(State(), cast(Any, V))


@given(st.integers(0, 2**32))
def test_p20_memory_is_bounded_whatever_happens(seed: int) -> None:
    """And what is kept beside its source agrees with it."""
    state = tell(seed).state
    count, window = len(state.validators), 2 * state.every
    assert len(state.prepared) <= window
    assert len(state.taken) <= window
    assert len(state.checkpoints) <= 2 * window
    assert all(len(votes) <= count for _, votes in sorted(state.checkpoints.items()))
    assert len(state.changes) <= count
    assert len(state.later) <= count
    assert all(len(kept) <= LATER_MAX for _, kept in sorted(state.later.items()))
    assert len(state.values) <= 4
    assert len(state.slot.prepares.by_voter) <= count
    assert len(state.slot.commits.by_voter) <= count
    above = [c for _, c in sorted(state.changes.items()) if c.view >= state.view]
    assert state.given_up == sum(state.weights[c.voter] for c in above)
    assert all(height > state.stable for height in state.prepared)


def test_the_chain_depends_on_all_that_was_decided() -> None:
    chains: set[bytes] = set()
    for first in (V, W):
        for second in (Block(2, "a"), Block(2, "b")):
            play = Play()
            play.hear(committed(first))
            play.go_on()
            play.hear(committed(second, 2))
            chains.add(play.state.chain)
    assert len(chains) == 4


def test_repeating_is_quick_again_once_something_waits() -> None:
    play = Play(opened=False)
    for _ in range(12):
        play.wake()
    assert play.state.again_due_ns - play.now_ns > 30_000 * MS
    play.hear(pre_prepare(V), sender=name(0))
    assert play.state.again_due_ns - play.now_ns <= 400 * MS
