"""Every envelope that the journals hold, and what each binds its sender to.

PeerReview (Haeberlen, Kouznetsov and Druschel 2007) calls the signed head of a log that comes with
each message an authenticator. Here an envelope is one: it names the entry and the effect that it
comes from, and the head of its sender's durable journal. So whoever holds a letter can later show

*   that the journal was cut: it ends before a head that the sender signed;
*   that it was rewritten, or kept twice: it has another hash at that index;
*   that the sender lied: deciding the named entry again does not yield that message;
*   that it said two things where it could have said one: one effect is one message, and one
    process numbers its messages, so one head and number are one envelope.

The last needs no journal of the sender's. The same letter reaches many, so each is read once.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from blake3 import blake3
from msgspec.structs import replace

from meshkit.audit.findings import Kind
from meshkit.audit.words import a, ref, short
from meshkit.codec import AHEAD, JOURNALED, Malformed, cause
from meshkit.consensus.account import VOTE
from meshkit.consensus.engines import ENGINES, said_by
from meshkit.consensus.messages import Committed
from meshkit.core.value import Statement, Value, digest, statements
from meshkit.journal import Head, Record
from meshkit.node import address, content, place_of
from meshkit.wire.envelope import Envelope, Refused, open_envelope, open_unverified

# What may leave before its entry is durable: such a letter names no entry, and binds to its head.
EARLY: frozenset[type] = frozenset(
    kind
    for engine in ENGINES.values()
    if engine.volatile is not None
    for kind in engine.volatile.both
)


class Letter(Value):
    """What an envelope says, in short. `fault` says why no honest node takes it, or nothing."""

    id: bytes  # digest of its bytes
    sender: bytes
    entry: int
    effect: int
    head: Head
    sequence: int
    kind: str  # of the message: the name of its class
    content: bytes  # digest of the message, but for its sender's own signatures
    height: int  # of a decision that it brings, which an effect may bring many of; else 0
    fault: str


class Copy(NamedTuple):
    """A letter as one journal holds it."""

    letter: Letter
    holder: bytes
    at: int  # the holder's entry


class Contradiction(NamedTuple):
    """Two things that one node signed and no honest node signs both."""

    culprit: bytes
    kind: Kind
    entry: int  # the culprit's own, as far as the contradiction names one; else 0
    what: str
    holder: bytes  # of whom the second thing is from, and the entry there
    at: int
    first: Value | None = None  # the statements, where it is two of them
    second: Value | None = None


class Post:
    """All letters of the journals at hand, by their senders."""

    def __init__(self, mesh: bytes) -> None:
        self._mesh = mesh
        self._read: dict[bytes, Letter] = {}
        self._by_sender: dict[bytes, dict[int, list[Copy]]] = {}
        self._heads: dict[bytes, dict[int, dict[bytes, Copy]]] = {}
        self._effects: dict[tuple[bytes, int, int, int], Copy] = {}
        self._numbers: dict[tuple[bytes, int, int], Copy] = {}
        self._said: dict[tuple[Any, ...], tuple[bytes, Statement]] = {}
        self._convicted: set[tuple[str, tuple[Any, ...]]] = set()
        self._faults: dict[bytes, list[Copy]] = {}
        self.contradictions: list[Contradiction] = []

    def take(self, holder: bytes, record: Record) -> None:
        """Read the envelope of an entry, if it has one; bytes that are no entry have none."""
        try:
            data = cause(record.body)
        except Malformed:
            return
        if data:
            self.hold(holder, record.index, data)

    def hold(self, holder: bytes, at: int, data: bytes) -> None:
        """An envelope that a journal holds at an entry."""
        id_ = blake3(data).digest()
        letter = self._read.get(id_)
        if letter is None:
            letter = self._read[id_] = self._open(id_, holder, at, data)
        copy = Copy(letter, holder, at)
        if letter.fault:
            self._faults.setdefault(holder, []).append(copy)
            return
        self._by_sender.setdefault(letter.sender, {}).setdefault(letter.entry, []).append(copy)
        heads = self._heads.setdefault(letter.sender, {}).setdefault(letter.head.index, {})
        heads.setdefault(letter.head.hash, copy)
        self._compare(copy)

    def _open(self, id_: bytes, holder: bytes, at: int, data: bytes) -> Letter:
        try:
            envelope = open_envelope(data, self._mesh)
        except Refused as refused:
            return _unbelievable(id_, data, str(refused))
        letter = _letter(id_, envelope, _fault(envelope))
        if not letter.fault:
            self._hear(holder, at, envelope.body)
        return letter

    # -- contradictions ---------------------------------------------------------------------------

    def _compare(self, copy: Copy) -> None:
        """Against what the same sender said in the same place."""
        letter = copy.letter
        effect = (letter.sender, letter.entry, letter.effect, letter.height)
        first = self._effects.setdefault(effect, copy) if letter.entry else copy
        if first.letter.content != letter.content:
            where = f"effect {letter.effect} of its entry {letter.entry}"
            self._contradict("two-effects", effect, first, copy, where)
        number = (letter.sender, letter.head.index, letter.sequence)
        first = self._numbers.setdefault(number, copy)
        if first.letter.id != letter.id:
            where = f"number {letter.sequence} under its head {letter.head.index}"
            self._contradict("two-numbers", number, first, copy, where)

    def _contradict(
        self, kind: Kind, place: tuple[Any, ...], first: Copy, second: Copy, where: str
    ) -> None:
        what = f"{where} is one message to {ref(first.holder)} and another to {ref(second.holder)}"
        letter, holder, at = second
        self._tell(place, Contradiction(letter.sender, kind, letter.entry, what, holder, at))

    def _tell(self, place: tuple[Any, ...], one: Contradiction) -> None:
        """Of each place the first contradiction: the others prove no more."""
        if (one.kind, place) not in self._convicted:
            self._convicted.add((one.kind, place))
            self.contradictions.append(one)

    def _hear(self, holder: bytes, at: int, message: Value) -> None:
        """Compare every statement inside with what its signer said before, to whomever."""
        for statement in statements(message):
            place = place_of(statement)
            if place is None:
                continue
            covered = digest(content(statement))
            known, first = self._said.setdefault(place, (covered, statement))
            if known != covered:
                culprit = cast(bytes, getattr(statement, statement.SIGNER))
                what = (
                    f"it signed two different statements, each {described(statement)}; "
                    f"{ref(holder)} holds the second at entry {at}"
                )
                kind: Kind = "equivocation"
                told = Contradiction(culprit, kind, 0, what, holder, at, first, statement)
                self._tell(place, told)

    # -- what letters say of a journal ------------------------------------------------------------

    def faults(self, holder: bytes) -> list[Copy]:
        """What it holds and no honest node takes."""
        return self._faults.get(holder, [])

    def copies(self, sender: bytes) -> dict[int, list[Copy]]:
        """The letters of a sender by the entry they name, in all journals."""
        return self._by_sender.get(sender, {})

    def heads(self, sender: bytes) -> Iterator[Copy]:
        """One copy for each different head that others, or it itself, hold of a sender."""
        for _, alike in sorted(self._heads.get(sender, {}).items()):
            for _, copy in sorted(alike.items()):
                yield copy

    def split_heads(self) -> Iterator[Contradiction]:
        """Where a sender signed two hashes for one index of its journal."""
        for sender in sorted(self._heads):
            for index, alike in sorted(self._heads[sender].items()):
                if len(alike) > 1:
                    first, second = [copy for _, copy in sorted(alike.items())][:2]
                    what = (
                        f"its head at entry {index} is one to {ref(first.holder)} "
                        f"and another to {ref(second.holder)}: it keeps two journals"
                    )
                    yield Contradiction(sender, "two-heads", index, what, *second[1:])

    def votes(self, height: int) -> Iterator[Statement]:
        """The votes of a height that anybody holds, one of each place."""
        for _, statement in self._said.values():
            said = said_by(statement)
            if said is not None and said.kind == VOTE and said.height == height:
                yield statement


def described(statement: Statement) -> str:
    """Which place among statements it takes, in words."""
    said = said_by(statement)
    if said is not None:
        return f"{a(said.name)} at height {said.height}, round {said.turn}"
    task, number = getattr(statement, "task", b""), getattr(statement, "round", 0)
    return f"{a(type(statement).__name__)} of task {short(task)}, round {number}"


def bare(item: Any, signer: bytes) -> Any:
    """`item` without the signatures of `signer` on the statements in it."""
    if isinstance(item, tuple):
        parts = cast("tuple[object, ...]", item)
        fresh = tuple([bare(part, signer) for part in parts])
        return fresh if any(a is not b for a, b in zip(fresh, parts, strict=True)) else parts
    if not isinstance(item, Value):
        return item
    changes: dict[str, Any] = {}
    for name in item.__struct_fields__:
        inner = getattr(item, name)
        stripped = bare(inner, signer)
        if stripped is not inner:
            changes[name] = stripped
    if isinstance(item, Statement) and getattr(item, item.SIGNER) == signer:
        changes["signature"] = b""
    return replace(item, **changes) if changes else item


def content_of(message: Value, sender: bytes) -> bytes:
    """The digest of what `sender` says, whether or not it has signed it yet."""
    return digest(bare(message, sender))


def _letter(id_: bytes, envelope: Envelope, fault: str) -> Letter:
    body = envelope.body
    return Letter(
        id_,
        envelope.sender,
        envelope.entry,
        envelope.effect,
        Head(envelope.head_index, envelope.head_hash),
        envelope.sequence,
        type(body).__name__,
        b"" if fault else content_of(body, envelope.sender),
        body.certificate.height if isinstance(body, Committed) else 0,
        fault,
    )


def _fault(envelope: Envelope) -> str:
    early = envelope.kind == AHEAD and type(envelope.body) in EARLY
    if envelope.kind != JOURNALED and not early:
        return "volatile: such traffic is never the cause of an entry"
    if not address(envelope.body):
        return f"not-addressed: no machine hears {a(envelope.body)}"
    return ""


def _unbelievable(id_: bytes, data: bytes, fault: str) -> Letter:
    try:
        return _letter(id_, open_unverified(data), fault)
    except Refused:
        return Letter(id_, b"", 0, 0, Head(0, b""), 0, "", b"", 0, fault)
