"""The door: who may finish a handshake with us (ZAP, ZeroMQ RFC 27).

libzmq asks, over an inproc socket of the context, about each connection that has proved to hold a
CURVE key. We answer from the same loop that does everything else: while the loop is busy the
newcomer waits, and no thread is needed. A member's key is let in everywhere, anybody's at the join
endpoint alone, and each only as often as its allowance says.

A refusal is "300, try again", which closes the connection in silence. After "400, no" libzmq's
client never tries that address again; yet who is a stranger now may be a member in a second, as
soon as our ledger has caught up with his.

The identity of a connection is the key it proved to hold, in hexadecimal, as its User-Id; libzmq
attaches that to every message. Routing ids are made up by the listening socket and never claimed
by the peer, so none can be stolen, and a restarted peer is just a new connection with the same
User-Id: there is nothing to hand over.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import zmq

from meshkit.wire.allowance import Allowance, Allowances
from meshkit.wire.guard import Socket
from meshkit.wire.limits import Limits
from meshkit.wire.port import KEY_BYTES, Clock

ADDRESS = "inproc://zeromq.zap.01"  # RFC 27
VERSION = b"1.0"  # RFC 27
OK, AGAIN = b"200", b"300"  # RFC 27, status codes
JOIN = "join"  # the domain that anybody may enter
ANSWERS_MAX = 256  # handshakes answered a turn, the rest wait: 50 ms of X25519 in the I/O thread


class Door:
    """Answers libzmq's questions about newcomers."""

    def __init__(
        self, context: zmq.Context[Socket], limits: Limits, counters: Counter[str], clock: Clock
    ) -> None:
        self.limits, self.counters, self.clock = limits, counters, clock
        self.members: frozenset[bytes] = frozenset()
        self.banned: dict[bytes, int] = {}  # member's key to when it may come again
        self.paces = Allowances(limits.handshakes_per_s, limits.handshakes_burst)
        self.guests = Allowance(limits.guests_per_s, limits.guests_burst)
        # scan: unbounded-socket: inproc, asked by libzmq alone, once a handshake
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(ADDRESS)

    def allow(self, keys: Iterable[bytes]) -> None:
        """From now on these keys are members', and no others."""
        self.members = frozenset(keys)
        self.banned = {key: until for key, until in self.banned.items() if key in self.members}

    def forgive(self) -> None:
        """Let everybody knock anew: it was we who cut them off."""
        self.paces.buckets.clear()

    def ban(self, key: bytes) -> None:
        """Let `key` in nowhere for a while."""
        self.banned[key] = self.clock() + self.limits.ban_ns

    def drain(self) -> None:
        with suppress(zmq.Again):
            for _ in range(ANSWERS_MAX):
                self.answer(self.socket.recv_multipart(zmq.NOBLOCK))

    def answer(self, request: list[bytes]) -> None:
        """Decide one request: return address, empty, version, request id, domain, address,
        routing id, mechanism, credentials."""
        if len(request) < 4:
            self.counters["door.malformed"] += 1
            return
        route, _, _, number, *rest = request
        why = self.judge(rest)
        self.counters[f"door.{why}"] += 1
        good = why == "admitted"
        reply = [OK, b"", rest[-1].hex().encode()] if good else [AGAIN, why.encode(), b""]
        with suppress(zmq.ZMQError):  # the newcomer may be gone by now
            self.socket.send_multipart([route, b"", VERSION, number, *reply, b""], zmq.NOBLOCK)

    def judge(self, rest: list[bytes]) -> str:
        """Why the holder of a key may come in, or not: the name it is counted under."""
        if len(rest) != 5 or rest[3] != b"CURVE" or len(rest[4]) != KEY_BYTES:
            return "malformed"
        domain, key = rest[0], rest[4]
        now_ns = self.clock()
        if domain == JOIN.encode():
            return "admitted" if self.guests.take(1, now_ns) else "crowding"
        if key not in self.members:
            return "stranger"
        if now_ns < self.banned.get(key, now_ns):
            return "banned"
        return "admitted" if self.paces.take(domain + key, 1, now_ns) else "crowding"


def user_key(frame: zmq.Frame) -> bytes:
    """The key that the sender of a message proved to hold; empty if there was no handshake.

    It asks for what `Door.answer` gave; libzmq keeps it with the connection.
    """
    try:
        return bytes.fromhex(str(frame.get("User-Id")))
    except (zmq.ZMQError, ValueError):
        return b""
