"""The guard: every connection is measured, and cut when it takes more of us than it may.

Theory. A high-water mark bounds how many *finished* messages wait in a queue. It bounds no bytes,
and it does not see a message that never ends: libzmq stores its frames until the last one comes,
without limit (measured: one connection of ours took 400 MB that way past a mark of 10 messages of
1 MiB). Neither does it bound how many connections there are. So the guard keeps its own books.
libzmq's monitors tell of every connection that opens and closes, by file descriptor; the kernel
tells how many bytes arrived on it (`TCP_INFO`, tcpi_bytes_received); each message read tells which
descriptor it came from. The difference is what a peer made us hold, to the byte, since the
overhead of frames is fixed. Over the bound, or over the number of connections that a socket may
have, the connection is shut down. An honest peer connects again; a hostile one soon finds its
handshakes over the allowance at the door.

Where the kernel has no such count (only Linux is known to), numbers of connections are bounded
still, bytes are not.

A descriptor is only ever measured or shut down while its far end is the one that was seen when it
opened: should the number have been given to another file meanwhile, that one is left alone.
"""

import errno
import os
import resource
import socket
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from struct import Struct
from typing import Any, NamedTuple

import zmq

from meshkit.wire.frames import wire_bytes
from meshkit.wire.limits import KIB, S
from meshkit.wire.port import Clock, WireError

Socket = zmq.Socket[bytes]
Message = list[zmq.Frame]

MONITOR_EVENT = Struct("=Hi")  # zmq_socket_monitor(3): event number, value
OPENED = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED
CLOSED = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
WATCHED = OPENED | CLOSED | FAILED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED

TCP_INFO_BYTES = 256  # more than the structure has in any kernel so far
BYTES_RECEIVED = Struct("=Q")
BYTES_RECEIVED_AT = 128  # linux/tcp.h: tcpi_bytes_received, since Linux 4.1

HANDSHAKE_BYTES = 16 * KIB  # greeting, four commands and some pings; measured: 1.1 KB
PINGS_BYTES_PER_S = 512  # a heartbeat and its answer every 2 s are under 100 bytes; times five


class Bounds(NamedTuple):
    """What the connections of one socket may take of us."""

    connections: int
    frame_bytes: int
    unread_bytes: int  # of each
    total_bytes: int | None = None  # of each, in its whole life
    queue_in: int | None = None  # messages of each that wait; None: what holds for all sockets
    queue_out: int | None = None


class Connection:
    """One TCP connection: `far` is its other end, `read` the bytes that became messages."""

    __slots__ = ("born_ns", "far", "is_cut", "read")

    def __init__(self, far: Any, born_ns: int) -> None:
        self.far, self.born_ns, self.read, self.is_cut = far, born_ns, 0, False


class Post:
    """One watched socket: its monitor, its bounds, its connections in the order they opened."""

    def __init__(self, monitor: Socket, bounds: Bounds, listens: bool) -> None:
        self.monitor, self.bounds, self.listens = monitor, bounds, listens
        self.connections: dict[int, Connection] = {}
        self.failing = 0  # connections known to have failed, whose end is announced next


def open_socket(context: zmq.Context[Socket], kind: int) -> Socket:
    """A new socket. Raises WireError if the process may not open any more files."""
    try:
        return context.socket(kind)
    except zmq.ZMQError as error:
        if error.errno != errno.EMFILE:
            raise
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        raise WireError(
            f"no more files may be opened: a node needs some 12 a peer, the limit is {limit} "
            "(ulimit -n)"
        ) from None


