"""Real meshes in one process, on loopback and free ports, driven by one loop as a shell would.

Nothing here measures time: `until` turns the loop until a condition holds, and only gives up,
failing the test, when it has waited far longer than any machine needs.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import zmq
from blake3 import blake3

from meshkit.wire.keys import Transport
from meshkit.wire.limits import Limits
from meshkit.wire.port import Delivery, Fetched, Peer
from meshkit.wire.zeromq import Bindings, ZeroMesh

ANY = "tcp://127.0.0.1:0"
PATIENCE_S = 30.0  # a loaded machine needs a tenth of it
SLICE_MS = 20  # between looks at the condition: it may depend on what no socket shows

# A test does not wait for what a peer across the world would need, and gives nothing up because
# the machine stands still for a second.
QUICK = Limits(ask_ns=20_000_000, asks_max=10, handshake_ms=500, reconnect_ms_max=100)


class Node:
    """A mesh connection with the blobs it serves and all it has heard."""

    def __init__(
        self,
        number: int,
        limits: Limits,
        bindings: Bindings | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.id = bytes([number]) * 32
        self.transport = transport or Transport(bytes([number + 1]) * 32)
        self.blobs: dict[bytes, bytes] = {}
        where = bindings or Bindings(ANY, ANY, ANY, ANY)
        self.mesh = ZeroMesh(self.id, self.transport, where, self.blobs.get, limits)
        self.heard: list[Delivery] = []
        self.got: list[Fetched] = []

    @property
    def peer(self) -> Peer:
        events, direct, blobs, _ = self.mesh.endpoints
        return Peer(self.id, self.transport.key, events, direct, blobs)

    def keep(self, blob: bytes) -> bytes:
        digest = blake3(blob).digest()
        self.blobs[digest] = blob
        return digest

    def bodies(self, channel: str) -> list[bytes]:
        return [delivery.body for delivery in self.heard if delivery.channel == channel]


class Net:
    """Some nodes and the one loop that drives them all."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = list(nodes)

    def introduce(self) -> None:
        """Tell every node who the members are, and wait until all are connected."""
        peers = [node.peer for node in self.nodes]
        for node in self.nodes:
            node.mesh.set_members(peers)
        self.until(self.connected)

    def connected(self) -> bool:
        return all(
            node.mesh.reachable(other.id) and node.mesh.silent_ms(other.id) is not None
            for node in self.nodes
            for other in self.nodes
            if other is not node
        )

    def turn(self) -> None:
        for node in self.nodes:
            node.heard.extend(node.mesh.receive())
            node.got.extend(node.mesh.fetched())

    def until(self, condition: Callable[[], object]) -> None:
        poller = zmq.Poller()
        for node in self.nodes:
            node.mesh.watch(poller)
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up, [dict(node.mesh.counters) for node in self.nodes]
            waits = [node.mesh.timeout_ms() for node in self.nodes]
            poller.poll(min([SLICE_MS, *waits]))
            self.turn()
        for node in self.nodes:
            node.mesh.sockets.pollers.remove(poller)

    def send(self, source: Node, to: Node, body: bytes) -> None:
        """Say something to one, as soon as there is a connection."""
        self.until(lambda: source.mesh.send(to.id, body))

    def insist(self, source: Node, to: Node, body: bytes) -> None:
        """Say it to one until it is heard: a connection may be about to end, and lose it."""

        def is_heard() -> bool:
            if body in to.bodies("direct"):
                return True
            source.mesh.send(to.id, body)
            return False

        self.until(is_heard)

    def until_heard(self, node: Node, channel: str, count: int) -> None:
        self.until(lambda: len(node.bodies(channel)) >= count)

    def turns(self, count: int) -> None:
        """Turn the loop for a while, for what is to be seen not to happen."""
        left = iter(range(count))
        self.until(lambda: next(left, None) is None)


@contextmanager
def net(count: int, limits: Limits = QUICK) -> Generator[Net, None, None]:
    """`count` members who know one another."""
    nodes = [Node(number, limits) for number in range(count)]
    try:
        built = Net(*nodes)
        built.introduce()
        yield built
    finally:
        for node in nodes:
            node.mesh.close()


@contextmanager
def client(
    kind: int, endpoint: str, server: bytes, transport: Transport
) -> Generator[zmq.Socket[bytes], None, None]:
    """A plain ZeroMQ socket of somebody who does not run our code."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(kind)
    try:
        socket.linger = 0
        socket.setsockopt(zmq.CURVE_PUBLICKEY, transport.key)
        socket.setsockopt(zmq.CURVE_SECRETKEY, transport.secret)
        socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        socket.connect(endpoint)
        yield socket
    finally:
        with suppress(zmq.ZMQError):
            socket.close()
        context.term()
