"""Sealing what a node says, and opening what others say: no message reaches a machine unopened.

An envelope is opened in this order, cheapest first, and refused at the first fault with a word that
is counted: its size, its version, its mesh, its form, whether it comes too late to matter, its
sender's signature over the bytes as they came, and then the signature of every statement inside,
whoever brings it; but for what its sender is taken at its word for, which is nothing unless whoever
opens it says so. So a machine may take a `Heard(sender, message)` at its word: the sender said it,
and each signer in it signed. Whether they are members, and whether it makes sense, is for `decide`.

Not here: replay. An envelope heard twice is opened twice, for a duplicate must change nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from blake3 import blake3
from msgspec import structs

from meshkit.codec.envelope import (
    AHEAD,
    ENVELOPE_BYTES_MAX,
    JOURNALED,
    PREFIX_BYTES,
    VERSION,
    VOLATILE,
    Envelope,
    Sealed,
    encode_envelope,
    frame,
    unframe,
)
from meshkit.codec.form import Malformed
from meshkit.core.value import Statement, Value, holders, signing_digest, statements
from meshkit.wire.keys import Identity, verify

__all__ = [
    "AHEAD",
    "ENVELOPE_BYTES_MAX",
    "Envelope",
    "JOURNALED",
    "REASONS",
    "Refused",
    "VOLATILE",
    "open_envelope",
    "open_unverified",
    "seal",
    "sign_statements",
    "verify_statements",
]

V = TypeVar("V", bound=Value)

# Apart from every statement's: those are digests of MessagePack, without a key.
CONTEXT = "meshkit envelope 1"

TOO_LARGE = "too-large"
UNKNOWN_VERSION = "unknown-version"
MALFORMED = "malformed"
FOREIGN_MESH = "foreign-mesh"
BAD_SIGNATURE = "bad-signature"
UNSIGNED_STATEMENT = "unsigned-statement"
FORGED_STATEMENT = "forged-statement"
LATE = "late"  # no fault of anybody's
REASONS = (
    TOO_LARGE,
    UNKNOWN_VERSION,
    MALFORMED,
    FOREIGN_MESH,
    BAD_SIGNATURE,
    UNSIGNED_STATEMENT,
    FORGED_STATEMENT,
    LATE,
)


UNSEEN: frozenset[type] = frozenset()  # kinds of statements that nobody looks at: none


class Refused(Exception):
    """What came is not to be believed; `reason` is one of REASONS, the text says more."""

    def __init__(self, reason: str, line: str) -> None:
        super().__init__(f"{reason}: {line}")
        self.reason = reason


# -- sealing ---------------------------------------------------------------------------------------


def seal(envelope: Envelope, identity: Identity) -> bytes:
    """What travels of an envelope whose statements are signed; the same bytes each time."""
    assert envelope.sender == identity.key, "nobody seals in another's name"
    signed = encode_envelope(envelope)
    data = frame(identity.sign(_digest(signed)), signed)
    if len(data) > ENVELOPE_BYTES_MAX:
        raise Malformed(f"an envelope of {len(data)} bytes, which everybody would refuse")
    return data


def _digest(signed: bytes) -> bytes:
    return blake3(signed, derive_key_context=CONTEXT).digest()


def sign_statements(message: V, identity: Identity, mesh: bytes) -> V:
    """`message` with every statement of ours in it signed; those inside others first."""
    return cast(V, _sign(message, identity, mesh))


def _sign(item: Any, identity: Identity, mesh: bytes) -> Any:
    if isinstance(item, tuple):
        return _sign_each(cast("tuple[object, ...]", item), identity, mesh)
    if not isinstance(item, Value):
        return item
    changes: dict[str, Any] = {}
    for name in holders(item.__class__):
        inner = getattr(item, name)
        fresh = _sign(inner, identity, mesh)
        if fresh is not inner:
            changes[name] = fresh
    value = structs.replace(item, **changes) if changes else item
    if isinstance(value, Statement) and _signer(value) == identity.key and not _signature(value):
        return structs.replace(value, signature=identity.sign(signing_digest(value, mesh)))
    return value


def _sign_each(items: tuple[Any, ...], identity: Identity, mesh: bytes) -> tuple[Any, ...]:
    fresh = tuple([_sign(item, identity, mesh) for item in items])
    return fresh if any(a is not b for a, b in zip(fresh, items, strict=True)) else items


def _signer(statement: Statement) -> bytes:
    return cast(bytes, getattr(statement, statement.SIGNER))


def _signature(statement: Statement) -> bytes:
    return cast(bytes, getattr(statement, "signature"))  # noqa: B009  # the base declares no fields


# -- opening ---------------------------------------------------------------------------------------


def never(_: Envelope) -> bool:
    """Nothing comes too late."""
    return False


def nothing(_: Envelope) -> frozenset[type]:
    """Nobody is taken at their word."""
    return UNSEEN


def open_envelope(
    data: bytes,
    mesh: bytes,
    bytes_max: int = ENVELOPE_BYTES_MAX,
    is_late: Callable[[Envelope], bool] = never,
    believed: Callable[[Envelope], frozenset[type]] = nothing,
) -> Envelope:
    """The envelope in `data`, all its signatures verified; raises `Refused` and nothing else.

    `is_late` tells from an envelope whose signatures nobody has looked at whether it would change
    nothing even if they were good: then it is refused without that work. `believed` tells which
    kinds of statements inside its sender is taken at its word for: these are not verified.
    """
    sealed = _unframe(data, bytes_max)
    if sealed.mesh != mesh:
        raise Refused(FOREIGN_MESH, f"it is of the mesh {sealed.mesh[:8].hex()}")
    envelope = _read(sealed)
    if is_late(envelope):
        raise Refused(LATE, "it is about what is decided")
    if not verify(sealed.sender, _digest(sealed.signed), sealed.signature):
        raise Refused(BAD_SIGNATURE, f"{sealed.sender[:8].hex()} did not sign it")
    verify_statements(envelope.body, mesh, believed(envelope))
    return envelope


def open_unverified(data: bytes, bytes_max: int = ENVELOPE_BYTES_MAX) -> Envelope:
    """The same without mesh and signatures, for bytes that were opened before; raises `Refused`."""
    return _read(_unframe(data, bytes_max))


def verify_statements(message: Value, mesh: bytes, believed: frozenset[type] = UNSEEN) -> None:
    """Raise `Refused` unless every statement in `message` is signed by its signer in `mesh`, but
    for those of the kinds `believed`."""
    for statement in statements(message):
        if type(statement) in believed:
            continue
        signature = _signature(statement)
        name = type(statement).__name__
        if not signature:
            raise Refused(UNSIGNED_STATEMENT, f"a {name} without a signature")
        if not verify(_signer(statement), signing_digest(statement, mesh), signature):
            raise Refused(FORGED_STATEMENT, f"a {name} its signer did not sign")


def _unframe(data: bytes, bytes_max: int) -> Sealed:
    if len(data) > bytes_max:
        raise Refused(TOO_LARGE, f"{len(data)} bytes")
    if len(data) >= PREFIX_BYTES and data[0] != VERSION:
        raise Refused(UNKNOWN_VERSION, f"version {data[0]}")
    try:
        return unframe(data)
    except Malformed as error:
        raise Refused(MALFORMED, str(error)) from None


def _read(sealed: Sealed) -> Envelope:
    try:
        return sealed.envelope()
    except Malformed as error:
        raise Refused(MALFORMED, str(error)) from None