class Guard:
    """Keeps the books of all sockets of one context."""

    def __init__(self, context: zmq.Context[Socket], counters: Counter[str], clock: Clock) -> None:
        self.context, self.counters, self.clock = context, counters, clock
        self.posts: dict[Socket, Post] = {}
        self.serial = 0

    def watch(self, watched: Socket, bounds: Bounds, *, listens: bool) -> Socket:
        """Start to keep books on `watched`; returns the monitor, to be polled and then `heed`ed."""
        self.serial += 1
        name = f"inproc://monitor.{self.serial}"
        watched.monitor(name, WATCHED)
        monitor = open_socket(self.context, zmq.PAIR)
        # The I/O thread blocks on a monitor that is full while it holds a lock that bind and
        # close need. So it may never be full: events are some 100 bytes each, and drained first.
        monitor.rcvhwm = 0
        monitor.linger = 0
        monitor.connect(name)
        self.posts[watched] = Post(monitor, bounds, listens)
        return monitor

    def leave(self, watched: Socket) -> Socket:
        """Stop to keep books on `watched`; returns its monitor, closed."""
        monitor = self.posts.pop(watched).monitor
        watched.disable_monitor()
        monitor.close()
        return monitor

    def reset(self, watched: Socket) -> None:
        """All of its connections are gone, without a word from libzmq."""
        self.posts[watched].connections.clear()

    def heed(self, watched: Socket) -> None:
        """Take in what the monitor says. To be done before messages are read from `watched`."""
        post = self.posts[watched]
        with suppress(zmq.Again):
            while True:
                head, *_ = post.monitor.recv_multipart(zmq.NOBLOCK)
                event, value = MONITOR_EVENT.unpack_from(head)
                self.note(post, event, value)

    def note(self, post: Post, event: int, value: int) -> None:
        if event & OPENED:
            self.opened(post, value)
        elif event & CLOSED:
            self.closed(post, post.connections.pop(value, None))
        elif event & FAILED and post.listens:
            self.counters["door.failed"] += 1
            post.failing += 1
        elif event == zmq.EVENT_ACCEPT_FAILED:
            self.counters["door.full"] += 1

    def opened(self, post: Post, descriptor: int) -> None:
        post.connections.pop(descriptor, None)  # lest the new one take the old one's place in line
        post.connections[descriptor] = Connection(far_end(descriptor), self.clock())
        if len(post.connections) <= post.bounds.connections:
            return
        held = [each for each, connection in post.connections.items() if not connection.is_cut]
        if len(held) > post.bounds.connections:
            silent = (each for each in held if not post.connections[each].read)
            self.cut(post.connections, next(silent, held[0]), "crowd")

    def closed(self, post: Post, connection: Connection | None) -> None:
        """A connection has ended. Some garbage libzmq does not call a failure, it just ends."""
        if post.failing:
            post.failing -= 1
        elif post.listens and connection and not connection.read and not connection.is_cut:
            self.counters["door.silent"] += 1

    def read(self, watched: Socket, message: Message) -> int:
        """Book a message as read; returns the descriptor it came from, -1 if unknown."""
        try:
            descriptor = int(message[-1].get(zmq.SRCFD))
        except zmq.ZMQError:
            return -1
        connection = self.posts[watched].connections.get(descriptor)
        if connection is not None:
            connection.read += sum(wire_bytes(len(frame)) for frame in message)
        return descriptor

    def expel(self, watched: Socket, descriptor: int) -> None:
        """Cut the connection that broke the form of messages."""
        if descriptor in self.posts[watched].connections:
            self.cut(self.posts[watched].connections, descriptor, "form")

    def cut(self, connections: dict[int, Connection], descriptor: int, why: str) -> None:
        """Shut a connection down, once; its end will be announced."""
        connection = connections[descriptor]
        if connection.is_cut:
            return
        connection.is_cut = True
        self.counters[f"cut.{why}"] += 1
        with suppress(OSError), borrowed(descriptor) as probe:
            if probe.getpeername() == connection.far:
                probe.shutdown(socket.SHUT_RDWR)

    def sweep(self) -> None:
        """Measure every connection, and cut those over their bounds."""
        now_ns = self.clock()
        for post in self.posts.values():
            for descriptor, connection in list(post.connections.items()):
                self.measure(post, descriptor, connection, now_ns)

    def measure(self, post: Post, descriptor: int, connection: Connection, now_ns: int) -> None:
        received = received_bytes(descriptor, connection.far)
        if received is None:
            del post.connections[descriptor]
            return
        overhead = HANDSHAKE_BYTES + (now_ns - connection.born_ns) * PINGS_BYTES_PER_S // S
        unread = received - connection.read - overhead
        if unread > post.bounds.unread_bytes:
            self.cut(post.connections, descriptor, "unread")
        elif post.bounds.total_bytes is not None and received > post.bounds.total_bytes:
            self.cut(post.connections, descriptor, "spent")


@contextmanager
def borrowed(descriptor: int) -> Generator[socket.socket, None, None]:
    """A socket of libzmq's, given back open. Raises OSError if the descriptor is no socket."""
    if descriptor < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    probe = socket.socket(fileno=descriptor)
    try:
        yield probe
    finally:
        probe.detach()


def far_end(descriptor: int) -> Any:
    """The other end of a connection; None if the descriptor is none any more."""
    with suppress(OSError), borrowed(descriptor) as probe:
        return probe.getpeername()
    return None


def received_bytes(descriptor: int, far: Any) -> int | None:
    """What the kernel received on a connection; None if it is not the one to `far` any more."""
    with suppress(OSError), borrowed(descriptor) as probe:
        if probe.getpeername() != far:
            return None
        if sys.platform != "linux":
            return 0  # not known; see above
        info = probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        return int(BYTES_RECEIVED.unpack_from(info, BYTES_RECEIVED_AT)[0])
    return None
