"""Workers as real processes: they train, die, hang and talk nonsense, and the node goes on."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from meshkit.learning import (
    Grid,
    Refused,
    Shard,
    Trained,
    aggregate,
    encode_update,
    initial_model,
    load,
    train,
)
from meshkit.learning.tasks.softmax import Softmax
from meshkit.runtime import worker_messages, workers
from meshkit.runtime.worker_messages import (
    Aggregate,
    Evaluate,
    Evaluated,
    Failed,
    Initial,
    Model,
    Reply,
    Train,
    Warm,
    Warmed,
)
from meshkit.runtime.workers import PENDING_MAX, Worker

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
SOFTMAX = "meshkit.learning.tasks.softmax:Softmax"
SHARD = Shard(0, 3)
GRID = Grid(15)
BASE = initial_model(Softmax(), 0)
TRAIN = Train(SOFTMAX, "", BASE, GRID, 0, 0)
PATIENCE_S = 60.0  # a test that takes longer hangs; a busy machine does not

ODD = """
import os, socket, subprocess, sys, time
from meshkit.learning.tasks.softmax import Softmax


class Odd(Softmax):
    does: str = ""
    folder: str = ""

    def fit(self, weights, examples, round_number, seed):
        match self.does:
            case "sleep":
                time.sleep(600)
            case "exit":
                os._exit(7)
            case "die":
                os.kill(os.getpid(), 9)
            case "print":
                print("the task prints")
                sys.stderr.write("and complains")
                assert sys.stdin.read() == ""
            case "raise":
                raise ValueError("no such luck")
            case "nonsense":
                os.write(int(sys.argv[1]), b"\\x02\\0\\0\\0hm")
                time.sleep(600)
            case "huge":
                os.write(int(sys.argv[1]), b"\\xff" * 8)
                time.sleep(600)
            case "close":
                self.kept = socket.socket(fileno=int(sys.argv[1]))
                self.kept.shutdown(socket.SHUT_WR)
                time.sleep(600)
            case "child":
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                with open(self.folder + "/child", "w") as file:
                    file.write(str(child.pid))
                os.replace(self.folder + "/child", self.folder + "/pid")
                time.sleep(600)
        return super().fit(weights, examples, round_number, seed)
