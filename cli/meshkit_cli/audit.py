"""`meshkit audit`: whether journals are true, what they tell, and all they hold as JSON."""

from pathlib import Path
from typing import Any

import click
from rich.console import Group

from meshkit.audit.exhibits import gather
from meshkit.audit.findings import Evidence, Finding, Note
from meshkit.audit.verify import Report
from meshkit.audit.verify import verify as verify_
from meshkit.audit.words import name_of, named
from meshkit.core.document import to_document
from meshkit_cli.output import (
    DIVERGENCE,
    USAGE,
    Document,
    complaints,
    emit,
    facts,
    fail,
    listing,
    output_option,
    watching,
)

PATH = click.Path(path_type=Path)
ID_BYTES = 32


@click.group()
def command() -> None:
    """Verify and explain what journals hold."""


# -- verify ---------------------------------------------------------------------------------------


@command.command()
@output_option
@click.option("--mesh", metavar="ID", help="Of which mesh they are to be; default: of most.")
@click.argument("paths", nargs=-1, required=True, type=PATH)
def verify(paths: tuple[Path, ...], mesh: str | None, output: str) -> None:
    """Hold the journals in PATHS against their chains, signatures, certificates and the rules.

    A path is a node's home or a mesh's folder. Every aggregate is computed again. What the
    journals prove against a node whose own journal is not among them is shown as evidence.
    """
    with complaints(), watching() as watch:
        report = verify_(gather(paths), None if mesh is None else mesh_id(mesh), watch)
    document = document_of(report)
    emit(output, document, "findings", verify_table(document))
    if not report.ok:
        raise click.exceptions.Exit(DIVERGENCE)


def mesh_id(text: str) -> bytes:
    try:
        id_ = bytes.fromhex(text)
    except ValueError:
        id_ = b""
    if len(id_) != ID_BYTES:
        fail(f"--mesh {text}: a mesh's id has {2 * ID_BYTES} hex digits", USAGE)
    return id_


def document_of(report: Report) -> Document:
    """The report as others read it."""
    names = report.names
    return {
        "schema": "meshkit.audit/v1",
        "ok": report.ok,
        "attested": report.attested,
        "journals": report.journals,
        "entries": report.entries,
        "certificates": report.certificates,
        "aggregates_recomputed": report.aggregates,
        "findings": [_finding(one, report) for one in report.findings],
        "evidence": [_evidence(one, report) for one in report.evidence],
        "notes": [
            {**_whose(one, report), "entry": one.entry or None, "what": named(one.what, names)}
            for one in report.notes
        ],
    }


def _whose(one: Finding | Evidence | Note, report: Report) -> Document:
    name = name_of(one.node, report.names) if one.node else None
    return {"node": name, "id": one.node.hex() or None}


def _finding(one: Finding, report: Report) -> Document:
    return {
        **_whose(one, report),
        "entry": one.entry or None,
        "last": one.last or None,
        "kind": one.kind,
        "what": named(one.what, report.names),
    }


def _evidence(one: Evidence, report: Report) -> Document:
    return {
        **_whose(one, report),
        "kind": one.kind,
        "what": named(one.what, report.names),
        "first": to_document(one.first),
        "second": to_document(one.second),
    }


def verify_table(document: Document) -> Group:
    """What a person sees: the figures, and then whatever is not as it should be."""
    lists = ("findings", "evidence", "notes")
    parts: list[Any] = [facts({k: v for k, v in document.items() if k not in lists})]
    columns = {"node": "node", "entry": "entry", "kind": "kind", "what": "what"}
    for name in lists:
        rows = [{**row, "entry": _span(row)} for row in document[name]]
        if rows:
            kept = {k: v for k, v in columns.items() if any(row.get(k) for row in rows)}
            parts += [f"\n{name}:", listing(rows, kept)]
    return Group(*parts)


def _span(row: Document) -> str:
    first, last = row.get("entry"), row.get("last")
    return f"{first}-{last}" if last else str(first or "")
