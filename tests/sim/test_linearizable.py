"""The checker says yes to what one register could have done and no to what it could not."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.sim.linearizable import Operation, TooHard, apart, is_linearizable

Asked = tuple[str, int]
One = Operation[Asked]


def register(state: int, asked: Asked, result: int | None) -> int | None:
    """A register that is put, got and added to; `None` where the result is not its own."""
    what, argument = asked
    after = {"get": state, "put": argument, "add": state + argument}[what]
    return after if result is None or result == after else None


def says(history: list[One]) -> bool:
    return is_linearizable(history, 0, register)


def put(begun: int, ended: int | None, value: int) -> One:
    return Operation(begun, ended, ("put", value), None if ended is None else value)


def got(begun: int, ended: int, value: int) -> One:
    return Operation(begun, ended, ("get", 0), value)


def added(begun: int, ended: int | None, value: int, result: int | None) -> One:
    return Operation(begun, ended, ("add", value), result)


def test_nothing_at_all_is_linearizable() -> None:
    assert says([])


def test_one_after_the_other() -> None:
    assert says([put(1, 2, 5), got(3, 4, 5), added(5, 6, 2, 7), got(7, 8, 7)])


def test_what_overlaps_may_be_seen_either_way() -> None:
    for seen in (0, 5):
        assert says([put(1, 4, 5), got(2, 3, seen)])


def test_a_stale_read_is_found() -> None:
    assert not says([put(1, 2, 5), put(3, 4, 6), got(5, 6, 5)])


def test_a_read_of_what_nobody_wrote_is_found() -> None:
    assert not says([put(1, 2, 5), got(3, 4, 9)])


def test_time_does_not_run_back_between_two_reads() -> None:
    """While a write goes on, each read may see either, but not the new value and then the old."""
    assert says([put(1, 8, 5), got(2, 3, 0), got(4, 5, 5)])
    assert not says([put(1, 8, 5), got(2, 3, 5), got(4, 5, 0)])


def test_a_lost_update_is_found() -> None:
    assert says([added(1, 4, 1, 1), added(2, 3, 1, 2)])
    assert not says([added(1, 4, 1, 1), added(2, 3, 1, 1)])


def test_what_was_done_twice_is_found() -> None:
    assert not says([added(1, 2, 1, 1), got(3, 4, 2)])


def test_an_unknown_outcome_may_come_late_or_never() -> None:
    assert says([put(1, None, 5), got(2, 3, 0), got(4, 5, 0)])
    assert says([put(1, None, 5), got(2, 3, 0), got(4, 5, 5)])
    assert says([added(1, None, 1, None), added(2, None, 1, None), got(3, 4, 2)])


def test_an_unknown_outcome_comes_once_and_not_before_it_begins() -> None:
    assert not says([added(1, None, 1, None), got(2, 3, 2)])
    assert not says([got(1, 2, 5), put(3, None, 5)])
    assert not says([put(1, None, 5), put(2, 3, 6), got(4, 5, 5), got(6, 7, 6)])


def test_objects_that_share_nothing_are_taken_apart() -> None:
    first, second = put(1, 2, 5), One(3, 4, ("other", 7), 7)
    split = apart([first, second], lambda asked: asked[0])
    assert split == {"put": [first], "other": [second]}


def test_a_search_has_a_budget() -> None:
    hard = [*(put(n, 100 + n, n + 1) for n in range(12)), got(200, 201, 99)]
    with pytest.raises(TooHard, match="13 operations, 0 of no known outcome"):
        is_linearizable(hard, 0, register, steps_max=1_000)


def test_a_long_history_takes_a_step_an_operation() -> None:
    long = [added(2 * n, 2 * n + 1, 1, n + 1) for n in range(5_000)]
    assert is_linearizable(long, 0, register, steps_max=5_000)


# -- against an oracle that tries every order ------------------------------------------------------


def oracle(history: list[One]) -> bool:
    """Every order of every choice of the unknown ones."""
    known = [one for one in history if one.ended is not None]
    unknown = [one for one in history if one.ended is None]
    for bits in range(1 << len(unknown)):
        chosen = [one for n, one in enumerate(unknown) if bits >> n & 1]
        if any(explains(order) for order in permutations([*known, *chosen])):
            return True
    return False


def explains(order: tuple[One, ...]) -> bool:
    state = 0
    for place, one in enumerate(order):
        if any(later.ended is not None and later.ended < one.begun for later in order[place:]):
            return False
        after = register(state, one.asked, one.result)
        if after is None:
            return False
        state = after
    return True


@st.composite
def histories(draw: st.DrawFn) -> list[One]:
    """Up to five operations with whatever results: some could be, some could not."""
    count = draw(st.integers(1, 5))
    times = draw(st.permutations(range(2 * count)))
    history: list[One] = []
    for number in range(count):
        begun, ended = sorted(times[2 * number : 2 * number + 2])
        asked = draw(st.tuples(st.sampled_from(["get", "put", "add"]), st.integers(1, 2)))
        unknown = draw(st.integers(0, 3)) == 0
        result = None if unknown else draw(st.integers(0, 3))
        history.append(Operation(begun, None if unknown else ended, asked, result))
    return history


@given(histories())
def test_it_says_what_trying_every_order_says(history: list[One]) -> None:
    assert says(history) == oracle(history)
