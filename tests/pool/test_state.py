"""What the pool answers: fair candidates, and a memory with an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.core.machine import Heard
from meshkit.core.value import canonical
from meshkit.pool import state as state_module
from meshkit.pool.messages import (
    AnchorReady,
    Event,
    ItemsOffered,
    ItemsSettled,
    LinkReady,
    LinkSpent,
    Offer,
    Offered,
    OfferRefused,
    Resumed,
    Settle,
)
from meshkit.pool.state import (
    State,
    again_ns,
    candidates,
    evolve,
    held,
    highest_serial,
    item_id,
    knows,
    next_link,
    waiting,
)
from tests.laws import SECOND_NS
from tests.pool.world import ANN, BEN, CAL, ME, Node, Proof, Wish, names, unsigned

SIZE = len(canonical(Wish(ANN, 1)))


@pytest.fixture
def node() -> Node:
    return Node()


def offered(node: Node, *wishes: tuple[bytes, int]) -> None:
    for author, serial in wishes:
        assert node.hears(Heard(BEN, Offered(Wish(author, serial))))


# -- candidates -----------------------------------------------------------------------------------


def test_signers_take_turns_in_the_order_of_their_oldest_item(node: Node) -> None:
    offered(node, (BEN, 1), (BEN, 2), (BEN, 3), (ANN, 1), (CAL, 1), (ANN, 2))
    assert names(candidates(node.state, 9, 9_999)) == [
        ("b", 1),
        ("a", 1),
        ("c", 1),
        ("b", 2),
        ("a", 2),
        ("b", 3),
    ]
    assert names(candidates(node.state, 2, 9_999)) == [("b", 1), ("a", 1)]
    assert names(candidates(node.state, 9, 2 * SIZE)) == [("b", 1), ("a", 1)]
    assert candidates(node.state, 0, 9_999) == candidates(node.state, 9, SIZE - 1) == ()


def test_what_is_too_large_leaves_its_room_to_others(node: Node) -> None:
    node.hears(Offer(Proof(CAL, bytes(500))))
    offered(node, (ANN, 1), (BEN, 1))
    assert names(candidates(node.state, 9, 2 * SIZE)) == [("a", 1), ("b", 1)]


def test_what_is_numbered_goes_in_by_number(node: Node) -> None:
    """Gossip arrives in any order, but an operator's later serial would void an earlier one."""
    offered(node, (ANN, 3), (ANN, 1), (ANN, 2))
    assert names(candidates(node.state, 9, 9_999)) == [("a", 1), ("a", 2), ("a", 3)]
    proof = Proof(ANN, b"evidence")
    node.hears(Offer(proof))
    assert candidates(node.state, 1, 9_999) == (proof,)


def test_who_only_has_a_draft_has_no_turn(node: Node) -> None:
    node.hears(Offer(unsigned(1)))
    offered(node, (ANN, 1))
    assert names(candidates(node.state, 9, 9_999)) == [("a", 1)]


authors = st.sampled_from([ANN, BEN, CAL])


@given(st.lists(st.tuples(authors, st.integers(1, 9)), unique=True, max_size=20))
def test_nobody_is_two_turns_ahead_of_another_who_waits(wishes: list[tuple[bytes, int]]) -> None:
    node = Node()
    offered(node, *wishes)
    everyone = candidates(node.state, 99, 99_999)
    assert sorted(names(everyone)) == sorted((chr(author[0]), n) for author, n in wishes)
    for taken in range(len(wishes)):
        some = names(candidates(node.state, taken, 99_999))
        assert some == names(everyone)[:taken]
        counts = {author: [name for name, _ in some].count(author) for author in "abc"}
        left = {name for name, _ in names(everyone)[taken:]}
        assert max(counts.values()) - min((counts[name] for name in left), default=0) <= 1


# -- memory ---------------------------------------------------------------------------------------


def test_what_waits_or_is_settled_is_known(node: Node) -> None:
    wish = Wish(ANN, 1)
    assert not knows(node.state, item_id(wish))
    offered(node, (ANN, 1))
    assert knows(node.state, item_id(wish))
    assert held(node.state, item_id(wish)) == wish
    node.hears(Settle((wish,)))
    assert knows(node.state, item_id(wish))
    assert held(node.state, item_id(wish)) is None
    assert waiting(node.state) == ()


def test_the_memory_of_what_is_settled_has_an_end(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "SETTLED_KEPT", 3)
    wishes = [Wish(ANN, serial) for serial in range(10)]
    for number, wish in enumerate(wishes, start=1):
        node.hears(Settle((wish,)))
        known = [knows(node.state, item_id(wish)) for wish in wishes[:number]]
        assert known[-3:] == [True] * min(number, 3)
        assert sum(known) < 2 * 3


def test_the_next_serial_counts_what_waits(node: Node) -> None:
    assert highest_serial(node.state, ME) == 0
    node.hears(Offer(unsigned(4)))
    node.hears(Offer(unsigned(2)))
    node.hears(Offer(Proof(ME, b"")))
    assert highest_serial(node.state, ME) == 4


def test_a_draft_takes_as_much_as_when_it_is_signed(node: Node) -> None:
    node.hears(Offer(unsigned()))
    before = node.state.all_bytes
    node.hears(Heard(ME, Wish(ME, 1)))
    assert node.state.all_bytes == before == SIZE


def test_waits_double_up_to_a_limit() -> None:
    assert [again_ns(True, n) / SECOND_NS for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [again_ns(False, n) / SECOND_NS for n in range(7)] == [20, 40, 80, 160, 320, 600, 600]
    assert again_ns(True, 10**9) == 30 * SECOND_NS


# -- every event leaves a state -------------------------------------------------------------------

ABOUT_NOTHING: list[Event] = [
    ItemsOffered((b"unknown",), 5),
    ItemsSettled((b"unknown", b"unknown")),
    Resumed(5),
    OfferRefused(b"unknown", "full: of nothing"),
    AnchorReady(5, b""),
    LinkReady(5, b"link"),
    LinkSpent(5),
]


@pytest.mark.parametrize("event", ABOUT_NOTHING, ids=lambda event: type(event).__name__)
def test_evolve_is_total(event: Event) -> None:
    after = evolve(State(), event)
    assert waiting(after) == ()
    assert next_link(after) in (b"", b"link")
