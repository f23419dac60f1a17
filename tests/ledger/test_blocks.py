"""Blocks: what a proposer builds, what a validator refuses, what follows from any block at all."""

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.core.value import canonical, digest
from meshkit.ledger import blocks
from meshkit.ledger.beacon import next_seed
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import Apply, BlockApplied, ItemRefused, NoteRecorded
from meshkit.ledger.state import note_digest
from tests.ledger.world import (
    ADA,
    BOB,
    CHAINS,
    DAN,
    GENESIS,
    Mesh,
    cancel,
    join,
    key,
    member,
    note,
    result,
    submit,
)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


def slug(refusal: str) -> str:
    return refusal.partition(":")[0]


# -- building -------------------------------------------------------------------------------------


def test_a_block_holds_the_candidates_that_fit_in_their_order(mesh: Mesh) -> None:
    used, early = note(serial=1), result()
    good = (submit(), note(serial=2), join(), note(DAN, 1), cancel())
    block = mesh.ledger.build(
        mesh.state, ADA, CHAINS["ada"][1], (good[0], used, used, early, *good[1:])
    )
    assert block == mesh.block(good[0], used, early, *good[1:])
    assert mesh.ledger.check_block(mesh.state, block) == ""


def test_a_block_has_room_for_so_many_items() -> None:
    mesh = Mesh(replace(GENESIS, policy=replace(GENESIS.policy, block_items_max=2)))
    notes = [note(serial=n) for n in range(1, 5)]
    block = mesh.ledger.build(mesh.state, ADA, CHAINS["ada"][1], notes)
    assert block.items == tuple(notes[:2])
    assert slug(mesh.ledger.check_block(mesh.state, mesh.block(*notes[:3]))) == "too-many"


def test_a_block_has_room_for_so_many_bytes(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [note(serial=n, payload=bytes(500)) for n in range(1, 5)]
    monkeypatch.setattr(blocks, "BLOCK_BYTES_MAX", 1_800)
    block = mesh.ledger.build(mesh.state, ADA, CHAINS["ada"][1], notes)
    assert block.items == tuple(notes[:2])
    assert mesh.ledger.check_block(mesh.state, block) == ""
    assert slug(mesh.ledger.check_block(mesh.state, mesh.block(*notes[:3]))) == "too-large"


def test_the_head_of_a_block_is_never_larger_than_reckoned(mesh: Mesh) -> None:
    far = replace(mesh.block(), height=2**53 - 1)
    assert len(canonical(far)) < blocks.BLOCK_HEAD_BYTES


# -- judging --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"height": 2}, "height"),
        ({"previous": key("another block")}, "previous"),
        ({"proposer": DAN}, "proposer"),
        ({"link": CHAINS["ada"][2]}, "link"),
        ({"link": CHAINS["bob"][1]}, "link"),
        ({"items": (note(), note())}, "item"),
        ({"items": (cancel(),)}, "item"),
        ({"items": (cancel(2), submit(serial=1))}, "item"),
        ({"items": (submit(serial=1), cancel(2))}, ""),
    ],
)
def test_a_validator_votes_only_for_good_blocks(
    mesh: Mesh, fields: dict[str, Any], expected: str
) -> None:
    block = replace(mesh.block(note()), **fields)
    assert slug(mesh.ledger.check_block(mesh.state, block)) == expected


def test_a_trainer_who_does_not_validate_builds_no_blocks(mesh: Mesh) -> None:
    mesh.decided(join(member("dan", roles=("trainer",))))
    assert slug(mesh.ledger.check_block(mesh.state, mesh.block(by="dan"))) == "proposer"


def test_a_link_stays_good_until_it_is_spent(mesh: Mesh) -> None:
    """Whatever a proposer builds at a height, in whichever round, it has no other link."""
    first, second = mesh.block(note()), mesh.block(note(serial=2))
    assert first.link == second.link
    mesh.decided(note(), by="bob")
    assert mesh.block(by="ada").link == first.link
    mesh.decided(by="ada")
    stale = replace(mesh.block(by="ada"), link=first.link)
    assert slug(mesh.ledger.check_block(mesh.state, stale)) == "link"


# -- applying -------------------------------------------------------------------------------------


def test_a_decided_block_is_applied_whatever_it_holds(mesh: Mesh) -> None:
    """More than a third have lied: what does not fit is refused by name, and the rest counts."""
    bad = cancel()
    lie = replace(mesh.block(note(), bad, note(), note(serial=2)), proposer=DAN, link=bytes(32))
    seed = next_seed(mesh.state.seed, lie.link)
    events = mesh.tell(Apply(1, lie))
    assert events == (
        NoteRecorded(ADA, 1, note_digest(b"hello")),
        ItemRefused(item_id(bad), "unknown-task: no such task was opened"),
        ItemRefused(item_id(note()), "stale: serial 1 was used, or is too far behind"),
        NoteRecorded(ADA, 2, note_digest(b"hello")),
        BlockApplied(1, digest(lie), DAN, bytes(32), seed),
    )
    assert (mesh.state.height, mesh.state.previous) == (1, digest(lie))


def test_whether_a_block_was_judged_before_it_was_decided_changes_nothing() -> None:
    judged, unjudged = Mesh(), Mesh()
    good, other = judged.block(note(), note(BOB)), judged.block(note(serial=7), by="bob")
    assert judged.ledger.check_block(judged.state, good) == ""
    assert slug(judged.ledger.check_block(judged.state, replace(good, height=2))) == "height"
    for block in (good, replace(other, height=2)):
        assert judged.tell(Apply(block.height, block)) == unjudged.tell(Apply(block.height, block))
        assert judged.state == unjudged.state


def test_nothing_follows_from_what_no_check_passes() -> None:
    with pytest.raises(AssertionError, match="no check passes"):
        blocks._facts(Mesh().state, b"", join().ticket)
