"""`meshkit demo`: five real node processes train one model together, and may be killed at it."""

import statistics
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import click
from meshkit_services.devmesh import DevMesh
from rich.live import Live
from rich.table import Table

from meshkit.audit.exhibits import JOURNAL_NAME
from meshkit.audit.folding import fold, opened
from meshkit.client import Client, Refusal
from meshkit.journal import BlobStore
from meshkit.learning import Refused, Shard, load
from meshkit.ledger.forms import ENGINES, SEED_MAX
from meshkit.ledger.state import RUNNING
from meshkit.ledger.state import State as Book
from meshkit.runtime.worker_messages import Evaluate, Evaluated, Failed
from meshkit.runtime.workers import Worker
from meshkit.wire.ipc import is_running
from meshkit.wire.port import WireError
from meshkit_cli.options import PLACE, split_option
from meshkit_cli.output import (
    DIVERGENCE,
    FAILURE,
    TIMEOUT,
    USAGE,
    Document,
    complaints,
    emit,
    err,
    fail,
    orderly,
    output_option,
)

TASKS = {
    "digits": "meshkit.learning.tasks.digits:Digits",
    "mnist5k": "meshkit.learning.tasks.mnist5k:Mnist5k",
    "softmax": "meshkit.learning.tasks.softmax:Softmax",
}

VICTIMS = ("leader", "trainer")

NAME = "demo"  # of the task
DEADLINE_MS = 10_000  # of a round: a hundred times what it takes here
# For stragglers once all but the tolerated number are there: three rounds' time, so that on a busy
# machine all data count. Without one node's, Dirichlet shards end at 0.92 to 0.98 (measured).
PATIENCE_MS = 1_000
HEADS_S = 0.6  # for the nodes' heads to stand in each other's journals: ten fsyncs of a slow disk
WARM_S = 180.0  # for five processes to import torch on two cores
ROUND_S = 60.0  # for a round to be committed before the demo gives up
CATCH_UP_S = 30.0
AWAY_S = 1.0  # how long a killed node stays away
POLL_S = 0.05


@click.command()
@click.option("--nodes", type=click.IntRange(1, 64), default=5, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 10_000), default=10, show_default=True)
@click.option(
    "--task", default="digits", show_default=True, help=f"{', '.join(TASKS)}, or module:attribute."
)
@split_option
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
@click.option(
    "--kill", "victim", type=click.Choice(VICTIMS), help="kill -9 one in the middle of a round."
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    default=0,
    show_default=True,
    help="of the shards and the model.",
)
@click.option(
    "--home",
    type=PLACE,
    help="where the nodes live; a new folder in ./demo-home by default.",
)
@output_option
def command(
    nodes: int, rounds: int, task: str, split: str, engine: str, victim: str | None, seed: int,
    home: Path | None, output: str,
) -> None:  # fmt: skip
    """A real mesh of N node processes on this machine trains a real task to the end."""
    with complaints(), orderly():
        module = TASKS.get(task, task)
        if ":" not in module:
            fail(f"no task is called {task}: choose {', '.join(TASKS)} or module:attribute", USAGE)
        root = home or Path("demo-home") / time.strftime("%Y-%m-%d-%H%M%S")
        started = time.monotonic()
        check_task(module, Shard(0, nodes, split, seed))
        mesh = DevMesh.create(root, nodes, [module], split=split, seed=seed, engine=engine)
        run = Demo(mesh, module, rounds, seed, victim)
        try:
            run.train()
        finally:
            mesh.down()
        document = run.summary(split, engine, time.monotonic() - started)
        emit(output, document, table=summary_table(document))
        if not document["nodes_agree"]:
            fail("the nodes do not hold the same model; see the logs in their homes", DIVERGENCE)
        if document["rounds_empty"] == document["rounds"]:
            told = f"meshkit audit why {NAME} --round 0 {root}"
            fail(f"no node's update counted in any round; what became of them says: {told}")


def check_task(module: str, shard: Shard) -> None:
    """See to it that the task and its data are here before any node is made for them.

    A node goes on without: it says so in its journal, and the rounds do without its update.
    """
    try:
        load(module, "", (module,)).data(shard)
    except Refused:
        raise  # and whoever shows complaints has the words for it
    except (Exception, SystemExit) as error:  # the task's own code: users want the line
        fail(f"{module} cannot be used: {type(error).__name__}: {error}")


