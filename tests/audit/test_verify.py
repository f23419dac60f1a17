"""Whatever is done to a journal or a blob is found, with the node and the entry."""

import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from blake3 import blake3
from msgspec.structs import replace

from meshkit.audit import verify as verify_
from meshkit.audit.errors import AuditError, OtherRules
from meshkit.audit.exhibits import gather
from meshkit.audit.folding import opened
from meshkit.audit.story import tell
from meshkit.audit.verify import UNATTESTED, Report, verify
from meshkit.audit.words import named
from meshkit.consensus.engines import TENDERMINT
from meshkit.core.composite import At
from meshkit.core.history import HeadNoted
from meshkit.core.machine import Entry, Moment
from meshkit.core.value import Value
from meshkit.journal import JournalError
from meshkit.journal.chain import BLOCKS, BODY_AT, HASH_BYTES
from meshkit.rounds.messages import Aggregated, Fetched, Update
from tests.audit import forger
from tests.audit.world import identity_of, member, mesh, of_other_rules, recorded

NODE = 2


def audit(*paths: Path) -> Report:
    return verify(gather(paths))


def found(report: Report) -> set[tuple[str, int, str]]:
    """Whose, where and what kind: the findings but for their words."""
    return {(report.names[one.node], one.entry, one.kind) for one in report.findings}


def kinds(report: Report) -> set[str]:
    return {one.kind for one in report.findings}


def drawn(number: int, below: int) -> int:
    return int.from_bytes(blake3(number.to_bytes(8, "big")).digest()[:8], "big") % below


@pytest.fixture
def home(copied: Path) -> Path:
    """The home that is spoilt; those of the others lie beside it."""
    return copied / f"node-{NODE}"


# -- what is true ----------------------------------------------------------------------------------


def test_true_journals_are_found_true(peaceful: Path) -> None:
    report = audit(peaceful)
    assert report.findings == ()
    assert report.evidence == ()
    assert report.notes == ()
    assert report.ok
    assert report.attested
    assert (report.journals, report.aggregates) == (4, 2)
    assert report.entries == sum(len(forger.rows(peaceful / f"node-{n}")) for n in range(4))
    heights = max(report.certificates // 4, 1)
    assert report.certificates == 4 * heights
    assert set(report.names.values()) == {f"node-{n}" for n in range(4)}


def test_it_does_not_matter_where_they_lie_and_who_may_write_there(copied: Path) -> None:
    for path in copied.rglob("*"):
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in sorted(copied.rglob("*"))}
    assert audit(copied).ok
    assert {path: path.stat().st_mtime_ns for path in sorted(copied.rglob("*"))} == before
    for path in copied.rglob("*"):
        os.chmod(path, 0o700)


def test_one_journal_alone_tells_what_it_can(peaceful: Path) -> None:
    report = audit(peaceful / "node-1")
    assert report.ok
    assert report.aggregates == 2
    absent = {report.names[note.node] for note in report.notes}
    assert absent == {"node-0", "node-2", "node-3"}


def test_those_who_look_on_hear_of_every_step(peaceful: Path) -> None:
    steps: dict[str, int] = {}
    verify(gather([peaceful]), watch=lambda doing, done, of: steps.__setitem__(doing, done))
    assert list(steps) == [
        "reading letters", "deciding again", "checking decisions", "hashing blobs",
    ]  # fmt: skip


def test_a_single_node_is_a_mesh_too(alone: Path) -> None:
    report = audit(alone)
    assert report.ok
    assert report.aggregates == 1


# -- a byte ----------------------------------------------------------------------------------------


