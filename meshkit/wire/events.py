"""Events: what a node says to everyone, numbered, and what it hears others say.

The publisher is an XPUB socket, which is a PUB socket that shows who subscribes. That serves two
ends. A new subscriber learns the latest number at once, by a beacon, instead of a while later; and
a member that subscribes without end, which libzmq would store without end, is cut and banned.

One SUB socket a publisher, because only then does the connection say whose words they are: it
accepts one server key. Beacons follow each publication after a moment and then ever more slowly,
so the end of a burst is noticed soon and a silent mesh is quiet.
"""

from collections.abc import Callable
from contextlib import suppress

import zmq

from meshkit.wire.allowance import Allowance, Allowances
from meshkit.wire.frames import Beacon, Event, Gone, Missing, Repair, decode_events, encode
from meshkit.wire.gaps import Gaps, Ring
from meshkit.wire.guard import Bounds, Socket
from meshkit.wire.limits import Limits
from meshkit.wire.port import Address, Delivery
from meshkit.wire.sockets import (
    DIAL_CONNECTIONS_MAX,
    SUBSCRIBER_BYTES_MAX,
    WORK,
    Sockets,
)
from meshkit.wire.zap import user_key

SUBSCRIBE_ALL = b"\x01"  # RFC 29: a subscription to the empty topic
REPAIR_BYTES_MAX = 8 * 2**20  # said again for one request: two of the largest messages


class Allowed:
    """What one member may still say."""

    def __init__(self, limits: Limits) -> None:
        self.messages = Allowance(limits.messages_per_s, limits.messages_burst)
        self.bytes = Allowance(limits.bytes_per_s, limits.bytes_burst)

    def take(self, length: int, now_ns: int) -> bool:
        return self.messages.take(1, now_ns) and self.bytes.take(length, now_ns)


class Publisher:
    """Our own voice: the XPUB socket, its numbers, and the ring of what it said last."""

    def __init__(
        self,
        sockets: Sockets,
        endpoint: str,
        epoch: int,
        ban: Callable[[bytes], None],
    ) -> None:
        self.sockets, self.epoch, self.ban = sockets, epoch, ban
        self.limits, self.counters = sockets.limits, sockets.counters
        self.ring = Ring(self.limits.ring_count, self.limits.ring_bytes)
        self.wait_ns = self.limits.beacon_ns
        self.beacon_at_ns = sockets.clock()
        pace, burst = self.limits.handshakes_per_s, self.limits.handshakes_burst
        self.subscriptions = Allowances(pace, 2 * burst)  # one a handshake, and one to spare
        bounds = Bounds(
            connections=self.limits.connections_max,
            frame_bytes=SUBSCRIBER_BYTES_MAX,
            unread_bytes=self.limits.silent_bytes_max,
            queue_in=self.limits.subscription_queue,
        )
        self.listener = sockets.listen(zmq.XPUB, endpoint, "events", bounds)
        sockets.add(self.listener.socket, WORK, self.drain)

    def renew(self) -> None:
        """Say nothing more to anybody who is connected now. Who may, comes back and asks for what
        it missed.
        """
        self.listener = self.sockets.replace(self.listener)
        self.subscriptions.buckets.clear()  # it is for us that all subscribe again

    def publish(self, body: bytes) -> int:
        number = self.ring.add(body)
        self.say(Event(self.epoch, number, body))
        self.counters["events.sent"] += 1
        self.wait_ns = self.limits.beacon_ns
        self.beacon_at_ns = self.sockets.clock() + self.wait_ns
        return number

    def say(self, frame: Event | Beacon) -> None:
        self.listener.socket.send(encode(frame), zmq.NOBLOCK)  # never waits, drops at the mark

    def beacon(self) -> None:
        """Say the latest number, if it is time; to be called once a turn."""
        now_ns = self.sockets.clock()
        if now_ns >= self.beacon_at_ns:
            self.say(Beacon(self.epoch, self.ring.latest))
            self.beacon_at_ns = now_ns + self.wait_ns
            self.wait_ns = min(self.wait_ns * 2, self.limits.beacon_ns_max)

    def drain(self) -> None:
        """Read who subscribes."""
        with suppress(zmq.Again):
            for _ in range(self.limits.drain):
                frames = self.listener.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(self.listener.socket, frames)
                key, text = user_key(frames[0]), frames[0].bytes
                if not key:
                    continue  # libzmq itself, about a subscriber that is gone
                if text != SUBSCRIBE_ALL:
                    self.counters["events.topics"] += 1
                if not self.subscriptions.take(key, 1, self.sockets.clock()):
                    self.counters["events.subscriptions"] += 1
                    self.ban(key)
                    self.sockets.guard.expel(self.listener.socket, descriptor)
                self.beacon_at_ns = 0

    def repairs(self, missing: Missing) -> list[Repair | Gone]:
        """What to say again to a member that misses numbers: at most one request's worth."""
        if missing.epoch != self.epoch:
            return []
        answers: list[Repair | Gone] = []
        oldest, spent = self.ring.oldest, 0
        if missing.spans[0][0] < oldest:
            answers.append(Gone(self.epoch, oldest))
        for first, last in missing.spans:
            for number in range(max(first, oldest), min(last, self.ring.latest) + 1):
                body = self.ring.get(number)
                assert body is not None  # it is between the oldest and the latest
                spent += len(body)
                if len(answers) > self.limits.ask or spent > REPAIR_BYTES_MAX:
                    return answers
                answers.append(Repair(self.epoch, number, body))
        return answers


