"""Refused envelopes, counted, and told when they are many."""

from meshkit.core.history import TALLIED_MIN, Count, Tally
from meshkit.runtime.tallies import Tallies
from meshkit.wire.envelope import LATE, MALFORMED, TOO_LARGE

ANN, BEN = b"a" * 32, b"b" * 32


def test_it_is_told_when_it_is_much_and_when_it_has_doubled() -> None:
    tallies = Tallies()
    assert tallies.count(ANN, TOO_LARGE) is None
    told = [tallies.count(ANN, MALFORMED) for _ in range(2 * TALLIED_MIN)]
    assert [number for number, one in enumerate(told, start=2) if one] == [
        TALLIED_MIN,
        2 * TALLIED_MIN,
    ]
    assert told[TALLIED_MIN - 2] == Tally(
        ANN, (Count(MALFORMED, TALLIED_MIN - 1), Count(TOO_LARGE, 1))
    )
    assert tallies.count(BEN, MALFORMED) is None, "each for itself"
    assert tallies.reasons == {MALFORMED: 2 * TALLIED_MIN + 1, TOO_LARGE: 1}


def test_what_is_late_is_nobodys_fault() -> None:
    tallies = Tallies()
    assert not any(tallies.count(ANN, LATE) for _ in range(2 * TALLIED_MIN))
    assert tallies.reasons == {LATE: 2 * TALLIED_MIN}