def test_any_byte_of_an_entry(alone: Path, tmp_path: Path) -> None:
    """Every byte of the last entry, and of every other entry one of hash, seal and body each."""
    home = Path(shutil.copytree(alone, tmp_path / "copy")) / "node-0"
    rows = forger.rows(home)
    places = [(rows[-1][0], place) for place in range(len(rows[-1][1]))]
    for index, state in rows:
        spans = ((0, HASH_BYTES), (HASH_BYTES, BODY_AT), (BODY_AT, len(state)))
        places += [(index, low + drawn(index, high - low)) for low, high in spans]
    for index, place in places:
        forger.flip(home, index, place, 1 << drawn(place, 8))
        report = audit(home)
        assert ("node-0", index) in {where[:2] for where in found(report)}, (index, place)
        forger.put(home, index, dict(rows)[index])
    assert audit(home).ok


@pytest.mark.parametrize("column", ["originator_id", "originator_version", "topic"])
def test_any_other_column_of_a_row(home: Path, column: str) -> None:
    changes = {
        "originator_id": "'00000000000000000000000000000000'",
        "originator_version": "-7",
        "topic": "'meshkit.entrz'",
    }
    entries = forger.identity(home).entries
    with forger.opened(home) as connection:
        connection.execute(
            f"UPDATE stored_events SET {column} = {changes[column]} "
            f"WHERE originator_id = '{entries}' AND originator_version = 30"
        )
    report = audit(home.parent)
    assert not report.ok
    assert ("node-2", 30) in {where[:2] for where in found(report)}


