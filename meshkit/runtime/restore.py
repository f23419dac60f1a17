"""Where a node left off: its last snapshot that the chain vouches for, and every entry since."""

from typing import Any, NamedTuple

from blake3 import blake3

from meshkit.codec import Malformed, decode_entry
from meshkit.core.composite import Composite
from meshkit.core.history import Snapshotted
from meshkit.core.machine import Entry
from meshkit.core.snapshot import thaw
from meshkit.journal import EntrySource
from meshkit.node import address
from meshkit.runtime.log import SNAPSHOTS


class Restored(NamedTuple):
    """The state after the journal's last entry, and the time of that entry."""

    state: dict[str, Any]
    last_ns: int


def restore(node: Composite, journal: EntrySource) -> Restored:
    """Read what is needed of the journal; raises Malformed where an entry is of no known form."""
    index, state = last_snapshot(node, journal)
    last_ns = 0
    for record in journal.read(max(index, 1)):
        entry = decode_entry(record.body, address, record.index)
        last_ns = entry.moment.now_ns
        if record.index > index:
            for event in entry.events:
                state = dict(node.evolve(state, event))
    return Restored(state, last_ns)


def last_snapshot(node: Composite, journal: EntrySource) -> tuple[int, dict[str, Any]]:
    """The newest usable snapshot and the index it stands at; (0, the initial state) if none is.

    The bytes of a snapshot lie beside the chain, so they count only if the entry behind them
    holds their digest; one that is damaged or of another release is passed over.
    """
    until: int | None = None
    while (mark := journal.last_mark(SNAPSHOTS, until)) is not None:
        index, data = mark
        if _vouched(journal, index, data):
            try:
                return index, thaw(node, data)
            except ValueError:
                pass
        until = index - 1
    return 0, dict(node.initial())


def _vouched(journal: EntrySource, index: int, data: bytes) -> bool:
    for record in journal.read(index + 1, index + 1):
        try:
            entry: Entry = decode_entry(record.body, address, record.index)
        except Malformed:
            return False
        wanted = Snapshotted(index, blake3(data).digest())
        return any(event.body == wanted for event in entry.events)
    return False
