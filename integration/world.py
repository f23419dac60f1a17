"""What these tests share: meshes of real processes, the command line as typed, journals read back.

Nothing here looks inside a running node: it is asked over its operators' socket, as a user asks,
and afterwards its journal and blobs are read as an auditor reads them. Waiting is for something to
become so, with a patience that only a hanging mesh uses up.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from meshkit_services.devmesh import POLL_S as LOOK_S
from meshkit_services.devmesh import DevMesh

from meshkit.client import Client, Refusal, Undecided, WireError
from tests.live import SOFTMAX, Said

T = TypeVar("T")
Document = dict[str, Any]

PATIENCE_S = 120.0  # a test that takes longer hangs; a busy machine does not
MESHKIT = Path(sys.executable).with_name("meshkit")
LIAR = Path(__file__).with_name("liar.py")


class Mesh(DevMesh):
    """A development mesh whose processes are our children: none outlives its test."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.children: dict[int, subprocess.Popen[bytes]] = {}  # the latest of each node
        self._all: list[subprocess.Popen[bytes]] = []

    def start(self, number: int) -> "subprocess.Popen[bytes]":
        return self._keep(number, super().start(number))

    def start_liar(self, number: int, *lies: str) -> None:
        """Start a node that lies in these ways (see `liar.py`) in place of the honest one."""
        self.spawn(number, [sys.executable, str(LIAR), "--home", str(self.homes[number]), *lies])

    def spawn(self, number: int, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Run something else in a node's place, with its log."""
        with (self.homes[number] / "node.log").open("ab") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self._keep(number, child)

    def _keep(self, number: int, child: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self.children[number] = child
        self._all.append(child)
        return child

    def kill_9(self, *numbers: int) -> None:
        """Leave these nodes no last word, and wait until they are gone."""
        for number in numbers:
            self.children[number].kill()
        for number in numbers:
            self.children[number].wait()

    def stop(self, *numbers: int) -> None:
        """Have these nodes stop as they are asked to."""
        for number in numbers:
            self.children[number].send_signal(signal.SIGTERM)
        for number in numbers:
            assert self.children[number].wait(PATIENCE_S) == 0, self.log(number)

    def pause(self, number: int) -> None:
        self.children[number].send_signal(signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        self.children[number].send_signal(signal.SIGCONT)

    def ready(self, *numbers: int) -> None:
        for number in numbers or range(len(self.homes)):
            self.wait_ready(number, time.monotonic() + PATIENCE_S, self.children.get(number))

    def log(self, number: int) -> str:
        path = self.homes[number] / "node.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Stop everything, whatever state it is in."""
        for child in self._all:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
        for child in self._all:
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    # -- what nodes say ---------------------------------------------------------------------------

    def ask(self, number: int, question: Callable[[Client], T]) -> T | None:
        """What a node answers; None if it does not."""
        try:
            with self.client(number) as client:
                return question(client)
        except (WireError, Refusal, Undecided):
            return None

    def status(self, number: int) -> Document:
        return until(lambda: self.ask(number, Client.status), f"node-{number} says how it is")

    def task(self, number: int, task: str) -> Document | None:
        return self.ask(number, lambda client: client.task(task))

    def submit(self, rounds: int, number: int = 0, **settings: Any) -> str:
        """A small learning task, in which three nodes are enough for a round."""
        chosen: dict[str, Any] = {
            "quorum": 3,
            "deadline_ms": 10_000,
            "patience_ms": 200,
            **settings,
        }
        name, module = chosen.pop("name", "task"), chosen.pop("module", SOFTMAX)
        with self.client(number) as client:
            return client.submit(name, module, rounds, wait_s=PATIENCE_S, **chosen)

    def done(self, task: str, number: int = 0) -> int:
        """How many rounds are committed, as a node knows; -1 if it does not answer."""
        found = self.task(number, task)
        return -1 if found is None else int(found["rounds_done"])

    def reach(self, task: str, rounds: int, number: int = 0) -> None:
        """Wait until a node knows that so many rounds are committed."""
        until(
            lambda: self.done(task, number) >= rounds,
            f"node-{number} sees {rounds} rounds committed",
        )

    def finish(self, task: str, *numbers: int) -> Document:
        """Wait until the task is finished at all these nodes; they agree on every round of it."""
        found = [
            until(partial(self._finished, number, task), f"node-{number} finishes {task[:8]}")
            for number in numbers or range(len(self.homes))
        ]
        for other in found[1:]:
            assert other["outcomes"] == found[0]["outcomes"]
            assert other["model"] == found[0]["model"]
        return found[0]

    def _finished(self, number: int, task: str) -> Document | None:
        found = self.task(number, task)
        return found if found is not None and found["status"] == "finished" else None


def until(done: Callable[[], T | None], what: str) -> T:
    """What `done` says as soon as it says anything."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not (found := done()):
        assert time.monotonic() < give_up_s, f"it never came to this: {what}"
        time.sleep(LOOK_S)
    return found


# -- the command line ------------------------------------------------------------------------------


def meshkit(*words: object, **environment: str) -> Said:
    """What `meshkit WORDS` says in a process of its own."""
    return run([str(MESHKIT), *map(str, words)], **environment)


def run(command: Sequence[str], **environment: str) -> Said:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def verified(homes: Iterable[Path], attested: bool = True, **environment: str) -> Document:
    """What `meshkit audit verify` finds of these homes, which must be nothing wrong."""
    said = meshkit("audit", "verify", "-o", "json", *homes, **environment)
    assert said.code == 0, said
    document = said.document
    assert document["ok"], document["findings"]
    assert document["attested"] is attested
    return document
