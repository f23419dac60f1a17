"""What is asked of the state."""

from meshkit.consensus.raft import state as states
from meshkit.consensus.raft.confchange import Membership
from meshkit.consensus.raft.messages import ChangeConfiguration, Compact, Configuration
from meshkit.consensus.raft.state import State
from tests.consensus.raft.network import name
from tests.consensus.raft.playbook import ME, Play, accepted, append, value_entry


def test_a_configuration_has_a_plain_form_and_comes_back() -> None:
    whole = Configuration((name(1),), (name(1), name(2)), (name(3),), (name(2),), True)
    plain = states.membership(whole)
    assert plain == Membership(
        frozenset({name(1)}),
        frozenset({name(1), name(2)}),
        frozenset({name(3)}),
        frozenset({name(2)}),
        True,
    )
    assert states.configured(plain) == whole


def test_who_votes_in_either_set_votes() -> None:
    both = Configuration((name(1),), (name(2),), (name(3),))
    assert [states.is_voter(both, name(number)) for number in (1, 2, 3)] == [True, True, False]


def test_alone_is_who_is_every_majority() -> None:
    assert states.is_alone(Play(1).state)
    assert not states.is_alone(Play(2).state)
    play = Play(1, targets=False).lead()
    joint = Configuration((ME,), (ME,), auto_leave=False)
    play.do(ChangeConfiguration(joint))
    assert states.is_alone(play.state)


def test_R14_fresh_is_who_has_committed_in_its_own_term() -> None:
    play = Play().lead(ready=False)
    assert not states.is_fresh(play.state)
    play.acknowledge(1)
    assert states.is_fresh(play.state)
    assert not states.is_fresh(State())


def test_heights_of_the_log_and_of_the_driver() -> None:
    play = Play(begin=False).lead()
    assert (states.height_at_commit(play.state), states.decided_height(play.state)) == (0, 0)
    play.propose()
    play.acknowledge(1)
    assert (states.height_at_commit(play.state), states.decided_height(play.state)) == (1, 1)


def test_who_is_behind() -> None:
    play = Play().lead()
    assert not states.is_behind(play.state)
    play.propose()
    play.hear(1, accepted(1, 2))
    assert states.is_behind(play.state)
    play.hear(2, accepted(1, 2))
    assert not states.is_behind(play.state)


def test_R17_a_snapshot_is_of_the_commit() -> None:
    play = Play().lead()
    play.decide("a", "b")
    taken = states.snapshot(play.state)
    assert (taken.index, taken.index_term, taken.height) == (3, 1, 2)
    assert taken.configuration == play.state.configuration
    play.do(Compact(3))
    assert states.snapshot(play.state) == taken


def test_heights_are_known_below_the_log_too() -> None:
    play = Play()
    play.hear(1, append(1, [value_entry(1, 1, 1)], commit=1))
    play.do(Compact(1))
    assert states.height_at_commit(play.state) == 1
