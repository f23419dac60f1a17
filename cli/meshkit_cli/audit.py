"""`meshkit audit`: whether journals are true, what they tell, and all they hold as JSON."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import click
from rich.console import Group

from meshkit.audit.chapters import Chapter, Proof, Refusals, Step, Story
from meshkit.audit.exhibits import Exhibit, gather
from meshkit.audit.export import write
from meshkit.audit.findings import Evidence, Finding, Note
from meshkit.audit.places import Place
from meshkit.audit.story import tell
from meshkit.audit.unsound import unsound
from meshkit.audit.verify import Report
from meshkit.audit.verify import verify as verify_
from meshkit.audit.words import name_of, named
from meshkit.core.document import to_document
from meshkit_cli.options import PLACE
from meshkit_cli.output import (
    DIVERGENCE,
    USAGE,
    Document,
    complain,
    complaints,
    emit,
    facts,
    fail,
    listing,
    output_option,
    watching,
)

ID_BYTES = 32

Names: TypeAlias = Mapping[bytes, str]


@click.group()
def command() -> None:
    """Verify and explain what journals hold."""


# -- verify ---------------------------------------------------------------------------------------


@command.command()
@output_option
@click.option("--mesh", metavar="ID", help="Of which mesh they are to be; default: of most.")
@click.argument("paths", nargs=-1, required=True, type=PLACE)
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


# -- export ---------------------------------------------------------------------------------------


@command.command()
@output_option
@click.option(
    "--to", "target", required=True, type=PLACE, help="The file to write; it must not exist yet."
)
@click.argument("paths", nargs=-1, required=True, type=PLACE)
def export(paths: tuple[Path, ...], target: Path, output: str) -> None:
    """Write every entry of the journals in PATHS as one line of JSON (meshkit.audit.entry/v1).

    It is written as it stands there; a journal that does not hold is named, and the exit code is 3.
    """
    with complaints():
        exhibits = gather(paths)
        with objections(exhibits):
            document = {
                "schema": "meshkit.audit.export/v1",
                "file": str(target),
                "journals": len(exhibits),
                "entries": exported(exhibits, target),
            }
            emit(output, document)


def exported(exhibits: list[Exhibit], target: Path) -> int:
    """Write them to a new file; how many entries there were."""
    try:
        with target.open("x", encoding="utf-8") as file, ExitStack() as undone:
            undone.callback(target.unlink)  # half an export would pass for a whole one
            count = write(exhibits, file)
            file.flush()
            undone.pop_all()
    except OSError as error:
        fail(f"{target}: cannot be written: {error.strerror}")
    return count


@contextmanager
def objections(exhibits: list[Exhibit]) -> Generator[None]:
    """Behind what the journals tell, a line for each that does not hold, and the code for that."""
    found = list(unsound(exhibits))
    try:
        yield
    finally:
        for line in found:
            complain(line)
    if found:
        raise click.exceptions.Exit(DIVERGENCE)


# -- why ------------------------------------------------------------------------------------------


@command.command()
@output_option
@click.option("--round", "round_", type=click.IntRange(0), help="Only this round of the task.")
@click.argument("asked", metavar="TASK")
@click.argument("paths", nargs=-1, required=True, type=PLACE)
def why(asked: str, paths: tuple[Path, ...], round_: int | None, output: str) -> None:
    """The story of TASK, or of one of its rounds, as the journals in PATHS tell it together.

    TASK is its name or the beginning of its id; TASK/3 is its round 3. What convicts somebody
    comes with the culprit's own signed statements: as JSON in full, in a table their signatures.
    A journal that does not hold is named behind its story, and the exit code is 3.
    """
    with complaints():
        exhibits = gather(paths)
        with objections(exhibits):
            show_story(tell(exhibits, asked, round_), output)


def show_story(story: Story, output: str) -> None:
    document = story_document(story)
    rows = [{"row": name, **row} for name in ROWS for row in document[name]]
    if output == "jsonl":
        emit(output, {"rows": rows}, "rows")
    else:
        emit(output, document, table=story_table(document))


ROWS = ("rounds", "steps", "evidence", "silences", "refusals", "parts")


def story_document(story: Story) -> Document:
    """The story as others read it: each list's rows name their round."""
    names, chapters = story.names, story.chapters
    return {
        "schema": "meshkit.audit.why/v1",
        "task": story.task.hex(),
        "name": story.name,
        "rounds": [_chapter(one, names) for one in chapters],
        "steps": [_step(one.round, step, names) for one in chapters for step in one.steps],
        "evidence": [_proof(one.round, proof, names) for one in chapters for proof in one.evidence],
        "silences": [
            {
                "round": one.round,
                "node": name_of(silence.who, names),
                "kind": silence.kind,
                "what": named(silence.what, names),
                "journals": _journals(silence.places, names),
            }
            for one in chapters
            for silence in one.silences
        ],
        "refusals": [
            _refusals(one.round, refusals, names) for one in chapters for refusals in one.refusals
        ],
        "parts": [
            {"round": one.round, **part._asdict(), "who": name_of(part.who, names)}
            for one in chapters
            for part in one.parts
        ],
    }