class Subscriber:
    """One peer's voice as we hear it."""

    def __init__(
        self, sockets: Sockets, peer: Address, deliver: Callable[[Delivery], None]
    ) -> None:
        self.sockets, self.peer, self.deliver = sockets, peer.id, deliver
        self.limits, self.counters = sockets.limits, sockets.counters
        self.gaps, self.allowed = Gaps(self.limits, self.counters), Allowed(self.limits)
        self.heard_ns: int | None = None
        bounds = Bounds(
            connections=DIAL_CONNECTIONS_MAX,
            frame_bytes=self.limits.frame_bytes_max,
            unread_bytes=self.limits.unread_bytes_max,
        )
        self.socket: Socket = sockets.dial(zmq.SUB, peer.events, peer.transport, bounds)
        sockets.add(self.socket, WORK, self.drain)

    def drain(self) -> None:
        now_ns = self.sockets.clock()
        with suppress(zmq.Again):
            for _ in range(self.limits.drain):
                frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(self.socket, frames)
                self.heard_ns = now_ns
                match decode_events(frames[0].bytes) if len(frames) == 1 else None:
                    case Event(epoch, number, body):
                        self.take(epoch, number, body, now_ns)
                    case Beacon(epoch, number):
                        self.gaps.announced(epoch, number, now_ns)
                    case None:
                        self.counters["events.malformed"] += 1
                        self.sockets.guard.expel(self.socket, descriptor)

    def take(self, epoch: int, number: int, body: bytes, now_ns: int) -> None:
        # What is over the allowance counts as heard all the same, or we would ask for it again.
        if not self.gaps.heard(epoch, number, now_ns):
            self.counters["events.repeated"] += 1
        elif not self.allowed.take(len(body), now_ns):
            self.counters["events.flood"] += 1
            self.sockets.dropped[self.peer] += 1
        else:
            self.hand_over(body)

    def repaired(self, repair: Repair) -> None:
        """Take a number that its publisher said again, to us alone."""
        if self.gaps.repaired(repair.epoch, repair.number):
            self.counters["events.repaired"] += 1
            self.hand_over(repair.body)
        else:
            self.counters["events.repeated"] += 1

    def hand_over(self, body: bytes) -> None:
        self.counters["events.heard"] += 1
        self.deliver(Delivery("events", self.peer, body))

    def missing(self, now_ns: int) -> Missing | None:
        """What to ask the publisher for now."""
        spans = self.gaps.due(now_ns)
        return Missing(self.gaps.epoch, spans) if spans and self.gaps.epoch is not None else None
