"""The guard: what a connection may make us hold, and what happens to one that takes more."""

import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import zmq
from blake3 import blake3

from meshkit.wire.guard import Bounds, Connection, Guard, far_end, open_socket, received_bytes
from meshkit.wire.limits import KIB, MIB
from meshkit.wire.port import WireError
from tests.wire.hostile import COMMAND, GREETING, Hostile, framed, tcp
from tests.wire.meshes import QUICK, Net, net

pytestmark = pytest.mark.real

TIGHT = QUICK._replace(
    unread_bytes_max=2 * MIB, connections_max=8, sweep_ns=1_000_000, guests_max=3, queue=10
)


@pytest.fixture(scope="module")
def meshes() -> Iterator[Net]:
    with net(3, TIGHT) as built:
        yield built


def enter(meshes: Net, channel: str = "direct") -> Hostile:
    """Member 1 with a client of its own comes in at member 0's socket."""
    target, member = meshes.nodes[0], meshes.nodes[1]
    endpoint = getattr(target.peer, channel)
    kind = b"SUB" if channel == "events" else b"DEALER"
    hostile = Hostile(endpoint, target.transport.key, member.transport, kind=kind)
    hostile.hello()
    meshes.until(hostile.is_ready)
    return hostile


def refused(counters: Counter[str]) -> int:
    return counters["door.failed"] + counters["door.silent"]


def until_refused(meshes: Net, counters: Counter[str], before: int) -> None:
    meshes.until(lambda: refused(counters) > before)


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_message_that_never_ends_is_cut(meshes: Net) -> None:
    counters = meshes.nodes[0].mesh.counters
    before, mark = counters["cut.unread"], resident_bytes()
    with closing(enter(meshes)) as hostile:
        meshes.until(lambda: not hostile.pour(bytes(256 * KIB), 1))
    assert counters["cut.unread"] == before + 1
    assert resident_bytes() - mark < 64 * MIB


def test_messages_that_are_read_are_forgiven(meshes: Net) -> None:
    """Ten times the bound goes through one connection, because it is read as it comes."""
    target, member = meshes.nodes[0], meshes.nodes[1]
    before, count = target.mesh.counters["cut.unread"], 80
    for number in range(count):
        body = number.to_bytes(2, "big") + bytes(256 * KIB)
        meshes.send(member, target, body)
        meshes.until_heard(target, "direct", number + 1)
    assert target.mesh.counters["cut.unread"] == before
    target.heard.clear()


def test_a_second_frame_is_enough_to_be_cut(meshes: Net) -> None:
    target = meshes.nodes[0]
    before = target.mesh.counters["direct.malformed"]
    with closing(enter(meshes)) as hostile:
        hostile.say(b"\x01\x03one", more=True)
        hostile.say(b"two")
        meshes.until(hostile.is_shut)
    assert target.mesh.counters["direct.malformed"] == before + 1
    assert not target.heard


def test_too_many_connections_push_out_the_oldest_silent_one(meshes: Net) -> None:
    target = meshes.nodes[0]
    before = target.mesh.counters["cut.crowd"]
    post = target.mesh.sockets.guard.posts[target.mesh.inbox.listener.socket]
    with ExitStack() as idle:
        for _ in range(TIGHT.connections_max + 4):
            idle.enter_context(tcp(target.peer.direct))
        meshes.until(lambda: target.mesh.counters["cut.crowd"] >= before + 4)
        meshes.until(lambda: len(post.connections) <= TIGHT.connections_max)
    meshes.until(meshes.connected)
    meshes.insist(meshes.nodes[1], target, b"still here")
    target.heard.clear()


def test_half_open_connections_fail_in_the_end(meshes: Net) -> None:
    target = meshes.nodes[0]
    before = target.mesh.counters["door.failed"]
    with ExitStack() as idle:
        for _ in range(4):
            idle.enter_context(tcp(target.peer.blobs))
        meshes.until(lambda: target.mesh.counters["door.failed"] >= before + 4)


