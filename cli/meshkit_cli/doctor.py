"""`meshkit doctor`: can this machine run a node well?"""

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.table import Table

from meshkit.journal import JournalError, JournalReader, measure_commit_ms
from meshkit.runtime.home import Home, HomeError, exists
from meshkit.wire.ipc import address_of, is_running
from meshkit.wire.keys import KeyRefused
from meshkit.wire.port import WireError
from meshkit_cli.options import home_option
from meshkit_cli.output import FAILURE, Document, emit, output_option

COMMITS = 50
COMMIT_SLOW_MS = 10.0  # five of them stand in the way of each decision: 50 ms
FILES_MIN = 1_024  # a mesh of a hundred has four hundred connections
DISK_FREE_MIN = 1 << 30  # a day of rounds of a small model (a guess)
CLOCK_TURNS = 10_000
PACKAGES = (
    "blake3", "click", "eventsourcing", "immutables", "msgspec", "numpy", "protobuf", "pynacl",
    "pyzmq",
)  # fmt: skip
GOOD, WARN, BAD = "ok", "warning", "failure"

Finding = tuple[str, str]  # GOOD, WARN or BAD, and a line


@click.command()
@home_option
@output_option
@click.pass_context
def command(ctx: click.Context, home: Path, output: str) -> None:
    """Can this machine run a node well, and is the node in HOME fit to run?"""
    checks: list[Document] = []
    for name, examine in CHECKS.items():
        try:
            verdict, line = examine(home)
        except (HomeError, KeyRefused, JournalError, WireError, OSError) as error:
            verdict, line = BAD, str(error)
        checks.append({"check": name, "verdict": verdict, "what": line})
    ok = all(check["verdict"] != BAD for check in checks)
    document = {"schema": "meshkit.doctor/v1", "ok": ok, "checks": checks}
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        table.add_row(check["check"], check["verdict"], check["what"])
    emit(output, document, "checks", table)
    if not ok:
        ctx.exit(FAILURE)


def _python(home: Path) -> Finding:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    return (GOOD if good else BAD), f"Python {version}, 3.11 or later is needed"


def _packages(home: Path) -> Finding:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return GOOD, ", ".join(versions)


def _training(home: Path) -> Finding:
    if find_spec("torch") is None:
        return WARN, 'torch is not installed; to train with it: pip install "meshkit[torch]"'
    return GOOD, f"torch {importlib.metadata.version('torch')}"


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(_existing(home)).free
    return (GOOD if free >= DISK_FREE_MIN else WARN), f"{free / 2**30:.1f} GiB free for {home}"


def _fsync(home: Path) -> Finding:
    with tempfile.TemporaryDirectory(dir=_existing(home), prefix=".doctor-") as place:
        commits = measure_commit_ms(Path(place), COMMITS)
    median = statistics.median(commits)
    line = f"a durable commit takes {median:.2f} ms (median), {max(commits):.2f} ms at worst"
    return (GOOD if median <= COMMIT_SLOW_MS else WARN), line


def _limits(home: Path) -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= FILES_MIN
    return (GOOD if enough else WARN), f"{soft} open files allowed, {FILES_MIN} are comfortable"


def _clock(home: Path) -> Finding:
    times = [time.monotonic_ns() for _ in range(CLOCK_TURNS)]
    if any(late < early for early, late in pairwise(times)):
        return BAD, "the monotonic clock goes back: this machine cannot keep order"
    return GOOD, f"it is {time.strftime('%Y-%m-%d %H:%M:%S %Z')}; only durations matter to a mesh"


def _node(home: Path) -> Finding:
    if not Home(home).is_made:
        return WARN, f"{home}: there is no node; make one with: meshkit init --home {home}"
    address_of(home)
    node = Home.open(home)
    node.check_keys()
    mesh = f"in mesh {node.mesh.hex()[:16]}" if node.has_genesis else "in no mesh yet"
    return GOOD, f"{node.card.name}, {node.identity.key.hex()[:16]}, {mesh}"


def _ports(home: Path) -> Finding:
    if not exists(home / "card.json"):
        return GOOD, "no node, no ports"
    if is_running(home):
        return GOOD, "the node runs and holds them"
    card = Home(home).card
    for endpoint in filter(None, (card.events, card.direct, card.blobs, card.join)):
        place = urlsplit(endpoint)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((place.hostname or "", place.port or 0))
            except OSError as error:
                return BAD, f"{endpoint}: {(error.strerror or str(error)).lower()}"
            except ValueError as error:  # of a port that is none
                return BAD, f"{endpoint}: {str(error).lower()}"
    return GOOD, f"free, from {card.events} on"


def _journal(home: Path) -> Finding:
    path = home / "journal.sqlite"
    if not exists(path):
        return GOOD, "none yet"
    with JournalReader.open(path) as journal:
        head = journal.head
        for _ in journal.read(max(1, head.index - 99)):
            pass
    return GOOD, f"{head.index} entries, the last hundred chain up to {head.hash.hex()[:16]}"


def _existing(home: Path) -> Path:
    """The nearest folder above that exists: where a home would be made."""
    place = home.absolute()
    while not place.exists() or not os.access(place, os.W_OK):
        if place == place.parent:
            break
        place = place.parent
    return place


CHECKS: dict[str, Callable[[Path], Finding]] = {
    "python": _python,
    "packages": _packages,
    "training": _training,
    "disk": _disk,
    "fsync": _fsync,
    "limits": _limits,
    "clock": _clock,
    "node": _node,
    "ports": _ports,
    "journal": _journal,
}