"""
ODD_NAME = "odd_task_for_this_test:Odd"


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / "odd_task_for_this_test.py").write_text(ODD)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    with Worker([SOFTMAX, ODD_NAME], SHARD, tmp_path / "worker.log") as made:
        yield made


def odd(does: str, folder: Path | str = "") -> Train:
    return Train(ODD_NAME, f'{{"does": "{does}", "folder": "{folder}"}}', BASE, GRID, 0, 0)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def collected(worker: Worker, count: int) -> list[tuple[int, Reply]]:
    """As the shell does it: poll the one descriptor, then collect."""
    poller = zmq.Poller()
    poller.register(worker.fileno(), zmq.POLLIN)
    found: list[tuple[int, Reply]] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < end, "waited too long"
        poller.poll(worker.wait_ms())
        found += worker.collect()
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# -- what it does ---------------------------------------------------------------------------------


def test_it_does_what_the_library_does(worker: Worker) -> None:
    assert worker.pid is None  # it starts when it is needed
    task = Softmax()
    assert worker.ask(Warm(SOFTMAX, "")) == Warmed(15)
    pid = worker.pid
    assert worker.ask(Initial(SOFTMAX, "", 0)) == Model(BASE)
    assert worker.ask(TRAIN) == train(task, task.data(SHARD), BASE, GRID, 0, 0)
    found = worker.ask(Evaluate(SOFTMAX, "", BASE, "test"))
    assert isinstance(found, Evaluated)
    assert found.samples == 300
    assert worker.pid == pid  # long-lived
    assert worker.deaths == 0


def test_it_trains_with_torch_as_the_library_does(worker: Worker) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    name = "meshkit.learning.tasks.digits:Digits"
    task = load(name, '{"epochs": 1}', [name])
    base, grid = initial_model(task, 0), Grid(task.size)
    request = Train(name, '{"epochs": 1}', base, grid, 0, 7)
    with Worker([name], SHARD) as other:
        assert other.ask(Initial(name, "", 0)) == Model(base)
        assert other.ask(request) == train(task, task.data(SHARD), base, grid, 0, 7)


def test_replies_come_in_order_and_wake_the_poll(worker: Worker) -> None:
    assert worker.wait_ms() is None
    tickets = [worker.submit(TRAIN), worker.submit(Warm(SOFTMAX, "")), worker.submit(TRAIN)]
    assert (worker.wait_ms() or 0) > 1_000
    found = collected(worker, 3)
    assert [ticket for ticket, _ in found] == tickets
    assert [type(answer) for _, answer in found] == [Trained, Warmed, Trained]
    assert worker.wait_ms() is None
    assert worker.collect() == []


def test_a_large_aggregate_is_drawn_as_the_worker_takes_it(worker: Worker) -> None:
    size, count = 500_000, 12
    grid = Grid(size)
    base = initial_model(Softmax(features=499_999, classes=1), 0)
    updates = [(encode_update(np.full(size, k), 16), k + 1) for k in range(count)]
    drawn: list[int] = []

    def parts() -> Iterator[tuple[bytes, int]]:
        for number, update in enumerate(updates):
            drawn.append(number)
            yield update

    ticket = worker.submit(Aggregate("fedavg", base, grid, count), parts())
    assert len(drawn) < count  # the socket does not hold them all
    assert collected(worker, 1) == [(ticket, Model(aggregate("fedavg", base, updates, grid)))]
    assert worker.ask(Warm(SOFTMAX, "")) == Warmed(15)


def test_what_a_task_prints_goes_to_the_log(worker: Worker, tmp_path: Path) -> None:
    assert isinstance(worker.ask(odd("print")), Trained)
    log = (tmp_path / "worker.log").read_text()
    assert "the task prints" in log
    assert "and complains" in log
    assert (tmp_path / "worker.log").stat().st_mode & 0o777 == 0o600


def test_a_log_that_has_grown_is_put_aside(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOG_BYTES_MAX", 10)
    (tmp_path / "worker.log").write_text("x" * 11)
    worker.ask(Warm(SOFTMAX, ""))
    assert (tmp_path / "worker.log.old").read_text() == "x" * 11
    assert (tmp_path / "worker.log").read_text() == ""


# -- what goes wrong ------------------------------------------------------------------------------


def test_what_a_task_raises_is_one_line(worker: Worker, tmp_path: Path) -> None:
    failed = worker.ask(odd("raise"))
    assert isinstance(failed, Failed)
    assert failed.reason == "task-failed"
    assert "ValueError: no such luck" in failed.line
    assert "Traceback" in (tmp_path / "worker.log").read_text()
    assert isinstance(worker.ask(TRAIN), Trained)
    assert worker.deaths == 0


def test_only_allowed_tasks_reach_it(worker: Worker) -> None:
    with pytest.raises(Refused) as refusal:
        worker.submit(Warm("os:system", ""))
    assert refusal.value.reason == "task-not-allowed"
    assert worker.pid is None


@pytest.mark.parametrize(
    ("does", "reason", "line"),
    [
        ("exit", "worker-died", "exit status 7"),
        ("die", "worker-died", "killed by SIGKILL"),
        ("close", "worker-died", "closed its socket"),
        ("nonsense", "worker-nonsense", "no reply"),
        ("huge", "worker-nonsense", "no reply"),
    ],
)
def test_a_worker_lost_fails_one_request(worker: Worker, does: str, reason: str, line: str) -> None:
    lost, next_one = worker.submit(odd(does)), worker.submit(TRAIN)
    (first, failed), (second, trained) = collected(worker, 2)
    assert (first, second) == (lost, next_one)
    assert isinstance(failed, Failed)
    assert failed.reason == reason
    assert line in failed.line
    assert isinstance(trained, Trained)
    assert worker.deaths == 1


def test_kill_9_in_the_middle_of_training(worker: Worker) -> None:
    worker.ask(Warm(SOFTMAX, ""))
    ticket = worker.submit(odd("sleep"))
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    ((found, failed),) = collected(worker, 1)
    assert found == ticket
    assert isinstance(failed, Failed)
    assert failed.line == "the worker process ended during Train: killed by SIGKILL"
    assert isinstance(worker.ask(TRAIN), Trained)
    assert worker.deaths == 1


def test_kill_9_while_it_has_nothing_to_do_fails_nobody(worker: Worker) -> None:
    worker.ask(Warm(SOFTMAX, ""))
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert isinstance(worker.ask(TRAIN), Trained)  # nobody had collected: it is found out now
    os.kill(worker.pid or 0, signal.SIGKILL)
    until(lambda: bool(select.select([worker.fileno()], [], [], 0)[0]))
    assert worker.collect() == []
    assert worker.pid is None
    assert worker.deaths == 2
    assert isinstance(worker.ask(TRAIN), Trained)


def test_who_takes_too_long_is_killed(worker: Worker, tmp_path: Path) -> None:
    worker.ask(Warm(ODD_NAME, ""))
    failed = worker.ask(odd("child", tmp_path), timeout_s=1.0)
    assert failed == Failed("worker-timeout", "Train took longer than 1 s")
    assert worker.deaths == 1
    assert isinstance(worker.ask(TRAIN), Trained)


def test_what_a_task_started_ends_with_the_worker(worker: Worker, tmp_path: Path) -> None:
    worker.submit(odd("child", tmp_path))
    until((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())
    assert alive(child)
    os.kill(worker.pid or 0, signal.SIGKILL)
    collected(worker, 1)
    until(lambda: not alive(child))


def test_a_reply_nobody_wants_is_dropped(worker: Worker) -> None:
    under_way, in_line, last = (worker.submit(TRAIN) for _ in range(3))
    worker.drop(under_way)
    worker.drop(in_line)
    worker.drop(12_345)
    assert [ticket for ticket, _ in collected(worker, 1)] == [last]


def test_the_line_has_an_end(worker: Worker) -> None:
    worker.submit(odd("sleep"))
    for _ in range(PENDING_MAX):
        worker.submit(TRAIN)
    with pytest.raises(Refused) as refusal:
        worker.submit(TRAIN)
    assert refusal.value.reason == "worker-busy"


def test_a_request_too_long_for_a_frame_fails(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.ask(Warm(SOFTMAX, ""))
    monkeypatch.setattr(worker_messages, "FRAME_BYTES_MAX", 1_000)
    failed = worker.ask(Aggregate("fedavg", b"x" * 2_000, GRID, 0))
    assert isinstance(failed, Failed)
    assert failed.reason == "too-long"
    monkeypatch.undo()


def test_a_process_that_cannot_start_fails_the_request(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "sys", type("sys", (), {"executable": str(tmp_path / "none")}))
    failed = worker.ask(TRAIN)
    assert isinstance(failed, Failed)
    assert failed.reason == "worker-not-started"


def test_closing_ends_the_process(worker: Worker) -> None:
    worker.submit(odd("sleep"))
    pid = worker.pid
    assert pid is not None
    worker.close()
    assert not alive(pid)
    worker._selector = type(worker._selector)()  # the fixture closes it again


NODE = """
import sys, time
from meshkit.learning import Grid, Shard
from meshkit.runtime.worker_messages import Train, Warm
from meshkit.runtime.workers import Worker
name = "odd_task_for_this_test:Odd"
worker = Worker([name])
worker.ask(Warm(name, ""))
worker.submit(Train(name, '{"does": "sleep"}', bytes.fromhex(sys.argv[1]), Grid(15), 0, 0))
print(worker.pid, flush=True)
time.sleep(600)
"""


def test_a_worker_in_the_middle_of_training_ends_with_its_node(worker: Worker) -> None:
    """kill -9 leaves the node no chance to say anything. (The fixture sets up the module.)"""
    with subprocess.Popen(
        [sys.executable, "-c", NODE, BASE.hex()], stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        pid = int(node.stdout.readline())
        assert alive(pid)
        node.kill()
    until(lambda: not alive(pid))
