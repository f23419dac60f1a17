"""A mesh as its operators make it, by commands alone: founded, joined, and one has to go."""

import secrets
import socket
from collections.abc import Generator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
from meshkit_services.devmesh import HOST, PORTS, PORTS_EACH

from integration.attackers import Member
from integration.journals import agree, entries, events, recompute
from integration.world import MESHKIT, Document, Mesh, meshkit, until, verified
from meshkit.core.machine import Heard
from meshkit.ledger.messages import MemberAdmitted, MemberRemoved
from meshkit.runtime.home import Home
from meshkit.wire.keys import Identity
from tests.live import SOFTMAX, Said

NAMES = ("ada", "ben", "cleo", "dora")  # dora joins, ben has to go
ADA, BEN, CLEO, DORA = range(4)
FOUNDERS = (ADA, BEN, CLEO)
ROUNDS, LATER_ROUNDS = 60, 5


class Homes(Mesh):
    """Nodes in homes of their own, each made by `meshkit init`, run by `meshkit node run`."""

    @property
    def homes(self) -> list[Path]:
        return [self.root / name for name in NAMES]

    def run(self, *numbers: int) -> None:
        for number in numbers:
            self.spawn(number, [str(MESHKIT), "node", "run", "--home", str(self.homes[number])])
        self.ready(*numbers)

    def say(self, number: int, *words: object) -> Said:
        """A command to this node, with the operator's key."""
        places = {"HOME": self.homes[number], "OPERATOR": self.operator_key}
        return meshkit(*words, **{f"MESHKIT_{name}": str(path) for name, path in places.items()})

    def document(self, number: int, *words: object) -> Document:
        said = self.say(number, *words, "-o", "json")
        assert said.code == 0, said
        return said.document

    def does(self, number: int, *words: object) -> None:
        said = self.say(number, *words)
        assert said.code == 0, said


@pytest.fixture
def homes(folder: Path) -> Generator[Homes]:
    """Three founders, and a home that belongs to nobody yet; nothing runs."""
    made = Homes(folder)
    for number, name in enumerate(NAMES):
        made.does(number, "init", "--name", name, "--port", four_ports())
    first, *others = [made.homes[number] for number in FOUNDERS]
    cards = [word for other in others for word in ("--founder", other / "card.json")]
    made.does(ADA, "init", *cards, "--operator", made.operator_key, "--allow", SOFTMAX)
    for number in FOUNDERS[1:]:
        made.does(number, "init", "--genesis", first / "genesis.json")
    yield made
    made.close()


def four_ports() -> int:
    """The first of four free ports in a row, as `meshkit init` takes them."""
    while True:
        first = secrets.choice(PORTS[:-PORTS_EACH])
        with suppress(OSError), ExitStack() as held:
            for number in range(PORTS_EACH):
                held.enter_context(socket.socket()).bind((HOST, first + number))
            return first


def submit(homes: Homes, name: str, rounds: int) -> str:
    words = ("--rounds", rounds, "--quorum", 2, "--deadline-ms", 10_000, "--patience-ms", 200)
    return str(homes.document(ADA, "task", "submit", SOFTMAX, "--name", name, *words)["id"])


def outcomes(homes: Homes, number: int, task: str) -> list[Document]:
    found = homes.task(number, task)
    return [] if found is None else list(found["outcomes"])


def credited(homes: Homes, task: str, count: int) -> bool:
    """Whether the latest round counted the updates of so many."""
    return [one["updates"] for one in outcomes(homes, ADA, task)][-1:] == [count]


