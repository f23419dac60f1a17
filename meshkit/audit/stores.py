"""The blob stores: every byte hashed, and what a journal says it has compared with what is there.

A node gives up no blob without a record of that in its store. So a byte that is not as it was
written is a finding, and so is a blob that a journal says lies in the store and that does not: with
the entry that first said so. A home without any store is none: journals may be handed over without
the blobs, which are large and prove nothing that their names do not. It is a note, which says how
many were not looked at; whatever of them is needed to compute a round again and is in no other home
is missing there (see `chronicle`). Each home is looked at by itself, also where several are of one
node.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from meshkit.audit.exhibits import BLOBS_NAME, Exhibit
from meshkit.audit.findings import Findings, Note
from meshkit.audit.shelves import Shelves
from meshkit.audit.trial import Deposition
from meshkit.audit.words import count, short
from meshkit.journal import BlobFinding


def check_store(
    said: Deposition, exhibit: Exhibit, shelves: Shelves, findings: Findings, notes: list[Note]
) -> None:
    """Of one home, whose journal said that."""
    node, home = said.node, exhibit.path
    if home in shelves.without:
        held = count(len(said.held), "blob")
        what = f"{held} that its journal says it has were not looked at: {shelves.without[home]}"
        notes.append(Note(node, 0, what))
        return
    loose: list[BlobFinding] = []
    bad: set[bytes] = set()
    for found in shelves.verify(home):
        if found.digest:
            bad.add(found.digest)
            _blame(said, exhibit, found, shelves, findings, notes)
        else:
            loose.append(found)
    lost = [(entry, blob) for entry, blob in _lost(said, home, shelves) if blob not in bad]
    why = _why(exhibit, loose) or shelves.broken.get(home, "")
    for entry, blob in lost:
        what = f"the blob {short(blob)} is not in {exhibit.name}'s store any more"
        findings.add(node, entry, "blob", f"{what}; {why}" if why else what)
    if lost:
        return
    if home in shelves.broken:
        notes.append(Note(node, 0, f"its blobs were not looked at: {why}"))
    for found in loose:
        if found.kind in ("torn", "stray"):
            notes.append(Note(node, 0, f"in its blobs, {_place(exhibit, found)}"))
        else:
            findings.add(node, 0, "blob", _place(exhibit, found))


def _place(exhibit: Exhibit, found: BlobFinding) -> str:
    return f"{exhibit.name}/{BLOBS_NAME}/{found.file} at byte {found.offset}: {found.text}"


def _why(exhibit: Exhibit, loose: Sequence[BlobFinding]) -> str:
    """What may have become of blobs that are lost: the first damage of no blob's, and a count."""
    if not loose:
        return ""
    more = f", and {count(len(loose) - 1, 'place')} more" if len(loose) > 1 else ""
    return _place(exhibit, loose[0]) + more


def _blame(
    said: Deposition,
    exhibit: Exhibit,
    found: BlobFinding,
    shelves: Shelves,
    findings: Findings,
    notes: list[Note],
) -> None:
    what = _place(exhibit, found)
    if shelves.holds(exhibit.path, found.digest):
        notes.append(Note(said.node, 0, f"{what}; it has another copy that is whole"))
    else:
        entry = said.named.get(found.digest, 0)
        findings.add(said.node, entry, "blob", what)


def _lost(said: Deposition, home: Path, shelves: Shelves) -> Iterator[tuple[int, bytes]]:
    """What the journal says lies in the store, and does not."""
    for blob, entry in sorted(said.held.items(), key=lambda item: (item[1], item[0])):
        if not shelves.has(home, blob) and not shelves.expired_of(home, blob):
            yield entry, blob
