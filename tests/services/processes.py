"""What the tests of the services share: homes for a process to run on, and children that fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from meshkit.ledger.messages import MAY, ROLES, Genesis, Operator, Policy
from meshkit.runtime.home import Home
from meshkit.wire.keys import Identity
from tests.live import PATIENCE_S, SOFTMAX

LOOK_S = 0.02
NOBODY = 65_534

# A node process of a user without rights, and whose files may not grow beyond a limit. All that is
# imported late is imported before: that user may not even read our interpreter's own files.
UNPRIVILEGED = f"""
import os, resource, sys
from pathlib import Path
from meshkit.journal import Journal, measure_commit_ms
from meshkit_services import node
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
if limit := int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(node.run(Path(sys.argv[1])))
"""


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line it complained with; there is no traceback above it."""
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        return self.err.rstrip("\n")


@contextmanager
def short_folder() -> Generator[Path]:
    """A folder that every user can reach, with a short name: a socket's path has 107 bytes."""
    with TemporaryDirectory(prefix="mk-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def a_home(path: Path, ports: list[int], name: str = "node") -> Home:
    events, direct, blobs, join = [f"tcp://127.0.0.1:{port}" for port in ports]
    return Home.create(
        path,
        name=name,
        roles=ROLES,
        weight=1,
        events=events,
        direct=direct,
        blobs=blobs,
        join=join,
    )


def a_genesis(*homes: Home, name: str = "alone") -> Genesis:
    operator = Operator(Identity(b"o" * 32).key, "operator", tuple(sorted(MAY)))
    cards = tuple(home.card for home in homes)
    return Genesis(name, 0, cards, (operator,), Policy(allowed_tasks=(SOFTMAX,)))


def given_to_nobody(home: Path) -> None:
    """Hand a home over to a user without rights, if we may."""
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def node_process(home: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "meshkit_services.node", "--home", str(home), *more]
    return started(command)


def unprivileged(home: Path, file_bytes_max: int = 0) -> "subprocess.Popen[str]":
    return started([sys.executable, "-c", UNPRIVILEGED, str(home), str(file_bytes_max)])


def started(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for it to end by itself."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise
    return Ended(process.returncode, out, err)


def until(done: Callable[[], object]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < give_up_s, "it never came to that"
        time.sleep(LOOK_S)
