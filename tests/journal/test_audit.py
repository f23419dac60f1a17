"""An auditor names what is wrong with a journal: any byte, any cut, any splice, any damage."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from meshkit.journal import Finding, Head, Identity, Journal, JournalError, Mark, verify
from meshkit.journal import audit as audit_
from meshkit.journal.chain import UNSEALED, link
from tests.journal.world import (
    ME,
    MESH,
    NODE,
    OTHER_NODE,
    bodies,
    is_signed,
    open_journal,
    sign,
)

MARKS = [Mark("blocks", 1, b"entry 2"), Mark("snapshots", 3, b"all that was known")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Six entries in three transactions, two marks."""
    with open_journal(tmp_path / "journal.db") as journal:
        journal.append(bodies(1, 3), MARKS)
        journal.append(bodies(4, 4))
        journal.append(bodies(5, 6))
    return tmp_path / "journal.db"


def findings(path: Path, expected: tuple[Head, ...] = ()) -> list[Finding]:
    return list(verify(path, ME, is_signed, expected))


def kinds(found: list[Finding]) -> list[tuple[str, int, int]]:
    return [(finding.kind, finding.first, finding.last) for finding in found]


def alter(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def alter_entry(path: Path, index: int, change: str, *values: object) -> None:
    where = f"WHERE originator_id = '{ME.entries}' AND originator_version = {index}"
    alter(path, f"UPDATE stored_events SET {change} {where}", *values)


def state_of(path: Path, index: int) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?"
        return bytes(connection.execute(query, (ME.entries, index)).fetchone()[0])


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]


def heads(path: Path) -> list[Head]:
    with open_journal(path) as journal:
        return [Head(record.index, record.hash) for record in journal.read()]


def test_a_sound_journal_has_no_findings(path: Path) -> None:
    assert findings(path) == []
    assert findings(path, tuple(heads(path))) == []
    assert findings(path, (Head(0, ME.anchor),)) == []


def test_an_empty_one_neither(tmp_path: Path) -> None:
    open_journal(tmp_path / "journal.db").close()
    assert findings(tmp_path / "journal.db") == []


def test_real_signatures_are_checked_as_such(tmp_path: Path) -> None:
    key = SigningKey(bytes(32))
    me = Identity(MESH, bytes(key.verify_key))

    def good(node: bytes, digest: bytes, signature: bytes) -> bool:
        try:
            VerifyKey(node).verify(digest, signature)
        except BadSignatureError:
            return False
        return True

    path = tmp_path / "journal.db"
    with Journal.open(path, MESH, me.node_key, lambda d: key.sign(d).signature) as journal:
        journal.append(bodies(1, 3))
    assert list(verify(path, me, good)) == []
    assert [f.kind for f in verify(path, me, is_signed)] == ["seal"]


# --- any one byte -------------------------------------------------------------------------------


