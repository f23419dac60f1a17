"""Becoming a member: the newcomer's side of the join endpoint."""

import time
from typing import Any

import msgspec
from msgspec.structs import replace

from meshkit.codec import decode, encode_body
from meshkit.core.value import Value, digest
from meshkit.ledger.forms import is_endpoint
from meshkit.ledger.messages import Genesis, Join, Member, Ticket
from meshkit.runtime.home import ForeignHome, Home, HomeError
from meshkit.wire.envelope import sign_statements
from meshkit.wire.join import Guest
from meshkit.wire.port import WireError

ASK_MS = 5_000  # a guess: well above a slow handshake
POLL_S = 0.5  # a tenth of what the endpoint lets one guest ask
WAIT_S = 60.0  # a guess: several rounds of consensus with dead proposers
NO_ANSWER = "the contact answers in no known form"


class Invitation(Value):
    """What an operator hands to who may join: the ticket, which mesh, and whom to ask."""

    ticket: Ticket
    mesh: bytes
    contact: Member


class JoinRefused(HomeError):
    """The mesh does not take this ticket; the text says why."""


def join(home: Home, invitation: Invitation, wait_s: float = WAIT_S) -> None:
    """Take the ticket to the mesh, and wait until its ledger has admitted this node.

    Afterwards the home holds the genesis and some members to listen to: `meshkit node run` catches
    up from there. Until the mesh has taken the ticket, nothing in the home changes. May be called
    again. Raises HomeError or WireError.
    """
    ticket = invitation.ticket
    if ticket.member != home.identity.key:
        raise ForeignHome(f"{home.path}: the ticket is for another node")
    if home.has_genesis and home.mesh != invitation.mesh:
        raise ForeignHome(f"{home.path}: this node belongs to another mesh than the ticket names")
    card = replace(home.card, roles=ticket.roles, weight=ticket.weight)
    item = Join(card.id, ticket, card)
    signed = sign_statements(item, home.identity, invitation.mesh)
    contact = invitation.contact
    if not is_endpoint(contact.join):
        raise HomeError(f"{contact.name} takes in nobody; ask for a ticket of another member")
    with Guest(home.transport, contact.join, contact.transport) as guest:
        genesis, contacts = _genesis(guest, invitation.mesh)
        if not _admitted(guest, card.id):
            _ask(guest, {"do": "join", "join": encode_body(signed)})
        home.write_card(card)
        home.found(genesis)
        home.write_contacts(contacts)
        until_s = time.monotonic() + wait_s
        while not _admitted(guest, card.id):
            if time.monotonic() > until_s:
                raise WireError(f"the mesh has not decided within {wait_s:g} s; try again later")
            time.sleep(POLL_S)


def _genesis(guest: Guest, mesh: bytes) -> tuple[Genesis, tuple[Member, ...]]:
    answer = _ask(guest, {"do": "genesis"})
    try:
        genesis = decode(Genesis, answer["genesis"])
        contacts = tuple(decode(Member, data) for data in answer["contacts"])
    except (KeyError, TypeError, ValueError) as error:
        raise HomeError(f"{NO_ANSWER}: {error}") from None
    if digest(genesis) != mesh:
        raise ForeignHome("the contact belongs to another mesh than the ticket names")
    return genesis, contacts


def _admitted(guest: Guest, id_: bytes) -> bool:
    return bool(_ask(guest, {"do": "admitted", "id": id_}).get("admitted"))


def _ask(guest: Guest, request: dict[str, Any]) -> dict[str, Any]:
    reply = guest.ask(msgspec.msgpack.encode(request), ASK_MS)
    try:
        # scan: unbounded-decode: the socket takes frames of a bounded size only
        answer = msgspec.msgpack.decode(reply, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise HomeError(f"{NO_ANSWER}: {error}") from None
    if not answer.get("ok"):
        raise JoinRefused(f"the mesh refuses: {answer.get('reason', 'it gives no reason')}")
    return answer
