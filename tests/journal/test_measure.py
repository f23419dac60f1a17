"""The store's own commit time can be measured anywhere, and leaves nothing behind."""

from pathlib import Path

import pytest

from meshkit.journal import JournalError, measure_commit_ms


def test_it_measures_each_commit_and_leaves_nothing(tmp_path: Path) -> None:
    spent_ms = measure_commit_ms(tmp_path, 20)
    assert len(spent_ms) == 20
    assert all(spent > 0 for spent in spent_ms)
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no folder"):
        measure_commit_ms(tmp_path / "nowhere", 1)