class Demo:
    """One run: what is asked of the mesh, and what is seen of it."""

    def __init__(
        self, mesh: DevMesh, module: str, rounds: int, seed: int, victim: str | None
    ) -> None:
        self.mesh, self.module, self.rounds, self.seed, self.victim = (
            mesh, module, rounds, seed, victim,
        )  # fmt: skip
        self.count = len(mesh.homes)
        self.task: Document = {}
        self.final: list[Document] = []
        self.bytes_sent = 0

    def train(self) -> None:
        """From the first process to the last round, and until all nodes hold the same model."""
        err.print(f"{self.count} node processes under {self.mesh.root}")
        self.mesh.up()
        self._warm()
        tolerated = (self.count - 1) // 3
        with self.mesh.client() as client:
            task = client.submit(
                NAME,
                self.module,
                self.rounds,
                quorum=self.count - tolerated,
                deadline_ms=DEADLINE_MS,
                patience_ms=PATIENCE_MS,
                seed=self.seed,
            )
        with progress() as show:
            self._follow(task, show)
        self._settle(task)

    def _warm(self) -> None:
        """Every worker imports the task and reads its data before the clock runs."""
        err.print("workers import the task ...")
        until_s = time.monotonic() + WARM_S
        for number in range(self.count):
            with self.mesh.client(number) as client:
                client.warm(self.module)
        for number in range(self.count):
            with self.mesh.client(number) as client:
                while client.status()["workers"]["waiting"]:
                    if time.monotonic() > until_s:
                        fail(
                            "the workers did not get ready; see worker.log in their homes", TIMEOUT
                        )
                    time.sleep(POLL_S)

    def _follow(self, task: str, show: "Show") -> None:
        """Watch the rounds go by, from whichever node answers; kill one if that was asked for."""
        seen, moved = -1, time.monotonic()
        while True:
            found = self._ask_any(task)
            if found is not None:
                self.task = found
                if self.victim is not None:  # now: nobody knows how long a round will be open
                    self._kill(self.victim, found)
                show(found, self._bytes())
                if found["rounds_done"] != seen:
                    seen, moved = found["rounds_done"], time.monotonic()
                if found["status"] != RUNNING:
                    return
            if time.monotonic() - moved > ROUND_S:
                fail(f"round {seen} was not committed within {ROUND_S:g} s", TIMEOUT)
            time.sleep(POLL_S)

    def _ask_any(self, task: str) -> Document | None:
        for number in range(self.count):
            try:
                with self.mesh.client(number) as client:
                    return client.task(task)
            except (WireError, Refusal):
                continue
        return None

    def _kill(self, victim: str, task: Document) -> None:
        """kill -9 in the middle of a round, and start it again a moment later."""
        if task["status"] != RUNNING:
            fail("the task ended before a node could be killed at it: ask for more --rounds")
        try:
            number = self._choose(victim, task)
            with self.mesh.client(number) as client:
                seen = client.task(task["id"])
        except (WireError, Refusal):
            return  # the round is not open there yet: we look again
        self.mesh.kill(number)
        while is_running(self.mesh.homes[number]):
            time.sleep(POLL_S)
            self.mesh.kill(number)
        if self._has_ended(number, task["id"]):
            fail(f"the task ended before node-{number} was killed at it: ask for more --rounds")
        self.victim = None
        err.print(f"kill -9 {victim}: node-{number}, in round {seen['round']}")
        time.sleep(AWAY_S)
        self.mesh.start(number)
        err.print(f"node-{number} is started again")

    def _has_ended(self, number: int, task: str) -> bool:
        """Whether a node that is dead had seen the end of the task, as its journal has it."""
        with opened(self.mesh.homes[number] / JOURNAL_NAME) as journal:
            book: Book = fold(journal).state["ledger"]
        course = book.tasks.get(bytes.fromhex(task))
        return course is not None and course.status != RUNNING

    def _choose(self, victim: str, task: Document) -> int:
        """The proposer of the height to come; or a trainer who is not on the round's committee."""
        with self.mesh.client() as client:
            leader = client.status()["proposer"]
        names = [f"node-{number}" for number in range(self.count)]
        if victim == "leader":
            return names.index(leader)
        rest = [name for name in names if name != leader and name not in task["committee"]]
        return names.index((rest or names)[-1])

    def _settle(self, task: str) -> None:
        """Wait until all nodes have the last round, and let each journal note the others' heads."""
        until_s = time.monotonic() + CATCH_UP_S
        for number in range(self.count):
            self.mesh.wait_ready(number, until_s)
            with self.mesh.client(number) as client:
                self.final.append(self._wait_end(client, task, until_s))
        for number in range(self.count):
            with self.mesh.client(number) as client:
                client.show_head()
        time.sleep(HEADS_S)
        self.bytes_sent = self._bytes()

    def _wait_end(self, client: Client, task: str, until_s: float) -> Document:
        """The task as this node has it, once it has ended there and its model is in the store."""
        while True:
            try:
                found = client.task(task)
            except Refusal:  # it has not caught up so far as to know the task
                found = {"status": "unknown", "rounds_done": 0, "model": ""}
            ended = found["status"] != "running" and found["status"] != "unknown"
            if ended or time.monotonic() > until_s:
                return {**found, "starts": client.status()["starts"]}
            time.sleep(POLL_S)

    def _bytes(self) -> int:
        return sum(
            count
            for status in self.mesh.statuses()
            for name, count in status.get("mesh_counters", {}).items()
            if name.endswith(".bytes")
        )

    def summary(self, split: str, engine: str, wall_seconds: float) -> Document:
        """The document of this run; the mesh is down by now."""
        digests = {node["model"] for node in self.final}
        return {
            "schema": "meshkit.demo/v1",
            "nodes": self.count,
            "rounds": self.task["rounds_done"],
            "rounds_empty": sum(not outcome["updates"] for outcome in self.task["outcomes"]),
            "split": split,
            "engine": engine,
            "accuracy": self._accuracy(self.task["model"]),
            "round_seconds_median": self._round_seconds(),
            "wall_seconds": round(wall_seconds, 3),
            "bytes_sent": self.bytes_sent,
            "model_digest": self.task["model"],
            "nodes_agree": len(digests) == 1,
            "restarts": sum(node["starts"] - 1 for node in self.final),
            "journals": [str(home) for home in self.mesh.homes],
        }

    def _round_seconds(self) -> float | None:
        """The median time from one round's commit to the next, at the node that was asked."""
        times = [
            figures["committed_ns"]
            for figures in self.task["figures"]
            if figures["committed_ns"] is not None
        ]
        spans = [(late - early) / 1e9 for early, late in pairwise(times)]
        return round(statistics.median(spans), 4) if spans else None

    def _accuracy(self, model: str) -> float | None:
        """The final model's accuracy on the test set that all share."""
        blob = None
        for home in self.mesh.homes:
            with BlobStore.open(home / "blobs", read_only=True) as blobs:
                blob = blob or blobs.get(bytes.fromhex(model))
        if blob is None:
            fail("no node holds the final model", FAILURE)
        with Worker([self.module], Shard(0, self.count)) as worker:
            answer = worker.ask(Evaluate(self.module, "{}", blob, on="test"))
        if isinstance(answer, Failed):
            fail(f"{answer.reason}: {answer.line}", FAILURE)
        assert isinstance(answer, Evaluated), "what was asked for is what is answered"
        measured = answer.samples > 0 and answer.accuracy_ppm >= 0
        return answer.accuracy_ppm / 1e6 if measured else None


