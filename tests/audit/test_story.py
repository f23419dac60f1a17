"""One story out of many journals, and the liar convicted by its own signatures."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meshkit.audit.causes import fault_of_statements
from meshkit.audit.chapters import Chapter, Proof, Story
from meshkit.audit.errors import AuditError, NotHere
from meshkit.audit.exhibits import gather
from meshkit.audit.story import Asked, find, tell
from meshkit.core.value import Value, digest
from tests.audit import forger, liars
from tests.audit.world import genesis_of, identity_of, member, recorded

TASKS = {b"\xab" * 32: "digits", b"\xac" * 32: "words", b"\xad" * 32: "words"}
_kept = TemporaryDirectory(prefix="meshkit-liars-")


@cache
def lied(tongue: Callable[[int, Value], Value | None]) -> Story:
    """The story that three honest nodes tell of a mesh in which the fourth lies."""
    root = Path(_kept.name, tongue.__name__)
    root.mkdir()
    late = (liars.wrong_result, liars.wrong_blocks)  # until it is its turn to collect or propose
    rounds = 6 if tongue in late else 1
    recorded(root, rounds=rounds, tongue=tongue)
    return tell(gather(root / f"node-{number}" for number in range(3)), "task")


def proofs(story: Story, crime: str) -> list[Proof]:
    return [
        proof for chapter in story.chapters for proof in chapter.evidence if proof.crime == crime
    ]


def kinds(chapter: Chapter) -> list[str]:
    return list(dict.fromkeys(step.kind for step in chapter.steps))


# -- in peace --------------------------------------------------------------------------------------


def test_a_round_from_its_opening_to_its_end(peaceful: Path) -> None:
    story = tell(gather([peaceful]), "task")
    assert [chapter.round for chapter in story.chapters] == [0, 1]
    assert set(story.names.values()) == {f"node-{number}" for number in range(4)}
    for chapter in story.chapters:
        told = kinds(chapter)
        assert told[0] in ("opened", "committee", "proposal")
        happened = ("trained", "update", "list", "attestation", "result", "committed")
        places = [told.index(kind) for kind in happened]
        assert places == sorted(places)
        assert {"proposal", "judgement", "vote", "decision", "verdict"} <= set(told)
        assert told[-1] in ("committed", "vote", "verdict")
        assert not chapter.evidence
        assert not chapter.silences
        assert chapter.committed_height > chapter.opened_height


def test_what_several_record_is_told_once(peaceful: Path) -> None:
    [chapter] = tell(gather([peaceful]), "task", 1).chapters
    lists = [step for step in chapter.steps if step.kind == "list"]
    assert sorted(step.who for step in lists) == sorted((member(n).id,) for n in range(4))
    for step in lists:
        assert {place.node for place in step.places} == {member(n).id for n in range(4)}
    [committed] = [step for step in chapter.steps if step.kind == "committed"]
    assert len(committed.places) == 4


def test_what_each_did(peaceful: Path) -> None:
    [chapter] = tell(gather([peaceful]), "task", 0).chapters
    assert [part.update for part in chapter.parts] == ["counted"] * 4
    assert all(part.listed and part.votes and part.messages for part in chapter.parts)
    assert sum(part.attested for part in chapter.parts) >= 1


def test_steps_are_in_causal_order(peaceful: Path) -> None:
    for chapter in tell(gather([peaceful]), "task").chapters:
        seen: dict[bytes, int] = {}
        for step in chapter.steps:
            first = step.places[0]
            assert first.entry >= seen.get(first.node, 0)
            seen[first.node] = first.entry


def test_one_journal_tells_what_it_knows(peaceful: Path) -> None:
    [chapter] = tell(gather([peaceful / "node-2"]), "task/0").chapters
    assert {place.node for step in chapter.steps for place in step.places} == {member(2).id}
    assert chapter.silences == ()


def test_a_journal_that_cannot_be_read_everywhere(copied: Path) -> None:
    whole = tell(gather([copied]), "task", 0)
    forger.flip(copied / "node-1", 30, 98, 0xFF)
    assert (
        len(tell(gather([copied]), "task", 0).chapters[0].steps) >= len(whole.chapters[0].steps) - 3
    )


def test_a_copy_of_a_journal_adds_nothing(peaceful: Path, copied: Path) -> None:
    story = tell(gather([peaceful]), "task", 0)
    assert tell(gather([peaceful, copied / "node-1"]), "task", 0) == story


# -- lies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tongue", "crime"),
    [
        (liars.two_votes, "double-vote"),
        (liars.two_blocks, "double-proposal"),
        (liars.wrong_blocks, "wrong-proposal"),
        (liars.two_updates, "two-updates"),
        (liars.over_cap, "over-cap"),
        (liars.two_lists, "two-lists"),
        (liars.improper_list, "improper-list"),
        (liars.two_attestations, "two-attestations"),
        (liars.wrong_result, "wrong-result"),
    ],
)
def test_a_liar_is_convicted_by_its_own_signatures(
    tongue: Callable[[int, Value], Value], crime: str
) -> None:
    found = proofs(lied(tongue), crime)
    assert found
    mesh = digest(genesis_of(4))
    for proof in found:
        assert proof.culprit == identity_of(liars.LIAR).key
        assert proof.signed
        assert proof.places
        assert proof.statements
        for statement in proof.statements:
            assert getattr(statement, statement.SIGNER) == proof.culprit
            assert fault_of_statements(statement, mesh) == ""
        assert len(proof.statements) == 2 or "double" not in crime


def test_nobody_else_is_accused() -> None:
    for tongue in (liars.two_votes, liars.over_cap, liars.wrong_result, liars.two_lists):
        accused = {proof.culprit for chapter in lied(tongue).chapters for proof in chapter.evidence}
        assert accused == {identity_of(liars.LIAR).key}


def test_rounds_go_on_without_the_liar() -> None:
    story = lied(liars.over_cap)
    for chapter in story.chapters:
        assert chapter.committed_height
        updates = {part.who: part.update for part in chapter.parts}
        assert updates.pop(identity_of(liars.LIAR).key) == "refused"
        assert set(updates.values()) == {"counted"}


def test_who_says_nothing_is_named() -> None:
    for chapter in lied(liars.mute).chapters:
        silent = {(one.who, one.kind) for one in chapter.silences}
        me = identity_of(liars.LIAR).key
        assert {(me, "no-update"), (me, "no-list"), (me, "no-vote")} <= silent
        assert {who for who, _ in silent} == {me}
        [part] = [part for part in chapter.parts if part.who == me]
        assert part == part._replace(update="", listed=False, attested=False, votes=0, messages=0)


# -- which story -----------------------------------------------------------------------------------


def test_a_task_by_its_name_or_its_id() -> None:
    digits = b"\xab" * 32
    assert find(TASKS, "digits", None) == Asked(digits, "digits", None)
    assert find(TASKS, "abab", 2) == Asked(digits, "digits", 2)
    assert find(TASKS, "digits/7", None) == Asked(digits, "digits", 7)
    assert find({digits: "digits"}, "7", None) == Asked(digits, "digits", 7)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("words", "could be any of acac"),
        ("pictures", "these journals know digits"),
        ("digits/last", "the number of a round"),
        ("7", "no task is called 7"),
        ("", "no task is called"),
    ],
)
def test_a_task_that_cannot_be_told(asked: str, why: str) -> None:
    with pytest.raises(NotHere, match=why):
        find(TASKS, asked, None)
    with pytest.raises(NotHere, match="none at all"):
        find({}, "digits", None)


def test_a_round_that_never_was(peaceful: Path) -> None:
    with pytest.raises(NotHere, match="round 9 of task"):
        tell(gather([peaceful]), "task", 9)


def test_journals_of_several_meshes(peaceful: Path, alone: Path) -> None:
    with pytest.raises(AuditError, match="not of one mesh"):
        tell(gather([peaceful, alone]), "task")
