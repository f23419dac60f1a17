"""The demo: once for real, small, with a node killed at it; and what it chooses and shows."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
import pytest
from meshkit_cli import demo
from meshkit_cli.demo import Demo, Show, progress, summary_table
from meshkit_cli.output import FAILURE, TIMEOUT
from meshkit_services.devmesh import DevMesh, MeshError
from rich.console import Console

from meshkit.audit.exhibits import JOURNAL_NAME
from meshkit.audit.folding import fold, opened
from meshkit.client import Refusal
from meshkit.journal import BlobStore
from meshkit.wire.ipc import is_running
from meshkit.wire.port import WireError
from tests.live import PATIENCE_S, Answer, meshkit

Patch = pytest.MonkeyPatch

SUMMARY: Answer = {
    "nodes": 1, "rounds": 2, "rounds_empty": 0, "split": "iid", "engine": "e", "accuracy": 0.5,
    "round_seconds_median": 0.1, "wall_seconds": 3.0, "bytes_sent": 1, "model_digest": "aa",
    "nodes_agree": False, "restarts": 0, "journals": ["m/node-0"],
}  # fmt: skip


# -- for real --------------------------------------------------------------------------------------


@pytest.mark.real
def test_processes_train_a_task_to_its_end_though_one_is_killed(folder: Path) -> None:
    said = meshkit(
        *("demo", "--nodes", 2, "--rounds", 20, "--task", "softmax", "--kill", "leader"),
        *("--home", folder / "m", "-o", "json"),
    )
    document = said.document
    assert said.code == 0
    assert document["schema"] == "meshkit.demo/v1"
    assert (document["nodes"], document["rounds"], document["restarts"]) == (2, 20, 1)
    assert document["nodes_agree"] is True
    assert document["rounds_empty"] == 0
    assert document["accuracy"] > 0.8
    assert document["bytes_sent"] > 0
    assert document["round_seconds_median"] > 0
    assert document["journals"] == [str(folder / "m" / f"node-{number}") for number in (0, 1)]
    assert "kill -9 leader: node-" in said.err
    lines = [line.split()[:3] for line in said.err.splitlines() if line.startswith("round ")]
    assert lines == [["round", str(number), "committed"] for number in range(20)]
    mesh = DevMesh(folder / "m")
    assert not any(is_running(home) for home in mesh.homes)
    # Each journal says whether its node had seen the end.
    run = Demo(mesh, demo.TASKS["softmax"], 20, 0, None)
    with opened(folder / "m" / "node-0" / JOURNAL_NAME) as journal:
        [task] = fold(journal).state["ledger"].tasks
    assert [run._has_ended(number, task.hex()) for number in (0, 1)] == [True, True]
    assert not run._has_ended(0, "00" * 32)
    # Where a mesh is already, none is made.
    again = meshkit("demo", "--task", "softmax", "--home", folder / "m").complains(1)
    assert again.startswith(f"{folder / 'm'}: there is a mesh already")


@pytest.mark.real
def test_a_task_that_nobody_can_train_is_no_success(folder: Path, monkeypatch: Patch) -> None:
    (folder / "idle.py").write_text(
        "from meshkit.learning.tasks.softmax import Softmax\n"
        "class Idle(Softmax):\n"
        "    def fit(self, weights, examples, round_number, seed):\n"
        "        raise ValueError('not today')\n"
    )
    monkeypatch.syspath_prepend(folder)  # where the nodes' workers look
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(demo, "DEADLINE_MS", demo.PATIENCE_MS)
    words = ("--nodes", 1, "--rounds", 2, "--home", folder / "m", "-o", "json")
    said = meshkit("demo", "--task", "idle:Idle", *words)
    assert said.code == FAILURE
    assert (said.document["rounds"], said.document["rounds_empty"]) == (2, 2)
    lines = said.err.splitlines()
    assert [" ".join(line.split()[2:6]) for line in lines if line.startswith("round ")] == [
        "committed without an update",
        "committed without an update",
    ]
    told, _, asks = lines[-1].partition(" says: meshkit ")
    assert told == "meshkit: no node's update counted in any round; what became of them"
    assert "ValueError: not today" in meshkit(*asks.split(), "-o", "json").out


@pytest.mark.real
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 1, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_whoever_interrupts_it_leaves_no_process_behind(
    folder: Path, number: signal.Signals, code: int, words: str
) -> None:
    command = ["demo", "--nodes", "1", "--rounds", "10000", "--task", "softmax", "--home"]
    # A shell starts what it does not wait for with interrupts ignored, and that is inherited.
    heeding = ["env", "--default-signal=INT,TERM,HUP", sys.executable]
    process = subprocess.Popen(
        [*heeding, "-m", "meshkit_cli.main", *command, str(folder / "m")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while " committed " not in process.stderr.readline():
        assert process.poll() is None
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (code, "")
    assert err.endswith(f"meshkit: {words}\n")
    assert "Traceback" not in err
    assert not is_running(folder / "m" / "node-0")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--task", "nothing"), "no task is called nothing: choose digits, mnist5k, softmax"),
        (("--nodes", "0"), "0 is not in the range"),
        (("--seed", "-1"), "-1 is not in the range"),
        (("--seed", str(2**64)), f"{2**64} is not in the range"),
        (("--kill", "everybody"), "'everybody' is not one of"),
        (("--split", "halves"), "a split is iid or dirichlet"),
    ],
)
def test_what_means_nothing_is_a_mistake_of_use(
    folder: Path, words: tuple[str, ...], line: str
) -> None:
    assert line in meshkit("demo", *words, "--home", folder / "m").complains(2)
    assert not (folder / "m").exists()


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ("nowhere:Task", "nowhere:Task needs the module 'nowhere': install its package for "),
        ("json:loads", "json:loads cannot be used: TypeError: loads() missing 1 required "),
        ("sys:exit", "sys:exit cannot be used: SystemExit:"),
        ("json:JSONDecoder", "json:JSONDecoder makes a JSONDecoder, not a LearningTask"),
    ],
)
def test_a_task_that_cannot_be_used_is_said_before_anything_is_made(
    folder: Path, task: str, line: str
) -> None:
    said = meshkit("demo", "--task", task, "--home", folder / "m").complains(FAILURE)
    assert said.startswith(line)
    assert not (folder / "m").exists()


def test_a_mesh_that_does_not_start_is_said(folder: Path, monkeypatch: Patch) -> None:
    def fails(mesh: DevMesh) -> None:
        raise MeshError("node-0 does not run: its disk is full")

    monkeypatch.setattr(DevMesh, "up", fails)
    monkeypatch.chdir(folder)
    said = meshkit("demo", "--nodes", 1, "--task", "softmax")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("meshkit: node-0 does not run: its disk is full\n")
    assert len(list((folder / "demo-home").iterdir())) == 1


def test_nodes_that_do_not_agree_are_no_success(folder: Path, monkeypatch: Patch) -> None:
    def summary(run: Demo, split: str, engine: str, wall_seconds: float) -> Answer:
        return {"schema": "meshkit.demo/v1", **SUMMARY}

    def train(run: Demo) -> None:
        pass  # what it would find out is what `summary` tells

    monkeypatch.setattr(Demo, "train", train)
    monkeypatch.setattr(Demo, "summary", summary)
    words = ("demo", "--nodes", 1, "--task", "softmax", "--home", folder / "m", "-o", "json")
    said = meshkit(*words)
    assert (said.code, said.document["nodes_agree"]) == (3, False)
    assert said.err.startswith("meshkit: the nodes do not hold the same model")


# -- what it asks of a mesh ------------------------------------------------------------------------


class Mesh:
    """Nodes that answer what they are told to, or not at all."""

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        self.homes = [root / f"node-{number}" for number in range(count)]
        self.status: Answer = {"proposer": "node-1", "starts": 1, "workers": {"waiting": 1}}
        self.tasks: list[Any] = []  # what is answered, one after another; the last again and again
        self.silent: set[int] = set()
        self.done: list[str] = []

    @contextmanager
    def client(self, number: int = 0) -> Generator["Mesh.Client"]:
        if number in self.silent:
            raise WireError("nobody there")
        yield Mesh.Client(self)

    def kill(self, number: int) -> None:
        self.done.append(f"kill {number}")

    def start(self, number: int) -> None:
        self.done.append(f"start {number}")

    def statuses(self) -> list[Answer]:
        return [
            {"mesh_counters": {"events.bytes": 3, "direct.bytes": 4, "events.sent": 1}},
            {"running": False},
        ]

    class Client:
        def __init__(self, mesh: "Mesh") -> None:
            self.mesh = mesh

        def status(self) -> Answer:
            return self.mesh.status

        def warm(self, module: str) -> None:
            self.mesh.done.append(f"warm {module}")

        def task(self, id_: str) -> Answer:
            answer = self.mesh.tasks.pop(0) if len(self.mesh.tasks) > 1 else self.mesh.tasks[0]
            if isinstance(answer, Exception):
                raise answer
            return cast(Answer, answer)


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: Patch) -> Mesh:
    monkeypatch.setattr(demo, "POLL_S", 0)
    monkeypatch.setattr(demo, "AWAY_S", 0)
    return Mesh(tmp_path, 4)


def a_run(mesh: Mesh, victim: str | None = None, rounds: int = 4) -> Demo:
    return Demo(cast(DevMesh, mesh), "m:T", rounds, 0, victim)


def a_task(done: int, status: str = "running", committee: tuple[str, ...] = ()) -> Answer:
    figures = [
        {"round": number, "accuracy": None, "updates_heard": 2, "committed_ns": None}
        for number in range(done + 1)
    ]
    return {
        "id": "00" * 32,
        "status": status,
        "rounds_done": done,
        "round": done,
        "committee": committee,
        "figures": figures,
        "outcomes": [{"round": number, "updates": 1} for number in range(done)],
        "model": "00" * 32,
    }


def test_the_leader_is_who_proposes_next_and_a_trainer_is_on_no_committee(mesh: Mesh) -> None:
    run = a_run(mesh)
    assert run._choose("leader", a_task(0)) == 1
    assert run._choose("trainer", a_task(0, committee=("node-3",))) == 2
    everybody = tuple(f"node-{number}" for number in range(4))
    assert run._choose("trainer", a_task(0, committee=everybody)) == 3


def a_journal(monkeypatch: Patch, says_ended: bool) -> None:
    """Whoever is killed leaves a journal that says this of the task's end."""

    def has_ended(run: Demo, number: int, task: str) -> bool:
        return says_ended

    monkeypatch.setattr(Demo, "_has_ended", has_ended)


