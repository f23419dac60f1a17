"""The operator's way in: a socket in the node's home, which only its owner can reach.

Whoever can open files in the home may ask; what he may have done is for the operator key in his
request to say, and for the ledger to judge. So there is no encryption here and no door, but the
same care: one frame, bounded size, bounded queue, an answer that is never waited for.

`HomeLock` keeps a second node off the same home, by a lock that the kernel drops when its holder
dies: nothing a killed process leaves behind stops the next one. That lock also tells a client at
once whether any node runs, instead of after a timeout.
"""

import fcntl
import os
import stat
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import NamedTuple, Self

import zmq

from meshkit.wire.guard import Socket
from meshkit.wire.limits import MS, Limits
from meshkit.wire.port import Poller, WireError
from meshkit.wire.sockets import FRAME_OVERHEAD_BYTES, send

SOCKET_NAME = "operator.ipc"
LOCK_NAME = "node.lock"
PATH_BYTES_MAX = 107  # of a Unix socket: unix(7), sun_path less its final zero
OPEN_TO_OTHERS = 0o077
REQUEST = Struct(">I")  # number of the request, before its bytes
TAKES_MAX = 10  # of the lock, see `take`
TAKE_S = 0.005  # between them: a hundred times what a client needs
TAKE_MS = 5_000  # for a busy node to make room for one more question
LOOK_MS = 200  # between looks whether the node still runs (a guess: nobody notices)
DRAIN_MAX = 64  # requests read in one turn (a guess: a person types slower)


class Request(NamedTuple):
    """What an operator asks. `asker` is where the answer goes."""

    asker: bytes
    body: bytes


