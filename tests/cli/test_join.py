"""Joining a live mesh with a ticket, and leaving it again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import meshkit.runtime.join as joining
from meshkit.runtime.home import Home, read_document, write_document
from meshkit.runtime.join import Invitation
from tests.live import Live, Said, meshkit

pytestmark = pytest.mark.real


@pytest.fixture
def ticket(live: Live, folder: Path) -> Path:
    """For a node `guest`, which only trains: it has no vote, and nobody waits for it."""
    home, path = folder / "guest", folder / "guest.ticket"
    made = meshkit("init", "--home", home, "--role", "trainer")
    assert made.code == 0
    words = ("--home", live.homes[0], "--operator", live.operator, "--to", path)
    assert meshkit("node", "admit", home / "card.json", *words).code == 0
    return path


@pytest.fixture
def left(live: Live) -> Iterator[None]:
    """However it goes, the guest is gone afterwards: other tests share the mesh."""
    yield
    remove(live)


def remove(live: Live) -> Said:
    words = ("--home", live.homes[0], "--operator", live.operator)
    return meshkit("node", "remove", "guest", *words)


def members(live: Live, number: int) -> set[str]:
    with live.client(number) as client:
        return {one["name"] for one in client.members()}


def join(ticket: Path, *more: object) -> Said:
    return meshkit("join", ticket, "--home", ticket.parent / "guest", *more)


@pytest.mark.usefixtures("left")
def test_a_guest_becomes_a_member_and_is_removed(live: Live, ticket: Path) -> None:
    home = ticket.parent / "guest"
    said = join(ticket)
    assert said == (0, "", f"joined; start the node with: meshkit node run --home {home}\n")
    assert Home.open(home).mesh == Home.open(live.homes[0]).mesh
    live.until(lambda: "guest" in members(live, 3))
    assert join(ticket).code == 0  # it may be called again
    assert remove(live) == (0, "", "guest is no member any more\n")
    assert "guest" not in members(live, 0)
    assert join(ticket).complains(6).startswith("the mesh refuses: ")


def test_a_ticket_is_for_one_node(ticket: Path) -> None:
    other = ticket.parent / "other"
    assert meshkit("init", "--home", other).code == 0
    line = meshkit("join", ticket, "--home", other).complains(6)
    assert line == f"{other}: the ticket is for another node"


def test_a_node_that_has_a_mesh_stays_in_it(ticket: Path) -> None:
    home = ticket.parent / "guest"
    other = ticket.parent / "other"
    assert meshkit("init", "--home", other).code == 0
    assert meshkit("init", "--home", other, "--founder", home / "card.json").code == 0
    assert meshkit("init", "--home", home, "--genesis", other / "genesis.json").code == 0
    line = join(ticket).complains(6)
    assert line.endswith("this node belongs to another mesh than the ticket names")


def test_a_forged_ticket_is_refused(ticket: Path) -> None:
    invitation = read_document(ticket, Invitation)
    write_document(ticket, replace(invitation, ticket=replace(invitation.ticket, weight=1_000)))
    assert join(ticket).complains(6).startswith("the mesh refuses: ")


def test_a_contact_of_another_mesh_is_refused(ticket: Path) -> None:
    write_document(ticket, replace(read_document(ticket, Invitation), mesh=bytes(32)))
    line = join(ticket).complains(6)
    assert line == "the contact belongs to another mesh than the ticket names"
    assert not Home.open(ticket.parent / "guest").has_genesis


def test_a_contact_that_is_away_or_takes_in_nobody(
    ticket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = read_document(ticket, Invitation)
    contact = invitation.contact
    monkeypatch.setattr(joining, "ASK_MS", 50)
    write_document(ticket, replace(invitation, contact=replace(contact, join="tcp://127.0.0.1:9")))
    assert join(ticket).complains(5)
    write_document(ticket, replace(invitation, contact=replace(contact, join="")))
    assert join(ticket).complains(1).startswith("node-0 takes in nobody")


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\0", '{"ticket": {}}'])
def test_what_is_no_ticket_is_said(folder: Path, text: str) -> None:
    path = folder / "t"
    path.write_text(text)
    assert meshkit("init", "--home", folder / "guest").code == 0
    assert str(path) in join(path).complains(1)


def test_a_node_is_made_before_it_joins(folder: Path) -> None:
    (folder / "t").touch()
    assert "there is no node" in join(folder / "t").complains(1)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "Missing argument 'TICKET'"),
        (("nowhere",), "'nowhere' does not exist"),
        (("/",), "is a directory"),
    ],
)
def test_a_ticket_is_a_file(words: tuple[str, ...], line: str) -> None:
    assert line in meshkit("join", *words).complains(2)