def test_one_is_killed_in_the_first_round_that_is_seen_and_once(
    mesh: Mesh, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_journal(monkeypatch, says_ended=False)
    # Asked first is any node, then the one to be killed: it does not know the task at first.
    mesh.tasks = [
        a_task(0), Refusal("unknown-task: x"), a_task(0), a_task(1), a_task(3),
        a_task(4, "finished"),
    ]  # fmt: skip
    run = a_run(mesh, "leader")
    run._follow("t", Show(None))
    assert mesh.done == ["kill 1", "start 1"]
    assert run.task["status"] == "finished"
    assert "kill -9 leader: node-1, in round 1\n" in capsys.readouterr().err


def test_who_cannot_be_asked_is_not_killed_yet(mesh: Mesh) -> None:
    mesh.silent = {1}
    run = a_run(mesh, "leader")
    run._kill("leader", a_task(0))
    assert (mesh.done, run.victim) == ([], "leader")


def test_a_kill_is_repeated_until_the_process_is_gone(mesh: Mesh, monkeypatch: Patch) -> None:
    a_journal(monkeypatch, says_ended=False)
    still_there = [True, False]

    def looks(home: Path) -> bool:
        return still_there.pop(0)

    monkeypatch.setattr(demo, "is_running", looks)
    mesh.tasks = [a_task(0)]
    a_run(mesh, "leader")._kill("leader", a_task(0))
    assert mesh.done == ["kill 1", "kill 1", "start 1"]


@pytest.mark.parametrize(
    ("status", "killed", "line"),
    [
        ("finished", [], "the task ended before a node could be killed at it"),
        ("running", ["kill 1"], "the task ended before node-1 was killed at it"),
    ],
)
def test_a_task_that_ends_before_anybody_is_killed_shows_nothing(
    mesh: Mesh,
    monkeypatch: Patch,
    capsys: pytest.CaptureFixture[str],
    status: str,
    killed: list[str],
    line: str,
) -> None:
    a_journal(monkeypatch, says_ended=True)
    mesh.tasks = [a_task(4, status)]
    with pytest.raises(click.exceptions.Exit) as ended:
        a_run(mesh, "leader")._follow("t", Show(None))
    assert ended.value.exit_code == FAILURE
    assert capsys.readouterr().err == f"meshkit: {line}: ask for more --rounds\n"
    assert mesh.done == killed


def test_whoever_answers_is_asked(mesh: Mesh) -> None:
    mesh.silent = {0}
    mesh.tasks = [Refusal("unknown-task: x"), a_task(1)]
    run = a_run(mesh)
    assert run._ask_any("t") == a_task(1)
    mesh.silent = {0, 1, 2, 3}
    assert run._ask_any("t") is None
    assert run._bytes() == 7


def test_a_mesh_that_does_not_move_is_given_up(
    mesh: Mesh, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ROUND_S", -1)
    mesh.tasks = [a_task(0)]
    with pytest.raises(click.exceptions.Exit) as ended:
        a_run(mesh)._follow("t", Show(None))
    assert ended.value.exit_code == TIMEOUT
    assert capsys.readouterr().err.endswith("meshkit: round 0 was not committed within -1 s\n")


def test_workers_that_do_not_get_ready_are_given_up(
    mesh: Mesh, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "WARM_S", -1)
    with pytest.raises(click.exceptions.Exit) as ended:
        a_run(mesh)._warm()
    assert ended.value.exit_code == TIMEOUT
    assert mesh.done == ["warm m:T"] * 4
    assert "see worker.log in their homes" in capsys.readouterr().err


def test_a_node_that_lags_is_waited_for_and_not_forever(mesh: Mesh) -> None:
    run = a_run(mesh)
    late = time.monotonic() + PATIENCE_S
    mesh.tasks = [Refusal("unknown-task: x"), a_task(3), a_task(4, "finished")]
    with mesh.client() as client:
        assert run._wait_end(cast(Any, client), "t", late)["status"] == "finished"
        mesh.tasks = [Refusal("unknown-task: x")]
        gone = run._wait_end(cast(Any, client), "t", time.monotonic() - 1)
    assert (gone["status"], gone["model"], gone["starts"]) == ("unknown", "", 1)


def test_the_median_round_is_from_commit_to_commit(mesh: Mesh) -> None:
    run = a_run(mesh)
    run.task = {"figures": [{"committed_ns": None}]}
    assert run._round_seconds() is None
    times = (0, 10**9, 4 * 10**9, None)
    run.task = {"figures": [{"committed_ns": at} for at in times]}
    assert run._round_seconds() == 2.0


def test_a_model_that_nobody_holds_has_no_accuracy(
    mesh: Mesh, capsys: pytest.CaptureFixture[str]
) -> None:
    for home in mesh.homes:
        home.mkdir()
        BlobStore.open(home / "blobs").close()
    with pytest.raises(click.exceptions.Exit) as ended:
        a_run(mesh)._accuracy("00" * 32)
    assert ended.value.exit_code == FAILURE
    assert capsys.readouterr().err == "meshkit: no node holds the final model\n"


def test_a_model_that_the_task_cannot_take_has_no_accuracy(
    mesh: Mesh, capsys: pytest.CaptureFixture[str]
) -> None:
    name = b""
    for home in mesh.homes:
        home.mkdir()
        with BlobStore.open(home / "blobs") as blobs:
            name = blobs.put(b"no model")
            blobs.commit()
    run = a_run(mesh)
    run.module = demo.TASKS["softmax"]
    with pytest.raises(click.exceptions.Exit) as ended:
        run._accuracy(name.hex())
    assert ended.value.exit_code == FAILURE
    assert capsys.readouterr().err.count("\n") == 1


# -- what it shows ---------------------------------------------------------------------------------


def test_a_line_a_round_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        show(a_task(0, committee=("node-1", "node-2")), 0)
        assert capsys.readouterr().err == ""
        show(a_task(1, committee=("node-0",)), 2_500_000)
        show(a_task(1), 2_600_000)
    assert capsys.readouterr().err == (
        "round 0 committed  accuracy before it -  2.5 MB sent  committee node-1 node-2\n"
    )


def test_rounds_that_nobody_saw_open_have_their_line_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress() as show:
        show(a_task(0, committee=("node-1",)), 0)
        show(a_task(3, committee=("node-2",)), 10**6)
        show(a_task(1), 2 * 10**6)  # by a node that is behind
        show(a_task(4, "finished"), 2 * 10**6)
    words = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert [(line[1], line[7], line[11]) for line in words] == [
        ("0", "1.0", "node-1"), ("1", "1.0", "-"), ("2", "1.0", "-"), ("3", "2.0", "node-2"),
    ]  # fmt: skip


def test_a_table_of_the_latest_rounds_on_a_terminal(monkeypatch: Patch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(demo, "err", Console(file=screen, force_terminal=True, width=120))
    with progress() as show:
        show({**a_task(30), "figures": a_task(30)["figures"]}, 10**6)
    rows = [line for line in screen.getvalue().splitlines() if "committed" in line]
    assert [row.split()[0] for row in rows][-1] == "29"
    assert "2 updates" in screen.getvalue()
    assert show.table().row_count == 20


def test_the_summary_says_how_to_check_it() -> None:
    console = Console(file=io.StringIO(), width=120)
    with console.capture() as capture:
        console.print(summary_table(SUMMARY))
    assert "meshkit audit verify m" in capture.get()
    assert "NO" in capture.get()
