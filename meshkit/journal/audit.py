"""What an auditor reads out of a journal: every row, whatever state it is in.

`verify` never raises over what it finds. It walks the whole table in the order of the b-tree
rather than asking for rows by key, since a damaged key hides from a search but not from a walk,
and yields a `Finding` for each thing that is not as the node must have written it. After a fault
it goes on: from the stored hash and from the one that it computed, whichever the next entry
follows, so one altered byte is one finding and not ten thousand.

What it cannot see: a tail that nobody else remembers, and a chain rebuilt and sealed anew by the
key's owner. Both show only against heads that others hold; give those as `expected`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from meshkit.core.value import Value
from meshkit.journal import store
from meshkit.journal.chain import (
    BODY_AT,
    ENTRY_TOPIC,
    HASH_BYTES,
    IDENTITY_ORIGINATOR,
    IDENTITY_TOPIC,
    IDENTITY_VERSION,
    MARK_TOPIC,
    STREAM_CHARS_MAX,
    UNSEALED,
    Head,
    Identity,
    Record,
    Verifier,
    link,
    read_identity,
)
from meshkit.journal.errors import JournalError, explain
from meshkit.journal.reading import evidence, size_bytes

ROW_BYTES_MIN = 96  # less than any row of ours takes in the file: bounds a walk through damage
DAMAGES_MAX = 10  # lines of SQLite's own check that we pass on
CANDIDATES_MAX = 3  # hashes that an entry after a fault may follow from

Kind = Literal[
    "cut",  # entries that others hold the head of are missing
    "damage",  # SQLite cannot read its file
    "foreign",  # a row that this node cannot have written
    "fork",  # a head that others hold is not of this journal
    "gap",  # entries are missing or out of order
    "hash",  # an entry does not follow from the one before
    "identity",  # the journal is another's, or does not say whose
    "layout",  # a row is not of its form
    "mark",  # a mark's content is not what was written, or it is not there
    "seal",  # a seal is not the node's signature over its entry
    "unsealed",  # the last entry carries no seal
]


class Finding(Value):
    """What is wrong, with which entries: `first` to `last`, or 0 if it is no entry's."""

    kind: Kind
    first: int
    last: int
    text: str


def verify(
    path: Path, identity: Identity, verifier: Verifier, expected: Iterable[Head] = ()
) -> Iterator[Finding]:
    """Everything wrong with the journal at `path` of `identity`, by itself and against `expected`.

    Raises `JournalError` only if there is no such file or it may not be read.
    """
    path = Path(path)
    walk = _Walk(identity, verifier, expected)
    with evidence(path) as address:
        try:
            with closing(store.connect(address, store.READING)) as connection:
                yield from _walk_rows(connection, walk, size_bytes(path))
                yield from walk.end()
                yield from _check_pages(connection)
        except (sqlite3.Error, JournalError) as error:
            yield Finding("damage", walk.index + 1, walk.index + 1, explain(path, error))
            yield from walk.end()


def identity_of(path: Path) -> Identity | None:
    """Whose journal it says it is; None if it does not say, or is too damaged to.

    Raises `JournalError` only if there is no such file or it may not be read.
    """
    sought = (IDENTITY_ORIGINATOR, IDENTITY_VERSION)
    query = "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?"
    with evidence(Path(path)) as address:
        try:
            with closing(store.connect(address, store.READING)) as connection:
                row = connection.execute(query, sought).fetchone()
                return read_identity(row[0]) if row and isinstance(row[0], bytes) else None
        except (sqlite3.Error, JournalError):
            return None


def entries(path: Path, identity: Identity) -> Iterator[Record]:
    """What stands in the places of entries, in order, as far as it has their form.

    Nothing is checked: that is for `verify`. It ends without a word where the file is damaged.
    """
    for index, state in _stream_rows(path, identity.entries):
        if len(state) >= BODY_AT:
            seal, body = state[HASH_BYTES:BODY_AT], state[BODY_AT:]
            yield Record(index, state[:HASH_BYTES], seal, body)


