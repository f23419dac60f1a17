"""The log: what is at which place, what follows, and what is forgotten.

A log is a bounded tail of the whole: of what stood up to `offset` it knows only the term there and
how many values there were. `after` and `conflict` are the paper's rule for a follower (R6): entries
that are there already are never touched, and only the first that differs is cut off, with all that
follows it. `likeness` finds where two logs may begin to be alike by terms instead of one place at a
time (R19): of a place at most as late as the leader's, the last whose term is no higher.
"""

from collections.abc import Sequence

from meshkit.consensus.raft.messages import CONFIG, LogEntry
from meshkit.core.value import Value

KEPT_ENTRIES_MAX = 512  # of what is applied, for followers a little behind (a guess)
KEPT_BYTES_MAX = 4 * 2**20  # and how much that may be (a guess)
SLACK = 64  # entries beyond that before it is cut, so that it is cut rarely (a guess)


class Log(Value):
    """The entries after `offset`, their bytes, and the places of configurations not yet applied."""

    offset: int = 0
    offset_term: int = 0
    offset_height: int = 0
    entries: tuple[LogEntry, ...] = ()
    size: int = 0
    configurations: tuple[int, ...] = ()


def last_index(log: Log) -> int:
    return log.offset + len(log.entries)


def last_term(log: Log) -> int:
    return log.entries[-1].term if log.entries else log.offset_term


def last_height(log: Log) -> int:
    """How many values the whole log holds."""
    return log.entries[-1].height if log.entries else log.offset_height


def term_at(log: Log, index: int) -> int | None:
    """The term of a place; None where nothing is known of it."""
    place = index - log.offset
    if 0 < place <= len(log.entries):
        return log.entries[place - 1].term
    return log.offset_term if place == 0 else None


def entry_at(log: Log, index: int) -> LogEntry:
    """The entry at a place that is in the tail."""
    place = index - log.offset - 1
    assert place >= 0, "a place that is compacted is never asked for"
    return log.entries[place]


def span(log: Log, first: int, last: int) -> tuple[LogEntry, ...]:
    """The entries from `first` to `last`."""
    assert first > log.offset, "a place that is compacted is never asked for"
    return log.entries[first - log.offset - 1 : last - log.offset]


def is_newer(log: Log, term: int, index: int) -> bool:
    """Whether a log that ends like this is no worse than ours: 5.4.1 of the paper (R4)."""
    ours = last_term(log)
    return term > ours or (term == ours and index >= last_index(log))


def conflict(log: Log, entries: Sequence[LogEntry]) -> tuple[LogEntry, ...]:
    """Those of `entries`, from the first on that is not there already; what is compacted is."""
    for number, entry in enumerate(entries):
        if entry.index > log.offset and term_at(log, entry.index) != entry.term:
            return tuple(entries[number:])
    return ()


def after(log: Log, entries: tuple[LogEntry, ...]) -> Log:
    """The log with `entries` in place of all that stood where they begin and after."""
    keep = entries[0].index - log.offset - 1
    kept, size, waiting = log.entries, log.size, log.configurations
    if keep != len(kept):
        size -= sum([entry.size for entry in kept[keep:]])
        kept = kept[:keep]
        waiting = tuple([index for index in waiting if index < entries[0].index])
    for entry in entries:
        size += entry.size
        if entry.kind == CONFIG:
            waiting = (*waiting, entry.index)
    return Log(log.offset, log.offset_term, log.offset_height, kept + entries, size, waiting)


def likeness(log: Log, index: int, term: int) -> tuple[int, int]:
    """The last place up to `index` whose term is at most `term`, and its term (0: not known)."""
    place = min(index, last_index(log))
    while place > log.offset and log.entries[place - log.offset - 1].term > term:
        place -= 1
    return place, term_at(log, place) or 0


def applied_configuration(log: Log, index: int) -> Log:
    """The log once the configuration at `index` is applied."""
    waiting = tuple([other for other in log.configurations if other > index])
    return Log(log.offset, log.offset_term, log.offset_height, log.entries, log.size, waiting)


def compacted(log: Log, index: int) -> Log:
    """The log without all up to `index`, which it holds."""
    if index <= log.offset:
        return log
    gone, kept = log.entries[: index - log.offset], log.entries[index - log.offset :]
    size = log.size - sum([entry.size for entry in gone])
    return Log(index, gone[-1].term, gone[-1].height, kept, size, log.configurations)


def begun_at(index: int, term: int, height: int) -> Log:
    """An empty log after a snapshot."""
    return Log(index, term, height)


def surplus(log: Log, applied: int) -> int:
    """Up to where the log should be compacted, given what is applied; its offset if nowhere."""
    count = applied - log.offset
    if count > KEPT_ENTRIES_MAX + SLACK:
        return applied - KEPT_ENTRIES_MAX
    if log.size <= KEPT_BYTES_MAX:
        return log.offset
    size, place = log.size, log.offset
    # The last entry that is applied stays, however large it is.
    for entry in log.entries[: max(count - 1, 0)]:
        if size <= KEPT_BYTES_MAX // 2:
            break
        size, place = size - entry.size, entry.index
    return place
