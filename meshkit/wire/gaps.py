"""Gaps: which of a publisher's numbers we have not heard, and which of our own we can repeat.

PUB drops silently at its high-water mark, so a publisher numbers what it says. On one connection
numbers only grow, so a number beyond the next means that those between are lost; the last ones
before a silence show by the beacon that follows. The receiver asks for them on the direct
channel, a few at a time, waits longer each time, and gives up in the end: what is lost for good,
the protocols above ask for again in their own terms. (Negative acknowledgement with a bounded
retransmission buffer, as in SRM: Floyd, Jacobson et al. 1997.)

Both classes are bookkeeping only; they are given the time and never send anything.
"""

from collections import Counter, deque

from meshkit.wire.frames import SPANS_MAX
from meshkit.wire.limits import Limits


class Gaps:
    """What we have heard of one publisher, and what we still want of it.

    `missing` maps each number to how often it was asked for; it stays ascending because numbers
    are only ever added beyond the highest.
    """

    def __init__(self, limits: Limits, counters: Counter[str]) -> None:
        self.limits, self.counters = limits, counters
        self.epoch: int | None = None
        self.highest = 0  # every number up to here was heard, is missing, or was given up
        self.missing: dict[int, int] = {}
        self.asked_to = 0  # the highest number of the request we wait for
        self.ask_at_ns = 0
        self.wait_ns = limits.ask_ns

    def heard(self, epoch: int, number: int, now_ns: int) -> bool:
        """Take a published number; whether it is new."""
        self.reach(epoch, number - 1, now_ns)
        if number > self.highest:
            self.highest = number
            return True
        return self.settle(number)

    def announced(self, epoch: int, latest: int, now_ns: int) -> None:
        """Take a beacon: everything up to `latest` was published before it."""
        self.reach(epoch, latest, now_ns)

    def repaired(self, epoch: int, number: int) -> bool:
        """Take a repeated number; whether we were waiting for it."""
        return epoch == self.epoch and self.settle(number)

    def gone(self, epoch: int, oldest: int) -> None:
        """The publisher has nothing below `oldest` any more."""
        if epoch == self.epoch:
            self.give_up([number for number in self.missing if number < oldest])

    def reach(self, epoch: int, latest: int, now_ns: int) -> None:
        """Note as missing whatever up to `latest` we should have heard by now."""
        if epoch != self.epoch:
            # A new start of the publisher, or our first word of it. What it said long before
            # we listened is for the protocols' own catch-up.
            self.give_up(list(self.missing))
            self.epoch, self.asked_to = epoch, 0
            self.highest = max(0, latest - self.limits.history)
        if latest <= self.highest:
            return
        self.counters["events.missing"] += latest - self.highest
        first = max(self.highest + 1, latest - self.limits.window + 1)
        if first > self.highest + 1:
            self.counters["events.lost"] += first - self.highest - 1
        if not self.missing:
            self.ask_at_ns, self.wait_ns = now_ns, self.limits.ask_ns
        self.missing.update(dict.fromkeys(range(first, latest + 1), 0))
        self.highest = latest
        excess = len(self.missing) - self.limits.window
        self.give_up(list(self.missing)[: max(0, excess)])

    def settle(self, number: int) -> bool:
        if self.missing.pop(number, None) is None:
            return False
        if self.asked_to and next(iter(self.missing), number) > self.asked_to:
            # All that was asked for is here, so the next numbers need not wait.
            self.ask_at_ns, self.wait_ns, self.asked_to = 0, self.limits.ask_ns, 0
        return True

    def give_up(self, numbers: list[int]) -> None:
        for number in numbers:
            del self.missing[number]
            self.counters["events.lost"] += 1

    def deadline_ns(self) -> int | None:
        """When `due` will have something to say."""
        return self.ask_at_ns if self.missing else None

    def due(self, now_ns: int) -> tuple[tuple[int, int], ...]:
        """The numbers to ask for now, as spans; empty if none. They count as asked for."""
        if not self.missing or now_ns < self.ask_at_ns:
            return ()
        batch = list(self.missing)[: self.limits.ask]
        self.give_up([n for n in batch if self.missing[n] >= self.limits.asks_max])
        batch = [n for n in batch if n in self.missing]
        for number in batch:
            self.missing[number] += 1
        if not batch:
            return ()
        self.asked_to, self.ask_at_ns = batch[-1], now_ns + self.wait_ns
        self.wait_ns = min(self.wait_ns * 2, self.limits.ask_ns << self.limits.asks_max)
        return spans(batch)


def spans(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as runs: 1 2 3 7 is (1, 3) (7, 7). At most what one request holds."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs[:SPANS_MAX])


class Ring:
    """The last of our own messages, by number, as many as fit in count and bytes."""

    def __init__(self, count_max: int, bytes_max: int) -> None:
        self.count_max, self.bytes_max = count_max, bytes_max
        self.bodies: deque[bytes] = deque()
        self.bytes = 0
        self.latest = 0  # number of the last message; the first is 1

    @property
    def oldest(self) -> int:
        """The lowest number we still have; one beyond the latest if we have none."""
        return self.latest - len(self.bodies) + 1

    def add(self, body: bytes) -> int:
        self.bodies.append(body)
        self.bytes += len(body)
        self.latest += 1
        while len(self.bodies) > self.count_max or self.bytes > self.bytes_max:
            self.bytes -= len(self.bodies.popleft())
        return self.latest

    def get(self, number: int) -> bytes | None:
        place = number - self.oldest
        return self.bodies[place] if 0 <= place < len(self.bodies) else None
