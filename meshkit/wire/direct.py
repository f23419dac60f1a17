"""Direct: what a node says to one other.

Each node takes direct messages on one ROUTER and sends its own over one DEALER a peer, so between
two nodes there are two connections, each with one direction. That is one more than the least, and
it buys three things. The listening side never has to find a connection by a name that its peer
chose. A dialled connection is known good by the server key it demanded. And "not reachable" is an
answer at once, since a DEALER with IMMEDIATE has a queue only while it is connected.

Nothing comes back on a DEALER, so it is never read; the guard bounds what a peer sends there.
"""

from collections.abc import Callable
from contextlib import suppress

import zmq

from meshkit.wire.events import Allowed
from meshkit.wire.frames import Gone, Message, Missing, Repair, decode_direct, encode
from meshkit.wire.guard import Bounds, Socket
from meshkit.wire.port import Address
from meshkit.wire.sockets import (
    DIAL_CONNECTIONS_MAX,
    SUBSCRIBER_BYTES_MAX,
    WORK,
    Sockets,
    send,
    stands,
)
from meshkit.wire.zap import user_key

DirectFrame = Message | Missing | Repair | Gone


class Inbox:
    """The ROUTER that takes what members say to us alone."""

    def __init__(
        self,
        sockets: Sockets,
        endpoint: str,
        peer_of: Callable[[bytes], bytes | None],
        take: Callable[[bytes, DirectFrame], None],
    ) -> None:
        self.sockets, self.peer_of, self.take = sockets, peer_of, take
        self.limits, self.counters = sockets.limits, sockets.counters
        self.allowed: dict[bytes, Allowed] = {}
        bounds = Bounds(
            connections=self.limits.connections_max,
            frame_bytes=self.limits.frame_bytes_max,
            unread_bytes=self.limits.unread_bytes_max,
        )
        self.listener = sockets.listen(zmq.ROUTER, endpoint, "direct", bounds)
        sockets.add(self.listener.socket, WORK, self.drain)

    def drain(self) -> None:
        now_ns = self.sockets.clock()
        with suppress(zmq.Again):
            for _ in range(self.limits.drain_direct):
                route, *rest = self.listener.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(self.listener.socket, rest)
                peer = self.peer_of(user_key(route))
                if peer is None:
                    # The connection is older than its owner's removal.
                    self.counters["direct.stranger"] += 1
                    self.sockets.guard.expel(self.listener.socket, descriptor)
                    continue
                frame = decode_direct(rest[0].bytes) if len(rest) == 1 else None
                if frame is None:
                    self.counters["direct.malformed"] += 1
                    self.sockets.guard.expel(self.listener.socket, descriptor)
                elif self.allow(peer, len(rest[0]), now_ns):
                    self.take(peer, frame)
                else:
                    self.counters["direct.flood"] += 1
                    self.sockets.dropped[peer] += 1

    def allow(self, peer: bytes, length: int, now_ns: int) -> bool:
        if peer not in self.allowed:
            self.allowed[peer] = Allowed(self.limits)
        return self.allowed[peer].take(length, now_ns)

    def forget(self, peer: bytes) -> None:
        self.allowed.pop(peer, None)


class Outbox:
    """The DEALER to one peer."""

    def __init__(self, sockets: Sockets, peer: Address) -> None:
        self.sockets = sockets
        bounds = Bounds(
            connections=DIAL_CONNECTIONS_MAX,
            frame_bytes=SUBSCRIBER_BYTES_MAX,
            unread_bytes=sockets.limits.silent_bytes_max,
        )
        self.socket: Socket = sockets.dial(zmq.DEALER, peer.direct, peer.transport, bounds)

    def send(self, frame: DirectFrame) -> bool:
        return send(self.socket, encode(frame))

    def stands(self) -> bool:
        """Whether a message would leave now."""
        return stands(self.socket)
