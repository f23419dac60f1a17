"""Sockets: opened with every bound set, watched by the guard, polled by one loop, closed once.

A socket that takes connections is a CURVE server whose handshakes the door (`meshkit.wire.zap`)
answers; one that makes them is a CURVE client that accepts one server key only. All of them live
in one context with one I/O thread of libzmq, where encryption happens; everything else happens in
the thread that calls `turn`.
"""

import errno
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple

import zmq

from meshkit.wire.guard import Bounds, Guard, Socket, open_socket
from meshkit.wire.keys import Transport
from meshkit.wire.limits import Limits
from meshkit.wire.port import Clock, Poller, Ready, WireError, is_binding

KEEPALIVE_IDLE_S = 60  # then a probe every 10 s, three times: a guess; heartbeats come first
KEEPALIVE_INTERVAL_S = 10  # see above
KEEPALIVE_PROBES = 3  # see above
SUBSCRIBER_BYTES_MAX = 1_024  # to a publisher come handshakes (under 600) and subscriptions only
FRAME_OVERHEAD_BYTES = 128  # our header (46 at most) and CURVE's 33, which libzmq counts too
DIAL_CONNECTIONS_MAX = 2  # of a socket that makes one: the next may come before the last is gone
REBIND_NS = 5_000_000  # between tries to bind a port anew; measured: the first one mostly works
SOCKETS_MAX = 4_096  # libzmq's own default of 1,023 would end at about 150 peers

# In one turn: what the monitors say, then who may come in, then what is said.
MONITORS, DOOR, WORK = range(3)

Drain = Callable[[], None]

by_rank = itemgetter(0)


class Listener(NamedTuple):
    """A socket that takes connections, where, and under which name at the door."""

    socket: Socket
    endpoint: str
    domain: str


