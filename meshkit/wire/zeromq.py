"""The mesh over ZeroMQ: four listening sockets, three connections a peer, one loop.

                    events            direct            blobs             join
    listens         XPUB              ROUTER            ROUTER            ROUTER
    connects        SUB a peer        DEALER a peer     DEALER a source   (a newcomer's DEALER)
    who may         members           members           members           any CURVE key

Who a peer is. Every connection is CURVE. A listener knows the key at the far end because the door
let it in under that name, and looks up at each message whether a member has that key *now*, so a
member that was removed is not heard over a socket it still holds open. A dialled connection stands
only if the far end holds the key the ledger names. Routing ids are never chosen by a peer.

Removal. Our listening sockets end all their connections and take new ones. That takes libzmq a
moment, in which an old connection still brings messages, and each is asked whose it is. The
publisher, which cannot choose to whom it talks, is a new socket at the old address: what is
published after a removal leaves over connections made after it. Members connect again by
themselves within a fraction of a second, and what they miss meanwhile they ask for by number; a
direct message on its way at that moment is lost.

What is lost. A direct message to a peer that is not connected is dropped and counted; a published
message is repeated on request while the ring holds it. More is not promised, and the machines
above need no more.

The loop belongs to the shell. `receive` never waits, reads each socket up to a bound, and does the
periodic work: beacons, requests for missing numbers, blob timeouts, measuring connections.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, assert_never

from meshkit.wire.allowance import Allowances
from meshkit.wire.blobs import BlobLane
from meshkit.wire.direct import DirectFrame, Inbox, Outbox
from meshkit.wire.events import Publisher, Subscriber
from meshkit.wire.frames import Gone, Message, Missing, Repair
from meshkit.wire.join import JoinLane
from meshkit.wire.keys import Transport
from meshkit.wire.limits import MS, Limits
from meshkit.wire.port import (
    Address,
    Clock,
    Delivery,
    Fetched,
    Lookup,
    Peer,
    Poller,
    Ready,
    Visit,
    WireError,
    is_address,
)
from meshkit.wire.sockets import DOOR, Sockets
from meshkit.wire.zap import Door

EPOCH_BITS = 64  # enough that a node never draws the same twice in its life


class Bindings(NamedTuple):
    """Where a node takes connections. Port 0 is any free one. Without `join`, nobody joins here."""

    events: str
    direct: str
    blobs: str
    join: str | None = None


class ZeroMesh:
    """A `Mesh` over ZeroMQ. Raises WireError if it cannot bind where it should."""

    def __init__(
        self,
        me: bytes,
        transport: Transport,
        bindings: Bindings,
        lookup: Lookup,
        limits: Limits | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        self.me, self.limits, self.clock = me, limits or Limits(), clock
        self.counters: Counter[str] = Counter()
        self.peers: dict[bytes, Address] = {}
        self.ids: dict[bytes, bytes] = {}  # a peer's id by its transport key
        self.subscribers: dict[bytes, Subscriber] = {}
        self.outboxes: dict[bytes, Outbox] = {}
        self.heard: list[Delivery] = []  # for the next `receive` to return
        self.heard_ns: dict[bytes, int] = {}  # when a peer last said something to us alone
        self.repair_paces = Allowances(self.limits.repairs_per_s, self.limits.repairs_burst)
        self.sockets = Sockets(transport, self.limits, self.counters, clock)
        try:
            self.open(bindings, lookup)
        except WireError:
            self.sockets.close()
            raise

    def open(self, bindings: Bindings, lookup: Lookup) -> None:
        sockets = self.sockets
        self.door = Door(sockets.context, self.limits, self.counters, self.clock)
        sockets.add(self.door.socket, DOOR, self.door.drain)
        epoch = secrets.randbits(EPOCH_BITS)
        self.publisher = Publisher(sockets, bindings.events, epoch, self.door.ban)
        self.inbox = Inbox(sockets, bindings.direct, self.ids.get, self.take)
        self.blobs = BlobLane(sockets, bindings.blobs, lookup, self.peers, self.ids.get)
        self.join = JoinLane(sockets, bindings.join) if bindings.join is not None else None

    @property
    def endpoints(self) -> Bindings:
        """Where this node can be reached, with the ports it was given."""
        join = self.join.listener.endpoint if self.join is not None else None
        publisher, inbox, blobs = self.publisher.listener, self.inbox.listener, self.blobs.listener
        return Bindings(publisher.endpoint, inbox.endpoint, blobs.endpoint, join)

    @property
    def dropped(self) -> Counter[bytes]:
        """Messages that were not read, for their senders' allowances were spent, by sender."""
        return self.sockets.dropped

    # -- members

    def set_members(self, members: Iterable[Address]) -> None:
        """Be connected to exactly these members, ourselves aside; hear nobody else.

        One that gives no proper address, or the transport key of another, is counted and left out.
        """
        wanted = self.sound(members)
        before = frozenset(self.ids)
        for peer in list(self.peers.values()):
            if wanted.get(peer.id) != peer:
                self.disconnect(peer.id)
        for peer in wanted.values():
            if peer.id not in self.peers:
                self.connect(peer)
        self.door.allow(self.ids)
        if before - frozenset(self.ids):
            self.door.forgive()
            self.publisher.renew()
            for listener in (self.inbox.listener, self.blobs.listener):
                self.sockets.recycle(listener)

    def sound(self, members: Iterable[Address]) -> dict[bytes, Peer]:
        """Members as plain peers, by id. Who had a transport key before has it still."""
        found: dict[bytes, Peer] = {}
        given = {self.sockets.transport.key: self.me}
        peers = [Peer(m.id, m.transport, m.events, m.direct, m.blobs) for m in members]
        known = [peer for peer in peers if self.ids.get(peer.transport) == peer.id]
        for peer in (*known, *(peer for peer in peers if peer not in known)):
            if peer.id == self.me:
                continue
            owner = given.setdefault(peer.transport, peer.id)
            if owner == peer.id and is_address(peer):
                found[peer.id] = peer
            else:
                self.counters["peer.address"] += 1
        return found

    def connect(self, peer: Peer) -> None:
        self.peers[peer.id], self.ids[peer.transport] = peer, peer.id
        self.subscribers[peer.id] = Subscriber(self.sockets, peer, self.heard.append)
        self.outboxes[peer.id] = Outbox(self.sockets, peer)

    def disconnect(self, peer: bytes) -> None:
        del self.ids[self.peers.pop(peer).transport]
        self.sockets.hang_up(self.subscribers.pop(peer).socket)
        self.sockets.hang_up(self.outboxes.pop(peer).socket)
        self.blobs.drop(peer)
        self.inbox.forget(peer)
        self.heard_ns.pop(peer, None)

    def reachable(self, peer: bytes) -> bool:
        return peer in self.outboxes and self.outboxes[peer].stands()

    def silent_ms(self, peer: bytes) -> int | None:
        """How long nothing at all has come from a peer; None if nothing ever did."""
        times = [self.heard_ns.get(peer)]
        if peer in self.subscribers:
            times.append(self.subscribers[peer].heard_ns)
        last_ns = max((at for at in times if at is not None), default=None)
        return None if last_ns is None else (self.clock() - last_ns) // MS

    # -- messages

    def publish(self, body: bytes) -> int:
        self.check_size(body)
        self.counters["events.bytes"] += len(body) * len(self.peers)
        return self.publisher.publish(body)

    def send(self, to: bytes, body: bytes) -> bool:
        self.check_size(body)
        return self.put(to, Message(body))

    def check_size(self, body: bytes) -> None:
        if len(body) > self.limits.frame_bytes_max:
            raise WireError(
                f"a message of {len(body)} bytes is over the limit of "
                f"{self.limits.frame_bytes_max}: nobody would take it"
            )

    def put(self, to: bytes, frame: DirectFrame) -> bool:
        if to not in self.outboxes:
            self.counters["direct.unknown"] += 1
            return False
        sent = self.outboxes[to].send(frame)
        self.counters["direct.sent" if sent else "direct.unreachable"] += 1
        if sent and isinstance(frame, Message):
            self.counters["direct.bytes"] += len(frame.body)
        return sent

    def receive(self, ready: Ready | None = None) -> list[Delivery]:
        self.sockets.turn(ready)
        now_ns = self.clock()
        for peer, subscriber in self.subscribers.items():
            missing = subscriber.missing(now_ns)
            if missing is not None:
                self.put(peer, missing)
        self.publisher.beacon()
        self.blobs.ask()
        heard = self.heard[:]
        self.heard.clear()
        return heard

    def take(self, peer: bytes, frame: DirectFrame) -> None:
        """A member's direct message, in form and within its allowance."""
        self.heard_ns[peer] = self.clock()
        match frame:
            case Message(body):
                self.counters["direct.heard"] += 1
                self.heard.append(Delivery("direct", peer, body))
            case Missing():
                self.repeat(peer, frame)
            case Repair():
                self.subscribers[peer].repaired(frame)
            case Gone(epoch, oldest):
                self.subscribers[peer].gaps.gone(epoch, oldest)
            case _:
                assert_never(frame)

    def repeat(self, peer: bytes, missing: Missing) -> None:
        """Say again what a peer missed, as far as its allowance and its queue go."""
        for answer in self.publisher.repairs(missing):
            if not self.repair_paces.take(peer, 1, self.clock()):
                self.counters["direct.refused"] += 1
                return
            if not self.put(peer, answer):
                return
            self.counters["direct.repairs"] += 1

    # -- blobs and guests

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        self.blobs.fetch(digest, size, [source for source in sources if source != self.me])

    def fetched(self) -> list[Fetched]:
        return self.blobs.fetched()

    def visits(self) -> list[Visit]:
        return self.join.visits() if self.join is not None else []

    def answer(self, guest: bytes, body: bytes) -> bool:
        self.check_size(body)
        return self.join is not None and self.join.answer(guest, body)

    # -- the loop

    def watch(self, poller: Poller) -> None:
        self.sockets.watch(poller)

    def timeout_ms(self) -> int:
        times = [self.sockets.deadline_ns(), self.publisher.beacon_at_ns, self.blobs.deadline_ns()]
        times.extend(subscriber.gaps.deadline_ns() for subscriber in self.subscribers.values())
        soonest_ns = min(at for at in times if at is not None)
        return max(0, -((self.clock() - soonest_ns) // MS))

    def close(self) -> None:
        """Say what is on the way, for a moment, and close everything. Twice is once."""
        if not self.sockets.context.closed:
            self.sockets.close()
