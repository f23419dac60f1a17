"""Recorded meshes, made once: tests look at them, or take copies to spoil."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audit.world import recorded

Copied = Callable[[], Path]


@pytest.fixture(scope="session")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nodes that trained two rounds in peace. Not to be written to."""
    return recorded(tmp_path_factory.mktemp("peaceful"))


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One node that trained one round: the smallest mesh there is."""
    return recorded(tmp_path_factory.mktemp("alone"), count=1, rounds=1)


@pytest.fixture
def copied(peaceful: Path, tmp_path: Path) -> Path:
    """The peaceful mesh, to be spoilt."""
    return Path(shutil.copytree(peaceful, tmp_path / "copy"))
