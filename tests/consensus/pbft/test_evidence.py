"""Pairs that convict, and nobody who is honest."""

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Certificate, EquivocationSeen
from meshkit.consensus.pbft.evidence import (
    PLACES,
    accusation,
    conflict,
    culprits,
    place,
    proves,
    signer,
    vouches,
)
from meshkit.core.value import Statement
from tests.consensus.pbft.network import MESH, Net, equals, name, sign, verify
from tests.consensus.pbft.playbook import (
    V,
    W,
    change,
    checkpoint,
    commit,
    pre_prepare,
    prepare,
    v,
    w,
)

PAIRS = [
    (pre_prepare(V), pre_prepare(W)),
    (prepare(v, 1), prepare(w, 1)),
    (commit(v, 1), commit(w, 1)),
    (checkpoint(4, v, 1), checkpoint(4, w, 1)),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_p19_two_things_in_one_place_convict_their_signer(
    first: Statement, second: Statement
) -> None:
    culprit = signer(first)
    assert conflict(first, second) == culprit
    assert proves(culprit, first, second, MESH, verify)
    assert not proves(name(7), first, second, MESH, verify)
    assert not proves(culprit, first, second, b"o" * 32, verify)
    forged = replace(second, signature=b"f" * 64)
    assert not proves(culprit, first, forged, MESH, verify)
    shown = accusation(EquivocationSeen(culprit, first, second))
    assert shown.statements == (first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (prepare(v, 1), prepare(v, 1)),
        (prepare(v, 1), commit(w, 1)),
        (prepare(v, 1), prepare(w, 2)),
        (prepare(v, 1), prepare(w, 1, view=1)),
        (prepare(v, 1), prepare(w, 1, height=2)),
        (pre_prepare(V), replace(pre_prepare(V), value=None)),
        (pre_prepare(V), pre_prepare(W, view=1)),
        (checkpoint(4, v, 1), checkpoint(8, w, 1)),
        (change(1), change(1, 2)),
    ],
)
def test_no_honest_signer_is_framed(first: Statement, second: Statement) -> None:
    assert conflict(first, second) is None


def test_places_name_the_signer_and_where_it_speaks_once() -> None:
    assert all(kind.SIGNER in fields for kind, fields in PLACES.items())
    assert place(change(1)) is None
    assert place(prepare(v, 1)) != place(commit(v, 1))


def test_only_a_commit_for_just_this_vouches() -> None:
    certificate = Certificate(1, 0, v, ())
    assert vouches(certificate, commit(v, 1)) == name(1)
    for other in (
        prepare(v, 1),
        commit(w, 1),
        commit(v, 1, view=1),
        commit(v, 1, height=2),
        checkpoint(1, v, 1),
    ):
        assert vouches(certificate, other) is None
    assert vouches(Certificate(1, 0, b"", ()), sign(replace(commit(v, 1), value_id=b""))) is None
    assert Net().now_ns == 0


def decided(value_id: bytes, *voters: int, view: int = 0) -> Certificate:
    votes = tuple(commit(value_id, number, view=view) for number in voters)
    return Certificate(1, view, value_id, votes)


def test_whoever_committed_both_values_of_a_view_is_named() -> None:
    first, second = decided(v, 0, 1, 2), decided(w, 1, 2, 3)
    assert culprits(first, second, (), equals(4)) == (name(1), name(2))
    elsewhere = (commit(v, 3), prepare(w, 0), commit(w, 0, view=1))
    assert culprits(first, second, elsewhere, equals(4)) == (name(1), name(2), name(3))
    assert culprits(first, second, (), equals(2)) == (name(1),), "of the validators only"


def test_of_two_views_the_commits_alone_name_nobody() -> None:
    assert culprits(decided(v, 0, 1, 2), decided(w, 1, 2, 3, view=1), (), equals(4)) == ()
