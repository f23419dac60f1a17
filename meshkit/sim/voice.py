"""Signing and sealing, as a model with its cost in time, or for real.

A modelled signature is a hash that only the holder of a key can make; the simulator checks it where
a liar speaks, since what honest members pass on they have heard opened and verified. Real ones are
the runtime's: sealed once, opened by each hearer, with every statement inside verified.
"""

from typing import Any, NamedTuple, Protocol, TypeVar, cast

from blake3 import blake3
from msgspec.structs import replace

from meshkit.consensus.tendermint.messages import Known, Proposal, Vote
from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value, holders, signing_digest, statements
from meshkit.ledger.messages import Block, Note, RoundResult
from meshkit.node import address
from meshkit.rounds.messages import Attestation, Held, Proof, Update
from meshkit.runtime.pulse import Pulse, is_due
from meshkit.runtime.voice import Voice as RealVoice
from meshkit.sim.people import Person
from meshkit.wire.envelope import Refused, open_envelope, sign_statements, verify_statements

S = TypeVar("S", bound=Statement)

SIGN_NS = 20_000  # of Ed25519 in libsodium (measured)
VERIFY_NS = 55_000  # likewise
SIGNATURE_BYTES = 64  # as Ed25519's


class Spoken(NamedTuple):
    """A message under way: what its hearers are told, or the bytes they are to open."""

    sender: bytes
    command: At
    envelope: bytes
    cost_ns: int  # of opening it


class Voice(Protocol):
    """One identity's, in one mesh."""

    def say(self, message: Value, entry: int, effect: int) -> tuple[Value, bytes]:
        """The message with our own statement signed, and its envelope; empty if modelled."""
        ...

    def ahead(self, message: Value) -> bytes:
        """The envelope of what leaves before its own entry is durable."""
        ...

    def fleeting(self, message: Value) -> bytes:
        """The envelope of what the volatile half says."""
        ...


class Modelled:
    """Signs with the mark of a person; there are no envelopes."""

    def __init__(self, person: Person, mesh: bytes) -> None:
        self._person, self._mesh = person, mesh

    def say(self, message: Value, entry: int, effect: int) -> tuple[Value, bytes]:
        if not isinstance(message, Statement) or not self._is_ours(message):
            return message, b""
        return self._signed(message), b""

    def ahead(self, message: Value) -> bytes:
        return b""

    def fleeting(self, message: Value) -> bytes:
        return b""

    def _is_ours(self, statement: Statement) -> bool:
        """Whether it is unsigned, and ours to sign."""
        ours = getattr(statement, statement.SIGNER) == self._person.key
        return ours and not signature(statement)

    def _signed(self, statement: S) -> S:
        """The statement signed, and first whatever of ours stands in it."""
        for name in holders(type(statement)):
            inner: Any = getattr(statement, name)
            parts: tuple[Any, ...] = cast(Any, inner) if isinstance(inner, tuple) else ()
            if any(self._is_open(part) for part in parts):
                signed = [self._signed(part) if self._is_open(part) else part for part in parts]
                statement = replace(statement, **{name: tuple(signed)})
        return signed_by(self._person, statement, self._mesh, False)

    def _is_open(self, part: Any) -> bool:
        return isinstance(part, Statement) and self._is_ours(part)


def voice(person: Person, mesh: bytes, store: Any, real: bool) -> Voice:
    return RealVoice(person.identity, mesh, store.head) if real else Modelled(person, mesh)


def spoken(sender: bytes, message: Value, envelope: bytes) -> Spoken:
    """What goes on its way; how long opening it takes follows from the statements inside."""
    count = 1 if type(message) is Vote else _signatures(message)  # most are votes
    command = At(address(message), Heard(sender, message))
    return Spoken(sender, command, envelope, VERIFY_NS * (1 + count))


def _signatures(message: Value) -> int:
    """How many are to be verified in a message."""
    match message:
        case Vote() | Update() | Attestation() | Note():
            return 1
        case Known(proposals, votes):
            return len(votes) + sum(_signatures(proposal) for proposal in proposals)
        case Held(updates=updates):
            return 1 + len(updates)
        case Proposal(value=None):
            return 1
        case Proposal(value=Block(items=items)):
            return 1 + sum(_signatures(item) for item in items)
        case RoundResult(proof=Proof(lists, attestations)):
            return 1 + len(attestations) + sum(1 + len(held.updates) for held in lists)
        case _:
            return len(statements(message))


def heard(said: Spoken, mesh: bytes, pulse: Pulse | None = None) -> At | None:
    """What the bytes of a message tell its hearer; None if it is refused at the door."""
    try:
        envelope = open_envelope(said.envelope, mesh)
    except Refused:
        return None
    name = address(envelope.body)
    due = is_due(envelope.kind, envelope.body, pulse)
    if not due or not name or envelope.sender != said.sender:
        return None
    return At(name, Heard(envelope.sender, envelope.body))


# -- modelled signatures ---------------------------------------------------------------------------


def signature(statement: Statement) -> bytes:
    return getattr(statement, "signature", b"")


def signed_by(person: Person, statement: S, mesh: bytes, real: bool) -> S:
    """The statement with this person's signature, of either kind."""
    if real:
        return sign_statements(statement, person.identity, mesh)
    return replace(statement, signature=_stamp(statement, person.mark, mesh))


def _stamp(statement: Statement, mark: bytes, mesh: bytes) -> bytes:
    return blake3(mark + signing_digest(statement, mesh)).digest(length=SIGNATURE_BYTES)


def is_authentic(message: Value, people: dict[bytes, Person], mesh: bytes, real: bool) -> bool:
    """Whether each statement in it is signed by its signer: what every door asks."""
    if real:
        try:
            verify_statements(message, mesh)
        except Refused:
            return False
        return True
    for statement in statements(message):
        signer = people.get(getattr(statement, statement.SIGNER))
        if signer is None or signature(statement) != _stamp(statement, signer.mark, mesh):
            return False
    return True
