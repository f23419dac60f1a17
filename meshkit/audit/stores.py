"""The blob stores: every byte hashed, and what a journal says it has compared with what is there.

A node gives up no blob without a record of that in its store. So a byte that is not as it was
written is a finding, and so is a blob that a journal says lies in the store and that does not: with
the entry that first said so. A home without any store is none: journals may be handed over without
the blobs, which are large and prove nothing that their names do not. It is a note, which says how
many were not looked at; whatever of them is needed to compute a round again and is in no other home
is missing there (see `chronicle`).
"""

from collections.abc import Iterator, Sequence

from meshkit.audit.findings import Findings, Note
from meshkit.audit.shelves import Shelves
from meshkit.audit.trial import Deposition
from meshkit.audit.words import count, short
from meshkit.journal import BlobFinding


def check_store(said: Deposition, shelves: Shelves, findings: Findings, notes: list[Note]) -> None:
    """Of one node."""
    node = said.node
    if node in shelves.without:
        held = count(len(said.held), "blob")
        what = f"{held} that its journal says it has were not looked at: {shelves.without[node]}"
        notes.append(Note(node, 0, what))
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
    why = _why(loose) or shelves.broken.get(node, "")
    for entry, blob in lost:
        what = f"the blob {short(blob)} is not in its store any more"
        findings.add(node, entry, "blob", f"{what}; {why}" if why else what)
    if lost:
        return
    if node in shelves.broken:
        notes.append(Note(node, 0, f"its blobs were not looked at: {why}"))
    for found in loose:
        if found.kind in ("torn", "stray"):
            notes.append(Note(node, 0, f"in its blobs, {_place(found)}"))
        else:
            findings.add(node, 0, "blob", _place(found))


def _place(found: BlobFinding) -> str:
    return f"{found.file} at byte {found.offset}: {found.text}"


def _why(loose: Sequence[BlobFinding]) -> str:
    """What may have become of blobs that are lost: the first damage of no blob's, and a count."""
    if not loose:
        return ""
    more = f", and {count(len(loose) - 1, 'place')} more" if len(loose) > 1 else ""
    return _place(loose[0]) + more


def _blame(
    said: Deposition,
    found: BlobFinding,
    shelves: Shelves,
    findings: Findings,
    notes: list[Note],
) -> None:
    what = _place(found)
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
