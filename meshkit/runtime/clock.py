"""Moments: the time and the public chance that a command comes with.

Time never stands still and never goes back within one journal, whatever the wall clock does: it is
the later of one more than the last moment, and the wall clock at the start plus the monotonic time
since. Only durations ever cross the wire, so a wrong wall clock harms nobody else.
"""

import os
import time
from collections.abc import Callable

from meshkit.core.machine import Moment

SEED_BYTES = 8


class Clock:
    """The moments of one journal, going on from the last one journaled."""

    def __init__(
        self,
        last_ns: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._last_ns = last_ns
        self._monotonic_ns = monotonic_ns
        self._offset_ns = max(wall_ns(), last_ns) - monotonic_ns()
        self._chance = chance

    def now_ns(self) -> int:
        """What a moment drawn now would say, without drawing it."""
        return max(self._last_ns + 1, self._offset_ns + self._monotonic_ns())

    def moment(self) -> Moment:
        """The next moment: later than every one before it, with 64 fresh public random bits."""
        self._last_ns = self.now_ns()
        return Moment(self._last_ns, int.from_bytes(self._chance(SEED_BYTES), "big"))
