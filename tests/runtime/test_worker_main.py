"""What a worker answers, without a process around it."""

import queue
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from meshkit.learning import (
    Data,
    Grid,
    Shard,
    Trained,
    aggregate,
    encode_model,
    encode_update,
    initial_model,
    train,
)
from meshkit.learning.tasks import softmax
from meshkit.learning.tasks.softmax import Softmax
from meshkit.runtime import worker_messages
from meshkit.runtime.worker_main import (
    LINE_CHARS_MAX,
    TASKS_MAX,
    Workshop,
    answer,
    one_line,
    read,
    serve,
)
from meshkit.runtime.worker_messages import (
    LENGTH,
    Aggregate,
    Begin,
    Contribution,
    Evaluate,
    Evaluated,
    Failed,
    Incoming,
    Initial,
    Model,
    Reply,
    Request,
    Train,
    Warm,
    Warmed,
    frame,
    reply,
)

SOFTMAX = "meshkit.learning.tasks.softmax:Softmax"
SHARD = Shard(0, 3)
GRID = Grid(15)
BASE = initial_model(Softmax(), 0)


@pytest.fixture
def workshop() -> Workshop:
    return Workshop(Begin((SOFTMAX,), SHARD))


def alone(workshop: Workshop, request: Request) -> Reply:
    def nothing() -> Incoming:
        raise AssertionError("no more was announced")

    return answer(workshop, request, nothing)


def test_it_trains_as_the_library_does(workshop: Workshop) -> None:
    task = Softmax()
    expected = train(task, task.data(SHARD), BASE, GRID, 2, 5)
    assert alone(workshop, Train(SOFTMAX, "", BASE, GRID, 2, 5)) == expected
    assert isinstance(expected, Trained)


def test_it_makes_models_and_tests_them(workshop: Workshop) -> None:
    assert alone(workshop, Warm(SOFTMAX, "")) == Warmed(15)
    assert alone(workshop, Initial(SOFTMAX, "", 0)) == Model(BASE)
    rows = {}
    for on in ("train", "held-out", "test"):
        found = alone(workshop, Evaluate(SOFTMAX, "", BASE, on))
        assert isinstance(found, Evaluated)
        rows[on] = found.samples
    assert rows == {"train": 180, "held-out": 20, "test": 300}


def test_what_is_not_there_is_not_tested(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_: Softmax, shard: Shard) -> Data:
        assert shard == SHARD
        return Data([])

    monkeypatch.setattr(Softmax, "data", nothing)
    assert alone(workshop, Evaluate(SOFTMAX, "", BASE, "test")) == Evaluated(0, -1, -1)
    assert alone(workshop, Evaluate(SOFTMAX, "", BASE, "train")) == Evaluated(0, -1, -1)


def test_a_model_needs_no_data(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Softmax, "data", None)
    assert alone(workshop, Initial(SOFTMAX, "", 0)) == Model(BASE)


