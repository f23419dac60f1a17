"""The entries of several journals in one order in which causes come before what they cause.

Each journal is in order by itself, and an envelope names its sender's entry that it comes from:
together that is Lamport's "happened before" (1978). Among entries that are not ordered by it the
nodes' own clocks decide, which may differ, so their order is only likely. Journals that lie may
form a circle; then the clocks decide there too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """One entry: when it was, and what caused it, if that was another's entry."""

    number: int
    now_ns: int
    sender: bytes = b""
    entry: int = 0


def ordered(journals: Mapping[bytes, Sequence[Line]]) -> Iterator[tuple[bytes, int]]:
    """Every entry as (node, index), causes first."""
    fronts = {node: 0 for node in sorted(journals) if journals[node]}
    done = dict.fromkeys(sorted(journals), 0)
    last = {node: lines[-1].number for node, lines in journals.items() if lines}
    while fronts:
        waiting = [(journals[node][place], node) for node, place in fronts.items()]
        free = [
            (line.now_ns, node)
            for line, node in waiting
            if line.sender not in done
            or line.sender == node
            or done[line.sender] >= min(line.entry, last.get(line.sender, 0))
        ]
        _, node = min(free or [(line.now_ns, node) for line, node in waiting])
        line = journals[node][fronts[node]]
        done[node] = line.number
        yield node, line.number
        fronts[node] += 1
        if fronts[node] == len(journals[node]):
            del fronts[node]
