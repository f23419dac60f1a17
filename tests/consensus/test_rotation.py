"""Whose turn it is: the same everywhere, fair, and without a memory."""

from collections import Counter
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.messages import Validator
from meshkit.consensus.rotation import proposer

SETS = [(1,), (1, 1, 1, 1), (3, 1, 1, 1), (2, 1, 1, 1, 1), (99, *(1,) * 99), tuple(range(1, 101))]
weights = st.lists(st.integers(1, 30), min_size=1, max_size=7).map(tuple)


def validators(weights: tuple[int, ...]) -> tuple[Validator, ...]:
    return tuple(Validator(bytes([n]) * 32, weight) for n, weight in enumerate(weights))


@cache
def cycle(row: tuple[Validator, ...]) -> list[bytes]:
    """The other implementation: a whole cycle, merged from below out of the cycles of two halves.

    Nothing of `rotation` is used: halves are searched with fractions, turns are dealt one by one.
    """
    row = tuple(sorted(row, key=lambda v: (-v.weight, v.id)))
    if len(row) == 1:
        return [row[0].id] * row[0].weight
    total = sum(v.weight for v in row)

    def unevenness(cut: int) -> Fraction:
        return abs(Fraction(sum(v.weight for v in row[:cut]), total) - Fraction(1, 2))

    cut = min(range(1, len(row)), key=unevenness)
    left, right = cycle(row[:cut]), cycle(row[cut:])
    share = Fraction(len(left), total)
    merged, taken = list[bytes](), 0
    for turn in range(1, total + 1):
        due = int(share * turn + Fraction(1, 2))
        merged.append(left[taken] if due > taken else right[turn - 1 - taken])
        taken = due
    return merged


@pytest.mark.parametrize("weights", SETS, ids=lambda weights: f"{weights[:4]}")
def test_T10_two_implementations_over_10000_heights(weights: tuple[int, ...]) -> None:
    chosen = validators(weights)
    expected = cycle(chosen)
    for height in range(10_000):
        assert proposer(chosen, height, 0) == expected[height % len(expected)]


@given(weights.flatmap(lambda w: st.permutations(validators(w))), st.integers(0), st.integers(0))
def test_T10_a_pure_function_of_set_height_and_round(
    shuffled: list[Validator], height: int, round_: int
) -> None:
    """So it survives restarts and set changes, and does not depend on the order of the set."""
    expected = proposer(sorted(shuffled, key=lambda v: v.id), height, round_)
    assert proposer(shuffled, height, round_) == expected
    assert proposer(shuffled, height + round_, 0) == expected


@given(weights, st.integers(0, 10**6))
def test_T10_fair_in_any_cycle(weights: tuple[int, ...], start: int) -> None:
    """In any `total` turns in a row, each proposes exactly as often as it weighs."""
    chosen, total = validators(weights), sum(weights)
    turns = Counter(proposer(chosen, start, round_) for round_ in range(total))
    assert turns == {validator.id: validator.weight for validator in chosen}


@given(weights)
def test_T10_fair_within_a_cycle(weights: tuple[int, ...]) -> None:
    chosen, total = validators(weights), sum(weights)
    turns = Counter[bytes]()
    for height in range(total):
        turns[proposer(chosen, height, 0)] += 1
        for validator in chosen:
            share = Fraction(validator.weight * (height + 1), total)
            assert abs(turns[validator.id] - share) < Fraction(3, 2)


def test_T10_equal_weights_take_plain_turns() -> None:
    chosen = validators((5, 5, 5, 5, 5))
    first = [proposer(chosen, height, 0) for height in range(5)]
    assert len(set(first)) == 5
    assert [proposer(chosen, height, 0) for height in range(50)] == first * 10


def test_T10_a_change_of_the_set_needs_no_history() -> None:
    """A node that joins at a height agrees with one that has seen all sets before."""
    before, after = validators((1, 1, 1, 1)), validators((1, 1, 1, 1, 2))
    seen = [proposer(before, height, 0) for height in range(7)]
    seen += [proposer(after, height, 0) for height in range(7, 20)]
    assert seen[7:] == [proposer(after, height, 0) for height in range(7, 20)]
