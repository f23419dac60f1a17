"""The newcomer's side of the join endpoint, against a member that answers as it likes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from meshkit.codec import decode_body, encode
from meshkit.core.value import digest
from meshkit.ledger.messages import Genesis, Join, Member, Ticket
from meshkit.runtime import join as joining
from meshkit.runtime.home import ForeignHome, Home, HomeError
from meshkit.runtime.join import Invitation, JoinRefused, join
from meshkit.wire.envelope import sign_statements, verify_statements
from meshkit.wire.port import WireError
from tests.runtime.test_home import CARD
from tests.runtime.world import ME, OPERATOR, a_genesis, a_member

GENESIS = a_genesis()
MESH = digest(GENESIS)
CONTACT = a_member(ME, "me")


class Contact:
    """A member's join endpoint: stands in for the connection to it."""

    def __init__(self) -> None:
        self.genesis: Genesis = GENESIS
        self.contacts: list[Member] = [CONTACT]
        self.refusal = ""
        self.admits_after = 0  # questions
        self.asked: list[dict[str, Any]] = []
        self.dialled: tuple[str, bytes] = ("", b"")
        self.bent: Callable[[dict[str, Any]], bytes] | None = None

    def __call__(self, transport: Any, endpoint: str, server: bytes) -> "Contact":
        self.dialled = endpoint, server
        return self

    def __enter__(self) -> "Contact":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, body: bytes, timeout_ms: int) -> bytes:
        # scan: unbounded-decode: what the newcomer here has just said
        asked = msgspec.msgpack.decode(body, type=dict[str, Any])
        self.asked.append(asked)
        if self.bent is not None:
            return self.bent(asked)
        return msgspec.msgpack.encode(self._answer(asked))

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "genesis":
                contacts = [encode(member) for member in self.contacts]
                return {"ok": True, "genesis": encode(self.genesis), "contacts": contacts}
            case "join":
                return {"ok": not self.refusal, "reason": self.refusal}
            case _:
                self.admits_after -= 1
                return {"ok": True, "admitted": self.admits_after < 0}

    def did(self) -> list[str]:
        return [asked["do"] for asked in self.asked]


@pytest.fixture
def contact(monkeypatch: pytest.MonkeyPatch) -> Contact:
    made = Contact()
    monkeypatch.setattr(joining, "Guest", made)
    monkeypatch.setattr(joining, "POLL_S", 0)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "node", **CARD)


def an_invitation(home: Home, **changed: Any) -> Invitation:
    ticket = Ticket(OPERATOR.key, 1, changed.get("member", home.identity.key), ("trainer",), 2)
    return Invitation(
        sign_statements(ticket, OPERATOR, MESH),
        changed.get("mesh", MESH),
        changed.get("contact", CONTACT),
    )


def untouched(home: Home) -> bool:
    return not home.has_genesis and home.contacts == () and Home(home.path).card.weight == 1


def test_a_newcomer_is_admitted_and_knows_whom_to_listen_to(home: Home, contact: Contact) -> None:
    contact.admits_after = 3
    join(home, an_invitation(home))
    assert contact.dialled == (CONTACT.join, CONTACT.transport)
    assert contact.did() == ["genesis", "admitted", "join", "admitted", "admitted", "admitted"]
    again = Home.open(home.path)
    assert again.genesis == GENESIS
    assert again.contacts == (CONTACT,)
    # The card says from now on what the ticket granted.
    assert (again.card.roles, again.card.weight) == (("trainer",), 2)


def test_what_is_brought_is_the_ticket_and_the_card_signed_by_both(
    home: Home, contact: Contact
) -> None:
    contact.admits_after = 1
    invitation = an_invitation(home)
    join(home, invitation)
    [item] = [decode_body(asked["join"]) for asked in contact.asked if asked["do"] == "join"]
    assert isinstance(item, Join)
    assert (item.ticket, item.member) == (invitation.ticket, home.card)
    verify_statements(item, MESH)


def test_who_is_admitted_already_only_takes_the_genesis(home: Home, contact: Contact) -> None:
    for _ in range(2):
        join(home, an_invitation(home))
    assert "join" not in contact.did()
    assert home.genesis == GENESIS


def test_a_ticket_that_is_refused_changes_nothing(home: Home, contact: Contact) -> None:
    contact.refusal, contact.admits_after = "gone: take a new key and ticket", 9
    with pytest.raises(JoinRefused, match="the mesh refuses: gone: take a new key and ticket"):
        join(home, an_invitation(home))
    assert untouched(home)


def test_a_mesh_that_does_not_decide_is_waited_for_no_longer_than_asked(
    home: Home, contact: Contact
) -> None:
    contact.admits_after = 1_000
    with pytest.raises(WireError, match="has not decided within 0 s; try again later"):
        join(home, an_invitation(home), wait_s=0)
    assert home.has_genesis  # the ticket is taken, so the next try finds the way


def test_a_ticket_for_another_node_is_brought_to_nobody(home: Home, contact: Contact) -> None:
    with pytest.raises(ForeignHome, match="the ticket is for another node"):
        join(home, an_invitation(home, member=ME.key))
    assert contact.asked == []


def test_a_node_of_another_mesh_asks_nobody_to_let_it_in(home: Home, contact: Contact) -> None:
    home.found(Genesis("other", 0, (replace(home.card, roles=("validator",)),), (), a_policy()))
    with pytest.raises(ForeignHome, match="belongs to another mesh than the ticket names"):
        join(home, an_invitation(home))
    assert contact.asked == []


def a_policy() -> Any:
    return GENESIS.policy


def test_a_contact_of_another_mesh_is_not_believed(home: Home, contact: Contact) -> None:
    contact.genesis = replace(GENESIS, name="another")
    with pytest.raises(ForeignHome, match="belongs to another mesh than the ticket names"):
        join(home, an_invitation(home))
    assert untouched(home)


def test_a_contact_that_takes_no_guests_is_said(home: Home, contact: Contact) -> None:
    with pytest.raises(HomeError, match="me takes in nobody"):
        join(home, an_invitation(home, contact=replace(CONTACT, join="")))


@pytest.mark.parametrize(
    "answer",
    [
        b"\xc1",
        b"\x81\xa1\xff\xa1a",
        b"\x81\xa2ok" + b"\x91" * 50_000,
        msgspec.msgpack.encode({"ok": True}),
        msgspec.msgpack.encode({"ok": True, "genesis": b"\xff", "contacts": []}),
        msgspec.msgpack.encode({"ok": True, "genesis": encode(GENESIS), "contacts": 3}),
        msgspec.msgpack.encode({"ok": True, "genesis": encode(GENESIS), "contacts": ["x"]}),
    ],
)
def test_an_answer_out_of_form_is_said_in_one_line(
    home: Home, contact: Contact, answer: bytes
) -> None:
    contact.bent = lambda asked: answer
    with pytest.raises(HomeError, match="the contact answers in no known form") as refused:
        join(home, an_invitation(home))
    assert "\n" not in str(refused.value)
    assert untouched(home)


def test_a_refusal_without_a_reason_is_said_so(home: Home, contact: Contact) -> None:
    contact.bent = lambda asked: msgspec.msgpack.encode({"ok": False})
    with pytest.raises(JoinRefused, match="it gives no reason"):
        join(home, an_invitation(home))
