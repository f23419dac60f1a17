"""Causes come before what they cause, and clocks decide the rest."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.audit.order import Line, ordered

ANN, BEN, CEM = b"a", b"b", b"c"


def test_clocks_decide_where_nothing_else_does() -> None:
    journals = {ANN: [Line(1, 10), Line(2, 30)], BEN: [Line(1, 20)]}
    assert list(ordered(journals)) == [(ANN, 1), (BEN, 1), (ANN, 2)]


def test_a_cause_comes_first_whatever_the_clocks_say() -> None:
    journals = {ANN: [Line(1, 100)], BEN: [Line(1, 1, ANN, 1), Line(2, 2)]}
    assert list(ordered(journals)) == [(ANN, 1), (BEN, 1), (BEN, 2)]


def test_who_is_not_here_holds_nobody_up() -> None:
    journals = {BEN: [Line(1, 1, ANN, 7)], CEM: [Line(1, 2, BEN, 900)], ANN: []}
    assert list(ordered(journals)) == [(BEN, 1), (CEM, 1)]


def test_a_circle_of_lies_is_broken() -> None:
    journals = {ANN: [Line(1, 10, BEN, 1)], BEN: [Line(1, 20, ANN, 1)]}
    assert list(ordered(journals)) == [(ANN, 1), (BEN, 1)]


@given(st.data())
def test_every_entry_once_and_in_its_journals_order(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    nodes = [bytes([n]) for n in range(len(sizes))]
    journals = {
        node: [
            Line(
                number,
                data.draw(st.integers(0, 50)),
                data.draw(st.sampled_from(nodes)),
                data.draw(st.integers(0, 7)),
            )
            for number in range(1, size + 1)
        ]
        for node, size in zip(nodes, sizes, strict=True)
    }
    told = list(ordered(journals))
    assert len(told) == len(set(told)) == sum(sizes)
    for node in nodes:
        assert [entry for whose, entry in told if whose == node] == list(
            range(1, len(journals[node]) + 1)
        )
