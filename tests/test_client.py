"""The client against a live mesh: what it asks, what it has done, and how it is refused."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace

import meshkit
from meshkit import client as clients
from meshkit.client import Client, Refusal, Undecided, WireError
from meshkit.learning import Refused
from meshkit.learning.tasks.softmax import Softmax
from meshkit.runtime.home import Home, HomeError
from meshkit.wire.envelope import verify_statements
from meshkit.wire.ipc import HomeLock, OperatorLane
from meshkit.wire.keys import Identity, KeyRefused
from tests.live import SOFTMAX, Live
from tests.runtime.test_home import CARD

pytestmark = pytest.mark.real


@pytest.fixture
def client(live: Live) -> Iterator[Client]:
    with live.client() as made:
        yield made


def a_name() -> str:
    """A name no other test gives a task: they all share one ledger."""
    return f"t{next(_numbers)}"


_numbers = iter(range(1_000_000))


def slug(refused: "pytest.ExceptionInfo[Refusal]") -> str:
    return refused.value.slug


def test_no_secret_is_in_anything_that_nodes_write(live: Live, client: Client) -> None:
    list(client.watch(client.submit(a_name(), SOFTMAX, 1)))
    client.note(b"said")
    keys = [path for home in live.homes for path in home.glob("*.key")]
    assert len(keys) == 3 * len(live.homes)
    digits = [path.read_bytes().split()[-1] for path in (*keys, live.operator)]
    secrets = [form for each in digits for form in (each, bytes.fromhex(each.decode()))]
    written = [path for home in live.homes for path in home.rglob("*") if path.is_file()]
    assert len(written) > 5 * len(live.homes), "journals, blobs, documents, logs"
    for path in written:
        data = path.read_bytes()
        assert path in keys or not any(secret in data for secret in secrets), path


# -- a task from its submission to its end ---------------------------------------------------------


def test_a_task_is_submitted_watched_and_the_same_on_every_node(live: Live, client: Client) -> None:
    name = a_name()
    task = client.submit(name, SOFTMAX, 3, {"steps": 5}, quorum=4)
    seen = list(client.watch(task))
    assert [one["rounds_done"] for one in seen] == sorted(one["rounds_done"] for one in seen)
    assert (seen[-1]["status"], seen[-1]["rounds_done"]) == ("finished", 3)
    assert seen[-1]["parameters"] == '{"steps":5}'
    assert [one["updates"] for one in seen[-1]["outcomes"]] == [4, 4, 4]
    assert seen[-1]["accuracy"] > 0.8
    # By its id, the beginning of it, or its name: one task.
    assert client.find(task) == client.find(task[:12]) == client.find(name) == bytes.fromhex(task)
    assert task in [one["id"] for one in client.tasks()]
    with live.client(3) as other:
        live.until(lambda: other.task(task)["status"] == "finished")
        assert other.task(task)["model"] == seen[-1]["model"]


def test_what_is_not_said_of_a_task_is_left_to_defaults(client: Client) -> None:
    shown = client.task(client.submit(a_name(), SOFTMAX, 1, bits=None, seed=5))
    assert (shown["size"], shown["quorum"], shown["strategy"]) == (15, 0, "fedavg")
    assert (shown["seed"], shown["deadline_ms"], shown["parameters"]) == (5, 60_000, "{}")


def test_documents_have_what_the_docstrings_name(client: Client) -> None:
    task = client.submit(a_name(), SOFTMAX, 1)
    list(client.watch(task))
    for asked, document in (
        (Client.status, client.status()),
        (Client.members, client.members()[0]),
        (Client.tasks, client.tasks()[0]),
        (Client.task, {**client.task(task), **client.task(task)["outcomes"][0]}),
    ):
        named = set(re.findall(r"`(\w+)`", asked.__doc__ or "")) - {"id_", "find", "task", "tasks"}
        assert named
        assert named <= document.keys()


def test_a_task_is_cancelled_where_it_stands(client: Client) -> None:
    task = client.submit(a_name(), SOFTMAX, 10_000)
    client.cancel(task)
    assert client.task(task)["status"] == "cancelled"
    with pytest.raises(Refusal) as refused:
        client.cancel(task)
    assert slug(refused) == "ended"


def test_a_note_has_its_place_in_the_order(client: Client) -> None:
    before = client.status()["height"]
    height = client.note(b"hello")
    assert before < height <= client.status()["height"]


def test_status_members_head_and_worker(client: Client) -> None:
    assert client.status()["schema"] == "meshkit.node.status/v1"
    names = [one["name"] for one in client.members()]
    assert {"node-0", "node-1", "node-2", "node-3"} <= set(names)
    before = client.status()["head"]["index"]
    client.show_head()
    client.warm(SOFTMAX, {"steps": 3})
    while client.status()["workers"]["waiting"]:
        time.sleep(0.01)
    assert client.status()["head"]["index"] > before


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"strategy": "magic"}, "strategy: no strategy is called magic; there is fedavg"),
        ({"rounds": 100_000}, "number: rounds is from 1 to 10000"),
        ({"seed": 2**64}, "number: seed is from 0 to 18446744073709551615"),
        ({"quorum": 500}, "quorum: 500 updates are wanted, of "),
        ({"name": "ä"}, "name: the name of a task is 1 to 64 printable ASCII characters"),
        ({"parameters": {"spread": float("nan")}}, "parameters: a task's settings are JSON"),
        ({"parameters": {"spread": object()}}, "parameters: a task's settings are JSON"),
        ({"module": "tests.test_client:Elsewhere"}, "not-allowed: the genesis does not allow"),
    ],
)
def test_a_task_that_nobody_would_take_is_refused(
    client: Client, changed: dict[str, Any], reason: str
) -> None:
    fields: dict[str, Any] = {"name": a_name(), "module": SOFTMAX, "rounds": 1}
    with pytest.raises(Refusal) as refused:
        client.submit(**{**fields, **changed})
    assert f"{refused.value.slug}: {refused.value}".startswith(reason)


class Elsewhere(Softmax):
    """A task that is installed here and allowed nowhere."""

    def initial(self, seed: int) -> Any:
        pytest.fail("what is not allowed is not run")


@pytest.mark.parametrize("module", ["no-colon", "nowhere.at_all:Task", "antigravity:x"])
def test_what_is_not_allowed_is_not_even_looked_for(client: Client, module: str) -> None:
    with pytest.raises(Refusal, match=f"does not allow the task {module}") as refused:
        client.submit(a_name(), module, 1)
    assert slug(refused) == "not-allowed"
    assert module.partition(":")[0] not in sys.modules


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"colour": 1}, "settings"),
        ({"steps": "many"}, "settings"),
        ({"classes": -1}, "task-failed"),
    ],
)
def test_a_model_that_cannot_be_made_is_said_in_one_line(
    client: Client, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        client.submit(a_name(), SOFTMAX, 1, parameters)
    assert refused.value.reason == reason
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("no-colon", "task-not-found"),
        ("meshkit.learning.tasks.softmax:Nothing", "task-not-found"),
        ("nowhere.at_all:Task", "not-installed"),
        ("sys:exit", "task-failed"),  # it does not end whoever submits it
    ],
)
def test_a_task_that_is_allowed_and_none_is_said_in_one_line(module: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        clients._first_model(module, "{}", 0)
    assert refused.value.reason == reason
    assert "\n" not in str(refused.value)


def test_a_name_that_means_nothing_or_two_things_is_refused(client: Client) -> None:
    for _ in range(2):
        client.submit("twice", SOFTMAX, 1, seed=next(_numbers))
    for name, expected in (("nothing", "unknown-task"), ("twice", "ambiguous")):
        with pytest.raises(Refusal) as refused:
            client.task(name)
        assert slug(refused) == expected
    for name, expected in (("nobody", "unknown-member"), ("", "ambiguous")):
        with pytest.raises(Refusal) as refused:
            client.remove(name)
        assert slug(refused) == expected


def test_without_an_operator_only_questions_are_answered(live: Live, tmp_path: Path) -> None:
    with Client(live.homes[0]) as client:
        assert client.tasks() is not None
        with pytest.raises(Refusal) as refused:
            client.cancel("anything")
        assert slug(refused) == "no-operator"
    with live.client(operator=tmp_path / "no.key") as client, pytest.raises(KeyRefused):
        client.cancel("anything")


def test_the_genesis_says_what_an_operator_may(live: Live, tmp_path: Path) -> None:
    Identity.create().save(tmp_path / "stranger.key")
    card = Home.create(tmp_path / "node", **CARD).card
    with live.client(operator=tmp_path / "stranger.key") as client:
        with pytest.raises(Refusal) as refused:
            client.submit(a_name(), SOFTMAX, 1)
        assert slug(refused) == "unknown-operator"
        with pytest.raises(Refusal) as refused:
            client.ticket(card, ("trainer",), 1)
        assert slug(refused) == "forbidden"


def test_an_unsigned_command_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(item: Any, key: Identity, mesh: bytes) -> Any:
        return item

    monkeypatch.setattr(clients, "sign_statements", forget)
    with pytest.raises(Refusal) as refused:
        client.remove("node-3")
    assert slug(refused) == "unsigned-statement"


# -- tickets ---------------------------------------------------------------------------------------


def test_a_ticket_is_signed_for_one_member_of_this_mesh(client: Client, tmp_path: Path) -> None:
    card = Home.create(tmp_path / "node", **CARD).card
    ticket = client.ticket(card, ("trainer",), 3)
    assert (ticket.member, ticket.roles, ticket.weight) == (card.id, ("trainer",), 3)
    verify_statements(ticket, client.home.mesh)
    with pytest.raises(Refusal) as refused:
        client.ticket(card, ("cook",), 1)
    assert slug(refused) == "roles"
    with pytest.raises(Refusal) as refused:
        client.ticket(replace(card, anchor=b""), ("trainer",), 1)
    assert slug(refused) == "key"


# -- when nobody answers ---------------------------------------------------------------------------


def test_without_a_home_there_is_no_client(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="there is no node"):
        Client(tmp_path)
    deep = tmp_path / ("d" * 120)
    Home.create(deep, **CARD)
    with pytest.raises(HomeError, match="choose a shorter home"):
        Client(deep)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short name: a socket's path has 107 bytes."""
    with TemporaryDirectory(prefix="mk-") as name:
        yield Path(name)


