"""What the user sees: one document on stdout, all else on stderr, and an exit code that means it.

Every refusal is one line: what is wrong, and what to do. A traceback is for our own bugs.
"""

import json
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import click
from rich.console import Console, RenderableType
from rich.progress import Progress, TaskID
from rich.table import Table

OK, FAILURE, USAGE, DIVERGENCE, NOT_FOUND, TIMEOUT, REFUSED = range(7)
SIGNALLED = 128  # and the signal's number: as a shell says it of whom a signal ended
ENDINGS = (signal.SIGTERM, signal.SIGHUP)  # what a supervisor and a closed terminal send

FORMATS = ("table", "json", "jsonl")
Document = dict[str, Any]

# What others named must look as they named it: "[red]" is a task's name, not a colour.
out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)

# What a refusal means, by its slug; whatever else the node or the mesh will not do is a refusal.
MEANINGS = {"unknown-task": NOT_FOUND, "unknown-member": NOT_FOUND, "ambiguous": USAGE}


def fail(message: str, code: int = FAILURE) -> NoReturn:
    """End the program with one line on stderr and an exit code of the table in the docs."""
    complain(message)
    raise click.exceptions.Exit(code)


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo(f"meshkit: {' '.join(message.split())}", err=True)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`-o table|json|jsonl`, as the parameter `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print: for people, as one JSON document, or a JSON line a row.",
    )(command)


def emit(
    output: str, document: Document, rows: str = "", table: RenderableType | None = None
) -> None:
    """Print a document: whole as `json`; its list `rows` (or itself) a line each as `jsonl`;
    else `table`."""
    match output:
        case "json":
            click.echo(json.dumps(document, indent=2))
        case "jsonl":
            for row in document[rows] if rows else [document]:
                click.echo(json.dumps(row))
        case _:
            out.print(table if table is not None else facts(document))


def facts(document: Document) -> Table:
    """A document of plain facts as a table of two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in document.items():
        if name != "schema":
            table.add_row(name.replace("_", " "), plain(value))
    return table


def listing(rows: list[Document], columns: dict[str, str]) -> Table:
    """Rows as a table; `columns` maps a field to its heading."""
    table = Table(box=None, pad_edge=False)
    for heading in columns.values():
        table.add_column(heading)
    for row in rows:
        table.add_row(*[plain(row.get(field)) for field in columns])
    return table


def plain(value: object) -> str:
    """A value of a document as a person reads it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(plain(item) for item in cast(list[object], value)) or "-"
        case dict():
            inside = cast(dict[str, object], value)
            return ", ".join(f"{name} {plain(inner)}" for name, inner in inside.items()) or "-"
        case _:
            return str(value)


Watch = Callable[[str, int, int], None]  # what is done, how much of it, of how much (0: unknown)


@contextmanager
def watching() -> Generator[Watch]:
    """A bar on stderr for each step of long work, if that is a terminal."""
    if not err.is_terminal:
        yield lambda doing, done, of: None
        return
    with Progress(console=err, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(doing: str, done: int, of: int) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=None)
            bars.update(tasks[doing], completed=done, total=of or None)

        yield watch


class Ended(KeyboardInterrupt):
    """Told to end by a signal of ENDINGS."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


@contextmanager
def orderly() -> Generator[None]:
    """While this lasts, a signal of ENDINGS ends the program as Ctrl-C does: whatever is to be put
    in order on the way out is. For commands that leave something behind if they are cut off."""

    def told(number: int, frame: object) -> None:
        for one in ENDINGS:
            signal.signal(one, signal.SIG_IGN)  # often both come, and once is enough
        raise Ended(number)

    with _heeding(told):
        yield


@contextmanager
def unbroken() -> Generator[None]:
    """While this lasts, a signal of ENDINGS waits; whoever came is heeded at its end."""
    came: list[int] = []
    with _heeding(lambda number, frame: came.append(number)):
        yield
    for number in came:
        signal.raise_signal(number)


@contextmanager
def _heeding(told: Callable[[int, object], None]) -> Generator[None]:
    # Who said nohup means it.
    heeded = [one for one in ENDINGS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, told) for one in heeded}
    try:
        yield
    finally:
        for one, how in before.items():
            signal.signal(one, how)


@contextmanager
def complaints() -> Generator[None]:
    """Turn what can go wrong for a user into its line and exit code."""
    from meshkit_services.devmesh import MeshError

    from meshkit.audit.errors import AuditError, NotHere, OtherRules, Unsound
    from meshkit.client import Refusal, Undecided
    from meshkit.journal import JournalAltered, JournalError, JournalForeign
    from meshkit.learning import Refused
    from meshkit.runtime.home import ForeignHome, HomeError
    from meshkit.runtime.join import JoinRefused
    from meshkit.wire.keys import KeyRefused
    from meshkit.wire.port import WireError

    try:
        yield
    except (ForeignHome, JoinRefused, JournalForeign, OtherRules) as error:
        fail(str(error), REFUSED)
    except (JournalAltered, Unsound) as error:
        fail(str(error), DIVERGENCE)
    except NotHere as error:
        fail(str(error), NOT_FOUND)
    except Refusal as error:
        fail(str(error), MEANINGS.get(error.slug, REFUSED))
    except (WireError, Undecided) as error:
        fail(str(error), TIMEOUT)
    except (AuditError, HomeError, KeyRefused, JournalError, MeshError, Refused) as error:
        fail(str(error), FAILURE)
    except OSError as error:
        if error.filename is None:
            raise
        fail(f"{error.filename}: {error.strerror}", FAILURE)
    except Ended as ended:
        click.echo(f"meshkit: ended by {ended.signal.name}", err=True)
        sys.exit(SIGNALLED + ended.signal)
    except KeyboardInterrupt:
        click.echo("meshkit: interrupted", err=True)
        sys.exit(FAILURE)