# -- what is shown while it runs ------------------------------------------------------------------


class Row(NamedTuple):
    """A round as it is shown."""

    state: str = ""
    committee: str = ""
    accuracy: str = "-"
    sent: str = ""
    committed: bool = False


class Show:
    """Shows the task after each change: a live table on a terminal, else a line a round."""

    def __init__(self, live: Live | None) -> None:
        self.live = live
        self.rounds: dict[int, Row] = {}
        self.printed = 0  # rounds

    def __call__(self, task: Document, bytes_sent: int) -> None:
        for figures in task["figures"]:
            before = self.rounds.get(figures["round"], Row())
            if not before.committed:  # from then on it stays as it was
                self.rounds[figures["round"]] = self._row(task, figures, bytes_sent, before)
        if self.live is not None:
            self.live.update(self.table())
            return
        # However many were committed since the last look: each has its line.
        for number in range(self.printed, task["rounds_done"]):
            row = self.rounds[number]
            err.print(
                f"round {number} {row.state}  accuracy before it {row.accuracy}  {row.sent} sent  "
                f"committee {row.committee or '-'}",
                highlight=False,
                soft_wrap=True,
            )
        self.printed = max(self.printed, task["rounds_done"])

    def _row(self, task: Document, figures: Document, bytes_sent: int, before: Row) -> Row:
        number, accuracy = figures["round"], figures["accuracy"]
        committed = number < task["rounds_done"]
        # Who is drawn is known while the round is open; later, only whoever looked then knows.
        drawn = " ".join(task["committee"]) if number == task["round"] else ""
        empty = committed and not task["outcomes"][number]["updates"]
        done = "committed without an update" if empty else "committed"
        return Row(
            done if committed else f"{figures['updates_heard']} updates",
            drawn or before.committee,
            "-" if accuracy is None else f"{accuracy:.4f}",
            f"{bytes_sent / 1e6:.1f} MB",
            committed,
        )

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("round", "state", "committee", "accuracy before it", "sent so far"):
            table.add_column(heading)
        for number, cells in sorted(self.rounds.items())[-20:]:
            table.add_row(str(number), *cells[:4])
        return table


@contextmanager
def progress() -> Generator[Show]:
    if err.is_terminal:
        with Live(console=err, refresh_per_second=8) as live:
            yield Show(live)
    else:
        yield Show(None)


def summary_table(document: Document) -> Table:
    """The summary as people read it."""
    table = Table(show_header=False, title="what the mesh did")
    rows: dict[str, Any] = {
        "nodes": document["nodes"],
        "rounds": document["rounds"],
        "rounds without an update": document["rounds_empty"],
        "data split": document["split"],
        "engine": document["engine"],
        "accuracy on the common test": document["accuracy"],
        "median round": f"{document['round_seconds_median']} s",
        "in all": f"{document['wall_seconds']} s",
        "sent": f"{document['bytes_sent'] / 1e6:.2f} MB",
        "model": document["model_digest"],
        "nodes agree": "yes" if document["nodes_agree"] else "NO",
        "restarts": document["restarts"],
        "journals": "\n".join(document["journals"]),
        "check them": f"meshkit audit verify {Path(document['journals'][0]).parent}",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table
