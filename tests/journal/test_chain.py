"""The form of a journal: fixed for ever, and bound to one node of one mesh."""

import pytest
from blake3 import blake3

from meshkit.journal.chain import (
    IDENTITY_ORIGINATOR,
    SEAL_BYTES,
    Head,
    Identity,
    link,
    read_identity,
)
from tests.journal.world import ME, MESH, NODE, OTHER_MESH, OTHER_NODE, sign

OTHERS = [Identity(OTHER_MESH, NODE), Identity(MESH, OTHER_NODE)]


def test_the_form_is_fixed_for_ever() -> None:
    """Journals outlive programs: who changes one of these lines breaks every audit to come."""
    anchor = blake3(b"meshkit.journal.1 anchor" + MESH + NODE).digest()
    assert ME.anchor == anchor
    assert link(anchor, b"body") == blake3(anchor + b"body").digest()
    sealed = b"meshkit.journal.1 seal" + MESH + NODE + (5).to_bytes(8, "big") + anchor
    assert ME.seal_digest(5, anchor) == blake3(sealed).digest()
    assert ME.entries == "65ca608376c225927dadd4fe14f8aed4"
    assert IDENTITY_ORIGINATOR == "fedb8af61b03fedf265068b2d1a69cc4"


@pytest.mark.parametrize("other", OTHERS)
def test_everything_is_bound_to_one_node_of_one_mesh(other: Identity) -> None:
    assert other != ME
    assert other.anchor != ME.anchor
    assert other.originator("blocks") != ME.originator("blocks")
    assert other.seal_digest(1, ME.anchor) != ME.seal_digest(1, ME.anchor)
    assert other.check("blocks", 1, b"x") != ME.check("blocks", 1, b"x")


def test_streams_and_versions_do_not_run_into_each_other() -> None:
    assert ME.originator("entries") == ME.entries
    assert ME.originator("a") != ME.originator("b")
    assert ME.check("ab", 1, b"c") != ME.check("a", 1, b"bc")
    assert ME.check("a", 1, b"c") != ME.check("a", 2, b"c")


def test_an_identity_reads_itself_back_and_nothing_altered() -> None:
    row = ME.row()
    assert read_identity(row) == ME
    assert len({read_identity(row), ME}) == 1
    for position in range(len(row)):
        flipped = row[:position] + bytes([row[position] ^ 1]) + row[position + 1 :]
        assert read_identity(flipped) is None
    assert read_identity(row + b"x") is None
    assert ME != "somebody"
    assert str(ME) == f"node {NODE.hex()[:16]} in mesh {MESH.hex()[:16]}"


def test_a_seal_is_the_signers_and_has_64_bytes() -> None:
    assert ME.seal(sign, 3, ME.anchor) == sign(ME.seal_digest(3, ME.anchor))
    with pytest.raises(AssertionError):
        ME.seal(lambda digest: digest, 3, ME.anchor)
    assert len(sign(b"")) == SEAL_BYTES
    assert Head(0, ME.anchor) == Head(0, ME.anchor)
