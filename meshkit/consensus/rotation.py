"""Whose turn it is to propose: weighted round robin, as a pure function of set, height and round.

The engines in use keep a priority for each validator and carry it from height to height: state that
must survive restarts and set changes, and that two nodes may come to differ about. Here is none.
Turn number `height + round` is found by halving: order the validators, heaviest first, and cut the
row where the two sides weigh most nearly the same. Of the turns of a row, each side gets those at
which its share of the turns so far, rounded, grows by one (Bresenham's line); so the turn falls to
one side, where it is a turn of a lower number, and so on down to one validator.

* In any `total` turns in a row each validator proposes exactly as often as it weighs; equal weights
  give plain round robin.
* In any shorter span from the start of a cycle it is off its share by less than two turns, for each
  halving adds at most half a turn to about half of the error above it (1.13 is the largest error
  found in searching at random).

What is given up: fairness is counted afresh when the set changes, and everyone knows all turns in
advance, as with any rotation.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

from meshkit.consensus.messages import Validator

SETS_KEPT = 16  # of validators: the one of today, and those that a catching up goes through
CYCLE_MAX = 256  # turns that are worked out at once: 2 ms (measured), for a set that stays for long


def proposer(validators: Sequence[Validator], height: int, round_: int) -> bytes:
    """The id of the validator whose turn it is; the order of `validators` does not matter."""
    row, before, cycle = _rotation(tuple(validators))
    turn = (height + round_) % before[-1]
    return cycle[turn] if cycle else _whose(row, before, turn)


Rotation: TypeAlias = tuple[Sequence[Validator], Sequence[int], Sequence[bytes]]


@lru_cache(maxsize=SETS_KEPT)
def _rotation(validators: tuple[Validator, ...]) -> Rotation:
    """The validators, heaviest first; how much weighs before each; and whose each turn of a cycle
    is, unless it is a long one."""
    row = sorted(validators, key=lambda validator: (-validator.weight, validator.id))
    before = [0, *accumulate(validator.weight for validator in row)]
    turns = range(before[-1] if before[-1] <= CYCLE_MAX else 0)
    return row, before, [_whose(row, before, turn) for turn in turns]


def _whose(row: Sequence[Validator], before: Sequence[int], turn: int) -> bytes:
    start, end = 0, len(row)
    while end - start > 1:
        middle = _middle(before, start, end)
        left, both = before[middle] - before[start], before[end] - before[start]
        had, has = _rounded(turn * left, both), _rounded((turn + 1) * left, both)
        if has > had:
            end, turn = middle, had
        else:
            start, turn = middle, turn - had
    return row[start].id


def _middle(before: Sequence[int], start: int, end: int) -> int:
    """Where to cut a row, so that its sides weigh most nearly the same."""
    both = before[start] + before[end]
    return min(range(start + 1, end), key=lambda middle: (abs(2 * before[middle] - both), middle))


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
