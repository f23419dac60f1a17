"""No signature is valid for anything else than was signed: kind, mesh, view, height, value."""

from itertools import combinations

import pytest
from msgspec.structs import replace

from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
)
from meshkit.core.value import Statement, signing_digest
from tests.consensus.pbft.network import MESH, Block, name, opens, sign
from tests.consensus.pbft.playbook import (
    Play,
    V,
    change,
    commit,
    new_view,
    pre_prepare,
    prepare,
    proof,
    v,
)

ID = b"i" * 32
SIX: tuple[Statement, ...] = (
    PrePrepare(3, 7, ID, name(1), Block(7, "x")),
    Prepare(3, 7, ID, name(1)),
    Commit(3, 7, ID, name(1)),
    Checkpoint(7, ID, name(1)),
    ViewChange(1, 3, 7, (), (), name(1)),
    NewView(1, 3, (), (), (), name(1)),
)


def test_p02_no_two_of_the_kinds_share_a_signature() -> None:
    domains = {type(statement).DOMAIN for statement in SIX}
    assert len(domains) == 6
    digests = [signing_digest(statement, MESH) for statement in SIX]
    assert all(first != second for first, second in combinations(digests, 2))


@pytest.mark.parametrize("statement", SIX, ids=lambda s: type(s).__name__)
def test_p02_the_signature_covers_the_mesh_and_every_field(statement: Statement) -> None:
    signed = signing_digest(statement, MESH)
    assert signed != signing_digest(statement, b"o" * 32)
    others = {int: 99, bytes: b"o" * 32, str: "stale"}
    for field in statement.__struct_fields__:
        if field in statement.UNSIGNED:
            continue
        old = getattr(statement, field)
        new = (change(2),) if isinstance(old, tuple) else others[type(old)]
        assert signing_digest(replace(statement, **{field: new}), MESH) != signed, field


def test_p02_the_value_is_covered_by_its_digest() -> None:
    said = pre_prepare(V)
    assert opens(replace(said, value=None))
    play = Play()
    assert not play.hear(replace(said, value=Block(1, "swapped")))


def test_p02_what_was_signed_for_another_mesh_does_not_open() -> None:
    """The door verifies every statement in a message, also those inside others."""
    foreign = replace(prepare(v, 2), signature=b"f" * 64)
    assert not opens(foreign)
    shown = proof(V)
    assert not opens(sign(change(1, 1, [replace(shown, prepares=(foreign,))])))
    assert opens(change(1, 1, [shown]))


def test_p02_a_statement_of_one_view_or_height_is_worth_nothing_in_another() -> None:
    """Replays across views: only words of just this view and height make a quorum."""
    play = Play(me=3)
    play.hear(pre_prepare(V))
    play.hear(prepare(v, 1, view=1), prepare(v, 2, height=2), commit(v, 0, view=1))
    assert not play.state.prepared
    play.hear(prepare(v, 2))
    assert 1 in play.state.prepared  # with the primary's word and our own

    play = Play(me=3)
    play.hear(change(0), change(1), change(2), new_view([change(0), change(1), change(2)]))
    assert play.state.view == 1
    before = play.state.slot
    play.hear(pre_prepare(V, view=0), prepare(v, 1, view=0), commit(v, 2, view=0))
    assert play.state.slot == before


def test_p02_a_view_change_of_another_validator_set_is_none() -> None:
    play = Play(me=2)
    for stranger in (change(0, since=3), change(3, since=9)):
        play.hear(stranger)
    assert not play.state.changes
    said = new_view([change(0), change(2), change(3)])
    play.hear(sign(replace(said, since=2, signature=b"")))
    assert play.state.view == 0
    play.hear(said)
    assert play.state.view == 1
