"""`export`: every entry of the journals as one line of JSON, for other programs.

    {"schema": "meshkit.audit.entry/v1",
     "mesh", "node": ids in hex, "name": the folder's,
     "index": from 1, "hash": of the chain there, "sealed": whether its transaction ended there,
     "now_ns": the node's clock, "seed": its public chance,
     "cause": null, or of a peer's message {"sender", "entry", "effect", "head_index", "head_hash",
              "sequence", "envelope": its bytes in hex}, where an entry of 0 says that the
              message left before its own entry was durable,
     "command": {"machine", "kind", ...fields}, "events": [{"machine", "kind", ...fields}]}

Values are objects with their class as `kind`, bytes are hex, 64-bit integers are numbers. It is
written as the journal has it: nothing is verified, and what cannot be read has an `error` instead
of a command and events.
"""

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from meshkit.audit.errors import AuditError
from meshkit.audit.exhibits import Exhibit
from meshkit.codec import Malformed, decode_entry
from meshkit.core.composite import At
from meshkit.core.document import to_document
from meshkit.core.machine import Entry
from meshkit.journal import Identity, Record
from meshkit.journal import audit as journals
from meshkit.journal.chain import UNSEALED
from meshkit.node import address
from meshkit.wire.envelope import Refused, open_unverified

SCHEMA = "meshkit.audit.entry/v1"
Document = dict[str, Any]


def write(exhibits: Iterable[Exhibit], file: IO[str]) -> int:
    """Write every entry, journal by journal; how many there were."""
    written = 0
    for exhibit in exhibits:
        for document in documents(exhibit):
            file.write(json.dumps(document, separators=(",", ":")) + "\n")
            written += 1
    return written


def documents(exhibit: Exhibit) -> Iterator[Document]:
    """The entries of one journal as documents, in order."""
    identity = exhibit.identity()
    if identity is None:
        raise AuditError(f"{exhibit.journal}: it does not say whose journal it is: audit it")
    for record in journals.entries(exhibit.journal, identity):
        yield document_of(exhibit.name, identity, record)


def document_of(name: str, identity: Identity, record: Record) -> Document:
    """One entry as a document."""
    head = {
        "schema": SCHEMA,
        "mesh": identity.mesh.hex(),
        "node": identity.node_key.hex(),
        "name": name,
        "index": record.index,
        "hash": record.hash.hex(),
        "sealed": record.seal != UNSEALED,
    }
    try:
        return {**head, **_content(decode_entry(record.body, address, record.index))}
    except Malformed as error:
        return {**head, "error": str(error)}


def _content(entry: Entry) -> Document:
    return {
        "now_ns": entry.moment.now_ns,
        "seed": entry.moment.seed,
        "cause": _cause(entry.envelope),
        "command": _of(entry.command),
        "events": [_of(event) for event in entry.events],
    }


def _of(at: At) -> Document:
    return {"machine": at.name, **to_document(at.body)}


def _cause(envelope: bytes) -> Document | None:
    if not envelope:
        return None
    try:
        said = open_unverified(envelope)
    except Refused:
        return {"envelope": envelope.hex()}
    return {
        "sender": said.sender.hex(),
        "entry": said.entry,
        "effect": said.effect,
        "head_index": said.head_index,
        "head_hash": said.head_hash.hex(),
        "sequence": said.sequence,
        "envelope": envelope.hex(),
    }
