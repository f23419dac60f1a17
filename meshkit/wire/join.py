"""The join endpoint: where somebody who is no member yet brings a ticket and asks what happened.

Anybody with any CURVE key gets in, so everything is small and counted: one frame of a few KiB, a
pace for each key and one for all of them together (keys cost nothing), few connections with a
bound on what each may send in its life, and few questions waiting for the shell's answer. What the
frames say is the business of those above.

`JoinLane` is the member's side, `Guest` the newcomer's.
"""

import time
from contextlib import suppress
from struct import Struct
from typing import Self

import zmq

from meshkit.ledger.forms import is_endpoint
from meshkit.wire import frames
from meshkit.wire.allowance import Allowance, Allowances
from meshkit.wire.guard import Bounds, Socket
from meshkit.wire.keys import Transport
from meshkit.wire.limits import MS, Limits
from meshkit.wire.port import Visit, WireError
from meshkit.wire.sockets import FRAME_OVERHEAD_BYTES, WORK, Sockets, send
from meshkit.wire.zap import JOIN, user_key

PLACE = Struct(">I")  # a visit's number, before its return address


class JoinLane:
    """The ROUTER for guests."""

    def __init__(self, sockets: Sockets, endpoint: str) -> None:
        self.sockets, self.limits, self.counters = sockets, sockets.limits, sockets.counters
        self.paces = Allowances(self.limits.visits_per_s, self.limits.visits_burst)
        self.pace = Allowance(self.limits.all_visits_per_s, self.limits.all_visits_burst)
        self.waiting: list[Visit] = []
        bounds = Bounds(
            connections=self.limits.guests_max,
            frame_bytes=self.limits.guest_bytes_max,
            unread_bytes=self.limits.silent_bytes_max,
            total_bytes=self.limits.guest_total_bytes,
            queue_in=self.limits.guest_queue,
            queue_out=self.limits.guest_answers,
        )
        self.listener = sockets.listen(zmq.ROUTER, endpoint, JOIN, bounds)
        sockets.add(self.listener.socket, WORK, self.drain)

    def drain(self) -> None:
        now_ns = self.sockets.clock()
        with suppress(zmq.Again):
            for _ in range(self.limits.drain):
                route, *rest = self.listener.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(self.listener.socket, rest)
                guest = frames.decode_join(rest[0].bytes) if len(rest) == 1 else None
                key = user_key(route)
                if guest is None:
                    self.counters["join.malformed"] += 1
                    self.sockets.guard.expel(self.listener.socket, descriptor)
                elif not (self.paces.take(key, 1, now_ns) and self.pace.take(1, now_ns)):
                    self.counters["join.flood"] += 1
                elif len(self.waiting) >= self.limits.visits:
                    self.counters["join.full"] += 1
                else:
                    self.counters["join.heard"] += 1
                    place = PLACE.pack(guest.number) + route.bytes
                    self.waiting.append(Visit(place, key, guest.body))

    def visits(self) -> list[Visit]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def answer(self, guest: bytes, body: bytes) -> bool:
        """Answer a visit; False if the guest is gone or does not read."""
        (number,), route = PLACE.unpack_from(guest), guest[PLACE.size :]
        sent = send(self.listener.socket, route, frames.encode(frames.Guest(number, body)))
        if not sent:
            self.counters["join.unanswered"] += 1
        return sent


class Guest:
    """A newcomer's connection to one member's join endpoint; a context manager.

    It waits, so it is for a process that has nothing else to do yet. It demands the member's CURVE
    key, which the ticket or the genesis names, so nobody else can answer.
    """

    def __init__(
        self, transport: Transport, endpoint: str, server: bytes, limits: Limits | None = None
    ) -> None:
        if not is_endpoint(endpoint):
            raise WireError(f"{endpoint!r} is no address: say tcp://HOST:PORT")
        limits = limits or Limits()
        self.endpoint, self.number = endpoint, 0
        self.context: zmq.Context[Socket] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        options: dict[int, int | bytes] = {
            zmq.LINGER: 0,
            zmq.MAXMSGSIZE: limits.frame_bytes_max + FRAME_OVERHEAD_BYTES,
            zmq.RCVHWM: limits.guest_queue,
            zmq.SNDHWM: limits.guest_queue,
            zmq.RECONNECT_IVL: limits.reconnect_ms,
            zmq.HANDSHAKE_IVL: limits.handshake_ms,
            zmq.IPV6: int(limits.ipv6),
            zmq.CURVE_PUBLICKEY: transport.key,
            zmq.CURVE_SECRETKEY: transport.secret,
            zmq.CURVE_SERVERKEY: server,
        }
        for option, value in options.items():
            self.socket.setsockopt(option, value)
        self.socket.connect(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, body: bytes, timeout_ms: int) -> bytes:
        """Ask, and wait for the first answer. Raises WireError if none comes in time."""
        self.number += 1
        # Should the queue be full, nobody has read for long, and `more` will say so.
        send(self.socket, frames.encode(frames.Guest(self.number, body)))
        return self.more(timeout_ms)

    def more(self, timeout_ms: int) -> bytes:
        """Wait for the next answer to what was asked last."""
        until_ns = time.monotonic_ns() + timeout_ms * MS
        while (left_ms := (until_ns - time.monotonic_ns()) // MS) >= 0:
            if self.socket.poll(left_ms):
                answer = self.take()
                if answer is not None:
                    return answer
        raise WireError(f"{self.endpoint} did not answer within {timeout_ms / 1000:g} s")

    def take(self) -> bytes | None:
        """The answer just arrived; None if it is in no form, or belongs to an earlier question."""
        received = self.socket.recv_multipart()
        found = frames.decode_join(received[0]) if len(received) == 1 else None
        return found.body if found is not None and found.number == self.number else None

    def close(self) -> None:
        self.socket.close()
        self.context.term()
