"""What is signed is bound to its kind, mesh, height, round and value, and to nothing else."""

from itertools import combinations
from typing import Any

from msgspec.structs import replace

from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Known, Proposal, Vote
from meshkit.core.value import canonical, from_canonical, signing_digest, statements
from tests.consensus.tendermint.network import MESH, Block, name
from tests.consensus.tendermint.playbook import V, prevote, proposal, v, w

BALLOT = Vote(PREVOTE, 1, 0, v, name(1))
OFFER = Proposal(1, 0, -1, v, name(1), V)


def test_every_field_that_counts_is_signed() -> None:
    changed: list[dict[str, Any]] = [
        {"kind": PRECOMMIT},
        {"height": 2},
        {"round": 1},
        {"value_id": w},
        {"voter": name(2)},
    ]
    digests = [signing_digest(replace(BALLOT, **change), MESH) for change in [{}, *changed]]
    digests.append(signing_digest(BALLOT, b"another mesh"))
    digests.append(signing_digest(OFFER, MESH))
    digests.append(signing_digest(replace(OFFER, valid_round=0), MESH))
    assert all(one != other for one, other in combinations(digests, 2))


def test_a_value_is_signed_through_its_id() -> None:
    """So evidence and relays need not carry it."""
    assert signing_digest(OFFER, MESH) == signing_digest(replace(OFFER, value=None), MESH)
    assert signing_digest(OFFER, MESH) == signing_digest(replace(OFFER, value=Block(9, "")), MESH)


def test_whoever_opens_a_bundle_finds_all_that_is_signed() -> None:
    known = Known((proposal(0, V),), (prevote(0, v, 1), prevote(0, v, 2)))
    assert len(statements(known)) == 3


def test_a_proposal_comes_back_with_any_value_or_none() -> None:
    for one in (OFFER, replace(OFFER, value=None)):
        assert from_canonical(Proposal, canonical(one)) == one
