"""A node's own clock in virtual time: wrong, too fast or slow, and off once its machine has slept.

It keeps the runtime's rule (`meshkit.runtime.clock`): within a life it follows the monotonic clock,
which may run fast or leap ahead and never goes back; a new life begins at the later of the wall
clock, which may say anything, and the last moment in the journal.
"""

from meshkit.core.machine import Moment
from meshkit.sim.agenda import Agenda
from meshkit.sim.dice import PPM, Dice

# Knuth's linear congruential generator (MMIX): public chance need not be good, only there.
FACTOR, STEP = 6_364_136_223_846_793_005, 1_442_695_040_888_963_407
WORD = 2**64 - 1
EPOCH_NS = 1_700_000_000_000_000_000  # when virtual time begins, as wall clocks have it


class Clock:
    """The moments of one life."""

    def __init__(
        self, agenda: Agenda, dice: Dice, off_ns: int = 0, rate_ppm: int = 0, last_ns: int = 0
    ) -> None:
        self._agenda = agenda
        self._chance = dice.word()
        self._rate = PPM + rate_ppm
        self._last_ns = last_ns
        self._born_ns = agenda.now_ns
        self._base_ns = max(EPOCH_NS + agenda.now_ns + off_ns, last_ns)
        self._ahead_ns = self._base_ns - agenda.now_ns

    def now_ns(self) -> int:
        elapsed_ns = self._agenda.now_ns - self._born_ns
        now_ns = self._base_ns + elapsed_ns * self._rate // PPM
        return now_ns if now_ns > self._last_ns else self._last_ns + 1

    def moment(self) -> Moment:
        now_ns = self._agenda.now_ns + self._ahead_ns
        if self._rate != PPM:
            now_ns = self._base_ns + (now_ns - self._base_ns) * self._rate // PPM
        if now_ns <= self._last_ns:
            now_ns = self._last_ns + 1
        self._last_ns = now_ns
        self._chance = chance = self._chance * FACTOR + STEP & WORD
        return Moment(now_ns, chance)

    def when(self, due_ns: int) -> int:
        """When, in virtual time, this clock has reached `due_ns`."""
        now_ns, left_ns = self._agenda.now_ns, due_ns - self._base_ns
        if left_ns <= 0:
            return now_ns
        if self._rate != PPM:
            left_ns = -(-left_ns * PPM // self._rate)
        when_ns = self._born_ns + left_ns
        return when_ns if when_ns > now_ns else now_ns

    def leap(self, ahead_ns: int) -> None:
        """The machine slept, or somebody set its clock: all of a sudden it is later."""
        self._base_ns += ahead_ns
        self._ahead_ns += ahead_ns
