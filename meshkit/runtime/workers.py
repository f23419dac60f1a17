"""Workers: long-lived processes that train and add up, so that the node's loop never waits.

A `Worker` starts its process with the first request, keeps it (importing torch takes seconds,
once), gives it one request at a time and hands out the replies in that order. The shell's duties:

1. `submit` a request; a refusal is raised at once, anything else arrives as a reply.
2. Poll `fileno()`, the same for the worker's whole life, for at most `wait_ms()`.
3. Whenever either comes due, `collect()` the replies, each with the ticket `submit` gave.

Every request gets one reply. A process that dies, hangs beyond its request's time or says
something that is no reply is killed; the request at hand fails with one line, `deaths` counts,
and the next request starts a new process. The process ends with its node: see `worker_main`.
"""

import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import assert_never

from meshkit.learning import Refused, Shard
from meshkit.runtime.worker_messages import (
    LENGTH,
    Aggregate,
    Begin,
    Contribution,
    Evaluate,
    Failed,
    Initial,
    Reply,
    Request,
    TooLong,
    Train,
    Warm,
    body_bytes,
    frame,
    reply,
)

PENDING_MAX = 64  # requests in line: a node asks for one a round and task (a guess)
RECEIVE_BYTES_MAX = 2**20  # at once: a large frame comes in pieces, and other sockets get a turn
START_S = 120.0  # more for a new process's first answer: importing torch off a cold disk (a guess)
TIMEOUT_S = 600.0  # for a request that names no time of its own (a guess)
ENDING_S = 0.5  # between the end of a process' socket and its own end: usually milliseconds
LOOK_AGAIN_S = 0.005
LOG_BYTES_MAX = 16 * 2**20  # after which a new process starts a new log, and keeps one old one
STANDARD_ERROR = 2
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Parts = Iterable[tuple[bytes, int]]


class _Job:
    """A request in line, or the one at hand."""

    def __init__(self, ticket: int, request: Request, parts: Parts, timeout_s: float) -> None:
        self.ticket = ticket
        self.request = request
        self.frames = _frames(request, parts)
        self.timeout_s = timeout_s
        self.due_s = 0.0  # set when it is given to the process
        self.wanted = True


def _frames(request: Request, parts: Parts) -> Iterator[bytes]:
    yield frame(request)
    for update, samples in parts:
        yield frame(Contribution(update, samples))


def _task_of(request: Request) -> str | None:
    match request:
        case Warm(task) | Initial(task) | Train(task) | Evaluate(task):
            return task
        case Aggregate():
            return None
        case _:
            assert_never(request)


class _Process:
    """A worker process and this end of its socket, for as long as both last."""

    def __init__(self, begin: Begin, log: Path | None) -> None:
        self.socket, theirs = socket.socketpair()
        try:
            with theirs:
                self.popen = _spawn(theirs.fileno(), log)
        except OSError:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self.out = memoryview(frame(begin))
        self.heard = bytearray()
        self.answered = False

    def gone(self, patience_s: float = 0.0) -> bool:
        """Whether it has ended. It is not reaped here: `end` needs its process group to exist."""
        until_s = time.monotonic() + patience_s
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self.popen.pid, look) is None:
            if time.monotonic() >= until_s:
                return False
            time.sleep(LOOK_AGAIN_S)
        return True

    def end(self) -> int:
        """Kill it and all that it started, reap it, and return its status."""
        self.socket.close()
        os.killpg(self.popen.pid, signal.SIGKILL)
        return self.popen.wait()


def _spawn(fd: int, log: Path | None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "meshkit.runtime.worker_main", str(fd)]
    # What a task prints must not end up in the node's own output, which programs read.
    output = STANDARD_ERROR if log is None else _open_log(log)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(fd,),
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # a Ctrl-C at the terminal is the node's business
        )
    finally:
        if log is not None:
            os.close(output)


