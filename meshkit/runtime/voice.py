"""The node's voice: its own statements signed, its messages sealed, each naming what caused it."""

from collections.abc import Callable

from meshkit.codec import AHEAD, JOURNALED, VOLATILE, Envelope
from meshkit.core.value import Value
from meshkit.journal import Head
from meshkit.wire.envelope import seal, sign_statements
from meshkit.wire.keys import Identity


class Voice:
    """Speaks for one identity in one mesh; `head` is the head of its durable journal."""

    def __init__(self, identity: Identity, mesh: bytes, head: Callable[[], Head]) -> None:
        self._identity = identity
        self._mesh = mesh
        self._head = head
        self._said = 0

    @property
    def me(self) -> bytes:
        return self._identity.key

    @property
    def durable(self) -> int:
        """The last entry that is."""
        return self._head().index

    def say(self, message: Value, entry: int, effect: int) -> tuple[Value, bytes]:
        """The message with our statements in it signed, and the envelope that carries it."""
        signed = sign_statements(message, self._identity, self._mesh)
        return signed, self._sealed(signed, JOURNALED, entry, effect)

    def ahead(self, message: Value) -> bytes:
        """The envelope of what leaves before its own entry is durable."""
        return self._sealed(message, AHEAD, 0, 0)

    def fleeting(self, message: Value) -> bytes:
        """The envelope of what no entry caused, and nobody journals."""
        return self._sealed(message, VOLATILE, 0, 0)

    def _sealed(self, message: Value, kind: int, entry: int, effect: int) -> bytes:
        self._said += 1
        head = self._head()
        envelope = Envelope(
            mesh=self._mesh,
            sender=self.me,
            kind=kind,
            entry=entry,
            effect=effect,
            head_index=head.index,
            head_hash=head.hash,
            sequence=self._said,
            body=message,
        )
        return seal(envelope, self._identity)
