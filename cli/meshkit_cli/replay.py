"""`meshkit replay`: fold a journal again, decide it again, compare two."""

import json
import re
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from meshkit.audit.check import check
from meshkit.audit.deciding import Difference
from meshkit.audit.difference import Compared, compare
from meshkit.audit.errors import AuditError, OtherRules, Unsound
from meshkit.audit.exhibits import Exhibit, gather
from meshkit.audit.folding import Folded, Opened, fold, opened
from meshkit.audit.forks import Forks, processors
from meshkit.codec.convert import prepare
from meshkit.consensus.engines import engine_of
from meshkit.core.document import to_document
from meshkit.core.machine import Entry
from meshkit.journal import JournalAltered, JournalError
from meshkit.ledger.state import State as Book
from meshkit_cli.options import PLACE
from meshkit_cli.output import (
    DIVERGENCE,
    FAILURE,
    REFUSED,
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

NS_PER_S = 1_000_000_000
FORKED_BYTES_MIN = 1 << 20  # of all journals: some 600 entries, twice what a fork costs


@click.group()
def command() -> None:
    """Fold a journal again, decide it again, compare two."""


# -- run ------------------------------------------------------------------------------------------


@command.command()
@output_option
@click.option("--to", type=click.IntRange(0), metavar="INDEX", help="The state after this entry.")
@click.option(
    "--until", metavar="TIME", help="The state at this time: ISO 8601, or nanoseconds since 1970."
)
@click.argument("home", type=PLACE)
def run(home: Path, to: int | None, until: str | None, output: str) -> None:
    """Fold the journal in HOME and print the state it comes to, and its digest."""
    if to is not None and until is not None:
        fail("--to and --until are two ends: name one of them", USAGE)
    with complaints():
        until_ns = None if until is None else moment_ns(until)
        with opened(one_of(home).journal) as journal:
            folded = fold(journal, to, until_ns)
    document = {
        "schema": "meshkit.state/v1",
        "node": journal.identity.node_key.hex(),
        "mesh": journal.identity.mesh.hex(),
        "entry": folded.entry,
        "now_ns": folded.now_ns,
        "state_digest": folded.digest.hex(),
    }
    summary = facts({**document, **summary_of(folded)})
    whole = {"state": to_document(folded.state)} if output != "table" else {}
    emit(output, {**document, **whole}, table=summary)


def moment_ns(text: str) -> int:
    """A time as a person types it, in nanoseconds since 1970; without a zone it is local."""
    if re.fullmatch(r"\d{1,19}", text):
        return int(text)
    try:
        return round(datetime.fromisoformat(text).timestamp() * NS_PER_S)
    except (ValueError, OverflowError):
        fail(f"--until {text}: say a time like 2026-01-31T12:00:00, or nanoseconds", USAGE)


def one_of(home: Path) -> Exhibit:
    """The one journal that `home` names."""
    found = gather([home])
    if len(found) > 1:
        fail(f"{home} holds {len(found)} journals: name one, such as {found[0].path}", USAGE)
    return found[0]


def summary_of(folded: Folded) -> Document:
    """What a person wants to see of a state first."""
    book: Book = folded.state["ledger"]
    agreeing, history = folded.state["consensus"], folded.state["history"]
    turn = engine_of(agreeing).turn(agreeing)
    tasks = [
        f"{course.task.name}: {course.status}, round {course.round} of {course.task.rounds}"
        for _, course in sorted(book.tasks.items())
    ]
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(folded.now_ns / NS_PER_S))
    return {
        "time": at if folded.now_ns else None,
        "starts": history.starts,
        "release": history.release,
        "height": book.height,
        "deciding": f"height {agreeing.height}, {turn}" if agreeing.height else None,
        "members": [seat.member.name for _, seat in sorted(book.members.items())],
        "tasks": tasks,
        "open rounds": len(folded.state["rounds"].rounds),
        "pooled items": len(folded.state["pool"].items),
        "accused": [culprit.hex()[:16] for culprit in sorted(book.accused)],
    }


