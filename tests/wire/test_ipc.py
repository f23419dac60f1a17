"""The operator's socket: one node a home, its owner alone, a clear word when nobody is there."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zmq

from meshkit.wire import ipc
from meshkit.wire.ipc import HomeLock, OperatorClient, OperatorLane, address_of, is_running
from meshkit.wire.limits import Limits
from meshkit.wire.port import WireError

pytestmark = pytest.mark.real


@pytest.fixture
def home() -> Iterator[Path]:
    # A path of pytest's own would be too long for a socket on some systems.
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def lane(home: Path) -> Iterator[OperatorLane]:
    with HomeLock(home):
        opened = OperatorLane(home, Counter())
        yield opened
        opened.close()


class Answering(threading.Thread):
    """A node's loop, so far as operators see it: answers each request with itself, twice over."""

    def __init__(self, lane: OperatorLane, count: int, silent: int = 0) -> None:
        super().__init__()
        self.lane, self.left, self.silent = lane, count, silent

    def run(self) -> None:
        poller = zmq.Poller()
        self.lane.watch(poller)
        while self.left > 0 and poller.poll(10_000):
            for request in self.lane.receive():
                self.left -= 1
                if self.silent > 0:
                    self.silent -= 1
                else:
                    self.lane.answer(request.asker, request.body * 2)


def test_ask_and_answer(home: Path, lane: OperatorLane) -> None:
    node = Answering(lane, count=3)
    node.start()
    with OperatorClient(home) as one, OperatorClient(home) as two:
        assert one.ask(b"a", 10_000) == b"aa"
        assert two.ask(b"", 10_000) == b""
        assert one.ask(bytes(100_000), 10_000) == bytes(200_000)
    node.join()
    assert lane.counters == {"operators.heard": 3}


def test_a_late_answer_is_not_taken_for_the_next_one(home: Path, lane: OperatorLane) -> None:
    with OperatorClient(home) as client:
        with pytest.raises(WireError, match=r"did not answer within 0\.05 s"):
            client.ask(b"first", 50)
        poller = zmq.Poller()
        lane.watch(poller)
        assert poller.poll(10_000)
        [request] = lane.receive()
        lane.answer(request.asker, b"late")
        node = Answering(lane, count=1)
        node.start()
        assert client.ask(b"second", 10_000) == b"secondsecond"
        node.join()


def test_no_node_is_said_at_once(home: Path) -> None:
    with OperatorClient(home) as client, pytest.raises(WireError) as refusal:
        client.ask(b"anybody?")
    assert str(refusal.value) == f"no node runs on {home}: start one with meshkit node run"


def test_no_home_is_no_node(home: Path) -> None:
    with OperatorClient(home / "nowhere") as client, pytest.raises(WireError, match="no node runs"):
        client.ask(b"anybody?")


def test_a_node_that_does_not_answer_is_said_in_time(home: Path) -> None:
    with HomeLock(home), OperatorClient(home) as client:
        with pytest.raises(WireError) as refusal:
            client.ask(b"anybody?", 20)
        assert str(refusal.value) == f"the node on {home} did not answer within 0.02 s"


def test_a_node_that_stops_without_an_answer_is_said_at_once(home: Path) -> None:
    lock = HomeLock(home)

    class Watching(OperatorClient):
        def take(self, timeout_ms: int) -> tuple[int, bytes]:
            lock.close()  # the node dies while it is being waited for
            return super().take(0)

    with Watching(home) as client, pytest.raises(WireError, match="has stopped"):
        client.ask(b"anybody?", 60_000)


def test_requests_out_of_form_are_counted(home: Path, lane: OperatorLane) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(address_of(home))
    bad = [[b""], [b"123"], [b"1234", b"more"], [b"x"] * 30]
    for frames in bad:
        socket.send_multipart(frames)
    poller = zmq.Poller()
    lane.watch(poller)
    while lane.counters["operators.malformed"] < len(bad):
        assert poller.poll(10_000)
        assert lane.receive() == []
    socket.close()
    context.term()


def test_huge_requests_are_hung_up_on(home: Path) -> None:
    with HomeLock(home):
        lane = OperatorLane(home, Counter(), Limits(operator_bytes_max=1_000))
        with OperatorClient(home) as client, pytest.raises(WireError, match="did not answer"):
            client.ask(bytes(2_000), 100)
        assert lane.receive() == []
        lane.close()


def test_who_is_gone_is_not_waited_for(home: Path, lane: OperatorLane) -> None:
    assert not lane.answer(b"\0\0\0\1nobody", b"x")
    assert lane.counters == {"operators.unanswered": 1}


# -- one node a home -------------------------------------------------------------------------------