def marks(path: Path, identity: Identity, stream: str) -> Iterator[tuple[int, bytes]]:
    """Version and content of what stands in the places of a stream's marks, likewise."""
    for version, state in _stream_rows(path, identity.originator(stream)):
        yield version, state[HASH_BYTES:]


def _stream_rows(path: Path, originator: str) -> Iterator[tuple[int, bytes]]:
    query = (
        "SELECT originator_version, state FROM stored_events "
        "WHERE originator_id = ? AND originator_version >= 1 ORDER BY originator_version"
    )
    with evidence(Path(path)) as address:
        try:
            with closing(store.connect(address, store.READING)) as connection:
                for version, state in connection.execute(query, (originator,)):
                    if isinstance(state, bytes):
                        yield version, state
        except (sqlite3.Error, JournalError):
            return


def _walk_rows(connection: sqlite3.Connection, walk: "_Walk", file_bytes: int) -> Iterator[Finding]:
    # Rot can make any column any bytes, so nothing is decoded on the way.
    connection.text_factory = bytes
    yield from _check_schema(connection)
    rows = connection.execute(
        "SELECT originator_id, originator_version, topic, state FROM stored_events"
    )
    left = file_bytes // ROW_BYTES_MIN
    for row in rows:  # one by one: a batch that runs into damage would be lost whole
        yield from walk.take(*row)
        left -= 1
        if left < 0:  # a b-tree whose pages are its own ancestors could be walked for ever
            yield Finding("damage", 0, 0, "the database yields more rows than fit into its file")
            return


def _check_schema(connection: sqlite3.Connection) -> Iterator[Finding]:
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master"):
        if (kind, name) not in ((b"table", b"stored_events"),):
            yield Finding("foreign", 0, 0, f"the database holds {kind!r:.40} {name!r:.80}")


