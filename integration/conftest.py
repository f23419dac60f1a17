"""Everything under integration/ starts real processes or opens real sockets, and is marked so."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from integration.world import Mesh
from tests.live import SOFTMAX

HERE = Path(__file__).parent

Founding = Callable[..., Mesh]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder with a short name: the path of a node's socket may have 107 bytes."""
    with TemporaryDirectory(prefix="mk-") as name:
        yield Path(name)


@pytest.fixture
def found(folder: Path) -> Generator[Founding]:
    """Founds meshes; at the end their processes are stopped, and none of them had a bug to tell."""
    meshes: list[Mesh] = []

    def founded(nodes: int = 4, allowed: Sequence[str] = (SOFTMAX,), **policy: Any) -> Mesh:
        mesh = Mesh.create(folder / f"m{len(meshes)}", nodes, allowed, **policy)
        meshes.append(mesh)
        return mesh

    yield founded
    for mesh in meshes:
        mesh.close()
    for mesh in meshes:
        for number in range(len(mesh.homes)):
            assert "Traceback" not in mesh.log(number), mesh.log(number)
