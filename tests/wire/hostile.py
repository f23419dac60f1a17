"""A client of ZMTP 3.0 with CURVE (RFC 23, RFC 26) that says whatever it is told to.

libzmq's own client never sends half a message, a made-up routing id or a frame out of form, so the
attacks that matter need this one.
"""

import select
import socket
from struct import pack

from nacl.public import Box, PrivateKey, PublicKey

from meshkit.wire.keys import Transport

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
LARGE, COMMAND = 0x02, 0x04  # RFC 23, frame flags
MORE = 0x01  # RFC 26, flags inside a MESSAGE
CONNECT_S = 10.0  # for a kernel on the same machine


def framed(flags: int, body: bytes) -> bytes:
    if len(body) > 255:
        return pack(">BQ", flags | LARGE, len(body)) + body
    return pack(">BB", flags, len(body)) + body


def tcp(endpoint: str) -> socket.socket:
    """A bare connection to `tcp://host:port`."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), CONNECT_S)


class Hostile:
    """A connection that has finished its handshake as the holder of `transport`.

    The server asks its door only while its loop turns: turn it after `hello` until `is_ready`.
    """

    def __init__(
        self,
        endpoint: str,
        server: bytes,
        transport: Transport,
        *,
        kind: bytes = b"DEALER",
        name: bytes = b"",
    ) -> None:
        self.wire = tcp(endpoint)
        self.server, self.transport = PublicKey(server), transport
        self.about = self.property(b"Socket-Type", kind) + self.property(b"Identity", name)
        self.mine, self.count = PrivateKey.generate(), 1
        self.box: Box | None = None
        self.wire.sendall(GREETING)

    def close(self) -> None:
        self.wire.close()

    def nonce(self) -> bytes:
        self.count += 1
        return pack(">Q", self.count)

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.wire.recv(count - len(data))
            assert more, "the server hung up"
            data += more
        return data

    def read_frame(self) -> bytes:
        flags = self.read(1)[0]
        size = int.from_bytes(self.read(8 if flags & LARGE else 1), "big")
        return self.read(size)

    def hello(self) -> None:
        """Up to INITIATE, after which the server asks its door."""
        assert len(self.read(64)) == 64
        nonce = self.nonce()
        box = Box(self.mine, self.server)
        sealed = box.encrypt(bytes(64), b"CurveZMQHELLO---" + nonce).ciphertext
        public = bytes(self.mine.public_key)
        body = b"\x05HELLO\x01\x00" + bytes(72) + public + nonce + sealed
        self.wire.sendall(framed(COMMAND, body))
        welcome = self.read_frame()
        assert welcome.startswith(b"\x07WELCOME")
        opened = box.decrypt(welcome[24:], b"WELCOME-" + welcome[8:24])
        theirs, cookie = PublicKey(opened[:32]), opened[32:]
        box = self.box = Box(self.mine, theirs)
        tail = bytes(16)
        vouch = Box(PrivateKey(self.transport.secret), theirs).encrypt(
            public + bytes(self.server), b"VOUCH---" + tail
        )
        nonce = self.nonce()
        inner = self.transport.key + tail + vouch.ciphertext + self.about
        sealed = box.encrypt(inner, b"CurveZMQINITIATE" + nonce).ciphertext
        self.wire.sendall(framed(COMMAND, b"\x08INITIATE" + cookie + nonce + sealed))

    def is_ready(self) -> bool:
        """Whether the server has let us in. Raises AssertionError if it hung up."""
        if not self.has_more():
            return False
        assert self.read_frame().startswith(b"\x05READY")
        return True

    def has_more(self) -> bool:
        """Whether there is anything to read, or the end."""
        return bool(select.select([self.wire], [], [], 0)[0])

    @staticmethod
    def property(name: bytes, value: bytes) -> bytes:
        return bytes([len(name)]) + name + pack(">I", len(value)) + value

    def say(self, data: bytes, *, more: bool = False) -> None:
        """Send one frame; with `more`, as one of a message that goes on."""
        assert self.box is not None
        nonce = self.nonce()
        inner = bytes([MORE if more else 0]) + data
        sealed = self.box.encrypt(inner, b"CurveZMQMESSAGEC" + nonce).ciphertext
        self.wire.sendall(framed(0, b"\x07MESSAGE" + nonce + sealed))

    def pour(self, data: bytes, times: int) -> bool:
        """Send one message's frames and never the last; whether the server still takes them."""
        try:
            for _ in range(times):
                self.say(data, more=True)
        except OSError:
            return False
        return True

    def is_shut(self) -> bool:
        """Whether the server has hung up."""
        try:
            while self.has_more():
                if not self.wire.recv(65_536):
                    return True
        except ConnectionResetError:
            return True
        return False
