"""The worker process: it trains, tests and adds up, one request after another, until its node goes.

    python -P -m meshkit.runtime.worker_main FD

FD is this end of a socket pair (see `worker_messages`). A thread of its own reads it, so that the
end of the node, which closes the socket, ends the worker at once even in the middle of training.

What a task prints goes to the log with standard error; what it raises becomes one line to the node
and a traceback in the log. A task is code that the mesh's founders allowed and this node's
operator installed: it is kept from the node's loop, not from the node's user account.
"""

import os
import queue
import signal
import socket
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

from meshkit.learning import (
    Data,
    LearningTask,
    Refused,
    aggregate,
    decode_model,
    initial_model,
    load,
    train,
)
from meshkit.learning.training import in_millionths, score
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
    Split,
    TooLong,
    Train,
    Warm,
    Warmed,
    body_bytes,
    frame,
    incoming,
)

NICENESS = 5  # a vote goes before training where both want the processor (a guess)
TASKS_MAX = 4  # with their data kept ready: a node rarely trains more at once (a guess)
LINE_CHARS_MAX = 300  # of what a person reads about a failure (a guess)
INBOX_FRAMES_MAX = 1  # the next update of an aggregate is read while this one is added

Receive = Callable[[], Incoming]


@dataclass
class Ready:
    """A task that has been made, and this node's data for it."""

    task: LearningTask
    data: Data


@dataclass
class Workshop:
    """Everything a worker holds: who it works for, and the tasks it has ready."""

    begin: Begin
    ready: "OrderedDict[tuple[str, str], Ready]" = field(default_factory=OrderedDict)

    def task(self, name: str, parameters: str) -> Ready:
        """The task, from before or made now; the one unused for longest makes room."""
        key = (name, parameters)
        if key not in self.ready:
            task = load(name, parameters, self.begin.allowed)
            task.prepare()
            self.ready[key] = Ready(task, task.data(self.begin.shard))
        self.ready.move_to_end(key)
        while len(self.ready) > TASKS_MAX:
            self.ready.popitem(last=False)
        return self.ready[key]


def answer(workshop: Workshop, request: Request, receive: Receive) -> Reply:
    """The reply to one request, whatever the task does."""
    try:
        return _work(workshop, request, receive)
    except Refused as error:
        return Failed(error.reason, one_line(str(error)))
    except BaseException as error:  # SystemExit too: a task does not stop its worker
        traceback.print_exc()
        return Failed("task-failed", one_line(f"{_where(error)}{_said(error)}"))


def _work(workshop: Workshop, request: Request, receive: Receive) -> Reply:
    match request:
        case Warm(name, parameters):
            return Warmed(workshop.task(name, parameters).task.size)
        case Initial(name, parameters, seed):
            # No data is needed to draw a model, and whoever submits a task may have none.
            task = load(name, parameters, workshop.begin.allowed)
            task.prepare()
            return Model(initial_model(task, seed))
        case Train(name, parameters, base, grid, round_number, seed):
            ready = workshop.task(name, parameters)
            return train(ready.task, ready.data, base, grid, round_number, seed)
        case Evaluate(name, parameters, model, on):
            return _evaluate(workshop.task(name, parameters), model, on)
        case Aggregate(strategy, base, grid, count):
            return _aggregate(Aggregate(strategy, base, grid, count), receive)
        case _:
            assert_never(request)


def _evaluate(ready: Ready, model: bytes, on: Split) -> Reply:
    examples: Any = {
        "train": ready.data.train,
        "held-out": ready.data.held_out,
        "test": ready.data.test,
    }[on]
    vector = decode_model(model, ready.task.size)
    if examples is None or len(examples) == 0:
        return Evaluated(0, -1, -1)
    return Evaluated(len(examples), *in_millionths(score(ready.task, examples, vector)))


def _aggregate(request: Aggregate, receive: Receive) -> Reply:
    parts = _contributions(request.count, receive)
    try:
        return Model(aggregate(request.strategy, request.base, parts, request.grid))
    finally:
        # A refusal half-way leaves updates in the pipe, and the next request is behind them.
        for _ in parts:
            pass


def _contributions(count: int, receive: Receive) -> Iterator[tuple[bytes, int]]:
    for _ in range(count):
        part = receive()
        assert isinstance(part, Contribution), f"{type(part).__name__} amid an aggregate"
        yield part.update, part.samples


def one_line(text: str) -> str:
    """Text as one printable line that fits where a person reads it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LINE_CHARS_MAX else line[: LINE_CHARS_MAX - 1] + "…"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: " if frames else ""


# -- the process ----------------------------------------------------------------------------------


def serve(receive: Receive, send: Callable[[bytes], object]) -> None:
    """Answer requests until nobody is there to read an answer."""
    begin = receive()
    assert isinstance(begin, Begin), "a node first says who it is"
    workshop = Workshop(begin)
    while True:
        request = receive()
        assert not isinstance(request, Begin | Contribution), "a request is expected here"
        reply = answer(workshop, request, receive)
        try:
            packed = frame(reply)
        except TooLong as error:
            packed = frame(Failed("too-long", str(error)))
        try:
            send(packed)
        except OSError:
            return


def read(connection: socket.socket, inbox: "queue.Queue[Incoming]") -> None:
    """Move what the node sends into `inbox`, until the node is gone."""
    try:
        while True:
            length = body_bytes(_exactly(connection, LENGTH.size))
            inbox.put(incoming(_exactly(connection, length)))
    except OSError:
        return


def _exactly(connection: socket.socket, count: int) -> memoryview:
    data = memoryview(bytearray(count))
    filled = 0
    while filled < count:
        got = connection.recv_into(data[filled:])
        if got == 0:
            raise ConnectionError("the node has closed its end")
        filled += got
    return data


def _read_and_leave(connection: socket.socket, inbox: "queue.Queue[Incoming]") -> None:
    # The main thread may be deep in a task: nothing but the end of the process stops that.
    try:
        read(connection, inbox)
    except Exception:
        traceback.print_exc()
    os._exit(0)


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends us
    os.nice(NICENESS)
    inbox: queue.Queue[Incoming] = queue.Queue(INBOX_FRAMES_MAX)
    threading.Thread(target=_read_and_leave, args=(connection, inbox), daemon=True).start()
    serve(inbox.get, connection.sendall)


if __name__ == "__main__":
    main()