def test_a_few_tasks_are_kept_ready(workshop: Workshop) -> None:
    first = workshop.task(SOFTMAX, "")
    assert workshop.task(SOFTMAX, "") is first
    for steps in range(TASKS_MAX):
        workshop.task(SOFTMAX, f'{{"steps": {steps}}}')
    assert len(workshop.ready) == TASKS_MAX
    assert workshop.task(SOFTMAX, "") is not first


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Warm("os:system", ""), "task-not-allowed"),
        (Initial("os:system", "", 0), "task-not-allowed"),
        (Train("os:system", "", BASE, GRID, 0, 0), "task-not-allowed"),
        (Train(SOFTMAX, '{"stepz": 1}', BASE, GRID, 0, 0), "settings"),
        (Train(SOFTMAX, "", BASE[:-1], GRID, 0, 0), "malformed"),
        (Evaluate(SOFTMAX, "", BASE + b"x"), "oversized"),
        (Aggregate("fedavg", BASE, GRID, 0), "no-updates"),
    ],
)
def test_a_refusal_is_one_line(workshop: Workshop, request_: Request, why: str) -> None:
    failed = alone(workshop, request_)
    assert isinstance(failed, Failed)
    assert failed.reason == why
    assert "\n" not in failed.line
    assert failed.line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a\nb\x1b[31m"), "ValueError: a b [31m"),
        (SystemExit(), "SystemExit"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (MemoryError("x" * 1_000), "MemoryError: xxx"),
    ],
)
def test_what_a_task_raises_is_one_line_and_a_traceback_in_the_log(
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    line: str,
) -> None:
    def fit(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(softmax.Softmax, "fit", fit)
    failed = alone(workshop, Train(SOFTMAX, "", BASE, GRID, 0, 0))
    assert isinstance(failed, Failed)
    assert failed.reason == "task-failed"
    assert failed.line.startswith("test_worker_main.py:")
    assert line in failed.line
    assert len(failed.line) <= LINE_CHARS_MAX
    assert "Traceback" in capsys.readouterr().err


def test_a_line_is_printable() -> None:
    assert one_line("  a\t\x00b\r\n c ") == "a b c"
    assert len(one_line("y" * 10_000)) == LINE_CHARS_MAX


# -- aggregates -----------------------------------------------------------------------------------

UPDATES = [(encode_update(np.arange(15) * k, 16), k + 1) for k in range(4)]


def parts(updates: list[tuple[bytes, int]]) -> Iterator[Incoming]:
    return (Contribution(update, samples) for update, samples in updates)


def test_it_adds_up_as_the_library_does(workshop: Workshop) -> None:
    coming = parts(UPDATES)
    found = answer(workshop, Aggregate("fedavg", BASE, GRID, 4), lambda: next(coming))
    assert found == Model(aggregate("fedavg", BASE, UPDATES, GRID))


@pytest.mark.parametrize(
    ("strategy", "base", "bad", "why"),
    [
        ("median", BASE, None, "unknown-strategy"),
        ("fedavg", encode_model(np.zeros(3)), None, "wrong-count"),
        ("fedavg", BASE, 1, "malformed"),
    ],
)
def test_a_refused_aggregate_takes_its_updates_out_of_the_pipe(
    workshop: Workshop, strategy: str, base: bytes, bad: int | None, why: str
) -> None:
    updates = [(b"", 1) if k == bad else update for k, update in enumerate(UPDATES)]
    coming = parts(updates)
    found = answer(workshop, Aggregate(strategy, base, GRID, 4), lambda: next(coming))
    assert isinstance(found, Failed)
    assert found.reason == why
    assert next(coming, None) is None


# -- the loop and its two ends --------------------------------------------------------------------


def served(*frames: Incoming) -> list[Reply]:
    replies: list[Reply] = []
    coming = iter(frames)

    def send(packed: bytes) -> None:
        replies.append(reply(packed[LENGTH.size :]))
        if len(replies) == len(frames) - 1:
            raise BrokenPipeError

    serve(lambda: next(coming), send)
    return replies


def test_it_serves_until_nobody_listens() -> None:
    begin = Begin((SOFTMAX,), SHARD)
    assert served(begin, Warm(SOFTMAX, ""), Initial(SOFTMAX, "", 0)) == [Warmed(15), Model(BASE)]


def test_a_reply_too_long_for_a_frame_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_messages, "FRAME_BYTES_MAX", 70)
    (found,) = served(Begin((SOFTMAX,), SHARD), Initial(SOFTMAX, "", 0))
    assert isinstance(found, Failed)
    assert found.reason == "too-long"


def test_it_reads_frames_in_pieces_until_its_node_is_gone() -> None:
    ours, theirs = socket.socketpair()
    inbox: queue.Queue[Incoming] = queue.Queue()
    with ours, theirs:
        reader = threading.Thread(target=read, args=(theirs, inbox))
        reader.start()
        packed = frame(Warm(SOFTMAX, "")) + frame(Contribution(b"u" * 300_000, 1))
        for start in range(0, len(packed), 70_001):
            ours.sendall(packed[start : start + 70_001])
        assert inbox.get(timeout=30) == Warm(SOFTMAX, "")
        assert inbox.get(timeout=30) == Contribution(b"u" * 300_000, 1)
        ours.sendall(b"\x05")
        ours.close()
        reader.join(timeout=30)
        assert not reader.is_alive()
