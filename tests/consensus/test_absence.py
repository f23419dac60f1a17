"""Whose turns brought nothing is told from what was decided; such are passed over for a while."""

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from meshkit.consensus.absence import (
    MISSES_MAX,
    PATIENCE,
    Absence,
    Absences,
    among,
    noted,
    present,
    whose_turn,
)
from meshkit.consensus.messages import Validator
from meshkit.consensus.quorum import more_than_third
from meshkit.consensus.rotation import proposer

NOBODY: Absences = Map()
FOUR = tuple(Validator(bytes([n]) * 32, 1) for n in range(4))
IDS = [proposer(FOUR, 8, round_) for round_ in range(4)]  # in the order of their turns at 8


def without(*ids: bytes) -> tuple[Validator, ...]:
    return tuple(validator for validator in FOUR if validator.id not in ids)


def after(height: int, builder: bytes, absences: Absences = NOBODY) -> Absences:
    return noted(absences, FOUR, present(FOUR, absences, height), height, builder)


def test_where_the_first_builds_nothing_is_noted() -> None:
    assert after(8, IDS[0]) is NOBODY


def test_who_had_a_turn_before_the_builder_is_absent() -> None:
    absences = after(8, IDS[2])
    assert sorted(absences.items()) == [
        (id_, Absence(1, 8 + 1 + PATIENCE * 4)) for id_ in sorted((IDS[0], IDS[1]))
    ]


def test_of_what_nobody_in_turn_built_nothing_is_told() -> None:
    assert after(8, b"someone else" * 3) is NOBODY
    assert noted(NOBODY, FOUR, without(IDS[3]), 8, IDS[3]) is NOBODY, "it stepped in"


def test_each_further_miss_in_a_row_is_remembered_longer() -> None:
    absences, height = NOBODY, 8
    for misses in range(1, MISSES_MAX + 3):
        absences = after(height, IDS[1], absences)
        counted = min(misses, MISSES_MAX)
        until = height + 1 + PATIENCE**counted * 4
        assert absences[IDS[0]] == Absence(counted, until)
        assert present(FOUR, absences, until - 1) == without(IDS[0])
        assert present(FOUR, absences, until) == FOUR
        height = until + (-until) % 4  # when it is its turn again


def test_who_builds_is_clear() -> None:
    absences = after(8, IDS[1])
    assert IDS[0] in absences
    later = absences[IDS[0]].until
    height = later + (-later) % 4
    assert after(height, IDS[0], absences) == NOBODY


def test_no_more_are_passed_over_than_may_be_dead() -> None:
    found = {IDS[0]: Absence(1, 50), IDS[1]: Absence(2, 40), IDS[2]: Absence(1, 60)}
    absences: Absences = Map(found)
    assert present(FOUR, absences, 10) == without(IDS[1]), "who missed most often"
    assert present(FOUR[:3], absences, 10) == FOUR[:3], "of three none may be dead"
    assert present(FOUR, absences, 45) == without(IDS[2]), "and then whose wait is longest"


def test_whoever_is_heavy_is_not_passed_over() -> None:
    heavy = (Validator(IDS[0], 5), *without(IDS[0]))
    absences: Absences = Map({IDS[0]: Absence(3, 50), IDS[1]: Absence(1, 50)})
    assert present(heavy, absences, 10) == (heavy[0], *without(IDS[0], IDS[1]))


def test_once_each_had_a_turn_everybody_has_one() -> None:
    turns = without(IDS[0])
    assert {whose_turn(FOUR, turns, 8, round_) for round_ in range(3)} == set(IDS[1:])
    for round_ in range(3, 12):
        assert whose_turn(FOUR, turns, 8, round_) == proposer(FOUR, 8, round_)


def test_only_validators_are_remembered() -> None:
    absences: Absences = Map({IDS[0]: Absence(1, 50), b"left" * 8: Absence(1, 50)})
    assert among(absences, FOUR) == Map({IDS[0]: Absence(1, 50)})
    assert among(NOBODY, FOUR) is NOBODY


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
    st.dictionaries(
        st.integers(0, 11), st.builds(Absence, st.integers(1, 6), st.integers(0, 40)), max_size=12
    ),
    st.integers(1, 40),
)
def test_honest_validators_keep_most_of_the_turns(
    weights: list[int], gone: dict[int, Absence], height: int
) -> None:
    validators = tuple(Validator(bytes([n]) * 32, weight) for n, weight in enumerate(weights))
    absences: Absences = Map({bytes([n]) * 32: absence for n, absence in gone.items()})
    turns = present(validators, absences, height)
    left = sum(weights) - sum(validator.weight for validator in turns)
    assert not more_than_third(left, sum(weights)) or not left
    assert left == 0 or 3 * left < sum(weights)
    assert [one for one in validators if one in turns] == list(turns)
    for validator in turns:
        free = validator.id not in absences or absences[validator.id].until <= height
        weight = validator.weight
        assert free or left + weight > (sum(weights) - 1) // 3, "there was no room for it"