def test_garbage_is_counted(meshes: Net) -> None:
    target = meshes.nodes[0]
    counters = target.mesh.counters
    hello = GREETING + framed(COMMAND, b"\x05HELLO" + bytes(194))
    web, noise = b"GET / HTTP/1.1\r\n\r\n", blake3(b"noise").digest(4_096)
    for garbage in (bytes(100), web, noise, b"\xff" * 64, GREETING[:20], hello):
        before = refused(counters)
        with closing(tcp(target.peer.events)) as connection:
            connection.sendall(garbage)
            until_refused(meshes, counters, before)


def test_a_closed_connection_is_forgotten(meshes: Net) -> None:
    target = meshes.nodes[0]
    post = target.mesh.sockets.guard.posts[target.mesh.publisher.listener.socket]
    hostile = enter(meshes, "events")
    far = hostile.wire.getsockname()
    meshes.until(lambda: any(each.far == far for each in post.connections.values()))
    hostile.close()
    meshes.until(lambda: all(each.far != far for each in post.connections.values()))


# -- descriptors that are not what they were -------------------------------------------------------


@pytest.fixture
def guard() -> Iterator[Guard]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    watched = context.socket(zmq.ROUTER)
    guard = Guard(context, Counter(), lambda: 0)
    guard.watch(watched, Bounds(2, 100, 100, 1_000), listens=True)
    yield guard
    guard.leave(watched)
    watched.close()
    context.term()


def test_a_descriptor_of_something_else_is_left_alone(guard: Guard) -> None:
    (post,) = guard.posts.values()
    near, far = socket.socketpair()
    with near, far, open(os.devnull, "rb") as file:
        for descriptor in (near.fileno(), file.fileno(), -1, 10**6):
            post.connections[descriptor] = Connection(("10.0.0.1", 1), 0)
            guard.cut(post.connections, descriptor, "form")
            guard.cut(post.connections, descriptor, "form")
        near.send(b"still open")
        assert far.recv(20) == b"still open"
        guard.sweep()
    assert not post.connections
    assert guard.counters == {"cut.form": 4}


def test_a_sweep_forgets_what_is_no_connection_any_more(guard: Guard) -> None:
    (post,) = guard.posts.values()
    with open(os.devnull, "rb") as file:
        guard.opened(post, file.fileno())
        guard.opened(post, 10**6)
        assert len(post.connections) == 2
        guard.sweep()
    assert not post.connections


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
        server.accept()[0] as far,
    ):
        yield near, far


def test_the_kernel_counts_what_came(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    near.sendall(bytes(1_000))
    assert far.recv(1_000, socket.MSG_WAITALL) == bytes(1_000)
    assert received_bytes(far.fileno(), far_end(far.fileno())) == 1_000
    assert received_bytes(far.fileno(), ("10.0.0.1", 1)) is None


def test_elsewhere_bytes_are_not_known(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "plan9")
    assert received_bytes(pair[1].fileno(), far_end(pair[1].fileno())) == 0


def test_a_guest_may_send_only_so_much_in_all(
    guard: Guard, pair: tuple[socket.socket, socket.socket]
) -> None:
    (post,) = guard.posts.values()
    near, far = pair
    post.bounds = Bounds(2, 100, 10**6, 1_000)
    guard.opened(post, far.fileno())
    near.sendall(bytes(1_001))
    while received_bytes(far.fileno(), far_end(far.fileno())) != 1_001:
        pass
    guard.sweep()
    assert guard.counters == {"cut.spent": 1}
    assert near.recv(1) == b"", "it was shut down"


def test_monitors_speak_of_refused_accepts(guard: Guard) -> None:
    (post,) = guard.posts.values()
    guard.note(post, zmq.EVENT_ACCEPT_FAILED, 24)
    guard.note(post, zmq.EVENT_HANDSHAKE_SUCCEEDED, 0)
    assert guard.counters == {"door.full": 1}


def test_a_message_of_ours_has_no_descriptor(guard: Guard) -> None:
    (watched,) = guard.posts
    assert guard.read(watched, [zmq.Frame(b"x")]) == -1
    guard.expel(watched, -1)
    assert not guard.counters


def test_when_no_more_files_may_be_opened_it_is_said_in_one_line(guard: Guard) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.max_sockets = 1
    with closing(context.socket(zmq.PAIR)), pytest.raises(WireError, match="ulimit -n"):
        open_socket(context, zmq.PAIR)
    context.term()
    with pytest.raises(zmq.ZMQError):
        open_socket(guard.context, 99)
