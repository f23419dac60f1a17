"""Opening, recycling and closing: errors of ours in one line, ports freed, nothing left behind."""

import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator
from typing import cast

import pytest
import zmq

from meshkit.wire.guard import Bounds, Connection, Socket
from meshkit.wire.keys import Transport
from meshkit.wire.limits import Limits
from meshkit.wire.port import WireError
from meshkit.wire.sockets import WORK, Listener, Sockets, bind, send, stands
from tests.wire.meshes import ANY

pytestmark = pytest.mark.real

BOUNDS = Bounds(10, 100, 1_000)


class Hand:
    """A clock that is set by hand."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    opened = Sockets(Transport(bytes([7]) * 32), Limits(), Counter(), Hand())
    yield opened
    opened.close()


def listen(sockets: Sockets, endpoint: str = ANY) -> Listener:
    return sockets.listen(zmq.ROUTER, endpoint, "direct", BOUNDS)


def test_any_free_port_is_told(sockets: Sockets) -> None:
    endpoint = listen(sockets).endpoint
    assert endpoint.startswith("tcp://127.0.0.1:")
    assert int(endpoint.rsplit(":", 1)[1]) > 0


def test_a_taken_port_is_said_in_one_line(sockets: Sockets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(WireError) as refusal:
            listen(sockets, endpoint)
    assert str(refusal.value) == (
        f"direct: {endpoint} is taken: stop what uses it, or choose another port"
    )
    assert not sockets.guard.posts


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("tcp://192.0.2.1:5555", "is no address of this machine"),
        ("tcp://no-such-card:5555", "is no address of this machine"),
    ],
)
def test_a_bad_address_is_said_in_one_line(sockets: Sockets, endpoint: str, why: str) -> None:
    with pytest.raises(WireError) as refusal:
        listen(sockets, endpoint)
    assert str(refusal.value) == f"direct: {endpoint} {why}"


@pytest.mark.parametrize(
    "endpoint",
    ["", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "ipc:///tmp/x", "carrier-pigeon://loft"],
)
def test_what_is_no_address_is_said_too(sockets: Sockets, endpoint: str) -> None:
    with pytest.raises(WireError) as refusal:
        listen(sockets, endpoint)
    assert str(refusal.value) == f"direct: {endpoint!r} is no address: say tcp://HOST:PORT"


class Forbidden:
    """A socket that the system does not let bind: root may do anything, and tests may be root."""

    def bind(self, endpoint: str) -> None:
        raise zmq.ZMQError(errno.EACCES)


def test_what_the_system_says_is_passed_on() -> None:
    with pytest.raises(WireError) as refusal:
        bind(cast("Socket", Forbidden()), "join", "tcp://*:80")
    assert str(refusal.value) == "join: tcp://*:80 cannot be bound: permission denied"


def test_recycling_keeps_the_port(sockets: Sockets) -> None:
    listener = listen(sockets)
    for count in range(1, 6):
        sockets.recycle(listener)
        while sockets.unbound:
            sockets.rebind()
        assert sockets.counters["door.recycled"] == count
    with pytest.raises(WireError):
        listen(sockets, listener.endpoint)


SHARED = (zmq.MECHANISM, zmq.CURVE_SERVER, zmq.ZAP_DOMAIN, zmq.MAXMSGSIZE, zmq.RCVHWM)


def test_another_socket_takes_the_place_of_one(sockets: Sockets) -> None:
    first = sockets.listen(zmq.XPUB, ANY, "events", BOUNDS)
    sockets.add(first.socket, WORK, lambda: None)
    drain, options = sockets.drains[first.socket], [first.socket.get(each) for each in SHARED]
    sockets.guard.posts[first.socket].connections[10**6] = Connection(None, 0)
    second = sockets.replace(first)
    while sockets.unbound:
        sockets.rebind()
    assert first.socket.closed
    assert (second.endpoint, second.domain) == (first.endpoint, first.domain)
    assert [second.socket.get(each) for each in SHARED] == options
    assert sockets.drains[second.socket] == drain
    ((watched, post),) = sockets.guard.posts.items()
    assert (watched, post.bounds, post.connections) == (second.socket, BOUNDS, {})
    assert len(sockets.drains) == len(sockets.own.sockets) == 2, "the socket and its monitor"
    assert sockets.counters == {"door.recycled": 1}


def test_a_port_that_is_not_free_yet_is_tried_again(sockets: Sockets) -> None:
    listener = listen(sockets)
    host, port = listener.endpoint.removeprefix("tcp://").split(":")
    listener.socket.unbind(listener.endpoint)
    sockets.unbound[listener.endpoint] = listener.socket
    while True:
        try:
            squatter = socket.create_server((host, int(port)))
        except OSError:  # the I/O thread has not let go of it yet
            continue
        break
    with squatter:
        sockets.turn()
        assert sockets.unbound
        assert sockets.deadline_ns() < sockets.limits.sweep_ns
        sockets.recycle(listener)  # who is not bound is not unbound again
        assert sockets.replace(listener) is listener
        assert sockets.unbound == {listener.endpoint: listener.socket}
        assert not sockets.counters["door.recycled"]
    while sockets.unbound:
        sockets.turn()
    assert sockets.deadline_ns() == sockets.sweep_at_ns


def test_every_poller_is_kept_told(sockets: Sockets) -> None:
    early, late = zmq.Poller(), zmq.Poller()
    sockets.watch(early)
    listener = listen(sockets)
    sockets.add(listener.socket, WORK, lambda: None)
    sockets.watch(late)
    dialled = sockets.dial(zmq.DEALER, listener.endpoint, bytes(32), BOUNDS)
    sockets.add(dialled, WORK, lambda: None)
    for poller in (early, late):
        assert len(poller.sockets) == 4, "two sockets and their monitors"
    sockets.hang_up(dialled)
    for poller in (early, late):
        assert len(poller.sockets) == 2


def test_what_was_closed_in_this_turn_is_not_read(sockets: Sockets) -> None:
    pairs = [(sockets.context.socket(zmq.PAIR), sockets.context.socket(zmq.PAIR)) for _ in "ab"]
    read: list[int] = []

    def drain(number: int) -> None:
        read.append(number)
        sockets.remove(pairs[1 - number][0])

    for number, (inner, outer) in enumerate(pairs):
        inner.bind(f"inproc://{number}")
        outer.connect(f"inproc://{number}")
        outer.send(b"x")
    sockets.add(pairs[0][0], WORK, lambda: drain(0))
    sockets.add(pairs[1][0], WORK, lambda: drain(1))
    sockets.turn()
    assert len(read) == 1
    for pair in pairs:
        for each in pair:
            each.close(0)


def test_a_message_waits_for_nobody_who_is_not_there(sockets: Sockets) -> None:
    listener = listen(sockets)
    dialled = sockets.dial(zmq.DEALER, listener.endpoint, bytes(32), BOUNDS)
    assert not stands(dialled)
    assert not send(dialled, b"x")
    assert not send(listener.socket, b"nobody", b"x")


def test_other_errors_are_ours(sockets: Sockets) -> None:
    closed = sockets.context.socket(zmq.DEALER)
    closed.close()
    with pytest.raises(zmq.ZMQError):
        send(closed, b"x")


def test_closing_leaves_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        opened = Sockets(Transport(bytes([7]) * 32), Limits(), Counter(), Hand())
        listener = listen(opened)
        opened.dial(zmq.SUB, listener.endpoint, bytes(32), BOUNDS)
        opened.close()
    assert len(os.listdir("/proc/self/fd")) == before