def _open_log(log: Path) -> int:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".old"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _how(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


class Worker:
    """One worker process, started when it is needed and again when it has died."""

    def __init__(
        self, allowed: Sequence[str], shard: Shard | None = None, log: Path | None = None
    ) -> None:
        """`allowed` are the genesis' tasks, `shard` this node's data. `log` takes what tasks print;
        without it, that goes to standard error."""
        self.deaths = 0  # of processes, whatever they died of
        self._begin = Begin(tuple(allowed), shard or Shard())
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._process: _Process | None = None
        self._line: deque[_Job] = deque()
        self._job: _Job | None = None  # the one at hand
        self._done: list[tuple[int, Reply]] = []
        self._tickets = 0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.popen.pid if self._process else None

    def submit(self, request: Request, parts: Parts = (), timeout_s: float = TIMEOUT_S) -> int:
        """Put a request in line; its ticket. `parts` are an Aggregate's updates, with samples.

        `parts` are drawn one at a time, as the worker takes them. Raises Refused if the task is
        not allowed or the line is full.
        """
        task = _task_of(request)
        if task is not None and task not in self._begin.allowed:
            raise Refused("task-not-allowed", f"the genesis does not allow the task {task!r}")
        if len(self._line) >= PENDING_MAX:
            raise Refused("worker-busy", f"{PENDING_MAX} requests are waiting for the worker")
        self._tickets += 1
        self._line.append(_Job(self._tickets, request, parts, timeout_s))
        self._advance()
        return self._tickets

    def drop(self, ticket: int) -> None:
        """The reply to this request is no longer wanted. What is under way runs to its end."""
        self._line = deque(job for job in self._line if job.ticket != ticket)
        self._done = [done for done in self._done if done[0] != ticket]
        if self._job is not None and self._job.ticket == ticket:
            self._job.wanted = False

    def fileno(self) -> int:
        """Readable when `collect` has something to do; the same whatever process is behind it."""
        return self._selector.fileno()

    def wait_ms(self) -> int | None:
        """How long the poll may wait until `collect` is called anyway; None: for ever."""
        if self._done:
            return 0
        if self._job is None:
            return None
        return max(0, math.ceil((self._job.due_s - time.monotonic()) * 1_000))

    def collect(self) -> list[tuple[int, Reply]]:
        """Do what can be done without waiting, and return the replies that have come."""
        self._read()
        self._write()
        if self._job is not None and time.monotonic() >= self._job.due_s:
            late = f"{_name(self._job)} took longer than {self._job.timeout_s:g} s"
            self._lose(Failed("worker-timeout", late))
        self._advance()
        done, self._done = self._done, []
        return done

    def ask(self, request: Request, parts: Parts = (), timeout_s: float = TIMEOUT_S) -> Reply:
        """Submit a request and wait for its reply; for whoever has no loop and nothing in line."""
        assert self._job is None, "ask waits for one reply alone"
        assert not self._done, "ask waits for one reply alone"
        ticket = self.submit(request, parts, timeout_s)
        while True:
            wait_ms = self.wait_ms()
            self._selector.select(None if wait_ms is None else wait_ms / 1_000)
            for number, answer in self.collect():
                assert number == ticket, "nothing else is in line"
                return answer

    def close(self) -> None:
        """End the process. What is in line or under way gets no reply."""
        if self._process is not None:
            self._bury(self._process)
        self._line.clear()
        self._job = None
        self._selector.close()

    # -- the process and the request at hand ------------------------------------------------------

    def _advance(self) -> None:
        while self._job is None and self._line:
            self._job = self._line.popleft()
            if self._process is not None and self._process.gone():
                self.deaths += 1  # while it had nothing to do: nobody's request fails
                self._bury(self._process)
            self._start()

    def _start(self) -> None:
        assert self._job is not None
        if self._process is None:
            try:
                self._process = _Process(self._begin, self._log)
            except OSError as error:
                self._finish(Failed("worker-not-started", f"no worker process: {error}"))
                return
            self._selector.register(self._process.socket, selectors.EVENT_READ)
        grace_s = 0.0 if self._process.answered else START_S
        self._job.due_s = time.monotonic() + self._job.timeout_s + grace_s
        self._write()

    def _write(self) -> None:
        """Send as much as the socket takes now, drawing the request's next frame when it can."""
        process = self._process
        if process is None:
            return
        try:
            while process.out or self._draw(process):
                process.out = process.out[process.socket.send(process.out) :]
        except BlockingIOError:
            pass
        except TooLong as error:
            self._lose(Failed("too-long", str(error)))
            return
        except OSError:
            process.out = memoryview(b"")  # it is dead, and reading says so too
        wanted = selectors.EVENT_WRITE if process.out else 0
        self._selector.modify(process.socket, selectors.EVENT_READ | wanted)

    def _draw(self, process: _Process) -> bool:
        following = None if self._job is None else next(self._job.frames, None)
        process.out = memoryview(following or b"")
        return following is not None

    def _read(self) -> None:
        process = self._process
        if process is None:
            return
        try:
            heard = process.socket.recv(RECEIVE_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            self._lose(None)
            return
        process.heard += heard
        try:
            answer = _take(process.heard)
        except ValueError as error:
            self._lose(Failed("worker-nonsense", f"the worker sent no reply: {error}"))
            return
        if answer is not None:
            process.answered = True
            self._finish(answer)

    def _finish(self, answer: Reply) -> None:
        if self._job is not None and self._job.wanted:
            self._done.append((self._job.ticket, answer))
        self._job = None

    def _lose(self, failure: Failed | None) -> None:
        """The process is of no more use; the request at hand fails."""
        process = self._process
        assert process is not None
        self.deaths += 1
        # It closes its socket a moment before it has ended, and only then has it a status.
        left_by_itself = failure is None and process.gone(ENDING_S)
        status = self._bury(process)
        if failure is None:
            how = _how(status) if left_by_itself else "closed its socket"
            at = f" during {_name(self._job)}" if self._job else ""
            failure = Failed("worker-died", f"the worker process ended{at}: {how}")
        self._finish(failure)

    def _bury(self, process: _Process) -> int:
        self._selector.unregister(process.socket)
        self._process = None
        return process.end()


def _name(job: _Job) -> str:
    return type(job.request).__name__


def _take(heard: bytearray) -> Reply | None:
    """The next whole reply, taken out of `heard`; raises ValueError if it is none."""
    if len(heard) < LENGTH.size:
        return None
    end = LENGTH.size + body_bytes(heard)
    if len(heard) < end:
        return None
    answer = reply(bytes(heard[LENGTH.size : end]))
    del heard[:end]
    return answer