def check_home(home: Path) -> None:
    """A node's home is a folder that its owner alone can enter. Raises WireError."""
    try:
        mode = home.stat()
    except OSError as error:
        raise WireError(f"{home}: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISDIR(mode.st_mode):
        raise WireError(f"{home} is no folder")
    if mode.st_uid != os.geteuid():
        raise WireError(f"{home} belongs to another user")
    if stat.S_IMODE(mode.st_mode) & OPEN_TO_OTHERS:
        raise WireError(f"{home} is open to others: chmod 700 {home}")


class HomeLock:
    """Held by the one node that runs on a home. A context manager."""

    def __init__(self, home: Path) -> None:
        """Raises WireError if another process holds it, or the home is not fit."""
        check_home(home)
        self.path = home / LOCK_NAME
        self.file = open_lock(self.path)
        if not self.take():
            holder = os.pread(self.file, 20, 0).decode("ascii", "replace") or "unknown"
            self.close()
            raise WireError(f"a node (process {holder}) runs on {home} already")
        os.ftruncate(self.file, 0)
        os.pwrite(self.file, str(os.getpid()).encode(), 0)

    def take(self) -> bool:
        # More than one try, because a client that asks who runs here holds the lock for a moment.
        for _ in range(TAKES_MAX):
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                time.sleep(TAKE_S)
        return False

    def close(self) -> None:
        """Let go. The file stays: were it removed, two nodes might each lock one of their own."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WireError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def is_running(home: Path) -> bool:
    """Whether a node runs on `home`: whether somebody holds the lock."""
    with suppress(OSError):
        file = os.open(home / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
    return False


def address_of(home: Path) -> str:
    """The operator socket of a home. Raises WireError if its path is too long for a socket."""
    path = os.fsencode(home.absolute() / SOCKET_NAME)
    if len(path) > PATH_BYTES_MAX:
        raise WireError(
            f"{home}: choose a shorter home: the path of its socket has {len(path)} bytes, "
            f"and the system takes {PATH_BYTES_MAX}"
        )
    return f"ipc://{os.fsdecode(path)}"


class OperatorLane:
    """The node's end: takes requests, answers each when it can."""

    def __init__(self, home: Path, counters: Counter[str], limits: Limits | None = None) -> None:
        """Needs the home's lock to be held: binding takes the socket away from whoever had it."""
        check_home(home)
        self.limits, self.counters = limits or Limits(), counters
        address, self.path = address_of(home), home / SOCKET_NAME
        self.context: zmq.Context[Socket] = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        options = {
            zmq.LINGER: self.limits.linger_ms,
            zmq.MAXMSGSIZE: self.limits.operator_bytes_max + FRAME_OVERHEAD_BYTES,
            zmq.SNDHWM: self.limits.queue,
            zmq.RCVHWM: self.limits.guest_queue,
            zmq.ROUTER_MANDATORY: 1,
        }
        for option, value in options.items():
            self.socket.setsockopt(option, value)
        try:
            self.socket.bind(address)
            self.path.chmod(0o600)
        except (zmq.ZMQError, OSError) as error:
            self.close()
            why = zmq.strerror(error.errno or 0).lower()
            raise WireError(f"{self.path}: {why}") from None

    def watch(self, poller: Poller) -> None:
        poller.register(self.socket, zmq.POLLIN)

    def receive(self) -> list[Request]:
        """What operators ask; answer each, if only with a refusal."""
        requests: list[Request] = []
        if not int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return requests  # nearly always: asking is cheaper than the exception
        with suppress(zmq.Again):
            for _ in range(DRAIN_MAX):
                route, *rest = self.socket.recv_multipart(zmq.NOBLOCK)
                if len(rest) != 1 or len(rest[0]) < REQUEST.size:
                    self.counters["operators.malformed"] += 1
                else:
                    self.counters["operators.heard"] += 1
                    asker = rest[0][: REQUEST.size] + route
                    requests.append(Request(asker, rest[0][REQUEST.size :]))
        return requests

    def answer(self, asker: bytes, body: bytes) -> bool:
        """Answer a request; False if the asker is gone or does not read."""
        sent = send(self.socket, asker[REQUEST.size :], asker[: REQUEST.size] + body)
        if not sent:
            self.counters["operators.unanswered"] += 1
        return sent

    def close(self) -> None:
        """Leave no socket behind, which libzmq would: a home is copied like any other folder, and
        many a program cannot copy a socket."""
        self.socket.close()
        self.context.term()
        with suppress(OSError):
            if self.path.is_socket():
                self.path.unlink()


class OperatorClient:
    """The other end, for a command line or a program. A context manager; it waits for answers."""

    def __init__(self, home: Path, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.home, self.number = home, 0
        address = address_of(home)
        self.context: zmq.Context[Socket] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, limits.guest_queue)
        self.socket.setsockopt(zmq.RCVHWM, limits.guest_queue)
        self.socket.setsockopt(zmq.RECONNECT_IVL, limits.reconnect_ms)
        self.socket.connect(address)

    def ask(self, body: bytes, timeout_ms: int = 5_000) -> bytes:
        """Ask the node, and wait for its answer. Raises WireError: none runs, or it is silent."""
        number = self.post(body)
        until_ns = time.monotonic_ns() + timeout_ms * MS
        while (left_ms := (until_ns - time.monotonic_ns()) // MS) >= 0:
            answered, answer = self.take(min(left_ms, LOOK_MS))
            if answered == number:  # anything else answers a question that we gave up on
                return answer
            if not answered and not is_running(self.home):
                raise WireError(f"the node on {self.home} has stopped; its log may say why")
        raise WireError(f"the node on {self.home} did not answer within {timeout_ms / 1000:g} s")

    def post(self, body: bytes) -> int:
        """Ask without waiting; the number under which `take` gives the answer. Raises WireError."""
        if not is_running(self.home):
            raise WireError(f"no node runs on {self.home}: start one with meshkit node run")
        self.number += 1
        if not self.socket.poll(TAKE_MS, zmq.POLLOUT):
            raise WireError(f"the node on {self.home} takes no more questions")
        send(self.socket, REQUEST.pack(self.number) + body)
        return self.number

    def take(self, timeout_ms: int) -> tuple[int, bytes]:
        """The next answer, and which question it answers; (0, b"") if none comes in time."""
        if not self.socket.poll(timeout_ms):
            return 0, b""
        answer = self.socket.recv_multipart()[0]
        return REQUEST.unpack_from(answer)[0], answer[REQUEST.size :]

    def close(self) -> None:
        self.socket.close()
        self.context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