@pytest.mark.parametrize("which", range(12))
def test_any_byte_of_a_blob(home: Path, which: int) -> None:
    pack = next((home / "blobs" / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[drawn(which, len(data))] ^= 1 << which % 8
    pack.write_bytes(data)
    report = audit(home.parent)
    blamed = [one for one in report.findings if report.names[one.node] == "node-2"]
    assert {one.kind for one in blamed} == {"blob"}
    assert all(one.entry > 0 for one in blamed)


@pytest.mark.parametrize("spoilt", ["node-2", "node-2-copy"])
def test_every_home_of_a_node_is_looked_at(home: Path, spoilt: str) -> None:
    shutil.copytree(home, home.parent / "node-2-copy")
    assert audit(home.parent).ok
    pack = next((home.parent / spoilt / "blobs" / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    report = audit(home.parent)
    assert {(name, kind) for name, _, kind in found(report)} == {("node-2", "blob")}
    assert all(f"{spoilt}/blobs/packs/" in one.what for one in report.findings)


def test_a_blob_that_one_node_lost_is_had_from_another(home: Path) -> None:
    shutil.rmtree(home / "blobs")
    report = audit(home.parent)
    assert report.ok
    assert report.aggregates == 2
    assert [report.names[note.node] for note in report.notes] == ["node-2"]


def test_a_pack_that_is_gone(home: Path) -> None:
    [pack] = (home / "blobs" / "packs").iterdir()
    pack.unlink()
    report = audit(home.parent)
    assert {(name, kind) for name, _, kind in found(report)} == {("node-2", "blob")}
    assert all(one.entry for one in report.findings if "more of this kind" not in one.what)
    assert report.aggregates == 2, "others have it all"


def test_a_blob_that_nobody_has_any_more(copied: Path) -> None:
    for number in range(4):
        shutil.rmtree(copied / f"node-{number}" / "blobs")
        (copied / f"node-{number}" / "blobs" / "packs").mkdir(parents=True)
        (copied / f"node-{number}" / "blobs" / "large").mkdir()
    report = audit(copied)
    assert kinds(report) == {"blob", "missing"}
    assert report.aggregates == 0
    assert all(one.entry for one in report.findings if "more of this kind" not in one.what)


# -- the chain -------------------------------------------------------------------------------------


def test_a_cut_tail_below_a_head_that_another_holds(home: Path) -> None:
    last = len(forger.rows(home))
    forger.cut(home, last - 9)
    forger.reseal(home, identity_of(NODE), last - 9)
    report = audit(home.parent)
    [one] = [one for one in report.findings if one.kind == "cut"]
    assert (report.names[one.node], one.entry) == ("node-2", last - 8)
    assert one.last <= last
    assert "holds the head" in one.what
    assert audit(home).ok, "nobody else remembers"


def test_two_journals_spliced(home: Path) -> None:
    forger.splice(home, home.parent / "node-1", 40)
    report = audit(home.parent)
    assert ("node-2", 40, "hash") in found(report)
    assert {name for name, _, _ in found(report)} == {"node-2"}


def shifted(entry: Entry) -> Entry:
    """The same entry by another chance: the rules decide of it just the same."""
    return replace(entry, moment=Moment(entry.moment.now_ns, entry.moment.seed + 1))


def a_noted_head(home: Path) -> int:
    return next(
        index
        for index, entry in forger.entries(home)
        if isinstance(entry.events[0].body, HeadNoted)
    )


def test_an_entry_rewritten_and_the_chain_behind_it_signed_anew(home: Path) -> None:
    """A forgery that is true by itself: only the heads that others hold give it away."""
    index = a_noted_head(home)
    forger.rewrite(home, identity_of(NODE), index, shifted)
    assert audit(home).ok
    report = audit(home.parent)
    [one] = report.findings
    assert (report.names[one.node], one.kind) == ("node-2", "fork")
    assert one.entry <= index <= one.last
    assert named(one.what, report.names).startswith("the head at entry")


def test_an_early_entry_rewritten(home: Path) -> None:
    forger.rewrite(home, identity_of(NODE), 20, shifted)
    report = audit(home.parent)
    [one] = [one for one in report.findings if one.kind == "fork"]
    assert one.entry <= 20 <= one.last
    assert {name for name, _, _ in found(report)} == {"node-2"}


def test_two_journals_of_one_node_that_part(home: Path, peaceful: Path, tmp_path: Path) -> None:
    index = a_noted_head(home)
    forger.rewrite(home, identity_of(NODE), index, shifted)
    report = audit(home, peaceful / "node-2")
    assert ("node-2", index, "copies") in found(report)
    same = shutil.copytree(peaceful / "node-2", tmp_path / "other")
    assert audit(peaceful / "node-2", Path(same)).ok


@pytest.mark.parametrize(
    "change", ["DELETE FROM stored_events", "UPDATE stored_events SET state ="]
)
def test_marks_that_do_not_lead_to_decisions(home: Path, change: str) -> None:
    """A mark's check is a plain hash, which whoever writes another mark can compute."""
    whose, last = forger.identity(home), len(forger.rows(home))
    where = f" WHERE originator_id = '{whose.originator(BLOCKS)}' AND originator_version = 2"
    content = last.to_bytes(8, "big")
    forged = f" x'{(whose.check(BLOCKS, 2, content) + content).hex()}'"
    with forger.opened(home) as connection:
        sets = forged if change.endswith("=") else ""
        assert connection.execute(change + sets + where).rowcount == 1
    report = audit(home.parent)
    [one] = report.findings
    assert (report.names[one.node], one.kind) == ("node-2", "mark")
    assert "height 2" in one.what
    assert one.entry == forger.decided(home, 2)


# -- what a node may not write ---------------------------------------------------------------------


@contextmanager
def rewritten(home: Path, wanted: type[Value]) -> Generator[dict[str, Entry]]:
    """Change the first entry that such a command caused, and sign the chain anew."""
    index, entry = next(
        (index, entry)
        for index, entry in forger.entries(home)
        if isinstance(entry.command.body, wanted)
    )
    change = {"entry": entry}
    yield change
    forger.rewrite(home, identity_of(NODE), index, lambda _: change["entry"])


def test_a_time_that_does_not_go_on(home: Path) -> None:
    index = a_noted_head(home)
    forger.rewrite(home, identity_of(NODE), index, lambda e: replace(e, moment=Moment(1, 1)))
    assert ("node-2", index, "order") in found(audit(home))


def test_an_entry_from_which_nothing_follows(home: Path) -> None:
    index = a_noted_head(home)
    forger.rewrite(home, identity_of(NODE), index, lambda entry: replace(entry, events=()))
    assert {("node-2", index, "order"), ("node-2", index, "divergence")} <= found(audit(home))


def test_an_aggregate_that_was_not_computed(home: Path) -> None:
    with rewritten(home, Aggregated) as change:
        entry = change["entry"]
        body = replace(entry.command.body, model=b"m" * 32)
        change["entry"] = replace(entry, command=At("rounds", body))
    assert {"aggregate", "divergence"} <= kinds(audit(home))


def test_a_sound_blob_called_malformed(home: Path) -> None:
    with rewritten(home, Fetched) as change:
        entry = change["entry"]
        body = replace(entry.command.body, problem="malformed")
        change["entry"] = replace(entry, command=At("rounds", body))
    assert "fact" in kinds(audit(home))


def test_rules_that_are_not_known_here(tmp_path: Path) -> None:
    home = of_other_rules(tmp_path)
    with pytest.raises(OtherRules, match=r"install meshkit==9\.9\.9"):
        audit(home)
    forger.flip(home, 4, 0)
    report = audit(home)
    assert found(report) == {("node-0", 4, "hash")}, "what is wrong besides goes before"
    assert any("9.9.9" in note.what for note in report.notes)


# -- whose it is -----------------------------------------------------------------------------------


def test_a_journal_of_another_mesh(peaceful: Path, alone: Path) -> None:
    report = audit(peaceful, alone)
    [one] = report.findings
    assert one.kind == "genesis"
    assert report.aggregates == 2
    [other] = verify(gather([alone]), mesh=b"m" * 32).findings
    assert other.kind == "genesis"


def test_the_row_that_says_whose_it_is(home: Path) -> None:
    with forger.opened(home) as connection:
        connection.execute("DELETE FROM stored_events WHERE topic = 'meshkit.identity'")
    assert found(audit(home.parent)) == {("node-2", 0, "identity")}, "the cards beside it say it"
    (home / "card.json").unlink()
    report = audit(home.parent)
    [one] = report.findings
    assert (one.node, one.kind) == (b"", "identity")
    assert one.what.startswith("node-2:")


def test_a_journal_without_a_beginning(home: Path) -> None:
    with forger.opened(home) as connection:
        connection.execute("DELETE FROM stored_events WHERE topic = 'meshkit.entry'")
    report = audit(home)
    assert {"genesis", "identity"} & kinds(report)
    assert not report.attested


def test_what_is_no_journal_at_all(home: Path) -> None:
    (home / "journal.sqlite").write_bytes(b"no database" * 100)
    assert {"damage"} <= kinds(audit(home.parent))


def test_a_journal_that_may_not_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Iterator[None]:
        raise JournalError("user 7 may not read it: give this user the folder")

    monkeypatch.setattr("meshkit.journal.audit.verify", refuse)
    with pytest.raises(AuditError, match="user 7"):
        audit(home)


def test_the_votes_of_pbft_prove_its_decisions(tmp_path: Path) -> None:
    with mesh(tmp_path, 4, engine="pbft") as box:
        box.start()
        task = box.submit(1, "first")
        box.run(lambda: box.is_done(task))
    report = audit(tmp_path)
    assert report.ok, report.findings
    assert report.attested
    assert report.certificates > 0
    assert report.aggregates > 0


def test_under_raft_journals_hold_and_nothing_is_attested(tmp_path: Path) -> None:
    with mesh(tmp_path, 4, engine="raft") as box:
        box.start()
        task = box.submit(1, "first")
        box.run(lambda: box.is_done(task))
        box.show_heads()
    report = audit(tmp_path)
    assert (report.ok, report.attested, report.aggregates) == (True, False, 1), report.findings
    assert [note.what for note in report.notes] == [UNATTESTED.format("raft")]
    [chapter] = tell(gather([tmp_path]), "first").chapters
    assert not {one.kind for one in chapter.silences} & {"no-vote", "no-proposal"}


def test_an_engine_that_trusts_its_nodes_attests_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = {"trusting": TENDERMINT._replace(name="trusting", attests=False)}
    monkeypatch.setattr("meshkit.ledger.forms.ENGINES", tuple(engines))
    monkeypatch.setattr("meshkit.node.ENGINES", engines)
    monkeypatch.setattr(verify_, "ENGINES", engines)
    monkeypatch.setattr("meshkit.audit.chronicle.ENGINES", engines)
    with mesh(tmp_path, 1, engine="trusting") as box:
        box.start()
        box.run(lambda: True)
    with pytest.raises(OtherRules, match="agrees by trusting, which this release does not know"):
        audit(tmp_path)
    with pytest.raises(OtherRules), opened(next(tmp_path.glob("*/journal.sqlite"))):
        pass
    monkeypatch.setattr("meshkit.audit.folding.ENGINES", engines)
    report = audit(tmp_path)
    assert report.ok
    assert not report.attested


# -- nodes that run --------------------------------------------------------------------------------


def test_journals_that_grow_while_they_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has been looked at, the nodes then train another round before the next step."""
    monkeypatch.setattr(verify_, "TICK_ENTRIES", 1)
    with mesh(tmp_path, 4) as box:
        box.start()
        first = box.submit(1, "first")
        box.run(lambda: box.is_done(first))
        entries = [node.journal.head.index for node in box.nodes]
        went_on: list[str] = []

        def watch(doing: str, done: int, of: int) -> None:
            step = f"{doing} {done // 50 if doing == 'reading letters' else 0}"
            if step not in went_on:
                went_on.append(step)
                more = box.submit(1, step, serial=1 + len(went_on))
                box.run(lambda: box.is_done(more))

        report = verify(gather([tmp_path]), watch=watch)
        assert report.ok, report.findings
        assert not report.notes
        assert not report.evidence
        assert len(went_on) > 5
        assert sum(entries) < report.entries
        assert report.entries < sum(node.journal.head.index for node in box.nodes)
        assert 1 <= report.aggregates < len(went_on)
    assert verify(gather([tmp_path])).ok


# -- a node that lied ------------------------------------------------------------------------------


def more_samples(to: int, message: Value) -> Value:
    """Another update to node 0 than to the rest."""
    if isinstance(message, Update) and to == 0:
        return replace(message, samples=message.samples + 1, signature=b"")
    return message


def test_a_node_that_said_what_its_journal_does_not_yield(tmp_path: Path) -> None:
    recorded(tmp_path, tongue=more_samples)
    report = audit(tmp_path)
    assert {report.names[one.node] for one in report.findings} == {"node-3"}
    assert {"lie", "two-effects", "two-numbers", "equivocation"} <= kinds(report)
    lie = next(one for one in report.findings if one.kind == "lie")
    assert lie.entry > 0
    assert "node-0 holds at entry" in named(lie.what, report.names)


def test_the_journals_of_those_it_lied_to_are_true(tmp_path: Path) -> None:
    recorded(tmp_path, tongue=more_samples)
    report = audit(*(tmp_path / f"node-{number}" for number in range(3)))
    assert report.ok
    assert report.aggregates == 2
    against = {(one.node, one.kind) for one in report.evidence}
    assert (member(3).id, "equivocation") in against
    assert {one for one, _ in against} == {member(3).id}
    pair = next(one for one in report.evidence if one.kind == "equivocation")
    assert pair.first is not None
    assert pair.second is not None


def test_nothing_is_ever_written(peaceful: Path) -> None:
    home = peaceful / "node-0"
    before = (home / "journal.sqlite").read_bytes()
    audit(home)
    assert (home / "journal.sqlite").read_bytes() == before
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
