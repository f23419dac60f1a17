"""A place for homes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short name: a socket's path has 107 bytes."""
    with TemporaryDirectory(prefix="mk-") as name:
        yield Path(name)