def test_a_mesh_is_founded_joined_and_goes_on_without_one(homes: Homes, folder: Path) -> None:
    homes.run(*FOUNDERS)
    task = submit(homes, "job", ROUNDS)
    ticket, card = folder / "dora.ticket", homes.homes[DORA] / "card.json"
    homes.does(ADA, "node", "admit", card, "--to", ticket)
    homes.does(DORA, "join", ticket)
    homes.run(DORA)
    until(partial(credited, homes, task, 4), "who has just joined takes part in a round")
    assert homes.task(ADA, task)["status"] == "running"  # type: ignore[index]  # it answers
    homes.does(DORA, "join", ticket)  # once more: it is a member already
    assert {one["name"] for one in homes.document(CLEO, "node", "peers")["peers"]} == set(NAMES)

    homes.does(CLEO, "node", "remove", "ben")
    members = homes.document(ADA, "node", "peers")["peers"]
    assert {one["name"] for one in members} == set(NAMES) - {"ben"}
    # It knocks at all doors, and stays outside; whoever it asks says so.
    until(partial(knocks, homes, ADA), "who was removed is refused at the door")
    assert not homes.document(ADA, "node", "status")["accused"]
    homes.finish(task, ADA, CLEO, DORA)
    # The first job may have been over before the removal, so that it goes on shows in another. On
    # a busy machine one or another comes too late for a round.
    later = submit(homes, "later", LATER_ROUNDS)
    homes.finish(later, ADA, CLEO, DORA)
    assert max(one["updates"] for one in outcomes(homes, ADA, later)) == 3
    homes.does(ADA, "node", "admit", homes.homes[BEN] / "card.json", "--to", folder / "again")
    refused = homes.say(BEN, "join", folder / "again")
    assert refused.code == 6, refused
    homes.stop(*range(4))
    journals = agree(homes.homes)
    assert recompute([homes.homes[ADA]]) == ROUNDS + LATER_ROUNDS
    assert len({len(journals[number].decided) for number in (ADA, CLEO, DORA)}) == 1
    assert [admitted(home) for home in homes.homes] == [["dora"]] * 4
    verified(homes.homes)


def admitted(home: Path) -> list[str]:
    """Who joined, as this journal tells; the newcomer's own tells the same."""
    return [event.member.name for event in events(home) if isinstance(event, MemberAdmitted)]


def knocks(homes: Homes, number: int) -> bool:
    return bool(homes.status(number)["mesh_counters"].get("door.stranger"))


def test_open_sockets_are_of_no_use_to_who_was_removed(homes: Homes, folder: Path) -> None:
    """A member's keys in wrong hands: connected, and talking on as if nothing had happened."""
    homes.run(*FOUNDERS)
    ticket = folder / "ticket"
    homes.does(ADA, "node", "admit", homes.homes[DORA] / "card.json", "--to", ticket)
    homes.does(DORA, "join", ticket)
    homes.run(DORA)
    homes.finish(submit(homes, "before", 3), *range(4))
    homes.stop(BEN)
    ben = Home.open(homes.homes[BEN])
    with Member(ben) as member:
        until(lambda: all(map(member.mesh.reachable, member.others)), "it is connected")
        before = times_heard(homes.homes[ADA], ben.card.id)
        member.say([member.sealed(ben.mesh) for _ in range(5)])
        until(
            lambda: times_heard(homes.homes[ADA], ben.card.id) >= before + 5,
            "as a member it is heard",
        )
        said = homes.say(ADA, "node", "remove", "ben")
        assert said.code == 0, said
        task = submit(homes, "after", 10)
        while (found := homes.task(ADA, task)) is None or found["status"] == "running":
            member.say([member.sealed(ben.mesh)])
        until(partial(knocks, homes, ADA), "it is refused at the door")
    homes.stop(ADA, CLEO, DORA)
    for number in (ADA, CLEO, DORA):
        assert not heard_after_removal(homes.homes[number], ben.card.id)


def times_heard(home: Path, who: bytes) -> int:
    said = [entry.command.body for _, entry in entries(home)]
    return sum(isinstance(one, Heard) and one.sender == who for one in said)


def heard_after_removal(home: Path, who: bytes) -> bool:
    """Whether anything that `who` said came into this journal once it was no member any more."""
    gone = False
    for _, entry in entries(home):
        said = entry.command.body
        if gone and isinstance(said, Heard) and said.sender == who:
            return True
        facts = [event.body for event in entry.events]
        gone = gone or any(isinstance(one, MemberRemoved) and one.member == who for one in facts)
    assert gone, "it was removed"
    return False


def test_who_may_not_is_told_so(homes: Homes, folder: Path) -> None:
    """Keys that the genesis does not know, and a ticket in other hands."""
    homes.run(*FOUNDERS)
    stranger = folder / "stranger.key"
    Identity.create().save(stranger)
    words = ("--operator", stranger)
    for command in (
        ("task", "submit", SOFTMAX, *words),
        ("node", "remove", *words, "ben"),
        ("node", "admit", *words, homes.homes[DORA] / "card.json", "--to", folder / "t"),
    ):
        assert homes.say(ADA, *command).complains(6)
    homes.does(ADA, "node", "admit", homes.homes[DORA] / "card.json", "--to", folder / "ticket")
    homes.stop(CLEO)
    assert homes.say(CLEO, "join", folder / "ticket").complains(6)
    early = meshkit("node", "run", "--home", homes.homes[DORA])
    assert (early.code, early.err.count("\n")) == (1, 1)
    assert "belongs to no mesh yet" in early.err
