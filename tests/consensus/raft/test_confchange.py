"""Changes of the configuration: what each makes of it, and why one is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.raft.confchange import (
    ADD_LEARNER,
    ADD_VOTER,
    REMOVE,
    Change,
    Membership,
    Refused,
    change,
    enter_joint,
    is_next,
    leave_joint,
    simple,
    towards,
)

ids = st.integers(1, 6)
changes = st.lists(st.builds(Change, st.sampled_from([ADD_VOTER, ADD_LEARNER, REMOVE]), ids))
sets = st.sets(ids, min_size=1)


def voters(*members: int, learners: Sequence[int] = ()) -> Membership:
    return Membership(frozenset(members), learners=frozenset(learners))


def check(membership: Membership) -> None:
    """What is true of every configuration."""
    assert membership.voters
    assert not membership.learners & (membership.voters | membership.outgoing)
    assert membership.learners_next <= membership.outgoing
    assert not membership.learners_next & membership.voters
    assert membership.joint or not (membership.learners_next or membership.auto_leave)


def test_R13_a_simple_change_touches_one_voter() -> None:
    assert simple(voters(1), [Change(ADD_VOTER, 2)]) == voters(1, 2)
    assert simple(voters(1, 2), [Change(REMOVE, 1)]) == voters(2)
    assert simple(voters(1, 2), [Change(ADD_LEARNER, 2)]) == voters(1, learners=[2])
    assert simple(voters(1, learners=[2]), [Change(ADD_VOTER, 2)]) == voters(1, 2)
    two = [Change(ADD_LEARNER, 3), Change(ADD_LEARNER, 4)]
    assert simple(voters(1), two) == voters(1, learners=[3, 4]), "learners do not count"


def test_what_changes_nothing_changes_nothing() -> None:
    before = voters(1, 2, learners=[3])
    same = [Change(ADD_VOTER, 1), Change(ADD_LEARNER, 3), Change(REMOVE, 9)]
    assert simple(before, same) == before


@pytest.mark.parametrize(
    ("before", "asked", "reason"),
    [
        (voters(1), [Change(ADD_VOTER, 2), Change(ADD_VOTER, 3)], "more than one voter changed"),
        (voters(1), [Change(REMOVE, 1)], "removed all voters"),
        (voters(1), [Change("promote", 1)], "unexpected conf type"),
        (enter_joint(voters(1), []), [Change(ADD_VOTER, 2)], "in joint config"),
    ],
)
def test_R13_why_a_simple_change_is_refused(
    before: Membership, asked: list[Change], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        simple(before, asked)


def test_R13_joint_consensus_has_both_sets_and_is_left() -> None:
    joint = enter_joint(voters(1, 2, 3), [Change(REMOVE, 1), Change(ADD_VOTER, 4)])
    assert joint.voters == {2, 3, 4}
    assert joint.outgoing == {1, 2, 3}
    assert joint.auto_leave
    assert leave_joint(joint) == voters(2, 3, 4)
    assert not enter_joint(voters(1), [], auto_leave=False).auto_leave


def test_R13_a_voter_that_is_demoted_still_votes_in_the_outgoing_set() -> None:
    joint = enter_joint(voters(1, 2, 3), [Change(ADD_LEARNER, 1), Change(ADD_VOTER, 4)])
    assert joint.learners_next == {1}
    assert not joint.learners
    assert leave_joint(joint) == voters(2, 3, 4, learners=[1])


def test_why_joint_consensus_is_refused() -> None:
    with pytest.raises(Refused, match="already joint"):
        enter_joint(enter_joint(voters(1), []), [])
    with pytest.raises(Refused, match="zero-voter"):
        enter_joint(Membership(), [Change(ADD_VOTER, 1)])
    with pytest.raises(Refused, match="non-joint"):
        leave_joint(voters(1))


def test_a_proposed_change_takes_the_shortest_way() -> None:
    one, two = [Change(ADD_VOTER, 2)], [Change(ADD_VOTER, 2), Change(ADD_VOTER, 3)]
    assert change(voters(1), one) == voters(1, 2)
    assert change(voters(1), two) == enter_joint(voters(1), two)
    assert change(voters(1), one, "implicit") == enter_joint(voters(1), one)
    assert change(voters(1), one, "explicit") == enter_joint(voters(1), one, False)
    assert change(enter_joint(voters(1), one), []) == voters(1, 2)


@given(sets, changes, st.booleans())
def test_R13_every_change_leads_to_a_whole_configuration(
    start: set[int], asked: list[Change], auto: bool
) -> None:
    before = voters(*start)
    try:
        joint = enter_joint(before, asked, auto)
    except Refused:
        return
    after = leave_joint(joint)
    check(joint)
    check(after)
    assert is_next(before, joint)
    assert is_next(joint, after)
    try:
        assert simple(before, asked) == after, "both ways lead to the same"
    except Refused:
        assert len(before.voters ^ after.voters) > 1


# -- towards a target -----------------------------------------------------------------------------


def test_a_newcomer_listens_before_it_votes() -> None:
    first = towards(voters(1, 2), [1, 2, 3], [])
    assert first is not None
    assert first == voters(1, 2, learners=[3])
    assert towards(first, [1, 2, 3], []) is None, "it has not caught up"
    assert towards(first, [1, 2, 3], [3]) == voters(1, 2, 3)


def test_more_than_one_change_at_once_is_joint() -> None:
    joint = towards(voters(1, 2, 3, learners=[4]), [2, 3, 4], [4])
    assert joint is not None
    assert joint.joint
    assert towards(joint, [2, 3, 4], [4]) == voters(2, 3, 4)


def test_who_leaves_does_not_wait_for_a_dead_newcomer() -> None:
    """A majority of the target is there without it."""
    assert towards(voters(1, 2, 3, learners=[4]), [2, 3, 4], []) == voters(2, 3, learners=[4])


def test_a_set_is_not_left_before_enough_of_the_next_is_there() -> None:
    assert towards(voters(1, 2, learners=[3, 4]), [3, 4], []) is None
    joint = towards(voters(1, 2, learners=[3, 4]), [3, 4], [3])
    assert joint == voters(1, 2, 3, learners=[4]), "one of two is not more than half"


def test_a_learner_that_is_wanted_no_more_goes() -> None:
    assert towards(voters(1, learners=[2]), [1], []) == voters(1)


def test_what_an_operator_keeps_joint_stays_so() -> None:
    assert towards(enter_joint(voters(1), [], auto_leave=False), [1, 2], []) is None


@given(sets, sets)
def test_R13_every_target_is_reached_step_by_step(start: set[int], target: set[int]) -> None:
    now, steps = voters(*start), 0
    while (after := towards(now, target, range(9))) is not None:
        check(after)
        assert is_next(now, after)
        now, steps = after, steps + 1
        assert steps <= 4
    assert now == voters(*target)


def test_R13_steps_that_are_none() -> None:
    before = voters(1, 2, 3)
    assert not is_next(before, before)
    assert not is_next(before, Membership())
    assert not is_next(before, voters(1, 4, 5))
    assert not is_next(before, voters(1, 2, 3, learners=[3]))
    assert not is_next(before, Membership(frozenset({4}), frozenset({1, 2})))
    assert not is_next(enter_joint(before, []), voters(1, 2))
    assert not is_next(before, before._replace(learners_next=frozenset({1})))


def test_everyone_receives_the_log() -> None:
    joint = enter_joint(voters(1, 2, learners=[5]), [Change(REMOVE, 1), Change(ADD_VOTER, 3)])
    assert joint.everyone() == [1, 2, 3, 5]
