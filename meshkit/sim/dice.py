"""Chance from a seed: the same numbers on every machine and in every release of Python.

`random.Random` may change how it shuffles or chooses between releases, and a seed that once failed
must fail for ever. So numbers are the words of BLAKE3's endless output over a name. Streams of
different names do not disturb each other: one draw more in a node does not move the network's.
"""

from collections.abc import Sequence
from struct import Struct
from typing import TypeVar

from blake3 import blake3

from meshkit.core.value import canonical

T = TypeVar("T")

PPM = 1_000_000  # chances are in parts per million: no float decides anything
WORDS = 512  # made at once: 4 KiB of output, which BLAKE3 makes at its full speed
_BLOCK = Struct(f"<{WORDS}Q")


class Dice:
    """A stream of 64-bit words that its name determines."""

    __slots__ = ("_at", "_blocks", "_name", "_words")

    def __init__(self, *name: object) -> None:
        self._name = canonical(name)
        self._blocks = 0
        self._words: tuple[int, ...] = ()
        self._at = 0

    def word(self) -> int:
        """The next 64 bits."""
        at = self._at
        if at == len(self._words):
            self._refill()
            at = 0
        self._at = at + 1
        return self._words[at]

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1; what is uneven about it is below 2^-40."""
        return self.word() % bound

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included; `low` if there is none."""
        return low + self.word() % (max(high, low) - low + 1)

    def chance(self, ppm: int) -> bool:
        """Whether something happens that happens so often."""
        return ppm > 0 and self.word() % PPM < ppm

    def pick(self, among: Sequence[T]) -> T:
        return among[self.word() % len(among)]

    def shuffled(self, among: Sequence[T]) -> list[T]:
        """All of them, in an order drawn by Fisher and Yates."""
        row = list(among)
        for last in range(len(row) - 1, 0, -1):
            other = self.word() % (last + 1)
            row[last], row[other] = row[other], row[last]
        return row

    def sample(self, among: Sequence[T], count: int) -> list[T]:
        return self.shuffled(among)[:count]

    def _refill(self) -> None:
        length = _BLOCK.size
        data = blake3(self._name).digest(length=length, seek=self._blocks * length)
        self._words = _BLOCK.unpack(data)
        self._blocks += 1
