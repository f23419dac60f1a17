"""The door for strangers: what they bring is checked, and nothing they bring stops the node."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as some

from meshkit.codec import decode, encode_body
from meshkit.ledger.messages import Genesis, Join, Member, Note, Ticket
from meshkit.runtime import guests
from meshkit.runtime.guests import Guests
from meshkit.wire.envelope import sign_statements
from meshkit.wire.port import Visit
from tests.runtime.world import ME, OPERATOR, OTHER, STRANGER, World, a_genesis, a_member

HELD_BACK = ("validator",)


class Door:
    """A node's door, and whoever knocks."""

    def __init__(self) -> None:
        self.world = World()
        self.guests = Guests(
            ME.key,
            self.world.genesis,
            self.world.shell,
            self.world.mesh,  # type: ignore[arg-type]  # no sockets
        )

    def knock(self, request: bytes) -> dict[str, Any]:
        self.world.mesh.visiting.append(Visit(b"guest", b"k" * 32, request))
        self.guests.serve()
        guest, answer = self.world.mesh.answered.pop()
        assert guest == b"guest"
        # scan: unbounded-decode: what the door itself has just said
        return msgspec.msgpack.decode(answer, type=dict[str, Any])

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        return self.knock(msgspec.msgpack.encode({"do": do, **fields}))

    def bring(self, item: Any) -> dict[str, Any]:
        return self.ask("join", join=encode_body(item))


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    made = Door()
    with made.world:
        yield made


def a_join(mesh: bytes, roles: tuple[str, ...] = ("trainer",), **changed: Any) -> Join:
    ticket = Ticket(OPERATOR.key, 1, OTHER.key, roles, 1)
    ticket = sign_statements(ticket, OPERATOR, mesh)
    card = a_member(OTHER, "newcomer", ("trainer",))
    return sign_statements(Join(OTHER.key, ticket, card), OTHER, changed.get("signed_for", mesh))


def test_a_guest_gets_the_genesis_and_some_members(door: Door) -> None:
    answer = door.ask("genesis")
    assert answer["ok"]
    assert decode(Genesis, answer["genesis"]) == a_genesis()
    assert [decode(Member, one) for one in answer["contacts"]] == [a_member(ME, "me")]


def test_no_more_members_are_named_than_a_guest_needs(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "CONTACTS_MAX", 0)
    assert door.ask("genesis")["contacts"] == []


def test_a_ticket_with_its_card_is_offered_and_admitted() -> None:
    door = Door()
    with door.world as world:
        assert door.ask("admitted", id=OTHER.key) == {"ok": True, "admitted": False}
        assert door.bring(a_join(world.mesh_id)) == {"ok": True}
        world.until(lambda: OTHER.key in world.shell.state["ledger"].members)
        assert door.ask("admitted", id=OTHER.key) == {"ok": True, "admitted": True}
        again = door.bring(a_join(world.mesh_id))
        assert again == {"ok": False, "reason": "known: this identity is a member"}


def test_a_ticket_for_other_roles_than_the_cards_is_refused(door: Door) -> None:
    answer = door.bring(a_join(door.world.mesh_id, HELD_BACK))
    assert answer["reason"] == "mismatch: roles and weight are those of the ticket"


def test_a_ticket_of_another_mesh_is_refused(door: Door) -> None:
    answer = door.bring(a_join(b"m" * 32))
    assert answer["reason"].startswith("forged-statement: ")


def test_an_unsigned_ticket_is_refused(door: Door) -> None:
    ticket = Ticket(OPERATOR.key, 1, OTHER.key, ("trainer",), 1)
    card = a_member(OTHER, "newcomer", ("trainer",))
    answer = door.bring(door.world.sign(Join(OTHER.key, ticket, card), OTHER))
    assert answer["reason"].startswith("unsigned-statement: ")


def test_a_ticket_by_somebody_who_is_no_operator_is_refused(door: Door) -> None:
    ticket = door.world.sign(Ticket(STRANGER.key, 1, OTHER.key, ("trainer",), 1), STRANGER)
    card = a_member(OTHER, "newcomer", ("trainer",))
    answer = door.bring(door.world.sign(Join(OTHER.key, ticket, card), OTHER))
    assert answer["reason"].startswith("unknown-operator: ")


def test_only_tickets_are_taken(door: Door) -> None:
    answer = door.bring(door.world.sign(Note(OTHER.key, 1, b"let me in"), OTHER))
    assert answer["reason"] == "unknown-kind: a ticket with a card is wanted"


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02\x03",
        b"\x81\xa1\xff\xa1a",  # a name that is no UTF-8
        b"\x81\xa2do" + b"\x91" * 50_000,  # deeper than any decoder goes
        b"\x81\xa2do" + b"\x81\xa1a" * 20_000,
        msgspec.msgpack.encode({"do": ["genesis"]}),
        msgspec.msgpack.encode({"do": "join"}),
        msgspec.msgpack.encode({"do": "join", "join": b"\xff" * 40}),
        msgspec.msgpack.encode({"do": "join", "join": "text"}),
        msgspec.msgpack.encode({"do": "admitted", "id": [1]}),
        msgspec.msgpack.encode({"do": "admitted", "id": {}}),
        msgspec.msgpack.encode({}),
    ],
)
def test_nonsense_is_answered_with_a_refusal(door: Door, request_: bytes) -> None:
    answer = door.knock(request_)
    assert not answer["ok"]
    assert answer["reason"].split(":")[0] in ("malformed", "unknown")


@given(some.binary(max_size=200))
def test_whatever_the_bytes_there_is_an_answer(door: Door, request_: bytes) -> None:
    assert "ok" in door.knock(request_)


def test_the_door_needs_no_watching_of_its_own(door: Door) -> None:
    poller = zmq.Poller()
    door.guests.watch(poller)
    assert poller.sockets == []
