"""The port: what a node asks of whatever carries its bytes, and what it is given.

A mesh carries opaque bytes between members on two channels: *events*, said to everyone, and
*direct*, said to one. It fetches blobs by their digest, and it takes what strangers bring to the
join endpoint. It knows who a peer is by the transport key the ledger names, and nothing of what
the bytes mean: envelopes are sealed above it and opened above it.

The shell's duties, in order, each time its poll returns or `timeout_ms` has passed:

1. `receive(ready)`: does all the mesh's own work and returns what members said;
2. `fetched()`: the blobs that have arrived, or not;
3. `visits()`: what strangers asked at the join endpoint; answer each with `answer`.

Every call returns at once. Nothing a peer does raises: it is counted in `counters` by the names
in `meshkit.wire.counts`. `WireError` is about our own machine: a port that is taken, an address
that is none. ZeroMQ is one adapter (`meshkit.wire.zeromq`); a message queue with subjects is
another shape that fits, since nothing here is a socket.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from meshkit.ledger.forms import ENDPOINT, PORT_MAX, is_endpoint

KEY_BYTES = 32  # an Ed25519 public key, a CURVE key, a BLAKE3 digest

Channel = Literal["events", "direct"]
Lookup = Callable[[bytes], bytes | None]  # a blob by its digest, if we have it
Ready = Sequence[tuple[Any, int]]  # what a poller returns: each socket, and what it is ready for
Clock = Callable[[], int]  # nanoseconds that only grow; only differences matter


class WireError(Exception):
    """Something on our own side that a person must put right. Its text is one line."""


class Address(Protocol):
    """Where and as whom a member is reached. The ledger's `Member` is one."""

    @property
    def id(self) -> bytes: ...
    @property
    def transport(self) -> bytes: ...
    @property
    def events(self) -> str: ...
    @property
    def direct(self) -> str: ...
    @property
    def blobs(self) -> str: ...


class Peer(NamedTuple):
    """An `Address` and nothing more."""

    id: bytes
    transport: bytes
    events: str
    direct: str
    blobs: str


class Delivery(NamedTuple):
    """What a member said. `peer` holds the key that the connection was authenticated with."""

    channel: Channel
    peer: bytes
    body: bytes


class Fetched(NamedTuple):
    """A blob that was asked for: its bytes, checked, or None and the reason."""

    digest: bytes
    data: bytes | None
    reason: str = ""
    size: int = -1  # that was asked for and not to be had; -1: it is here


class Visit(NamedTuple):
    """What somebody brought to the join endpoint. `guest` is where an answer goes."""

    guest: bytes
    key: bytes  # the CURVE key the visitor proved to hold; no member's, as a rule
    body: bytes


class Poller(Protocol):
    """What waits for sockets and file descriptors: `zmq.Poller` is one."""

    def register(self, socket: Any, flags: int = ...) -> None: ...
    def unregister(self, socket: Any) -> None: ...


class Mesh(Protocol):
    """A running connection to the mesh. One thread owns it."""

    @property
    def counters(self) -> Counter[str]: ...

    @property
    def dropped(self) -> Counter[bytes]:
        """How many messages of each member were beyond its allowance, and not read; whoever asks
        may take them out.
        """
        ...

    def watch(self, poller: Poller) -> None:
        """Keep `poller` told of everything whose readiness means that there is work here."""
        ...

    def timeout_ms(self) -> int:
        """How long the shell may sleep, at most, before it calls `receive` again."""
        ...

    def set_members(self, members: Iterable[Address]) -> None:
        """Be connected to exactly these; hear nobody else from now on, open sockets included."""
        ...

    def publish(self, body: bytes) -> int:
        """Say `body` to every member; returns its number. Raises WireError if it is too large."""
        ...

    def send(self, to: bytes, body: bytes) -> bool:
        """Say `body` to one member. False: it is not reachable now, and the message is dropped."""
        ...

    def receive(self, ready: Ready | None = None) -> list[Delivery]:
        """What members said. `ready` is all that a poller that watches us found ready."""
        ...

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        """Get the blob of exactly `size` bytes from one of `sources`; see `fetched`."""
        ...

    def fetched(self) -> list[Fetched]: ...

    def visits(self) -> list[Visit]: ...

    def answer(self, guest: bytes, body: bytes) -> bool: ...

    def reachable(self, peer: bytes) -> bool:
        """Whether a message to `peer` would leave now."""
        ...

    def silent_ms(self, peer: bytes) -> int | None:
        """How long nothing at all has come from `peer`; None if nothing ever did."""
        ...

    def close(self) -> None: ...


BINDING = re.compile(ENDPOINT.pattern.replace("tcp://(", r"tcp://(\*|", 1))


def is_binding(text: str) -> bool:
    """Whether `text` says where to take connections: an address, or any of ours (*), or any port.

    ZeroMQ itself takes port 99999 for 34463.
    """
    found = BINDING.fullmatch(text)
    return found is not None and int(found[2]) <= PORT_MAX


def is_address(member: Address) -> bool:
    """Whether we could reach this member: three endpoints and two keys of the right form."""
    keyed = len(member.id) == KEY_BYTES and len(member.transport) == KEY_BYTES
    return keyed and all(map(is_endpoint, (member.events, member.direct, member.blobs)))