def test_a_second_node_is_refused(home: Path) -> None:
    with HomeLock(home):
        assert is_running(home)
        with pytest.raises(WireError) as refusal:
            HomeLock(home)
        assert str(refusal.value) == f"a node (process {os.getpid()}) runs on {home} already"
    assert not is_running(home)
    with HomeLock(home) as lock:
        lock.close()
        lock.close()


def test_to_ask_who_runs_does_not_keep_anybody_from_running(home: Path) -> None:
    with HomeLock(home):
        pass
    for _ in range(100):
        assert not is_running(home)
        with HomeLock(home):
            assert is_running(home)


KILLED = """
import sys
from collections import Counter
from pathlib import Path
from meshkit.wire.ipc import HomeLock, OperatorLane
home = Path(sys.argv[1])
lock, lane = HomeLock(home), OperatorLane(home, Counter())
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_node_leaves_behind_stops_nobody(home: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(WireError, match=f"process {process.pid}"):
            HomeLock(home)
        process.send_signal(signal.SIGKILL)
    assert (home / ipc.SOCKET_NAME).exists()
    assert (home / ipc.LOCK_NAME).exists()
    assert not is_running(home)
    with HomeLock(home):
        lane = OperatorLane(home, Counter())
        node = Answering(lane, count=1)
        node.start()
        with OperatorClient(home) as client:
            assert client.ask(b"a", 10_000) == b"aa"
        node.join()
        lane.close()


# -- homes that will not do ------------------------------------------------------------------------


def test_a_home_is_its_owners_alone(home: Path) -> None:
    for mode in (0o750, 0o701, 0o777):
        home.chmod(mode)
        for attempt in (lambda: HomeLock(home), lambda: OperatorLane(home, Counter())):
            with pytest.raises(WireError) as refusal:
                attempt()
            assert str(refusal.value) == f"{home} is open to others: chmod 700 {home}"
    home.chmod(0o700)


def test_the_socket_is_its_owners_alone(home: Path, lane: OperatorLane) -> None:
    for name in (ipc.SOCKET_NAME, ipc.LOCK_NAME):
        assert (home / name).stat().st_mode & 0o077 == 0


def test_no_socket_stays_behind(home: Path) -> None:
    """Whoever copies a home with Python's own `shutil.copytree` would stumble over it."""
    with HomeLock(home):
        opened = OperatorLane(home, Counter())
        assert Path(home / "operator.ipc").is_socket()
        opened.close()
    assert not (home / "operator.ipc").exists()


def test_what_is_no_home_is_said_in_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WireError, match="no such file or directory"):
        HomeLock(home / "nowhere")
    (home / "file").touch(0o600)
    with pytest.raises(WireError, match="is no folder"):
        HomeLock(home / "file")
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    with pytest.raises(WireError, match="belongs to another user"):
        HomeLock(home)


def test_a_lock_that_cannot_be_opened_is_said_in_one_line(home: Path) -> None:
    (home / ipc.LOCK_NAME).mkdir()
    with pytest.raises(WireError, match="is a directory"):
        HomeLock(home)
    assert not is_running(home)


def test_a_socket_that_cannot_be_bound_is_said_in_one_line(home: Path) -> None:
    (home / ipc.SOCKET_NAME).mkdir()
    with pytest.raises(WireError) as refusal:
        OperatorLane(home, Counter())
    assert str(refusal.value) == f"{home / ipc.SOCKET_NAME}: address already in use"


def test_a_path_too_long_for_a_socket_is_said_in_one_line(home: Path) -> None:
    deep = home / ("d" * 100)
    deep.mkdir(0o700)
    for attempt in (lambda: OperatorLane(deep, Counter()), lambda: OperatorClient(deep)):
        with pytest.raises(WireError, match="choose a shorter home"):
            attempt()


# -- several questions at once ---------------------------------------------------------------------


def test_several_questions_may_be_open_at_once(home: Path, lane: OperatorLane) -> None:
    node = Answering(lane, count=3)
    with OperatorClient(home) as client:
        numbers = {client.post(body): body for body in (b"a", b"b", b"c")}
        assert client.take(0) == (0, b"")
        node.start()
        answers = dict(client.take(10_000) for _ in numbers)
    node.join()
    assert answers == {number: body * 2 for number, body in numbers.items()}


def test_a_node_that_reads_nothing_is_asked_only_so_much(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc, "TAKE_MS", 10)
    with HomeLock(home), OperatorClient(home, Limits(guest_queue=3)) as client:
        for _ in range(3):
            client.post(b"x")
        with pytest.raises(WireError) as refusal:
            client.post(b"one more")
    assert str(refusal.value) == f"the node on {home} takes no more questions"
