"""A live mesh in one process: whole hosts, with real sockets, journals and workers.

One thread turns them all, a millisecond each, while a test uses the mesh; between tests it rests,
so that nothing goes on behind the back of a test that has another world in mind. Everything is as
`meshkit mesh up` makes it, the processes aside: those are in `tests/services`.

`meshkit` is the command line, in this process too: what it says, and with which code it ends.
"""

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from click.testing import CliRunner
from meshkit_cli.main import main
from meshkit_services.devmesh import DevMesh
from meshkit_services.node import open_host

from meshkit.client import Client
from meshkit.runtime.home import Home
from meshkit.runtime.host import Host
from meshkit.wire.port import WireError

SOFTMAX = "meshkit.learning.tasks.softmax:Softmax"
NODES = 4
PATIENCE_S = 120.0  # a test that takes longer hangs; a busy machine does not
LOOK_S = 0.01
TRIES = 5  # a port that was free a moment ago may be somebody else's by now

Answer = dict[str, Any]


class Live:
    """`NODES` founders, and whoever joins them; all turned by one thread."""

    def __init__(self, mesh: DevMesh) -> None:
        self.mesh, self.homes = mesh, mesh.homes
        self.operator = mesh.operator_key
        self.hosts: dict[Path, Host] = {}
        self._held: dict[Path, ExitStack] = {}
        self._errands: list[Callable[[], None]] = []
        self._users = 0
        self._awake, self._resting = threading.Event(), threading.Event()
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._turn, name="live mesh", daemon=True)
        self._thread.start()

    # -- what tests ask -------------------------------------------------------------------------

    @contextmanager
    def awake(self) -> Generator["Live"]:
        """While this lasts, the mesh runs."""
        self._users += 1
        self._resting.clear()
        self._awake.set()
        try:
            yield self
        finally:
            self._users -= 1
            if self._users == 0:
                self._awake.clear()
                assert self._resting.wait(PATIENCE_S), "the hosts' thread does not come round"
            if self._error is not None:
                raise self._error

    def client(self, number: int = 0, operator: Path | None = None) -> Client:
        """A client of one node, with the operator's key unless another is given."""
        return Client(self.homes[number], operator or self.operator)

    def start(self, home: Path) -> None:
        """Host this home too."""
        self._do(lambda: self._start(home))

    def stop(self, home: Path) -> None:
        self._do(lambda: self._stop(home))

    def until(self, done: Callable[[], object]) -> None:
        """Let the mesh run until something holds."""
        give_up_s = time.monotonic() + PATIENCE_S
        with self.awake():
            while not done():
                assert time.monotonic() < give_up_s, "it never came to that"
                time.sleep(LOOK_S)

    def close(self) -> None:
        for home in list(self._held):
            self.stop(home)
        self._closed = True
        self._awake.set()
        self._thread.join(PATIENCE_S)

    # -- what the thread does -------------------------------------------------------------------

    def _do(self, errand: Callable[[], None]) -> None:
        """Have the thread do it: whoever opens a host's sockets and store also closes them."""
        done = threading.Event()
        failed: list[BaseException] = []

        def guarded() -> None:
            try:
                errand()
            except BaseException as error:
                failed.append(error)
            done.set()

        self._errands.append(guarded)
        with self.awake():
            assert done.wait(PATIENCE_S), "the hosts' thread does not come round"
        if failed:
            raise failed[0]

    def _start(self, home: Path) -> None:
        with ExitStack() as held:
            host = held.enter_context(open_host(Home.open(home)))
            host.start()
            self.hosts[home], self._held[home] = host, held.pop_all()

    def _stop(self, home: Path) -> None:
        with self._held.pop(home):
            if home in self.hosts:
                self.hosts.pop(home)._flush()

    def _turn(self) -> None:
        while not self._closed:
            if not self._awake.is_set():
                self._resting.set()
                self._awake.wait()
            while self._errands:
                self._errands.pop()()
            try:
                for host in list(self.hosts.values()):
                    host.turn(1)
            except BaseException as error:  # for the test's own thread to raise
                self._error = error
                self.hosts.clear()


@contextmanager
def live_mesh() -> Generator[Live]:
    """A mesh of `NODES` hosts in a folder with a short name: a socket's path has 107 bytes."""
    with TemporaryDirectory(prefix="mk-") as folder:
        live = _started(Path(folder))
        try:
            yield live
        finally:
            live.close()


def _started(folder: Path) -> Live:
    for number in range(TRIES):
        live = Live(DevMesh.create(folder / f"m{number}", NODES, [SOFTMAX]))
        try:
            for home in live.homes:
                live.start(home)
            return live
        except WireError:
            live.close()
    raise AssertionError("no free ports")


# -- the command line -----------------------------------------------------------------------------


class Said(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Answer:
        """Its one document: nothing else is on stdout, and it names its schema."""
        document: Answer = json.loads(self.out)
        assert document["schema"].startswith("meshkit.")
        return document

    @property
    def rows(self) -> list[Answer]:
        return [json.loads(line) for line in self.out.splitlines()]

    def complains(self, code: int) -> str:
        """The one line of a refusal, if that is all that was said and this its exit code."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("meshkit: "), self
        assert self.err.count("\n") == 1, self
        return self.err.removeprefix("meshkit: ").rstrip("\n")


def meshkit(*words: object, **environment: str) -> Said:
    """Run `meshkit WORDS`. What is no end that a command means comes out as the exception it is."""
    done = CliRunner().invoke(main, [str(word) for word in words], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.exit_code, done.stdout, done.stderr)
