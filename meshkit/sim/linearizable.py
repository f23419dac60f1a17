"""Whether what clients saw could have happened one thing at a time: a linearizability checker.

A history tells of each operation when it began, when it ended, and what came of it. It is
linearizable if each operation can be given one instant between its two ends such that all of them,
in that order, are what one sequential object does (Herlihy and Wing 1990). The search is Wing and
Gong's (1993) with Lowe's memory of where it has been (2017), as Horn and Kroening put it (2015): a
list of beginnings and ends; whatever begins before the first end may come next; a configuration,
which operations are done and what the object holds then, is entered once only.

An operation whose outcome its client never learnt has no end: it may take effect at any time after
its beginning, or never. Such ones are tried after all others, for most never matter; of those that
ask alike, one; and, where whoever knows the object can tell (`Leads`), only those that lead on to
something known. An operation that is over and changed nothing is done as soon as it fits: whatever
order there is, it may as well come then. Objects that share nothing are checked each by itself.

The worst case is exponential, as it must be (Gibbons and Korach 1997), so the search has a budget.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar

S = TypeVar("S")
A = TypeVar("A", bound=Hashable)  # what an operation asks
K = TypeVar("K")

STEPS_MAX = 2_000_000  # of one search: seconds (a guess; a usual one takes a step an operation)


class Operation(NamedTuple, Generic[A]):
    """One call of one client. Times are any integers that say what came before what."""

    begun: int
    ended: int | None  # None: its client never learnt the outcome
    asked: A
    result: int | None  # None where `ended` is


# What the object holds after an operation with this result; None if it cannot have this result.
Step: TypeAlias = Callable[[S, A, int | None], S | None]
# From what the object holds, whether one of these operations may come next, by way of some of these
# that are of unknown outcome.
Leads: TypeAlias = Callable[[Sequence[Operation[A]], Sequence[A]], Callable[[S], bool]]


class TooHard(Exception):
    """The search went over its budget: neither yes nor no."""


def is_linearizable(
    history: Sequence[Operation[A]],
    initial: S,
    step: Step[S, A],
    leads: Leads[A, S] | None = None,
    steps_max: int = STEPS_MAX,
) -> bool:
    """Whether some order explains it. What `step` yields must be hashable; raises `TooHard`."""
    return _Search(history, step, leads, steps_max).run(initial)


def apart(history: Iterable[Operation[A]], key: Callable[[A], K]) -> dict[K, list[Operation[A]]]:
    """The histories of objects that share nothing, by what `key` says of an operation."""
    by_key: dict[K, list[Operation[A]]] = {}
    for operation in history:
        by_key.setdefault(key(operation.asked), []).append(operation)
    return by_key


class _Search(Generic[S, A]):
    """One search. Ends and beginnings are nodes of a list that loses and regains them."""

    def __init__(
        self,
        history: Sequence[Operation[A]],
        step: Step[S, A],
        leads: Leads[A, S] | None,
        steps_max: int,
    ) -> None:
        self._step, self._leads = step, leads
        self._left = steps_max
        ordered = sorted(history, key=lambda operation: operation.begun)
        self._known = [one for one in ordered if one.ended is not None]
        self._open = [one for one in ordered if one.ended is None]
        count = len(self._known)
        # Node 2n is the beginning of operation n, node 2n + 1 its end; the last one is the list's.
        times = [(time, node) for node, time in enumerate(_times(self._known))]
        self._head = 2 * count
        row = [self._head, *(node for _, node in sorted(times))]
        self._next, self._before = [0] * (2 * count + 1), [0] * (2 * count + 1)
        for node, following in zip(row, [*row[1:], self._head], strict=True):
            self._next[node], self._before[following] = following, node
        self._times = {node: time for time, node in times}

    def run(self, state: S) -> bool:
        """Depth first: lift out whatever comes next, put it back where that leads nowhere."""
        done, left, stack, seen = 0, len(self._known), list[tuple[int, S]](), set[tuple[int, S]]()
        trail = [iter(self._choices(done, state))]
        while left:
            for number, after in trail[-1]:
                place = (done | 1 << number, after)
                if place in seen:
                    continue
                seen.add(place)
                stack.append((number, state))
                left -= self._lift(number)
                done, state = place
                trail.append(iter(self._choices(done, state)))
                break
            else:
                trail.pop()
                if not stack:
                    return False
                number, state = stack.pop()
                left += self._put_back(number)
                done &= ~(1 << number)
        return True

    def _choices(self, done: int, state: S) -> list[tuple[int, S]]:
        """What may come next, and what the object holds then."""
        first_end, ready = self._ready()
        found: list[tuple[int, S]] = []
        for number in ready:
            one = self._known[number]
            after = self._after(state, one.asked, one.result)
            if after == state:
                return [(number, state)]
            if after is not None:
                found.append((number, after))
        if self._open:
            found += self._unknown(done, state, first_end, [self._known[n] for n in ready])
        return found

    def _ready(self) -> tuple[int, list[int]]:
        """When the first of those left ends, and all that began before."""
        found: list[int] = []
        node = self._next[self._head]
        while node != self._head and not node & 1:
            found.append(node >> 1)
            node = self._next[node]
        return self._times.get(node, 0), found

    def _unknown(
        self, done: int, state: S, first_end: int, ready: Sequence[Operation[A]]
    ) -> Iterator[tuple[int, S]]:
        """Of those whose outcome nobody knows: those that may matter to what may come next."""
        known, asked = len(self._known), dict[A, int]()
        for number, one in enumerate(self._open, known):
            if one.begun >= first_end:
                break
            if not done >> number & 1:
                asked.setdefault(one.asked, number)
        left = [one.asked for n, one in enumerate(self._open, known) if not done >> n & 1]
        leads = self._leads(ready, left) if self._leads else None
        for what, number in asked.items():
            after = self._after(state, what, None)
            if after is None or after == state:
                continue
            if leads is None or leads(after):
                yield number, after

    def _after(self, state: S, asked: A, result: int | None) -> S | None:
        self._left -= 1
        if self._left < 0:
            raise TooHard(f"{len(self._known)} operations, {len(self._open)} of no known outcome")
        return self._step(state, asked, result)

    def _lift(self, number: int) -> int:
        if number >= len(self._known):
            return 0
        for node in (2 * number, 2 * number + 1):
            before, after = self._before[node], self._next[node]
            self._next[before], self._before[after] = after, before
        return 1

    def _put_back(self, number: int) -> int:
        if number >= len(self._known):
            return 0
        for node in (2 * number + 1, 2 * number):
            before, after = self._before[node], self._next[node]
            self._next[before] = self._before[after] = node
        return 1


def _times(known: Sequence[Operation[A]]) -> Iterable[int]:
    for one in known:
        yield one.begun
        assert one.ended is not None, "here are those that ended"
        assert one.ended > one.begun, "nothing ends before it begins"
        yield one.ended
