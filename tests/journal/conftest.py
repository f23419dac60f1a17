"""What several of the journal's test files start from."""

from pathlib import Path

import pytest

from tests.journal.small_store import LARGE, A, B, named, opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small blobs and a large one."""
    with opened(tmp_path / "blobs") as store:
        for blob in (A, B, LARGE):
            assert store.put(blob) == named(blob)
        store.commit()
    return tmp_path / "blobs"
