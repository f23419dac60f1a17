"""Blobs on sockets: serving pieces of our own, and carrying what `Pulls` plans to others.

Serving keeps no state about who asks: each request names digest, offset and length, and is
answered with one chunk or with `Absent`. A blob that was looked up stays on the shelf for its next
chunk. A requester that does not read its chunks fills a queue of its own and then gets nothing.

Asking goes over one DEALER a source, opened when the first blob is wanted from it and closed when
none has been for a while, so that a node holds open only the connections it uses.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import zmq

from meshkit.wire.frames import Absent, Chunk, Pull, decode_blobs, encode
from meshkit.wire.guard import Bounds, Socket
from meshkit.wire.limits import KIB
from meshkit.wire.port import Address, Fetched, Lookup
from meshkit.wire.pulls import Pulls
from meshkit.wire.sockets import DIAL_CONNECTIONS_MAX, WORK, Sockets, send, stands
from meshkit.wire.zap import user_key

REQUEST_BYTES_MAX = 1 * KIB  # a Pull has 46 bytes, a handshake's longest command under 600
RETRY_NS = (
    20_000_000  # before a request that found no connection is tried again: a handshake's time
)


class Shelf:
    """The blobs looked up last, as many as fit; a larger one has the shelf for itself."""

    def __init__(self, lookup: Lookup, bytes_max: int) -> None:
        self.lookup, self.bytes_max = lookup, bytes_max
        self.blobs: OrderedDict[bytes, bytes] = OrderedDict()
        self.bytes = 0

    def get(self, digest: bytes) -> bytes | None:
        blob = self.blobs.get(digest)
        if blob is not None:
            self.blobs.move_to_end(digest)
            return blob
        blob = self.lookup(digest)
        if blob is not None:
            self.put(digest, blob)
        return blob

    def put(self, digest: bytes, blob: bytes) -> None:
        self.blobs[digest] = blob
        self.bytes += len(blob)
        while self.bytes > self.bytes_max and len(self.blobs) > 1:
            self.bytes -= len(self.blobs.popitem(last=False)[1])

    def piece(self, pull: Pull, chunk_bytes_max: int) -> Chunk | Absent:
        """What to answer: the piece asked for, as much of it as there is and as we give at once."""
        blob = self.get(pull.digest)
        if blob is None:
            return Absent(pull.digest)
        end = pull.offset + min(pull.length, chunk_bytes_max)
        return Chunk(pull.digest, pull.offset, blob[pull.offset : end])


class Dial:
    """A connection to a source: whether it ever stood, and when it was last of use."""

    __slots__ = ("socket", "stood", "used_ns")

    def __init__(self, socket: Socket, used_ns: int) -> None:
        self.socket, self.used_ns, self.stood = socket, used_ns, False


class BlobLane:
    """The blob sockets of a mesh connection."""

    def __init__(
        self,
        sockets: Sockets,
        endpoint: str,
        lookup: Lookup,
        peers: Mapping[bytes, Address],
        peer_of: Callable[[bytes], bytes | None],
    ) -> None:
        self.sockets, self.peers, self.peer_of = sockets, peers, peer_of
        self.limits, self.counters = sockets.limits, sockets.counters
        self.shelf = Shelf(lookup, self.limits.shelf_bytes)
        self.pulls = Pulls(self.limits, self.counters)
        self.dials: dict[bytes, Dial] = {}
        self.retry_at_ns: int | None = None
        bounds = Bounds(
            connections=self.limits.connections_max,
            frame_bytes=REQUEST_BYTES_MAX,
            unread_bytes=self.limits.silent_bytes_max,
            queue_out=self.limits.blob_queue,
        )
        self.listener = sockets.listen(zmq.ROUTER, endpoint, "blobs", bounds)
        sockets.add(self.listener.socket, WORK, self.serve)

    # -- serving

    def serve(self) -> None:
        with suppress(zmq.Again):
            for _ in range(self.limits.serve):
                route, *rest = self.listener.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(self.listener.socket, rest)
                pull = decode_blobs(rest[0].bytes) if len(rest) == 1 else None
                if self.peer_of(user_key(route)) is None:
                    self.counters["blobs.stranger"] += 1
                elif isinstance(pull, Pull):
                    self.answer(route.bytes, pull)
                else:
                    self.counters["blobs.malformed"] += 1
                    self.sockets.guard.expel(self.listener.socket, descriptor)

    def answer(self, route: bytes, pull: Pull) -> None:
        piece = self.shelf.piece(pull, self.limits.chunk_bytes_max)
        if not send(self.listener.socket, route, encode(piece)):
            self.counters["blobs.dropped"] += 1
        elif isinstance(piece, Chunk):
            self.counters["blobs.served"] += 1
            self.counters["blobs.bytes"] += len(piece.data)
        else:
            self.counters["blobs.absent"] += 1

    # -- asking

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        self.pulls.fetch(digest, size, sources)
        self.retry_at_ns = self.sockets.clock()  # to be asked for in the next turn, which is now

    def fetched(self) -> list[Fetched]:
        done, self.pulls.done = self.pulls.done, []
        return done

    def ask(self) -> None:
        """Send what is to be asked now; to be called once a turn."""
        now_ns = self.sockets.clock()
        self.retry_at_ns = None
        self.check(now_ns)
        for source, pull in self.pulls.plan(now_ns):
            dial = self.dial(source, now_ns)
            if dial is None:
                self.pulls.absent(source, pull.digest, now_ns)
                self.retry_at_ns = now_ns
            elif send(dial.socket, encode(pull)):
                dial.used_ns = now_ns
            else:
                self.pulls.unsent(source, pull)
                self.retry_at_ns = now_ns + RETRY_NS

    def check(self, now_ns: int) -> None:
        """Notice connections that fell, and close those that nobody uses."""
        used = self.pulls.sources()
        for source, dial in list(self.dials.items()):
            if source in used:
                dial.used_ns = now_ns
                # Its queue is never full, for it is longer than any credit: no connection then.
                standing = stands(dial.socket)
                if dial.stood and not standing:
                    self.pulls.lost(source, now_ns)
                dial.stood = standing
            elif now_ns - dial.used_ns > self.limits.idle_ns:
                self.drop(source)

    def dial(self, source: bytes, now_ns: int) -> Dial | None:
        if source not in self.dials:
            peer = self.peers.get(source)
            if peer is None:
                return None
            bounds = Bounds(
                connections=DIAL_CONNECTIONS_MAX,
                frame_bytes=self.limits.chunk_bytes,
                unread_bytes=self.limits.unread_bytes_max,
            )
            socket = self.sockets.dial(zmq.DEALER, peer.blobs, peer.transport, bounds)
            self.sockets.add(socket, WORK, lambda: self.take(source, socket))
            self.dials[source] = Dial(socket, now_ns)
        return self.dials[source]

    def take(self, source: bytes, socket: Socket) -> None:
        """Read what a source answered."""
        now_ns = self.sockets.clock()
        with suppress(zmq.Again):
            for _ in range(self.limits.drain):
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
                descriptor = self.sockets.guard.read(socket, frames)
                match decode_blobs(frames[0].bytes) if len(frames) == 1 else None:
                    case Chunk() as chunk:
                        self.pulls.chunk(source, chunk, now_ns)
                    case Absent(digest):
                        self.pulls.absent(source, digest, now_ns)
                    case _:
                        self.counters["blobs.malformed"] += 1
                        self.sockets.guard.expel(socket, descriptor)

    def drop(self, source: bytes) -> None:
        """Close the connection to a source, if there is one."""
        dial = self.dials.pop(source, None)
        if dial is not None:
            self.sockets.hang_up(dial.socket)
            self.pulls.lost(source, self.sockets.clock())

    def deadline_ns(self) -> int | None:
        times = [self.pulls.deadline_ns(), self.retry_at_ns]
        return min((at for at in times if at is not None), default=None)
