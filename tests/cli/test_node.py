"""One node from the command line: running it, what it thinks, and whom it lets in or sees off."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from meshkit_cli import node as nodes
from meshkit_services.devmesh import DevMesh

from meshkit.core.document import from_document
from meshkit.ledger.messages import Member
from meshkit.runtime.home import Home, read_document
from meshkit.runtime.join import Invitation
from meshkit.wire.envelope import verify_statements
from tests.live import PATIENCE_S, Live, Said, meshkit

pytestmark = pytest.mark.real


def ask(live: Live, *words: object) -> Said:
    return meshkit("node", *words, "--home", live.homes[0])


def do(live: Live, *words: object) -> Said:
    return ask(live, *words, "--operator", live.operator)


# -- questions -------------------------------------------------------------------------------------


def test_what_a_node_thinks(live: Live) -> None:
    said = ask(live, "status", "-o", "json")
    document = said.document
    assert (said.code, said.err) == (0, "")
    assert document["schema"] == "meshkit.node.status/v1"
    assert (document["name"], document["member"]) == ("node-0", True)
    assert document["mesh"] == Home.open(live.homes[0]).mesh.hex()
    assert [row["node"] for row in ask(live, "status", "-o", "jsonl").rows] == [document["node"]]


def test_people_see_what_matters(live: Live) -> None:
    live.until(lambda: ask(live, "status", "-o", "json").document["quorum"]["reachable"])
    said = ask(live, "status")
    assert said.code == 0
    assert "node-0" in said.out
    assert "no quorum" not in said.out


class Lonely:
    """A client of a node that hears nobody."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> "Lonely":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def status(self) -> dict[str, Any]:
        quorum = {
            "reachable": False,
            "unreachable_since_ns": 10**18,
            "weight_heard": 1,
            "weight_total": 4,
        }
        return {**dict.fromkeys(nodes._STATUS), "schema": "s", "quorum": quorum}


def test_a_quorum_out_of_reach_is_said(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(nodes, "Client", Lonely)
    words = " ".join(meshkit("node", "status", "--home", folder).out.split())
    assert "no quorum can be reached since 2001-09-0" in words
    assert words.endswith("heard 1 of a total weight of 4")


def test_the_members(live: Live) -> None:
    document = ask(live, "peers", "-o", "json").document
    assert document["schema"] == "meshkit.node.peers/v1"
    named = {one["name"]: one for one in document["peers"]}
    assert {"node-0", "node-1", "node-2", "node-3"} <= set(named)
    assert named["node-1"]["id"] == Home.open(live.homes[1]).identity.key.hex()
    assert {row["name"] for row in ask(live, "peers", "-o", "jsonl").rows} == set(named)
    assert "address" in ask(live, "peers").out


def test_the_card_needs_no_running_node(folder: Path) -> None:
    assert meshkit("init", "--home", folder / "a").code == 0
    document = meshkit("node", "card", "--home", folder / "a", "-o", "json").document
    assert document.pop("schema") == "meshkit.node.card/v1"
    assert from_document(Member, document) == Home.open(folder / "a").card
    assert "tcp://127.0.0.1:7400" in meshkit("node", "card", "--home", folder / "a").out


@pytest.mark.parametrize("verb", ["status", "peers"])
def test_without_a_node_nobody_answers(folder: Path, verb: str) -> None:
    assert "there is no node" in meshkit("node", verb, "--home", folder / "a").complains(1)
    assert meshkit("init", "--home", folder / "a").code == 0
    assert "no node runs on" in meshkit("node", verb, "--home", folder / "a").complains(5)


def test_without_a_home_there_is_no_card(folder: Path) -> None:
    assert "there is no node" in meshkit("node", "card", "--home", folder / "a").complains(1)


# -- who is let in and who is seen off -------------------------------------------------------------


@pytest.fixture
def newcomer(folder: Path) -> Path:
    """The card of a node that would like to join."""
    assert meshkit("init", "--home", folder / "new", "--name", "new/comer").code == 0
    return folder / "new" / "card.json"


def test_a_ticket_lets_one_node_in(
    live: Live, newcomer: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    said = do(live, "admit", newcomer, "--role", "trainer", "--weight", 3)
    path = Path("new_comer.ticket")
    assert said == (0, "", f"{path}: new/comer may join with: meshkit join {path}\n")
    invitation = read_document(path, Invitation)
    verify_statements(invitation.ticket, invitation.mesh)
    assert invitation.mesh == Home.open(live.homes[0]).mesh
    assert invitation.contact == Home.open(live.homes[0]).card
    ticket = invitation.ticket
    assert (ticket.roles, ticket.weight) == (("trainer",), 3)
    assert ticket.member == read_document(newcomer, Member).id


def test_a_ticket_gives_what_the_card_asks_for(live: Live, newcomer: Path, folder: Path) -> None:
    assert do(live, "admit", newcomer, "--to", folder / "t").code == 0
    card = read_document(newcomer, Member)
    ticket = read_document(folder / "t", Invitation).ticket
    assert (ticket.roles, ticket.weight) == (card.roles, card.weight)


def test_no_ticket_is_made_for_what_is_no_card_or_by_who_may_not(
    live: Live, newcomer: Path, folder: Path
) -> None:
    (folder / "card").write_text("{}")
    assert str(folder / "card") in do(live, "admit", folder / "card").complains(1)
    assert "does not exist" in do(live, "admit", folder / "nothing").complains(2)
    target = folder / "nowhere" / "t"
    assert str(target) in do(live, "admit", newcomer, "--to", target).complains(1)
    stranger = Home.open(folder / "new").path / "identity.key"
    line = ask(live, "admit", newcomer, "--operator", stranger).complains(6)
    assert line == "the genesis does not let this operator admit members"


def test_only_a_member_can_be_removed(live: Live) -> None:
    assert do(live, "remove", "nobody").complains(4) == "no member is called nobody"
    assert do(live, "remove", "node").complains(4)
    no_key = ask(live, "remove", "node-3", "--operator", live.homes[0] / "no.key")
    assert "no.key" in no_key.complains(1)


# -- a process -------------------------------------------------------------------------------------


def node_run(home: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "meshkit_cli.main", "node", "run", "--home", str(home), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_node_runs_until_it_is_told_to_stop(folder: Path) -> None:
    mesh = DevMesh.create(folder / "m", 1, [])
    process = node_run(mesh.homes[0])
    mesh.wait_ready(0, time.monotonic() + PATIENCE_S)
    second = node_run(mesh.homes[0])
    out, err = second.communicate(timeout=PATIENCE_S)
    assert (second.returncode, out, err.count("\n")) == (1, "", 1)
    assert f"a node (process {process.pid}) runs on" in err
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert process.returncode == 0


def test_an_address_for_metrics_that_is_none_is_a_mistake_of_use(folder: Path) -> None:
    line = meshkit("node", "run", "--home", folder, "--metrics", "here").complains(2)
    assert "is no address for metrics" in line


def test_the_exit_code_is_the_node_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshkit_services import node

    def run(home: Path, metrics: str | None) -> int:
        assert (home, metrics) == (folder, ":9")
        return 6

    monkeypatch.setattr(node, "run", run)
    assert meshkit("node", "run", "--home", folder, "--metrics", ":9").code == 6