# -- check ----------------------------------------------------------------------------------------


@command.command(name="check")
@output_option
@click.argument("homes", nargs=-1, required=True, type=PLACE)
def check_(homes: tuple[Path, ...], output: str) -> None:
    """Decide every command in the journals of HOMES again, and stop at the first difference.

    A mesh's folder stands for all its nodes. Signatures are `meshkit audit verify`'s. A journal
    that cannot be decided to its end has a row too, with its problem, and a line on stderr.
    """
    with complaints():
        exhibits = gather(homes)
        prepare()  # once, before there are children
        started = time.perf_counter()
        found = all_checked(exhibits)
        seconds = time.perf_counter() - started
    document = combined(found, seconds)
    emit(output, document, "journals", check_table(document))
    problems = [row["problem"] for row in found if row["problem"]]
    for problem in problems:
        complain(problem["what"])
    if not document["ok"]:
        codes = [MEANINGS[problem["kind"]] for problem in problems]
        parted = document["divergence"] or DIVERGENCE in codes
        raise click.exceptions.Exit(DIVERGENCE if parted else codes[0])


def all_checked(exhibits: list[Exhibit]) -> list[Document]:
    """Every journal's row: several are shared out to all processors, one they decide together."""
    if len(exhibits) == 1:
        return [checked(exhibits[0], processors())]
    size_bytes = sum(exhibit.journal.stat().st_size for exhibit in exhibits)
    ours, *others = shared(exhibits, processors() if size_bytes >= FORKED_BYTES_MIN else 1)
    rows: list[Document] = []
    with watching() as watch, Forks(1 + len(others)) as children:
        for theirs in others:
            children.give(partial(encoded, theirs))
        for exhibit in ours:
            rows.append(checked(exhibit, 1))
            watch("deciding again", len(rows), len(exhibits))
        for data in children.results():
            # scan: unbounded-decode: our own child's verdict, a few lines
            rows += json.loads(data)
            watch("deciding again", len(rows), len(exhibits))
    places = {str(exhibit.path): place for place, exhibit in enumerate(exhibits)}
    return sorted(rows, key=lambda row: places[row["home"]])


def shared(exhibits: list[Exhibit], workers: int) -> list[list[Exhibit]]:
    """The journals in so many shares of about one size, none empty, and the largest first.

    Who decides several journals of one mesh reads only once what stands in all of them. The first
    share is for the parent, which begins before its children do.
    """
    shares: list[list[Exhibit]] = [[] for _ in range(min(workers, len(exhibits)))]
    loads = [0] * len(shares)
    sizes = {exhibit.journal: exhibit.journal.stat().st_size for exhibit in exhibits}
    for exhibit in sorted(exhibits, key=lambda each: sizes[each.journal], reverse=True):
        least = loads.index(min(loads))
        shares[least].append(exhibit)
        loads[least] += sizes[exhibit.journal]
    order = sorted(range(len(shares)), key=loads.__getitem__, reverse=True)
    return [shares[place] for place in order]


def encoded(exhibits: list[Exhibit]) -> bytes:
    """Some journals' rows as a child process sends them."""
    return json.dumps([checked(exhibit, 1) for exhibit in exhibits]).encode()


def checked(exhibit: Exhibit, workers: int) -> Document:
    """One journal's row, also where it cannot be decided: one bad journal hides no other."""
    try:
        with opened(exhibit.journal) as journal:
            done = check(journal, workers)
    except (JournalError, AuditError) as error:
        return undecided(exhibit, error)
    return {
        "schema": "meshkit.replay/v1",
        "home": str(exhibit.path),
        "node": journal.identity.node_key.hex(),
        "ok": done.difference is None,
        "entries": done.entries,
        "seconds": round(done.seconds, 6),
        "entries_per_second": round(done.entries / done.seconds),
        "state_digest": done.digest.hex(),
        "divergence": divergence(done.difference),
        "problem": None,
    }


