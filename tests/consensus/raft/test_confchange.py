"""Changes of the configuration: what each makes of it, and why one is refused."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.raft.confchange import (
    ADD_LEARNER,
    ADD_VOTER,
    NOBODY,
    REMOVE,
    UPDATE,
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
from meshkit.consensus.raft.quorum import WON, joint_vote_result

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
    void = [Change(UPDATE, 1), Change(UPDATE, 9), Change(REMOVE, NOBODY), Change(ADD_VOTER, NOBODY)]
    assert simple(before, void) == before
    with pytest.raises(Refused, match="removed all voters"):
        simple(Membership(), void)


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


def test_who_is_replaced_votes_until_its_successor_does() -> None:
    """Two of the three that stay bear no loss."""
    waiting = voters(1, 2, 3, learners=[4])
    assert towards(waiting, [2, 3, 4], []) is None
    joint = towards(waiting, [2, 3, 4], [4])
    assert joint == enter_joint(waiting, [Change(ADD_VOTER, 4), Change(REMOVE, 1)])


def test_who_leaves_does_not_wait_for_a_newcomer_that_adds_nothing() -> None:
    """Three bear as much as the four that are wanted, and four as much as five that were."""
    assert towards(voters(1, 2, 3, 5, learners=[4]), [1, 2, 3, 4], []) == voters(
        1, 2, 3, learners=[4]
    )
    coming = voters(1, 2, learners=[3, 4, 5])
    joint = towards(coming, [1, 3, 4, 5], [3, 4])
    assert joint is not None
    assert joint.joint
    assert leave_joint(joint) == voters(1, 3, 4, learners=[5])


def test_who_joins_waits_for_the_others_where_a_part_of_them_bears_less() -> None:
    """Of five wanted any two may be gone; of four that are there not, and both may be new."""
    waiting = voters(1, 2, 3, learners=[4, 5])
    assert towards(waiting, range(1, 6), [4]) is None
    joint = towards(waiting, range(1, 6), [4, 5])
    assert joint is not None
    assert joint.voters == {1, 2, 3, 4, 5}
    assert towards(voters(1, 2, learners=[3, 4]), range(1, 5), [3]) == voters(1, 2, 3, learners=[4])


def test_a_set_is_not_left_before_enough_of_the_next_is_there() -> None:
    assert towards(voters(1, 2, learners=[3, 4]), [3, 4], []) is None
    assert towards(voters(1, 2, learners=[3, 4]), [3, 4], [3]) is None, "one copy is too few"
    assert towards(voters(1, 2, 3, learners=[4]), [3, 4], []) is None, "nor of who stays"
    joint = towards(voters(1, 2, learners=[3, 4]), [3, 4], [3, 4])
    assert joint is not None
    assert leave_joint(joint) == voters(3, 4)


def bears(membership: Membership, gone: frozenset[int]) -> bool:
    """Whether those who are left can decide."""
    votes = dict.fromkeys(membership.voters | membership.outgoing, True)
    votes |= dict.fromkeys(gone, False)
    return joint_vote_result(membership.voters, membership.outgoing, votes) == WON


@given(sets, sets, st.lists(st.sets(ids), min_size=1, max_size=4))
def test_R13_what_both_ends_of_a_way_bear_every_step_of_it_bears(
    start: set[int], target: set[int], caught_up: list[set[int]]
) -> None:
    """Whoever is gone, and whenever who catches up: the rest can decide."""
    first = voters(*start)
    losses = [frozenset(one) for size in range(6) for one in combinations(range(1, 7), size)]
    ends = (first, voters(*target))
    borne = [gone for gone in losses if all(bears(end, gone) for end in ends)]
    now = first
    for ready in caught_up:
        for _ in range(4):
            now = towards(now, target, ready) or now
            assert all(bears(now, gone) for gone in borne)


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
