"""The blob stores: every byte hashed, and what a journal says it has compared with what is there.

A blob that is not there any more is no finding by itself, for others may have it, and it may have
been given up; a byte that is not as it was written is one, with the entry that first named it.
"""

from collections.abc import Iterator

from meshkit.audit.findings import Findings, Note
from meshkit.audit.shelves import Shelves
from meshkit.audit.trial import Deposition
from meshkit.audit.words import short
from meshkit.journal import BlobFinding


def check_store(said: Deposition, shelves: Shelves, findings: Findings, notes: list[Note]) -> None:
    """Of one node."""
    node = said.node
    if node in shelves.without:
        notes.append(Note(node, 0, f"its blobs were not looked at: {shelves.without[node]}"))
        return
    loose: list[BlobFinding] = []
    bad: set[bytes] = set()
    for found in shelves.verify(node):
        if found.digest:
            bad.add(found.digest)
            _blame(said, found, shelves, findings, notes)
        else:
            loose.append(found)
    lost = [(entry, blob) for entry, blob in _lost(said, shelves) if blob not in bad]
    for found in loose:
        where = f"{found.file} at byte {found.offset}: {found.text}"
        if not lost and found.kind in ("torn", "stray"):
            notes.append(Note(node, 0, f"in its blobs, {where}"))
        for entry, blob in lost:
            what = f"the blob {short(blob)} is not in its store any more; {where}"
            findings.add(node, entry, "blob", what)
        if not lost and found.kind not in ("torn", "stray"):
            findings.add(node, 0, "blob", where)


def _blame(
    said: Deposition,
    found: BlobFinding,
    shelves: Shelves,
    findings: Findings,
    notes: list[Note],
) -> None:
    what = f"{found.file} at byte {found.offset}: {found.text}"
    if shelves.holds(said.node, found.digest):
        notes.append(Note(said.node, 0, f"{what}; it has another copy that is whole"))
    else:
        entry = said.named.get(found.digest, 0)
        findings.add(said.node, entry, "blob", what)


def _lost(said: Deposition, shelves: Shelves) -> Iterator[tuple[int, bytes]]:
    """What the journal says lies in the store, and does not."""
    for blob, entry in sorted(said.held.items(), key=lambda item: (item[1], item[0])):
        if not shelves.has(said.node, blob) and not shelves.expired_of(said.node, blob):
            yield entry, blob
