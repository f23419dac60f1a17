"""Clocks may be wrong, fast and torn forward; a node's own time only ever grows."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.sim.agenda import SECOND, Agenda
from meshkit.sim.clock import EPOCH_NS, Clock
from meshkit.sim.dice import Dice


def clock(off_ns: int = 0, rate_ppm: int = 0, last_ns: int = 0) -> tuple[Agenda, Clock]:
    agenda = Agenda()
    return agenda, Clock(agenda, Dice("clock"), off_ns, rate_ppm, last_ns)


def test_a_right_clock_follows_virtual_time() -> None:
    agenda, right = clock()
    agenda.run(5 * SECOND)
    assert right.now_ns() == EPOCH_NS + 5 * SECOND
    assert right.moment().now_ns == EPOCH_NS + 5 * SECOND
    assert right.now_ns() == EPOCH_NS + 5 * SECOND + 1  # the last moment is spent


def test_a_wrong_clock_is_off_and_a_fast_one_gains() -> None:
    agenda, wrong = clock(off_ns=-SECOND, rate_ppm=20_000)
    agenda.run(100 * SECOND)
    assert wrong.now_ns() - EPOCH_NS == -SECOND + 102 * SECOND


def test_a_new_life_never_begins_before_the_last_moment_in_the_journal() -> None:
    _, back = clock(off_ns=-3_600 * SECOND, last_ns=EPOCH_NS + 7)
    assert back.moment().now_ns == EPOCH_NS + 8
    assert back.moment().now_ns == EPOCH_NS + 9


@given(
    st.integers(-20_000, 20_000),
    st.integers(-SECOND, SECOND),
    st.lists(st.integers(0, SECOND), min_size=1, max_size=8),
)
def test_moments_grow_whatever_the_clock_does(rate: int, off: int, steps: list[int]) -> None:
    agenda, torn = clock(off, rate, EPOCH_NS)
    before = EPOCH_NS
    for step_ns in steps:
        agenda.run(agenda.now_ns + step_ns)
        if step_ns % 3 == 0:
            torn.leap(step_ns)
        moment = torn.moment()
        assert moment.now_ns > before
        before = moment.now_ns


@given(st.integers(-20_000, 20_000), st.integers(0, 100 * SECOND))
def test_when_is_the_first_time_at_which_a_deadline_has_come(rate: int, ahead_ns: int) -> None:
    agenda, skewed = clock(rate_ppm=rate)
    due_ns = EPOCH_NS + ahead_ns
    agenda.run(skewed.when(due_ns))
    assert skewed.now_ns() >= due_ns
    assert skewed.when(due_ns) == agenda.now_ns
    assert skewed.when(EPOCH_NS - 5) == agenda.now_ns


def test_a_leap_brings_deadlines_nearer() -> None:
    _, leapt = clock()
    before = leapt.when(EPOCH_NS + 10 * SECOND)
    leapt.leap(4 * SECOND)
    assert leapt.when(EPOCH_NS + 10 * SECOND) == before - 4 * SECOND


def test_chance_in_a_moment_comes_from_the_seed() -> None:
    seeds = [[one.moment().seed for _ in range(3)] for _, one in (clock(), clock())]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 3