def _check_pages(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute(f"PRAGMA quick_check({DAMAGES_MAX})"):
        if line != b"ok":
            yield Finding("damage", 0, 0, f"the database is damaged: {line!r:.200}")


class _Walk:
    """The state of one walk: which entry must come, and what it may follow from."""

    def __init__(self, identity: Identity, verifier: Verifier, expected: Iterable[Head]) -> None:
        self._identity, self._verifier = identity, verifier
        self._entries = identity.entries.encode()
        self._candidates: tuple[bytes, ...] = (identity.anchor,)
        self._seal = b""
        self._identified = False
        self._expected: dict[int, list[bytes]] = {}
        self._agreed = 0
        self._disagreed: list[int] = []
        self.index = 0
        for head in sorted(expected, key=lambda head: head.index):
            self._expected.setdefault(head.index, []).append(head.hash)
        self._compare(0, identity.anchor)

    def take(self, originator: Any, version: Any, topic: Any, state: Any) -> Iterator[Finding]:
        if originator == self._entries:
            yield from self._take_entry(version, topic, state)
        elif originator == IDENTITY_ORIGINATOR.encode():
            yield from self._take_identity(version, topic, state)
        else:
            yield from self._take_mark(originator, version, topic, state)

    def end(self) -> Iterator[Finding]:
        if not self._identified:
            yield Finding("identity", 0, 0, "the journal does not say whose it is")
        if self.index and self._seal == UNSEALED:
            text = f"entry {self.index} is the last and carries no seal: a tail was cut off"
            yield Finding("unsealed", self.index, self.index, text)
        beyond = [index for index in self._expected if index > self.index]
        if beyond:
            text = f"entries {self.index + 1} to {max(beyond)} are missing: others hold that head"
            yield Finding("cut", self.index + 1, max(beyond), text)
        if self._disagreed:
            first = self._disagreed[0]
            agreed = max((i for i in self._agreements() if i < first), default=0)
            text = (
                f"the head at entry {first} is not the one that others hold; "
                f"the last that agrees is {agreed}: entries in between were rewritten"
            )
            yield Finding("fork", agreed + 1, first, text)

    def _agreements(self) -> Iterator[int]:
        return (i for i in self._expected if i <= self.index and i not in self._disagreed)

    def _compare(self, index: int, entry_hash: bytes) -> None:
        if any(held != entry_hash for held in self._expected.get(index, ())):
            self._disagreed.append(index)

    def _take_entry(self, version: Any, topic: Any, state: Any) -> Iterator[Finding]:
        due = self.index + 1
        if not isinstance(version, int) or version < due:
            text = f"a row {version!r:.40} stands where entry {due} must come"
            yield Finding("gap", due, due, text)
            return
        if version > due:
            text = f"entries {due} to {version - 1} are missing"
            yield Finding("gap", due, version - 1, text)
            self._candidates = ()
        self.index = version
        if topic != ENTRY_TOPIC.encode():
            yield Finding(
                "layout", version, version, f"entry {version} has the topic {topic!r:.80}"
            )
        if not isinstance(state, bytes) or len(state) < BODY_AT:
            yield Finding("layout", version, version, f"entry {version} is not of an entry's form")
            self._candidates, self._seal = (), b""
            return
        yield from self._check_entry(version, state)

    def _check_entry(self, index: int, state: bytes) -> Iterator[Finding]:
        stored, self._seal, body = state[:HASH_BYTES], state[HASH_BYTES:BODY_AT], state[BODY_AT:]
        computed = tuple(link(candidate, body) for candidate in self._candidates)
        followed = stored in computed
        if not followed and computed:
            text = f"entry {index}: its hash does not follow from its body and the entry before"
            yield Finding("hash", index, index, text)
        # After a fault the signature may vouch for the hash that was written, not the one stored.
        self._candidates = (stored,) if followed else (stored, *computed)[:CANDIDATES_MAX]
        if self._seal != UNSEALED and not any(map(self._is_sealed, self._candidates)):
            text = f"entry {index}: its seal is not this node's signature"
            yield Finding("seal", index, index, text)
        self._compare(index, stored)

    def _is_sealed(self, entry_hash: bytes) -> bool:
        digest = self._identity.seal_digest(self.index, entry_hash)
        return self._verifier(self._identity.node_key, digest, self._seal)

    def _take_identity(self, version: Any, topic: Any, state: Any) -> Iterator[Finding]:
        self._identified = True
        found = read_identity(state) if isinstance(state, bytes) else None
        if found is None or version != IDENTITY_VERSION or topic != IDENTITY_TOPIC.encode():
            text = "the row that says whose journal this is was altered"
            yield Finding("identity", 0, 0, text)
        elif found != self._identity:
            text = f"this is the journal of {found}, not of {self._identity}"
            yield Finding("identity", 0, 0, text)

    def _take_mark(
        self, originator: Any, version: Any, topic: Any, state: Any
    ) -> Iterator[Finding]:
        stream = _stream(topic)
        if stream is None or originator != self._identity.originator(stream).encode():
            text = (
                f"a row ({originator!r:.40}, {version!r:.40}, {topic!r:.80}) is not of this journal"
            )
            yield Finding("foreign", 0, 0, text)
        elif (
            not isinstance(version, int)
            or not 0 <= version < 1 << 63
            or not isinstance(state, bytes)
            or state[:HASH_BYTES] != self._identity.check(stream, version, state[HASH_BYTES:])
        ):
            text = f"mark {version!r:.40} of {stream} was altered"
            yield Finding("mark", 0, 0, text)


def _stream(topic: Any) -> str | None:
    """The stream that a mark's topic names, or None if it names none."""
    prefix = MARK_TOPIC.encode()
    if not isinstance(topic, bytes) or not topic.startswith(prefix):
        return None
    name = topic[len(prefix) :]
    return name.decode() if name.isascii() and len(name) <= STREAM_CHARS_MAX else None
