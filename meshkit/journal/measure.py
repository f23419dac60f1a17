"""F, the store's own commit time: what every claim about latency is measured against."""

import tempfile
from pathlib import Path
from time import perf_counter_ns

from meshkit.journal.chain import KEY_BYTES, SEAL_BYTES
from meshkit.journal.errors import JournalError, explain
from meshkit.journal.log import Journal

BODY_BYTES = 512  # a signed vote in its envelope, with its events
NS_PER_MS = 1_000_000


def measure_commit_ms(folder: Path, n: int) -> list[float]:
    """How long each of `n` commits of one entry takes on the disk of `folder`, in milliseconds.

    A journal of its own, in a folder of its own that is removed afterwards, with the settings of
    every journal. The seal is not computed: it is the same for all disks, 0.03 ms.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".commits-", dir=folder) as place:
            return _measure(Path(place, "journal.db"), n)
    except OSError as error:
        raise JournalError(explain(folder, error)) from error


def _measure(path: Path, n: int) -> list[float]:
    body, spent_ms = bytes(BODY_BYTES), list[float]()
    with Journal.open(path, bytes(KEY_BYTES), bytes(KEY_BYTES), _unsigned) as journal:
        for _ in range(n):
            begun = perf_counter_ns()
            journal.append([body])
            spent_ms.append((perf_counter_ns() - begun) / NS_PER_MS)
            journal.idle()
    return spent_ms


def _unsigned(_: bytes) -> bytes:
    return bytes(SEAL_BYTES)
