"""What is enough, and counting up to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from meshkit.consensus.messages import NIL
from meshkit.consensus.quorum import (
    Tally,
    count,
    more_than_third,
    quorum,
    quorum_votes,
    show,
    voted,
)
from meshkit.consensus.tendermint.messages import PREVOTE, Vote

A, B = b"a" * 32, b"b" * 32


def vote(voter: bytes, value_id: bytes) -> Vote:
    return Vote(PREVOTE, 1, 0, value_id, voter, b"signed")


@given(st.integers(1, 10**9))
def test_T09_a_quorum_is_the_least_that_is_strictly_more_than_two_thirds(total: int) -> None:
    assert 3 * quorum(total) > 2 * total
    assert 3 * (quorum(total) - 1) <= 2 * total


@given(st.integers(1, 10**9))
def test_two_quorums_share_more_than_liars_may_weigh(total: int) -> None:
    liars = (total - 1) // 3
    assert 2 * quorum(total) - total > liars
    assert quorum(total) <= total - liars, "the honest alone are a quorum"
    assert not more_than_third(liars, total)
    assert not more_than_third(total // 3, total), "a third may still be liars all"
    assert more_than_third(total // 3 + 1, total)


def test_five_need_four() -> None:
    """The row's example: sets of three out of five share one node, which may be the liar."""
    assert [quorum(total) for total in (1, 2, 3, 4, 5, 6, 7)] == [1, 2, 3, 3, 4, 5, 5]


@pytest.mark.parametrize(
    ("weights", "enough", "short"),
    [
        ((1, 1, 1, 1), (0, 1, 2), (0, 1)),
        ((3, 1, 1, 1), (0, 1, 2), (0, 1)),  # 5 of 6 is more than two thirds, 4 of 6 is not
        (tuple(range(1, 101)), tuple(range(57, 100)), tuple(range(58, 100))),
    ],
)
def test_T09_power_weighted_counts(
    weights: tuple[int, ...], enough: tuple[int, ...], short: tuple[int, ...]
) -> None:
    q = quorum(sum(weights))
    for chosen, reached in ((enough, A), (short, None)):
        tally = Tally()
        for number in chosen:
            voter = bytes([number]) * 32
            tally = count(tally, voter, A, vote(voter, A), weights[number], q)
        assert tally.quorum_for == reached
        assert tally.weight == sum(weights[number] for number in chosen)


def test_votes_are_told_apart_by_value() -> None:
    tally = Tally()
    for number, value_id in enumerate((A, B, NIL, A)):
        voter = bytes([number]) * 32
        tally = count(tally, voter, value_id, vote(voter, value_id), 1, 3)
    assert tally.by_value == Map({A: 2, B: 1, NIL: 1})
    assert tally.weight == 4
    assert tally.quorum_for is None
    assert voted(tally, bytes([2]) * 32) == NIL
    assert voted(tally, bytes([9]) * 32) is None
    voter = bytes([7]) * 32
    tally = count(tally, voter, A, vote(voter, A), 1, 3)
    assert tally.quorum_for == A
    assert [v.value_id for v in quorum_votes(tally) if isinstance(v, Vote)] == [A, A, A]


def test_a_quorum_stays_what_it_was() -> None:
    tally = count(Tally(), A, A, vote(A, A), 3, 3)
    assert count(tally, B, B, vote(B, B), 3, 3).quorum_for == A


def test_a_quorum_may_be_shown_by_itself() -> None:
    told = count(Tally(), A, NIL, vote(A, NIL), 1, 1)
    votes = (vote(A, B), vote(B, B))
    tally = show(told, B, votes)
    assert tally.quorum_for == B
    assert quorum_votes(tally) == votes
    assert tally.weight == 1, "what A told us counts as it did"
