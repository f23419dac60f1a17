"""The benchmark's rows; how fast they are is not for a test to say."""

from meshkit.learning.aggregation import STRATEGIES
from meshkit.learning.bench import aggregate_floor


def test_a_row_for_each_rule() -> None:
    rows = aggregate_floor(updates=5, parameters=10, repeats=1)
    assert [row["rule"] for row in rows] == list(STRATEGIES)
    for row in rows:
        assert list(row) == ["rule", "updates", "parameters", "seconds", "ratio_to_numpy_mean"]
        assert (row["updates"], row["parameters"]) == (5, 10)
        assert row["seconds"] > 0
        assert row["ratio_to_numpy_mean"] > 0
