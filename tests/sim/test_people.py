"""Identities are the same in every run, and their keys and chains are real."""

from meshkit.ledger.beacon import anchor_position
from meshkit.sim import people
from meshkit.sim.people import Person
from meshkit.wire.keys import Identity


def test_a_number_is_always_the_same_person() -> None:
    again = Person("node", 3)
    assert again.key == people.node(3).key
    assert again.mark == people.node(3).mark
    assert people.node(3) is people.node(3)
    keys = {again.key, people.operator(3).key, people.client(3).key, people.node(4).key}
    assert len(keys) == 4


def test_a_card_holds_the_end_of_the_chain_and_four_doors() -> None:
    person = people.node(2)
    card = person.card(("trainer",), 5)
    doors = {card.events, card.direct, card.blobs, card.join}
    assert (card.id, card.name, card.roles, card.weight) == (person.key, "node2", ("trainer",), 5)
    assert len(doors) == 4
    assert not doors & {people.node(3).card((), 1).events}
    assert card.anchor == person.link(anchor_position(0))


def test_links_do_not_depend_on_the_order_in_which_they_are_asked_for() -> None:
    first, next_chain = anchor_position(0) + 1, anchor_position(1)
    one, other = Person("node", 0), Person("node", 0)
    forth = [one.link(first), one.link(next_chain), one.link(first + 1)]
    back = [other.link(first + 1), other.link(next_chain), other.link(first)]
    assert forth == back[::-1]


def test_a_desk_names_what_an_operator_may() -> None:
    desk = people.operator(0).desk(("submit",))
    assert (desk.key, desk.may) == (people.operator(0).key, ("submit",))
    assert isinstance(people.operator(0).identity, Identity)
