"""The form of a journal: how entries chain, what a seal covers, how rows are laid out. Pure.

    hash 0 = blake3(domain ‖ mesh ‖ node key)          binds the journal to one node of one mesh
    hash i = blake3(hash i-1 ‖ body i)                 so one hash stands for all before it
    seal i = Ed25519(blake3(domain ‖ mesh ‖ node key ‖ i ‖ hash i))

Only the last entry of a transaction is sealed; the others carry zeros where the seal would stand,
since a seal covers everything before it. A seal is a signature, so the node cannot deny it: this
is the authenticator of PeerReview (Haeberlen, Kouznetsov and Druschel 2007, section 4.2), kept
beside the entry.

Rows, in the words of `eventsourcing` (originator id, originator version, topic, state):

    entry     derived from "entries"   index    "meshkit.entry"          hash 32 | seal 64 | body
    mark      derived from its stream  version  "meshkit.mark.<stream>"  check 32 | content
    identity  the same in every file   1        "meshkit.identity"       check 32 | mesh | node key

Marks point into the journal (a height to its entry) or keep what can be derived from it (a
snapshot). They are not in the chain: whoever forges one can only slow a reader down, for what they
say is checked against the entries. Their check is a plain hash, and finds rot and foreign rows. A
node writes them with the entries they are of, so to an audit a height without its mark is an
alteration, although it proves everything else just the same.
"""

from collections.abc import Callable
from typing import NamedTuple

from blake3 import blake3

from meshkit.core.value import Value

KEY_BYTES = 32  # a mesh id is a BLAKE3 digest, a node id an Ed25519 public key
HASH_BYTES = 32
SEAL_BYTES = 64  # an Ed25519 signature, RFC 8032
UNSEALED = bytes(SEAL_BYTES)
BODY_AT = HASH_BYTES + SEAL_BYTES

# Each hash has a domain of its own, none a prefix of another, so no digest means two things.
ANCHOR_DOMAIN = b"meshkit.journal.1 anchor"
SEAL_DOMAIN = b"meshkit.journal.1 seal"
CHECK_DOMAIN = b"meshkit.journal.1 mark"
NAME_DOMAIN = b"meshkit.journal.1 name"

ENTRIES = "entries"
ENTRY_TOPIC = "meshkit.entry"
MARK_TOPIC = "meshkit.mark."
BLOCKS = "blocks"  # stream of marks: a height, and the index of the entry that decided it
IDENTITY_TOPIC = "meshkit.identity"
IDENTITY_VERSION = 1
IDENTITY_ORIGINATOR = blake3(NAME_DOMAIN).hexdigest()[:32]
STREAM_CHARS_MAX = 64  # a stream's name is a word

Signer = Callable[[bytes], bytes]  # 32 bytes to the node's Ed25519 signature over them, 64 bytes
Verifier = Callable[[bytes, bytes, bytes], bool]  # key, signed bytes, signature; must not raise


class Head(Value):
    """The last entry of a journal: whoever holds it holds a commitment to all before it."""

    index: int
    hash: bytes


class Record(Value):
    """An entry as it is stored; `seal` is zeros unless it ended its transaction."""

    index: int
    hash: bytes
    seal: bytes
    body: bytes


class Mark(NamedTuple):
    """A row beside the chain: `content` under `version` in the stream of that name."""

    stream: str
    version: int
    content: bytes


MarkRow = tuple[str, int, bytes]  # a Mark, or a plain tuple of the same


def link(previous: bytes, body: bytes) -> bytes:
    return blake3(previous + body).digest()


class Identity:
    """Whose journal it is. Everything that is bound to the node and its mesh is derived here."""

    def __init__(self, mesh: bytes, node_key: bytes) -> None:
        assert len(mesh) == KEY_BYTES, "a mesh id has 32 bytes"
        assert len(node_key) == KEY_BYTES, "a node's key has 32 bytes"
        self.mesh, self.node_key = mesh, node_key
        self._bound = mesh + node_key
        self.anchor = blake3(ANCHOR_DOMAIN + self._bound).digest()
        self.entries = self.originator(ENTRIES)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and other._bound == self._bound

    def __hash__(self) -> int:
        return hash(self._bound)

    def __str__(self) -> str:
        return f"node {self.node_key.hex()[:16]} in mesh {self.mesh.hex()[:16]}"

    def originator(self, stream: str) -> str:
        """The originator id of a stream, as the 32 hexadecimal digits of a UUID."""
        assert len(stream) <= STREAM_CHARS_MAX, f"not a word: {stream!r}"
        return blake3(NAME_DOMAIN + self._bound + stream.encode()).hexdigest()[:32]

    def seal_digest(self, index: int, entry_hash: bytes) -> bytes:
        """The 32 bytes that the node signs to stand by entry `index` and all before it."""
        return blake3(SEAL_DOMAIN + self._bound + index.to_bytes(8, "big") + entry_hash).digest()

    def seal(self, signer: Signer, index: int, entry_hash: bytes) -> bytes:
        signature = signer(self.seal_digest(index, entry_hash))
        assert len(signature) == SEAL_BYTES, "an Ed25519 signature has 64 bytes"
        return signature

    def check(self, stream: str, version: int, content: bytes) -> bytes:
        """The plain hash before a mark's content."""
        hasher = blake3(CHECK_DOMAIN + self._bound)
        hasher.update(bytes([len(stream)]) + stream.encode() + version.to_bytes(8, "big"))
        return hasher.update(content).digest()

    def row(self) -> bytes:
        """The state of the identity row."""
        return self.check(IDENTITY_TOPIC, IDENTITY_VERSION, self._bound) + self._bound


def read_identity(row: bytes) -> Identity | None:
    """Whose journal it is by its identity row, or None if the row is damaged."""
    if len(row) != HASH_BYTES + 2 * KEY_BYTES:
        return None
    mesh, node_key = row[HASH_BYTES : HASH_BYTES + KEY_BYTES], row[HASH_BYTES + KEY_BYTES :]
    identity = Identity(mesh, node_key)
    return identity if identity.row() == row else None
