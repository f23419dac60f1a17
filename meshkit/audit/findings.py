"""What an audit finds: of whose journal, at which entry, what kind of thing, and in words."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, TypeAlias

from meshkit.core.value import Value
from meshkit.journal.audit import Kind as ChainKind

OF_A_KIND_MAX = 10  # findings of one kind of one node that are listed: one liar fills no screen

Kind: TypeAlias = (
    ChainKind
    | Literal[
        "aggregate",  # a model that the updates do not give
        "blob",  # bytes that are not those of their name
        "certificate",  # a decision that its votes do not prove
        "command",  # a cause that no honest shell takes from outside
        "copies",  # two journals of one node that part
        "divergence",  # the rules decide otherwise than recorded
        "envelope",  # a cause that its sender did not sign so
        "equivocation",  # two statements that exclude each other
        "fact",  # what was said of a blob is not so
        "form",  # bytes that are no entry
        "genesis",  # a journal that begins with another mesh
        "lie",  # a message that the journal of its sender does not yield
        "missing",  # a blob that nobody has any more
        "order",  # an entry that is no later than the one before
        "rule",  # a decided block that the rules forbid
        "rules",  # rules of a version that is not known here
        "snapshot",  # a digest of another state
        "split",  # two blocks at one height
        "statement",  # a statement that its signer did not sign
        "two-effects",  # one effect, two messages
        "two-heads",  # one index, two hashes
        "two-numbers",  # one number, two envelopes
    ]
)


class Finding(Value):
    """`node` is an identity, or empty where it is no one node's; entry 0 is none."""

    node: bytes
    entry: int
    kind: str
    what: str
    last: int = 0  # of the entries that are concerned, where they are several


class Note(Value):
    """Something that could not be checked, and why that is no finding."""

    node: bytes
    entry: int
    what: str


class Evidence(Value):
    """What was found against one whose own journal is not here."""

    node: bytes
    kind: str
    what: str
    first: Value | None = None
    second: Value | None = None


class Findings:
    """Collects them; of too many alike the rest is counted."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        self._counts: Counter[tuple[bytes, str]] = Counter()

    def add(self, node: bytes, entry: int, kind: Kind, what: str, last: int = 0) -> None:
        finding = Finding(node, entry, kind, what, last if last > entry else 0)
        if finding in self._found:
            return
        self._counts[node, kind] += 1
        if self._counts[node, kind] <= OF_A_KIND_MAX:
            self._found[finding] = None

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Finding]:
        yield from sorted(self._found, key=lambda one: (one.node, one.entry, one.kind, one.what))
        for (node, kind), count in sorted(self._counts.items()):
            if count > OF_A_KIND_MAX:
                yield Finding(node, 0, kind, f"{count - OF_A_KIND_MAX} more of this kind")
