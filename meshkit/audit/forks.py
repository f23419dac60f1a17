"""Work on several processors: a child process is forked with all that its work needs.

A fork shares the parent's memory until either writes, so nothing has to be sent to a child, and the
values that it works on are frozen anyway. It sends back some bytes and is gone; if it ends without
any, the work is done again here, where what goes wrong can be told. A fork takes one thread along
and whatever the others hold locked, so beside other threads, and where there is one processor, the
work is done on the spot.
"""

import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

Work: TypeAlias = Callable[[], bytes]  # never empty


class Child(NamedTuple):
    """A process under way, and where its result comes from."""

    pid: int
    pipe: int
    work: Work


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Forks:
    """Up to `workers` children at a time. Use as a context, so that no child is left.

    `workers` says how many it is: one means none, and that work is done on the spot.
    """

    def __init__(self, workers: int) -> None:
        able = hasattr(os, "fork") and threading.active_count() == 1
        self.workers = workers if able else 1
        self._children: deque[Child] = deque()
        self._done: deque[bytes] = deque()

    def give(self, work: Work) -> None:
        """Begin `work`, as soon as there is room for one more."""
        if self.workers <= 1:
            self._done.append(work())
            return
        while len(self._children) >= self.workers:
            self._collect()
        self._children.append(_fork(work))

    def results(self) -> Iterator[bytes]:
        """What has come of all work so far, in the order in which it was given."""
        while self._children or self._done:
            if not self._done:
                self._collect()
            yield self._done.popleft()

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *error: object) -> None:
        for child in self._children:
            os.close(child.pipe)
            os.waitpid(child.pid, 0)

    def _collect(self) -> None:
        child = self._children.popleft()
        with open(child.pipe, "rb") as file:
            # scan: unbounded-read: our own child's verdict, a few lines
            data = file.read()
        os.waitpid(child.pid, 0)
        self._done.append(data or child.work())


def _fork(work: Work) -> Child:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Later Pythons warn that threads do not survive a fork; see above.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, reading, work)
    try:
        os.close(reading)
        data = work()
        with open(writing, "wb") as file:
            file.write(data)
    finally:
        os._exit(0)  # whatever happened: an empty pipe says it
