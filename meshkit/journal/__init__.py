"""The journal: what a node did, in the order it did it, on its own disk; and the blobs it names.

Theory. A node appends the entries of a tick in one transaction, waits for the disk, and only then
acts; so whatever anybody heard from it stands in its journal. Entries chain by hash and the last
of each transaction is signed, so the journal is evidence (`chain`). Large bytes stand beside it,
named by their digest (`blobs`, `packs`). A failed write is final (`errors`).

`ports` says what the shell needs of both stores. `Journal` and `BlobStore` give it on a disk,
`MemoryJournal` and `MemoryBlobs` in the simulator, with faults on demand. `JournalReader` and
`verify` read the journals of others and leave no trace there.

What is left out: archiving a prefix behind an acknowledged snapshot, and Postgres, which the same
recorder interface would carry.
"""

from typing import TYPE_CHECKING, Any

from meshkit.journal.blobs import BlobFinding, BlobStore, Limits
from meshkit.journal.chain import Head, Identity, Mark, Record, Signer, Verifier
from meshkit.journal.errors import JournalAltered, JournalError, JournalFailed, JournalForeign
from meshkit.journal.ports import BlobPort, EntrySource, JournalPort

if TYPE_CHECKING:
    from meshkit.journal.audit import Finding, verify
    from meshkit.journal.log import Journal
    from meshkit.journal.measure import measure_commit_ms
    from meshkit.journal.reading import JournalReader

__all__ = [
    "JournalPort",
    "EntrySource",
    "BlobPort",
    "Journal",
    "Signer",
    "Head",
    "Record",
    "Mark",
    "Identity",
    "JournalReader",
    "verify",
    "Verifier",
    "Finding",
    "BlobStore",
    "Limits",
    "BlobFinding",
    "JournalError",
    "JournalAltered",
    "JournalForeign",
    "JournalFailed",
    "measure_commit_ms",
]


def __getattr__(name: str) -> Any:
    # Importing `eventsourcing` patches `dataclasses` for the whole interpreter and costs 30 ms, so
    # only those pay who open a real journal: not the simulator, not the types and errors above.
    match name:
        case "Journal":
            from meshkit.journal import log

            return log.Journal
        case "JournalReader":
            from meshkit.journal import reading

            return reading.JournalReader
        case "verify" | "Finding":
            from meshkit.journal import audit

            return getattr(audit, name)
        case "measure_commit_ms":
            from meshkit.journal import measure

            return measure.measure_commit_ms
        case _:
            raise AttributeError(f"meshkit.journal has no {name}")
