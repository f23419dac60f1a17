"""What is not believed of what peers send, or not read: counted, and at times told to the history.

The history notes a tally when it has become much, and again when it has doubled (see
`meshkit.core.history`); it is asked only then, for a flood must not fill the inbox either.
"""

from collections import Counter

from meshkit.core.history import Count, Tally, is_much
from meshkit.wire.envelope import LATE

FLOOD = "flood"  # it was beyond its sender's allowance, and was not read


class Tallies:
    """Counts since this process started. Peers are members, so they are few."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()  # of all peers
        self._peers: dict[bytes, Counter[str]] = {}
        self._told: dict[bytes, int] = {}

    def count(self, peer: bytes, reason: str, number: int = 1) -> Tally | None:
        """Count one message, or more; the command to give to the history, if it is time for one."""
        self.reasons[reason] += number
        if reason == LATE:
            return None  # that is nobody's fault
        counter = self._peers.setdefault(peer, Counter())
        counter[reason] += number
        refused = counter.total()
        if not is_much(refused, self._told.get(peer, 0)):
            return None
        self._told[peer] = refused
        return Tally(peer, tuple(Count(name, number) for name, number in sorted(counter.items())))
