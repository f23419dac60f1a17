"""Who knocks at a node's ports and means no good: strangers, guests, a faithless member.

None of them waits for an answer. What they open is closed when the test is done with them.
"""

import os
import random
import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

import zmq

from meshkit.codec import JOURNALED, Envelope
from meshkit.core.history import Head
from meshkit.runtime.home import Home
from meshkit.wire.envelope import seal
from meshkit.wire.keys import Transport
from meshkit.wire.zeromq import Bindings, ZeroMesh

MIB = 2**20
CONNECT_MS = 3_000  # for a handshake with a busy node
GREETING = b"\xff" + bytes(8) + b"\x7f"  # ZMTP 3.1 (RFC 37): signature
CURVE = GREETING + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
NULL = GREETING + b"\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
HUGE_FRAME = b"\x02" + (2**62).to_bytes(8, "big")  # flags: long, and its length
HUGE_COMMAND = b"\x06" + (2**40).to_bytes(8, "big")
CLASSIC_HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

OPENINGS = (CURVE, NULL, GREETING, CURVE + HUGE_FRAME, NULL + HUGE_FRAME, CURVE + HUGE_COMMAND)


def host_and_port(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def ports(home: Path) -> list[tuple[str, int]]:
    """The node's four: events, direct, blobs, join."""
    card = Home.open(home).card
    return [host_and_port(each) for each in (card.events, card.direct, card.blobs, card.join)]


def throw(where: tuple[str, int], data: bytes) -> None:
    """Connect, say these bytes, go."""
    with suppress(OSError), socket.create_connection(where, timeout=10) as line:
        line.sendall(data)


def throw_garbage(where: tuple[str, int], dice: random.Random, count: int) -> None:
    """Random bytes, alone and behind each beginning that ZeroMQ takes for its own."""
    for number in range(count):
        opening = (b"", CLASSIC_HTTP, *OPENINGS)[number % (2 + len(OPENINGS))]
        throw(where, opening + dice.randbytes(dice.randrange(1, 64 * 1024)))


@contextmanager
def half_open(places: Iterable[tuple[str, int]], count: int) -> Generator[None]:
    """Connections that say nothing, or the beginning of something, and stay."""
    lines: list[socket.socket] = []
    try:
        for where in places:
            for number in range(count):
                with suppress(OSError):
                    line = socket.create_connection(where, timeout=10)
                    lines.append(line)
                    line.sendall(CURVE[: number % len(CURVE)])
        yield
    finally:
        for line in lines:
            line.close()


@contextmanager
def line_to(
    endpoint: str, server: bytes, transport: Transport, kind: int = zmq.DEALER
) -> Generator["zmq.Socket[bytes]"]:
    """A socket with this key at a node's endpoint, which may send whatever it likes."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    line = context.socket(kind)
    line.linger, line.sndhwm, line.immediate = 0, 4, 1
    line.setsockopt(zmq.CURVE_SERVERKEY, server)
    line.setsockopt(zmq.CURVE_PUBLICKEY, transport.key)
    line.setsockopt(zmq.CURVE_SECRETKEY, transport.secret)
    line.connect(endpoint)
    try:
        yield line
    finally:
        line.close()
        context.term()


def push(line: "zmq.Socket[bytes]", *messages: list[bytes]) -> None:
    """Send each once there is a connection, if there is one within some seconds: who is refused
    or was cut off is not heard again."""
    for frames in messages:
        if line.poll(CONNECT_MS, zmq.POLLOUT):
            with suppress(zmq.Again):
                line.send_multipart(frames, zmq.NOBLOCK)


class Member:
    """A member's keys in the hands of somebody who says what he wants with them."""

    def __init__(self, home: Home) -> None:
        self.home, card = home, home.card
        self.mesh = ZeroMesh(
            card.id,
            home.transport,
            Bindings(card.events, card.direct, card.blobs, card.join),
            lambda name: None,
        )
        founders = home.genesis.founders
        self.mesh.set_members(one for one in founders if one.id != card.id)
        self.others = [one.id for one in founders if one.id != card.id]
        self.poller = zmq.Poller()
        self.mesh.watch(self.poller)

    def __enter__(self) -> "Member":
        return self

    def __exit__(self, *_: object) -> None:
        self.mesh.close()

    def listen(self, count: int) -> list[bytes]:
        """The next envelopes that others say to all."""
        heard: list[bytes] = []
        while len(heard) < count:
            self.poller.poll(self.mesh.timeout_ms())
            heard += [each.body for each in self.mesh.receive()]
        return heard

    def sealed(self, mesh: bytes) -> bytes:
        """A word of our own, for this mesh or another."""
        me = self.home.identity
        said = Envelope(mesh, me.key, JOURNALED, 1, 0, 1, os.urandom(32), 1, Head())
        return seal(said, me)

    def say(self, bodies: Iterable[bytes]) -> None:
        """To everybody, both ways."""
        for body in bodies:
            self.mesh.publish(body)
            for to in self.others:
                self.mesh.send(to, body)
            self.mesh.receive()


def tampered(envelope: bytes, dice: random.Random) -> bytes:
    """The same with one bit the other way."""
    at = dice.randrange(8, len(envelope))
    return envelope[:at] + bytes([envelope[at] ^ 1 << dice.randrange(8)]) + envelope[at + 1 :]
