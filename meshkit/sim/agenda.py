"""The agenda: virtual time, and what is to happen in it, in one order.

Nothing else moves time. What falls on the same nanosecond happens in the order in which it was put
down, so a run is a function of its seed.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

MS = 1_000_000  # nanoseconds in a millisecond
SECOND = 1_000 * MS
NEVER = 1 << 62  # later than anything

Act: TypeAlias = Callable[..., object]


class Agenda:
    """A heap of (when, number, what, with what)."""

    __slots__ = ("_heap", "_number", "now_ns")

    def __init__(self) -> None:
        self.now_ns = 0
        self._heap: list[tuple[int, int, Act, tuple[Any, ...]]] = []
        self._number = 0

    def at(self, when_ns: int, act: Act, *args: Any) -> None:
        """Let `act(*args)` happen then."""
        number = self._number
        self._number = number + 1
        heappush(self._heap, (when_ns, number, act, args))

    def after(self, wait_ns: int, act: Act, *args: Any) -> None:
        self.at(self.now_ns + wait_ns, act, *args)

    def run(self, until_ns: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass until then, or until it is done; whether it is."""
        heap = self._heap
        while heap and heap[0][0] <= until_ns:
            when_ns, _, act, args = heappop(heap)
            if when_ns > self.now_ns:
                self.now_ns = when_ns
            act(*args)
            if done is not None and done():
                return True
        self.now_ns = max(self.now_ns, until_ns)
        return False
