"""Whether the primary is slow, though never so slow that a view times out (P16).

A Byzantine primary may hold every request back until just before the others would give up on it.
After Aardvark (Clement et al., "Making Byzantine Fault Tolerant Systems Tolerate Byzantine Faults",
2009): what a primary owes is measured by what others have shown to be possible. A backup notes how
long each height waited for its pre-prepare. Late is what takes longer than twice the best average
that past primaries reached, and never less than a floor. Until more than a third of the replicas
have had their turn the floor alone counts: the first few may all be liars.

A primary that is late twice in LATENESS heights is voted out. If all of them are late, the network
is slow: then their averages raise what is allowed, and the votes cease.
"""

from collections.abc import Sequence

from meshkit.core.value import Value

LATENESS = 128  # heights in which one may be late: under 1 %, for that of all is the p99
FACTOR = 2  # of the best average (a guess): Aardvark asks for nine tenths of the best throughput


class Pace(Value):
    """How a primary does: heights measured in its view and how long they waited, and its debt."""

    count: int = 0
    sum_ns: int = 0
    debt: int = 0


FRESH = Pace()


def kept(pace: Pace, waited_ns: int) -> Pace:
    """A height has its pre-prepare."""
    return Pace(pace.count + 1, pace.sum_ns + waited_ns, max(pace.debt - 1, 0))


def late(pace: Pace) -> Pace:
    """A height still waits for it and should not."""
    return Pace(pace.count, pace.sum_ns, pace.debt + LATENESS)


def is_slow(pace: Pace) -> bool:
    """Whether the primary was late a second time, before it had made up for the first."""
    return pace.debt > LATENESS


def allowed_ns(paces: Sequence[int], replicas: int, floor_ns: int) -> int:
    """How long a height may wait for its pre-prepare, after views that took `paces` on average."""
    if 3 * len(paces) <= replicas:
        return floor_ns
    return max(floor_ns, FACTOR * min(paces))


def remembered(paces: tuple[int, ...], pace: Pace, replicas: int) -> tuple[int, ...]:
    """The averages of past views, with that of the one that ends: a full turn of them is kept."""
    if not pace.count:
        return paces
    return (*paces, pace.sum_ns // pace.count)[-replicas:]
