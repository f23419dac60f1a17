"""A forger: it owns a node's disk, at times its key, and would have the journal say otherwise."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from meshkit.codec import decode_entry, encode_entry
from meshkit.consensus.messages import Decided
from meshkit.core.machine import Entry
from meshkit.journal.audit import identity_of
from meshkit.journal.chain import BODY_AT, HASH_BYTES, UNSEALED, Identity, link
from meshkit.node import address
from meshkit.wire.keys import Identity as Key

Row = tuple[int, bytes]  # index, and what stands there: hash | seal | body
Edit = Callable[[Entry], Entry]


def journal_of(home: Path) -> Path:
    return home / "journal.sqlite"


def identity(home: Path) -> Identity:
    found = identity_of(journal_of(home))
    assert found is not None
    return found


@contextmanager
def opened(home: Path) -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(journal_of(home))) as connection, connection:
        yield connection


def rows(home: Path) -> list[Row]:
    query = (
        "SELECT originator_version, state FROM stored_events WHERE originator_id = ? "
        "ORDER BY originator_version"
    )
    with opened(home) as connection:
        return connection.execute(query, (identity(home).entries,)).fetchall()


def put(home: Path, index: int, state: bytes) -> None:
    """Write what stands at an entry's place."""
    query = "UPDATE stored_events SET state = ? WHERE originator_id = ? AND originator_version = ?"
    with opened(home) as connection:
        changed = connection.execute(query, (state, identity(home).entries, index)).rowcount
    assert changed == 1


def flip(home: Path, index: int, position: int, bits: int = 1) -> None:
    """Change one byte of a stored entry: of its hash, its seal or its body."""
    state = bytearray(dict(rows(home))[index])
    state[position] ^= bits
    put(home, index, bytes(state))


def cut(home: Path, after: int) -> None:
    """Take away all entries behind this one."""
    query = "DELETE FROM stored_events WHERE originator_id = ? AND originator_version > ?"
    with opened(home) as connection:
        assert connection.execute(query, (identity(home).entries, after)).rowcount


def reseal(home: Path, key: Key, index: int) -> None:
    """Make the entry the end of its transaction, as its owner can."""
    state, whose = dict(rows(home))[index], identity(home)
    entry_hash, body = state[:HASH_BYTES], state[BODY_AT:]
    put(home, index, entry_hash + whose.seal(key.sign, index, entry_hash) + body)


def splice(home: Path, other: Path, first: int) -> None:
    """Put the other's entries from `first` on in the place of one's own."""
    for index, state in rows(other):
        if first <= index <= len(rows(home)):
            put(home, index, state)


def rewrite(home: Path, key: Key, index: int, edit: Edit) -> None:
    """Change an entry, and make the chain and all seals behind it anew with the node's own key."""
    whose, before = identity(home), rows(home)
    previous = whose.anchor if index == 1 else before[index - 2][1][:HASH_BYTES]
    for number, state in before[index - 1 :]:
        seal, body = state[HASH_BYTES:BODY_AT], state[BODY_AT:]
        if number == index:
            body = encode_entry(edit(decode_entry(body, address, number)), number)
        previous = link(previous, body)
        fresh = UNSEALED if seal == UNSEALED else whose.seal(key.sign, number, previous)
        put(home, number, previous + fresh + body)


def entries(home: Path) -> list[tuple[int, Entry]]:
    return [(index, decode_entry(state[BODY_AT:], address, index)) for index, state in rows(home)]


def decided(home: Path, height: int) -> int:
    """The entry that decided a height."""
    return next(
        index
        for index, entry in entries(home)
        for event in entry.events
        if isinstance(event.body, Decided) and event.body.certificate.height == height
    )
