"""`diff`: where two journals part.

Two of one node are compared entry by entry: the first that differs is where one of them was
changed, or where the node began to keep two. Those of different nodes have nothing in common but
what the mesh decided, so they are compared height by height: the block, and what the ledger made
of it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from meshkit.audit.errors import AuditError
from meshkit.audit.folding import Opened
from meshkit.consensus.messages import Decided
from meshkit.core.machine import Entry
from meshkit.core.value import digest
from meshkit.journal import Record
from meshkit.ledger.messages import BlockApplied


class Parting(NamedTuple):
    """The first place at which two journals differ. What is not there is 0, None or empty."""

    entries: tuple[int, int]  # in each
    height: int
    what: str
    first: Entry | None = None
    second: Entry | None = None


class Compared(NamedTuple):
    """How much they have in common, in entries or in heights, and where they part."""

    same_node: bool
    common: int
    parting: Parting | None


class Height(NamedTuple):
    """One height in one journal."""

    number: int
    entry: int
    block: bytes
    ledger: bytes  # digest of all that the ledger recorded


def compare(first: Opened, second: Opened) -> Compared:
    """Where the two part; raises AuditError if they are of two meshes."""
    if first.identity.mesh != second.identity.mesh:
        raise AuditError(
            f"{first.path} is of the mesh {first.identity.mesh.hex()[:16]}, and {second.path} of "
            f"{second.identity.mesh.hex()[:16]}: they have nothing in common"
        )
    if first.identity == second.identity:
        return _by_entries(first, second)
    return _by_heights(first, second)


def _by_entries(first: Opened, second: Opened) -> Compared:
    index = 0
    ours, theirs = first.reader.read(), second.reader.read()
    while True:
        one, other = next(ours, None), next(theirs, None)
        if one is None and other is None:
            return Compared(True, index, None)
        if one is None or other is None:
            longer = second if one is None else first
            what = f"{longer.path} goes on to entry {longer.reader.head.index}, the other ends"
            parting = Parting(_indices(one, other), 0, what, *_read(first, one, second, other))
            return Compared(True, index, parting)
        if one.hash != other.hash:
            read = _read(first, one, second, other)
            parting = Parting(_indices(one, other), 0, _unlike(*read), *read)
            return Compared(True, index, parting)
        index = one.index


def _indices(one: Record | None, other: Record | None) -> tuple[int, int]:
    return (one.index if one else 0, other.index if other else 0)


def _read(
    first: Opened, one: Record | None, second: Opened, other: Record | None
) -> tuple[Entry | None, Entry | None]:
    return first.read(one) if one else None, second.read(other) if other else None


def _unlike(first: Entry | None, second: Entry | None) -> str:
    """In which part two entries differ."""
    assert first is not None, "both are there"
    assert second is not None, "both are there"
    for part in ("moment", "envelope", "command", "events"):
        if getattr(first, part) != getattr(second, part):
            return f"they differ in the entry's {part}"
    return "they say the same, in other bytes"


def _by_heights(first: Opened, second: Opened) -> Compared:
    ours, theirs = heights(first), heights(second)
    common = 0
    while True:
        one, other = next(ours, None), next(theirs, None)
        if one is None or other is None:
            return Compared(False, common, None)  # one has only not heard of the rest yet
        if one[2:] != other[2:]:
            differ = "other blocks" if one.block != other.block else "one block, of which they "
            what = f"at height {one.number} they have {differ}"
            if one.block == other.block:
                what += "record other facts"
            return Compared(False, common, Parting((one.entry, other.entry), one.number, what))
        common = one.number


def heights(journal: Opened) -> Iterator[Height]:
    """Every decided height in order."""
    for index, entry in journal.entries():
        block = b""
        for event in entry.events:
            match event.body:
                case Decided(certificate):
                    block = certificate.value_id
                case BlockApplied(number):
                    facts = tuple(one.body for one in entry.events if one.name == "ledger")
                    yield Height(number, index, block, digest(facts))
                case _:
                    pass
