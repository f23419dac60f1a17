"""The token bucket: never more than the burst and what has come back since."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.wire.allowance import Allowance, Allowances
from meshkit.wire.limits import S


def test_a_burst_is_spent_and_comes_back_with_time() -> None:
    allowance = Allowance(per_s=2, burst=3)
    assert [allowance.take(1, S) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take(1, S + S // 4)
    assert allowance.take(1, S + S // 2)
    assert not allowance.take(1, S + S // 2)


def test_no_more_than_the_burst_is_saved() -> None:
    allowance = Allowance(per_s=1_000, burst=2)
    assert [allowance.take(1, 100 * S) for _ in range(3)] == [True, True, False]
    assert not allowance.take(3, 1_000 * S)


@given(st.lists(st.tuples(st.integers(0, S), st.integers(0, 5)), max_size=60))
def test_what_is_granted_never_exceeds_burst_and_rate(steps: list[tuple[int, int]]) -> None:
    allowance, now_ns, granted = Allowance(per_s=3, burst=7), 0, 0
    for wait_ns, amount in steps:
        now_ns += wait_ns
        granted += amount if allowance.take(amount, now_ns) else 0
        assert granted <= 7 + 3 * now_ns / S + 1e-6


def test_each_key_has_its_own_and_the_oldest_make_room() -> None:
    allowances = Allowances(per_s=1, burst=1, keys_max=2)
    assert allowances.take(b"a", 1, 0)
    assert allowances.take(b"b", 1, 0)
    assert not allowances.take(b"a", 1, 0)
    assert allowances.take(b"c", 1, 0)
    assert not allowances.take(b"a", 1, 0), "it was used last, so b made room"
    assert allowances.take(b"b", 1, 0)
    assert len(allowances.buckets) == 2
