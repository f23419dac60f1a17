"""What can be read from a state, and that it comes back whole from its snapshot."""

from typing import cast

from msgspec.structs import replace

from meshkit.consensus.messages import NIL
from meshkit.consensus.tendermint.fold import evolve
from meshkit.consensus.tendermint.messages import (
    HeightBegun,
)
from meshkit.consensus.tendermint.state import (
    State,
    bare,
    charge,
    signed_proposal,
    slot,
)
from meshkit.core.value import canonical, from_canonical
from tests.consensus.tendermint.network import equals, name
from tests.consensus.tendermint.playbook import Play, V, precommit, prevote, proposal, v, w


def test_keys_do_not_collide() -> None:
    assert len({slot(number, kind) for number in range(9) for kind in (1, 2)}) == 18
    assert charge(1, 0, name(1)) < charge(2, 0, name(0))


def test_a_proposal_is_kept_apart_from_its_value() -> None:
    play = Play()
    play.hear(proposal(0, V))
    kept = play.state.rounds[0].proposal
    assert kept is not None
    assert kept == bare(proposal(0, V))
    assert bare(kept) is kept
    assert signed_proposal(play.state, v) == proposal(0, V)
    assert signed_proposal(play.state, w) is None


def test_a_state_in_the_thick_of_it_comes_back_from_its_snapshot() -> None:
    play = Play()
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2)), prevote(0, w, 1))
    play.hear(prevote(8, v, 3), precommit(0, NIL, 2), prevote(0, v, 1, height=2))
    play.hear(proposal(0, V, height=2))
    state = play.state
    assert from_canonical(State, canonical(state)) == state
    play.hear(*(precommit(0, v, n) for n in (1, 3)))
    assert play.state.decided
    state = evolve(play.state, HeightBegun(2, equals(4), 7))
    assert from_canonical(State, canonical(state)) == state
    assert cast(object, replace(state, last=None)) != state