def rows_of(path: Path) -> list[tuple[bytes, int, bytes, bytes]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return connection.execute("SELECT * FROM stored_events").fetchall()


def flips(row: tuple[bytes, int, bytes, bytes]) -> Iterator[tuple[str, object]]:
    originator, version, topic, state = row
    for position in range(len(originator)):
        yield "originator_id = CAST(? AS TEXT)", flip(originator, position)
    for bit in range(0, 63, 7):
        yield "originator_version = ?", version ^ 1 << bit
    for position in range(len(topic)):
        yield "topic = CAST(? AS TEXT)", flip(topic, position)
    for position in range(len(state)):
        yield "state = ?", flip(state, position)


def test_any_byte_of_any_row_is_missed_if_altered(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.db"
    count = 0
    for row in rows_of(path):
        for change, value in flips(row):
            shutil.copyfile(path, victim)
            with closing(sqlite3.connect(victim, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = OFF")
                # Or replace: a flipped version may take the place of another row.
                connection.execute(
                    f"UPDATE OR REPLACE stored_events SET {change} "
                    "WHERE CAST(originator_id AS BLOB) = ? AND originator_version = ?",
                    (value, row[0], row[1]),
                )
            found = findings(victim)
            assert found, f"{row[2]!r} {row[1]}: {change} {value!r}"
            count += 1
    assert count > 1_200


def test_any_byte_of_the_file_is_missed_or_means_nothing(path: Path, tmp_path: Path) -> None:
    """A file has bytes that mean nothing. Whatever a flip does, the entries read as before or not
    without a finding, and never a traceback."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = DELETE", "page_size = 512"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("VACUUM")  # small pages leave less room that means nothing
    assert findings(path) == []
    rows, whole = rows_of(path), path.read_bytes()
    stored = {whole.index(row[3]) + n for row in rows for n in range(len(row[3]))}
    assert len(stored) > 700
    victim = tmp_path / "victim.db"
    for position in range(len(whole)):
        if not whole[position] and position % 8:
            continue  # of the empty room in each page a part will do
        victim.write_bytes(flip(whole, position))
        if not findings(victim):
            assert position not in stored
            assert rows_of(victim) == rows


# --- one thing at a time ------------------------------------------------------------------------


def test_an_altered_body_is_one_finding_and_names_its_entry(path: Path) -> None:
    alter_entry(path, 2, "state = ?", flip(state_of(path, 2), 98))
    assert kinds(findings(path)) == [("hash", 2, 2)]


@pytest.mark.parametrize(("index", "position"), [(2, 5), (4, 5), (6, 5)])
def test_so_is_an_altered_hash(path: Path, index: int, position: int) -> None:
    alter_entry(path, index, "state = ?", flip(state_of(path, index), position))
    assert kinds(findings(path)) == [("hash", index, index)]


@pytest.mark.parametrize("index", [2, 4])
def test_so_is_an_altered_seal(path: Path, index: int) -> None:
    alter_entry(path, index, "state = ?", flip(state_of(path, index), 40))
    assert kinds(findings(path)) == [("seal", index, index)]


def test_two_altered_hashes_in_a_row_are_two_findings(path: Path) -> None:
    for index in (2, 3):
        alter_entry(path, index, "state = ?", flip(state_of(path, index), 5))
    assert kinds(findings(path)) == [("hash", 2, 2), ("hash", 3, 3)]


def test_lost_entries_are_named(path: Path) -> None:
    where = f"originator_id = '{ME.entries}' AND originator_version IN (2, 3)"
    alter(path, f"DELETE FROM stored_events WHERE {where}")
    found = findings(path)
    assert kinds(found) == [("gap", 2, 3)]
    assert found[0].text == "entries 2 to 3 are missing"


def test_a_row_of_another_form_is_no_entry(path: Path) -> None:
    alter_entry(path, 2, "state = x'0102'")
    alter_entry(path, 3, "topic = 'elsewhere'")
    alter_entry(path, 5, "state = NULL")
    assert kinds(findings(path)) == [("layout", 2, 2), ("layout", 3, 3), ("layout", 5, 5)]


@pytest.mark.parametrize("version", ["-3", "0", "'two'", "x'02'"])
def test_a_version_that_is_no_index_is_a_gap(path: Path, version: str) -> None:
    alter_entry(path, 2, f"originator_version = {version}")
    assert "gap" in [kind for kind, _, _ in kinds(findings(path))]


def test_a_cut_within_a_tick_shows_by_itself(path: Path) -> None:
    alter(path, "DELETE FROM stored_events WHERE originator_version = 6")
    assert kinds(findings(path)) == [("unsealed", 5, 5)]


def test_a_cut_between_ticks_shows_against_a_head_that_others_hold(path: Path) -> None:
    held = heads(path)
    alter(path, "DELETE FROM stored_events WHERE originator_version IN (5, 6)")
    assert findings(path) == []
    assert kinds(findings(path, (held[2], held[5]))) == [("cut", 5, 6)]


def rewrite(path: Path, first: int, sealed: set[int]) -> None:
    """What a lying node can do: another entry `first`, and the chain behind it made to fit."""
    held = heads(path)
    previous = held[first - 2].hash
    for index in range(first, len(held) + 1):
        body = b"a lie" if index == first else state_of(path, index)[96:]
        previous = link(previous, body)
        seal = sign(ME.seal_digest(index, previous)) if index in sealed else UNSEALED
        alter_entry(path, index, "state = ?", previous + seal + body)


def test_a_rewritten_and_sealed_chain_shows_between_two_heads(path: Path) -> None:
    held = heads(path)
    rewrite(path, 3, {3, 4, 6})
    assert findings(path) == []  # by itself it is a sound journal
    found = findings(path, (held[0], held[3], held[5]))
    assert kinds(found) == [("fork", 2, 4)]
    assert "the last that agrees is 1" in found[0].text


def test_two_heads_for_one_index_are_a_fork_whichever_is_ours(path: Path) -> None:
    held = heads(path)
    assert kinds(findings(path, (held[3], Head(4, bytes(32))))) == [("fork", 1, 4)]


def test_a_splice_of_two_journals_shows(path: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.db"
    with Journal.open(theirs, MESH, OTHER_NODE, lambda d: sign(d, OTHER_NODE)) as journal:
        journal.append(bodies(1, 6), [Mark("blocks", 9, b"entry 1")])
    other = Identity(MESH, OTHER_NODE)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS theirs", (str(theirs),))
        with connection:
            columns = "?, originator_version, topic, state"
            source = "FROM theirs.stored_events WHERE originator_id = ?"
            # Their last two entries for ours, as they are and under our name; a mark of theirs.
            connection.execute("DELETE FROM stored_events WHERE originator_version >= 5")
            for name in (ME.entries, other.entries):
                connection.execute(
                    f"INSERT INTO stored_events SELECT {columns} {source} "
                    "AND originator_version >= 5",
                    (name, other.entries),
                )
            connection.execute(
                f"INSERT INTO stored_events SELECT {columns} {source}",
                (ME.originator("blocks"), other.originator("blocks")),
            )
    found = kinds(findings(path))
    assert found.count(("foreign", 0, 0)) == 2
    assert ("hash", 5, 5) in found
    assert ("seal", 6, 6) in found
    assert ("mark", 0, 0) in found


def test_anothers_journal_is_not_this_nodes(path: Path) -> None:
    found = list(verify(path, Identity(MESH, OTHER_NODE), is_signed))
    assert {"identity", "foreign"} <= {finding.kind for finding in found}


def test_a_journal_that_says_nothing_of_itself(path: Path) -> None:
    alter(path, "DELETE FROM stored_events WHERE topic = 'meshkit.identity'")
    assert kinds(findings(path)) == [("identity", 0, 0)]


@pytest.mark.parametrize("version", ["-1", "'x'"])
def test_a_mark_under_no_version(path: Path, version: str) -> None:
    where = f"WHERE originator_id = '{ME.originator('blocks')}'"
    alter(path, f"UPDATE stored_events SET originator_version = {version} {where}")
    assert kinds(findings(path)) == [("mark", 0, 0)]


def test_more_in_the_database_than_we_put_there(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON stored_events BEGIN SELECT 1; END")
    assert kinds(findings(path)) == [("foreign", 0, 0)]


# --- damage -------------------------------------------------------------------------------------


def big(path: Path) -> bytes:
    with open_journal(path) as journal:
        journal.append([bytes([n]) * 700 for n in range(40)])
    return path.read_bytes()


def test_no_database_at_all_is_damage(path: Path) -> None:
    path.write_bytes(b"a letter to a friend" * 1_000)
    assert {kind for kind, _, _ in kinds(findings(path))} == {"damage", "identity"}
    path.write_bytes(b"")
    assert {kind for kind, _, _ in kinds(findings(path))} == {"damage", "identity"}


def test_damage_names_how_far_the_walk_came(path: Path) -> None:
    whole = big(path)
    at = whole.index(bytes([30]) * 700) // 4_096 * 4_096
    path.write_bytes(whole[:at] + bytes([255]) * 4_096 + whole[at + 4_096 :])
    damage = findings(path)[0]
    assert damage.kind == "damage"
    assert 30 < damage.first <= 37  # entry 37 was on that page, and four fit on one


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_damage(path: Path, share: float) -> None:
    whole = big(path)
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damage" in {finding.kind for finding in findings(path)}


def test_a_walk_through_damage_has_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_, "ROW_BYTES_MIN", 1 << 20)
    assert "more rows than fit" in findings(path)[0].text


something: st.SearchStrategy[object] = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(max_size=9),
    st.binary(max_size=120),
    st.floats(allow_nan=False),
)
strange_rows = st.tuples(
    something | st.sampled_from([ME.entries, ME.originator("blocks")]),
    something | st.integers(0, 9),
    st.none() | something | st.sampled_from(["meshkit.entry", "meshkit.mark.blocks"]),
    st.none() | something,
)


@cache
def template() -> bytes:
    with TemporaryDirectory(prefix="meshkit-test-") as folder:
        path = Path(folder, "journal.db")
        with open_journal(path) as journal:
            journal.append(bodies(1, 2))
        return path.read_bytes()


@given(st.lists(strange_rows, min_size=1, max_size=5))
def test_whatever_a_strangers_rows_hold_is_a_finding(rows: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory(prefix="meshkit-test-") as folder:
        path = Path(folder, "journal.db")
        path.write_bytes(template())
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            for row in rows:
                connection.execute("INSERT OR REPLACE INTO stored_events VALUES (?,?,?,?)", row)
        assert findings(path)


@pytest.mark.parametrize("topic", ["meshkit.mark.\u00e9", "meshkit.mark." + 65 * "x", "other"])
def test_a_topic_that_names_no_stream(path: Path, topic: str) -> None:
    alter(path, "UPDATE stored_events SET topic = ? WHERE topic = 'meshkit.mark.blocks'", topic)
    assert kinds(findings(path)) == [("foreign", 0, 0)]


@given(st.binary(max_size=2_000), st.booleans())
def test_whatever_a_strangers_file_holds_is_a_finding(data: bytes, headed: bool) -> None:
    with TemporaryDirectory(prefix="meshkit-test-") as folder:
        path = Path(folder, "journal.db")
        path.write_bytes(b"SQLite format 3\0" * headed + data)
        assert findings(path)


def test_only_a_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="not there"):
        findings(tmp_path / "journal.db")


def test_a_signature_is_never_asked_for_in_vain(path: Path) -> None:
    """One verification for each seal: they are most of what an audit costs."""
    asked: list[bytes] = []

    def count(node: bytes, digest: bytes, signature: bytes) -> bool:
        asked.append(digest)
        return is_signed(node, digest, signature)

    assert list(verify(path, Identity(MESH, NODE), count)) == []
    assert len(asked) == 3


def test_marks_of_a_stream_as_they_stand(path: Path) -> None:
    assert list(audit_.marks(path, ME, "blocks")) == [(1, b"entry 2")]
    assert list(audit_.marks(path, ME, "nothing")) == []
    alter(path, "UPDATE stored_events SET state = 'text' WHERE topic = 'meshkit.mark.blocks'")
    assert list(audit_.marks(path, ME, "blocks")) == []
