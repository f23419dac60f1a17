"""Time within one journal only ever grows."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.runtime.clock import Clock


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 1000), st.integers(0, 1000))
def test_moments_grow_whatever_the_clocks_do(ticks: list[int], wall: int, last: int) -> None:
    readings = iter([*ticks, *ticks, 0, 0])
    clock = Clock(last, lambda: wall, lambda: next(readings), lambda n: b"\x01" * n)
    moments = [clock.moment() for _ in ticks]
    times = [moment.now_ns for moment in moments]
    assert all(late > early for early, late in zip([last, *times], times, strict=False))
    assert all(moment.seed == 0x0101010101010101 for moment in moments)


def test_a_new_clock_follows_the_wall() -> None:
    monotonic = iter([5, 7, 8])
    clock = Clock(0, lambda: 1_000, lambda: next(monotonic))
    assert clock.now_ns() == 1_002
    assert clock.moment().now_ns == 1_003


def test_chance_is_fresh() -> None:
    clock = Clock()
    assert clock.moment().seed != clock.moment().seed