# What the problem of a journal that cannot be decided to its end means for the exit code.
MEANINGS = {"altered": DIVERGENCE, "rules": REFUSED, "unreadable": FAILURE}


def undecided(exhibit: Exhibit, error: Exception) -> Document:
    """The row of a journal that cannot be decided to its end: nothing in it counts as decided."""
    match error:
        case JournalAltered() | Unsound():
            kind = "altered"
        case OtherRules():
            kind = "rules"
        case _:
            kind = "unreadable"
    return {
        "schema": "meshkit.replay/v1",
        "home": str(exhibit.path),
        "node": None,
        "ok": False,
        "entries": 0,
        "seconds": 0.0,
        "entries_per_second": 0,
        "state_digest": None,
        "divergence": None,
        "problem": {"kind": kind, "what": str(error)},
    }


def divergence(found: Difference | None) -> Document | None:
    if found is None:
        return None
    return {
        "entry": found.entry,
        "recorded": to_document(found.recorded),
        "decided": to_document(found.decided),
    }


def combined(rows: list[Document], seconds: float) -> Document:
    """The document of all journals: of one it is its own row's."""
    entries = sum(row["entries"] for row in rows)
    # Side by side they take less time than all together; to find them is no part of it.
    seconds = min(seconds, sum(row["seconds"] for row in rows))
    return {
        "schema": "meshkit.replay/v1",
        "ok": all(row["ok"] for row in rows),
        "entries": entries,
        "entries_per_second": round(entries / seconds) if entries else 0,
        "state_digest": rows[0]["state_digest"] if len(rows) == 1 else None,
        "divergence": first_of(rows, "divergence"),
        "problem": first_of(rows, "problem"),
        "journals": rows,
    }


def first_of(rows: list[Document], name: str) -> Document | None:
    """The first journal's that has one, and its home."""
    return next(({"home": row["home"], **row[name]} for row in rows if row[name]), None)


def check_table(document: Document) -> Table:
    columns = {
        "home": "journal", "ok": "ok", "entries": "entries", "entries_per_second": "a second",
        "state_digest": "state", "parts": "parts at",
    }  # fmt: skip
    rows = [
        {
            **row,
            "home": Path(row["home"]).name,
            "state_digest": row["state_digest"] and row["state_digest"][:16],
            "parts": row["divergence"] and row["divergence"]["entry"],
        }
        for row in document["journals"]
    ]
    return listing(rows, columns)


# -- diff -----------------------------------------------------------------------------------------


@command.command()
@output_option
@click.argument("first", type=PLACE)
@click.argument("second", type=PLACE)
def diff(first: Path, second: Path, output: str) -> None:
    """The first entry in which two journals of one node part; of two nodes, the first height."""
    with (
        complaints(),
        opened(one_of(first).journal) as ours,
        opened(one_of(second).journal) as theirs,
    ):
        found = compare(ours, theirs)
        document = diff_document(ours, theirs, found)
    shown = {name: value for name, value in document.items() if name not in ("first", "second")}
    emit(output, document, table=facts(shown))
    if found.parting is not None:
        raise click.exceptions.Exit(DIVERGENCE)


def diff_document(first: Opened, second: Opened, found: Compared) -> Document:
    parting = found.parting
    return {
        "schema": "meshkit.replay.diff/v1",
        "same_node": found.same_node,
        "equal": parting is None,
        "common_entries" if found.same_node else "common_heights": found.common,
        "entries": list(parting.entries) if parting else None,
        "height": parting.height if parting and not found.same_node else None,
        "what": parting.what if parting else None,
        "first": entry_document(first, parting.first if parting else None),
        "second": entry_document(second, parting.second if parting else None),
    }


def entry_document(journal: Opened, entry: Entry | None) -> Any:
    return None if entry is None else {"journal": str(journal.path), **to_document(entry)}
