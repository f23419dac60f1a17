"""Majorities, against counting by hand."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.raft.quorum import (
    LOST,
    PENDING,
    UNBOUNDED,
    WON,
    committed_index,
    joint_committed_index,
    joint_vote_result,
    majority,
    vote_result,
)

voters = st.sets(st.integers(1, 9), max_size=7)
indices = st.dictionaries(st.integers(1, 9), st.integers(0, 9))
votes = st.dictionaries(st.integers(1, 9), st.booleans())


def by_hand(ids: set[int], acked: dict[int, int]) -> int:
    """The highest index that some majority has, found by trying each."""
    if not ids:
        return UNBOUNDED
    best = 0
    for group in combinations(sorted(ids), majority(len(ids))):
        best = max(best, min(acked.get(one, 0) for one in group))
    return best


@pytest.mark.parametrize(("count", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_R23_a_majority_of_any_size(count: int, enough: int) -> None:
    assert majority(count) == enough
    assert 2 * enough > count, "two of them share a voter"


@given(voters, indices)
def test_what_is_committed_some_majority_has(ids: set[int], acked: dict[int, int]) -> None:
    assert committed_index(ids, acked) == by_hand(ids, acked)


@given(voters, voters, indices)
def test_R13_jointly_committed_is_committed_in_both(
    incoming: set[int], outgoing: set[int], acked: dict[int, int]
) -> None:
    joint = joint_committed_index(incoming, outgoing, acked)
    assert joint == min(by_hand(incoming, acked), by_hand(outgoing, acked))
    assert joint == joint_committed_index(outgoing, incoming, acked)


def test_without_voters_all_is_committed_and_won() -> None:
    assert committed_index((), {}) == UNBOUNDED
    assert joint_committed_index((), (), {1: 3}) == UNBOUNDED
    assert vote_result((), {}) == WON
    assert joint_vote_result((), (), {}) == WON


@given(voters, votes)
def test_a_vote_is_pending_while_it_could_go_either_way(
    ids: set[int], cast: dict[int, bool]
) -> None:
    silent = [one for one in ids if one not in cast]
    if_all_yes = sum(cast.get(one, True) for one in ids) >= majority(len(ids))
    if_all_no = sum(cast.get(one, False) for one in ids) >= majority(len(ids))
    expected = WON if not ids or if_all_no else PENDING if if_all_yes else LOST
    assert vote_result(ids, cast) == expected
    assert silent or expected != PENDING


@given(voters, voters, votes)
def test_R13_a_joint_vote_needs_both(
    incoming: set[int], outgoing: set[int], cast: dict[int, bool]
) -> None:
    results = {vote_result(incoming, cast), vote_result(outgoing, cast)}
    joint = joint_vote_result(incoming, outgoing, cast)
    assert (joint == WON) == (results == {WON})
    assert (joint == LOST) == (LOST in results)


def test_who_does_not_vote_does_not_count() -> None:
    assert committed_index((1, 2, 3), {7: 9, 8: 9, 9: 9}) == 0
    assert vote_result((1, 2, 3), {7: True, 8: True, 9: True}) == PENDING