class Sockets:
    """All sockets of one mesh connection."""

    def __init__(
        self, transport: Transport, limits: Limits, counters: Counter[str], clock: Clock
    ) -> None:
        self.transport, self.limits, self.counters, self.clock = transport, limits, counters, clock
        self.context: zmq.Context[Socket] = zmq.Context()
        self.context.max_sockets = SOCKETS_MAX
        self.dropped: Counter[bytes] = Counter()  # messages beyond a member's allowance
        self.guard = Guard(self.context, counters, clock)
        self.drains: dict[Socket, tuple[int, Drain]] = {}
        self.unbound: dict[str, Socket] = {}  # by endpoint: to be bound there once it is free
        self.own = zmq.Poller()
        self.pollers: list[Poller] = [self.own]
        self.sweep_at_ns = 0

    # -- opening and closing

    def make(self, kind: int, bounds: Bounds) -> Socket:
        """A socket of `kind` with every option set that all of ours share."""
        limits, socket = self.limits, open_socket(self.context, kind)
        options: dict[int, int | bytes] = {
            zmq.LINGER: limits.linger_ms,
            zmq.MAXMSGSIZE: bounds.frame_bytes + FRAME_OVERHEAD_BYTES,
            zmq.SNDHWM: bounds.queue_out or limits.queue,
            zmq.RCVHWM: bounds.queue_in or limits.queue,
            zmq.HANDSHAKE_IVL: limits.handshake_ms,
            zmq.HEARTBEAT_IVL: limits.heartbeat_ms,
            zmq.HEARTBEAT_TIMEOUT: limits.heartbeat_timeout_ms,
            zmq.HEARTBEAT_TTL: limits.heartbeat_timeout_ms,
            zmq.RECONNECT_IVL: limits.reconnect_ms,
            zmq.RECONNECT_IVL_MAX: limits.reconnect_ms_max,
            zmq.CONNECT_TIMEOUT: limits.connect_ms,
            zmq.BACKLOG: limits.backlog,
            zmq.TCP_KEEPALIVE: 1,
            zmq.TCP_KEEPALIVE_IDLE: KEEPALIVE_IDLE_S,
            zmq.TCP_KEEPALIVE_INTVL: KEEPALIVE_INTERVAL_S,
            zmq.TCP_KEEPALIVE_CNT: KEEPALIVE_PROBES,
            zmq.IPV6: int(limits.ipv6),
            zmq.CURVE_PUBLICKEY: self.transport.key,
            zmq.CURVE_SECRETKEY: self.transport.secret,
        }
        if kind == zmq.ROUTER:
            # An answer to somebody who is gone or does not read is an error we count, not a
            # message that vanishes.
            options[zmq.ROUTER_MANDATORY] = 1
        if kind == zmq.XPUB:
            options[zmq.XPUB_VERBOSE] = 1  # tell of each subscriber, not only of the first
        for option, value in options.items():
            socket.setsockopt(option, value)
        return socket

    def listen(self, kind: int, endpoint: str, domain: str, bounds: Bounds) -> Listener:
        """Take connections at `endpoint`; port 0 is any free one. Raises WireError."""
        socket = self.serve(kind, domain, bounds)
        try:
            bind(socket, domain, endpoint)
        except WireError:
            self.hang_up(socket)
            raise
        bound = socket.get(zmq.LAST_ENDPOINT)
        assert isinstance(bound, bytes)  # zmq_getsockopt(3)
        return Listener(socket, bound.decode(), domain)

    def serve(self, kind: int, domain: str, bounds: Bounds) -> Socket:
        """A socket that takes connections as soon as it is bound."""
        socket = self.make(kind, bounds)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.ZAP_DOMAIN, domain.encode())
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        # Watched before it is bound, lest the first connections go unseen.
        monitor = self.guard.watch(socket, bounds, listens=True)
        self.add(monitor, MONITORS, lambda: self.guard.heed(socket))
        return socket

    def dial(self, kind: int, endpoint: str, server: bytes, bounds: Bounds) -> Socket:
        """Connect to `endpoint`, whoever there holds the key `server`. Never waits."""
        socket = self.make(kind, bounds)
        socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        # A message waits for nobody who is not there: an old vote is worth less than a lost one.
        socket.setsockopt(zmq.IMMEDIATE, 1)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        monitor = self.guard.watch(socket, bounds, listens=False)
        socket.connect(endpoint)
        self.add(monitor, MONITORS, lambda: self.guard.heed(socket))
        return socket

    def hang_up(self, socket: Socket, linger_ms: int = 0) -> None:
        """Close a socket for good."""
        self.remove(self.guard.leave(socket))
        if socket in self.drains:
            self.remove(socket)
        socket.close(linger_ms)

    def recycle(self, listener: Listener) -> None:
        """Close every connection that `listener` has taken, and take new ones.

        libzmq cannot close one connection, but those of a listener end with it, a moment later, in
        the I/O thread. Until then they carry what comes in, and what is sent. Peers that may come
        back do so by themselves, through the door.
        """
        if listener.endpoint in self.unbound:
            return  # nobody can have come in since
        self.counters["door.recycled"] += 1
        listener.socket.unbind(listener.endpoint)
        self.guard.heed(listener.socket)
        self.guard.reset(listener.socket)
        self.unbound[listener.endpoint] = listener.socket
        self.rebind()

    def replace(self, listener: Listener) -> Listener:
        """As `recycle`, with another socket, so that what is sent from now on goes to nobody who
        was connected, however late the I/O thread ends those connections.

        What was sent before has `linger_ms` to leave; what came in and was not read is gone.
        """
        if listener.endpoint in self.unbound:
            return listener  # nobody can have come in since
        self.counters["door.recycled"] += 1
        old, endpoint, domain = listener
        socket = self.serve(int(old.get(zmq.TYPE)), domain, self.guard.posts[old].bounds)
        self.add(socket, *self.drains[old])
        old.unbind(endpoint)
        self.hang_up(old, self.limits.linger_ms)
        self.unbound[endpoint] = socket
        self.rebind()
        return Listener(socket, endpoint, domain)

    def rebind(self) -> None:
        """Listeners whose port the I/O thread had not freed yet try again, turn by turn."""
        for endpoint, socket in list(self.unbound.items()):
            with suppress(zmq.ZMQError):
                socket.bind(endpoint)
                del self.unbound[endpoint]

    def close(self) -> None:
        for socket in list(self.guard.posts):
            self.hang_up(socket, self.limits.linger_ms)
        for socket in list(self.drains):
            self.remove(socket)
            socket.close(0)
        self.context.term()

    # -- polling

    def watch(self, poller: Poller) -> None:
        self.pollers.append(poller)
        for socket in self.drains:
            poller.register(socket, zmq.POLLIN)

    def add(self, socket: Socket, rank: int, drain: Drain) -> None:
        """From now on call `drain` in each turn in which `socket` has something to read."""
        self.drains[socket] = (rank, drain)
        for poller in self.pollers:
            poller.register(socket, zmq.POLLIN)

    def remove(self, socket: Socket) -> None:
        del self.drains[socket]
        for poller in self.pollers:
            poller.unregister(socket)

    def deadline_ns(self) -> int:
        """When there is something to do here, though nothing has come."""
        return self.clock() + REBIND_NS if self.unbound else self.sweep_at_ns

    def turn(self, ready: Ready | None = None) -> None:
        """Read what is ready, each socket up to its own bound; by default, look what that is."""
        if self.unbound:
            self.rebind()
        found = self.own.poll(0) if ready is None else ready
        ours = [(*self.drains[socket], socket) for socket, _ in found if socket in self.drains]
        for _, drain, socket in sorted(ours, key=by_rank):
            if socket in self.drains:  # an earlier one in this turn may have closed it
                drain()
        if self.clock() >= self.sweep_at_ns:
            self.sweep_at_ns = self.clock() + self.limits.sweep_ns
            self.guard.sweep()


def bind(socket: Socket, what: str, endpoint: str) -> None:
    """Bind `socket`, or say in one line why that cannot be."""
    if not is_binding(endpoint):
        raise WireError(f"{what}: {endpoint!r} is no address: say tcp://HOST:PORT")
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        match error.errno:
            case zmq.EADDRINUSE:
                why = "is taken: stop what uses it, or choose another port"
            case zmq.EADDRNOTAVAIL | errno.ENODEV:
                why = "is no address of this machine"
            case number:
                why = f"cannot be bound: {zmq.strerror(number or 0).lower()}"
        raise WireError(f"{what}: {endpoint} {why}") from None


def send(socket: Socket, *frames: bytes) -> bool:
    """Hand frames to a socket, if it takes them now and there is somebody to take them."""
    try:
        socket.send_multipart(frames, zmq.NOBLOCK)
    except zmq.ZMQError as error:
        if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            raise
        return False
    return True


def stands(socket: Socket) -> bool:
    """Whether a message would leave now: there is a connection, and its queue is not full."""
    return bool(int(socket.get(zmq.EVENTS)) & zmq.POLLOUT)