def test_a_node_that_does_not_run_is_said_at_once(folder: Path) -> None:
    home = Home.create(folder / "idle", **CARD)
    with Client(home.path) as client:
        for ask in (client.status, lambda: client.note(b"hello")):
            with pytest.raises(WireError, match="no node runs on"):
                ask()


def test_an_item_that_is_not_decided_in_time_may_be_decided_yet(folder: Path) -> None:
    """A node that takes the question and stays silent: as one without a quorum does."""
    home = Home.create(folder / "silent", **CARD)
    with (
        HomeLock(home.path),
        closing(OperatorLane(home.path, Counter())),
        Client(home.path) as client,
        pytest.raises(Undecided, match=r"not decided within 0\.05 s"),
    ):
        client.note(b"hello", 0.05)


@pytest.mark.parametrize("wait_s", [float("nan"), float("inf"), 1e306, -1.0])
def test_nobody_waits_forever_or_for_no_number_of_seconds(client: Client, wait_s: float) -> None:
    with pytest.raises(Refusal, match="from 0 to 31536000 seconds, not ") as refused:
        client.note(b"hello", wait_s)
    assert slug(refused) == "wait"


def test_the_client_is_there_for_whoever_asks_for_it() -> None:
    assert meshkit.Client is Client
    with pytest.raises(AttributeError, match="meshkit has no Server"):
        _ = meshkit.Server