def _chapter(one: Chapter, names: Names) -> Document:
    opened = one.opened
    members = opened.ranking[: opened.committee] if opened else ()
    return {
        "round": one.round,
        "opened_height": one.opened_height,
        "committed_height": one.committed_height or None,
        "base": opened.base.hex() if opened else None,
        "committee": [name_of(id_, names) for id_ in members],
        "trainers": [name_of(id_, names) for id_ in opened.trainers] if opened else [],
    }


def _step(number: int, step: Step, names: Names) -> Document:
    first = step.places[0]
    return {
        "round": number,
        "time_ns": first.now_ns,
        "node": name_of(first.node, names),
        "entry": first.entry,
        "kind": step.kind,
        "who": [name_of(id_, names) for id_ in step.who if id_],
        "what": named(step.what, names),
        "journals": _journals(step.places, names),
    }


def _proof(number: int, proof: Proof, names: Names) -> Document:
    return {
        "round": number,
        "culprit": name_of(proof.culprit, names),
        "id": proof.culprit.hex(),
        "kind": proof.crime,
        "what": named(proof.what, names),
        "signed": proof.signed,
        "signatures": [getattr(one, "signature", b"").hex() for one in proof.statements],
        "statements": [to_document(one) for one in proof.statements],
        "journals": _journals(proof.places, names),
    }


def _refusals(number: int, one: Refusals, names: Names) -> Document:
    counts = {count.reason: count.number for count in one.counts}
    what = "messages were not believed, or not read, by the end of the round"
    return {
        "round": number,
        "node": name_of(one.who, names),
        "what": f"{sum(counts.values())} {what}: {', '.join(map(_of_reason, counts.items()))}",
        "counts": counts,
        "journals": _journals([one.place], names),
    }


def _of_reason(count: tuple[str, int]) -> str:
    return f"{count[1]} {count[0]}"


def _journals(places: Iterable[Place], names: Names) -> list[Document]:
    """Where something is recorded."""
    return [{"node": name_of(place.node, names), "entry": place.entry} for place in places]


def story_table(document: Document) -> Group:
    """What a person reads: each round from its opening on, then who did wrong, or nothing."""
    parts: list[Any] = [f"task {document['name']} ({document['task'][:16]})"]
    for chapter in document["rounds"]:
        number = chapter["round"]
        mine = {name: [row for row in document[name] if row["round"] == number] for name in ROWS}
        parts.append(_title(chapter))
        parts.append(listing(_seen(mine["steps"]), STEP_COLUMNS))
        for name, columns in TOLD.items():
            if mine[name]:
                rows = [{**row, "seen": _entries(row)} for row in mine[name]]
                parts += [f"\n{name}:", listing(rows, columns)]
    return Group(*parts)


STEP_COLUMNS = {"at": "after", "who": "who", "what": "what", "seen": "recorded by"}
PROOF_COLUMNS = {"culprit": "who", "kind": "kind", "what": "what", "signatures": "signatures"}
SILENCE_COLUMNS = {"node": "who", "kind": "kind", "what": "what", "seen": "recorded by"}


REFUSAL_COLUMNS = {"node": "who", "what": "what", "seen": "recorded by"}
TOLD = {"evidence": PROOF_COLUMNS, "silences": SILENCE_COLUMNS, "refusals": REFUSAL_COLUMNS}


def _title(chapter: Document) -> str:
    height = chapter["committed_height"]
    end = f"committed at height {height}" if height else "not committed yet"
    return f"\nround {chapter['round']}, opened at height {chapter['opened_height']}, {end}"


def _seen(steps: list[Document]) -> list[Document]:
    """The steps with the time since the first of them, and who recorded each."""
    begin_ns = min((step["time_ns"] for step in steps), default=0)
    return [
        {
            **step,
            "at": f"{max(step['time_ns'] - begin_ns, 0) / 1e9:.3f} s",
            "seen": list(dict.fromkeys(place["node"] for place in step["journals"])),
        }
        for step in steps
    ]


def _entries(row: Document) -> list[str]:
    """Who recorded it, and at which entries."""
    return [f"{place['node']} {place['entry']}" for place in row["journals"]]


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
