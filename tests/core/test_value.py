"""One canonical form a value: it comes back, it does not depend on order, it is what is signed."""

import os
import subprocess
import sys
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from meshkit.core.value import (
    Statement,
    Value,
    canonical,
    digest,
    from_canonical,
    holders,
    signing_digest,
    statements,
)


class Leaf(Value):
    number: int
    text: str = ""


class Fruit(Value):
    weight: int


class Claim(Statement):
    DOMAIN: ClassVar[str] = "tests/claim/1"
    SIGNER: ClassVar[str] = "by"

    by: bytes
    about: Value
    signature: bytes = b""


class OtherClaim(Statement):
    DOMAIN: ClassVar[str] = "tests/other/1"
    SIGNER: ClassVar[str] = "by"

    by: bytes
    about: Value
    signature: bytes = b""


class Tree(Value):
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    index: Map[bytes, tuple[int, ...]]
    any: Value
    child: Leaf | Fruit
    maybe: Leaf | None = None
    whatever: Value | None = None
    due_ns: int | None = None


leaves = st.builds(Leaf, st.integers(-(2**63), 2**63 - 1), st.text())
trees = st.builds(
    Tree,
    st.lists(leaves, max_size=3).map(tuple),
    st.tuples(st.integers(0, 9), st.text(max_size=3)),
    st.dictionaries(st.binary(max_size=3), st.lists(st.integers(0, 9)).map(tuple)).map(Map),
    leaves,
    st.one_of(leaves, st.builds(Fruit, st.integers(0, 9))),
    st.one_of(st.none(), leaves),
    st.one_of(st.none(), leaves),
    st.one_of(st.none(), st.integers(0, 2**63)),
)


@given(trees)
def test_a_value_comes_back_from_its_canonical_form(tree: Tree) -> None:
    assert from_canonical(Tree, canonical(tree)) == tree


def test_two_classes_with_the_same_fields_differ() -> None:
    assert digest(Leaf(1)) != digest(Fruit(1))


def test_a_map_has_one_form_whatever_the_hash_seed() -> None:
    script = (
        "from immutables import Map; from meshkit.core.value import canonical;"
        "print(canonical(Map({str(n).encode(): n for n in range(100)})).hex())"
    )
    forms = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(forms) == 1


def test_what_is_not_a_value_has_no_form() -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical(object())
    with pytest.raises(TypeError, match="expected"):
        from_canonical(int, canonical("one"))
    with pytest.raises(ValueError, match="no Value is called"):
        from_canonical(
            Tree,
            canonical(["Tree", [], [0, ""], [], ["Nobody"], ["Leaf", 1, ""], None, None, None]),
        )


def test_a_signature_covers_domain_mesh_and_fields_but_not_itself() -> None:
    claim = Claim(b"me", Leaf(1))
    assert signing_digest(claim, b"mesh") == signing_digest(
        Claim(b"me", Leaf(1), b"signed"), b"mesh"
    )
    others = [
        signing_digest(claim, b"another mesh"),
        signing_digest(Claim(b"me", Leaf(2)), b"mesh"),
        signing_digest(Claim(b"you", Leaf(1)), b"mesh"),
        signing_digest(OtherClaim(b"me", Leaf(1)), b"mesh"),
    ]
    assert signing_digest(claim, b"mesh") not in others


def test_every_statement_inside_is_found() -> None:
    inner = Claim(b"you", Leaf(1))
    outer = Claim(b"me", Claim(b"them", inner))
    assert statements(outer) == [outer, outer.about, inner]
    assert statements(Leaf(1)) == []
    twice = Tree((), (0, ""), Map(), inner, Leaf(1))
    assert statements(twice) == [inner]


def test_only_fields_that_may_hold_values_are_looked_into() -> None:
    assert holders(Claim) == ("about",)
    assert holders(Leaf) == ()
    assert holders(Tree) == ("leaves", "index", "any", "child", "maybe", "whatever")
