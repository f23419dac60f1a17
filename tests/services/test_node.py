"""A node as a process: it runs until it is told to stop, and says in a line why it cannot."""

import gc
import os
import resource
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from meshkit_services import node
from meshkit_services.devmesh import _ports

from meshkit.client import Client, Undecided
from meshkit.journal import BlobStore, JournalReader
from meshkit.runtime.home import Home, write_document
from meshkit.wire.ipc import HomeLock, is_running
from meshkit.wire.keys import Identity
from meshkit.wire.port import WireError
from tests.services.processes import (
    Ended,
    a_genesis,
    a_home,
    ended,
    given_to_nobody,
    node_process,
    short_folder,
    started,
    unprivileged,
    until,
)

pytestmark = pytest.mark.real

Spoil = Callable[[Home], None]


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture
def home(folder: Path) -> Home:
    """The home of a node that is a mesh by itself."""
    made = a_home(folder / "node", _ports(1)[0])
    made.found(a_genesis(made))
    return made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Node processes may run in this one: what they change of it is put back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(node, "tune_process", lambda: None)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def runs(home: Home) -> bool:
    """Whether the node answers."""
    try:
        with Client(home.path) as client:
            return bool(client.status()["member"])
    except WireError:
        return False


# -- running and stopping --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_stops_well(home: Home, number: int) -> None:
    process = node_process(home.path)
    until(lambda: runs(home))
    process.send_signal(number)
    assert ended(process) == (0, "", "")
    assert not is_running(home.path)


def test_what_is_told_to_stop_while_it_starts_stops_too(home: Home) -> None:
    process = node_process(home.path)
    until(lambda: (home.path / "node.lock").exists())  # it holds its home, and answers nobody yet
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (0, "", "")


def test_what_a_killed_process_knew_it_still_knows(home: Home) -> None:
    process = node_process(home.path)
    until(lambda: runs(home))
    with Client(home.path) as client:
        heights = [client.note(b"%d" % number) for number in range(3)]
    process.kill()
    assert ended(process).code == -signal.SIGKILL
    again = node_process(home.path)
    until(lambda: runs(home))
    with Client(home.path) as client:
        status = client.status()
        assert (status["starts"], status["height"]) == (2, heights[-1])
        assert client.note(b"one more") == heights[-1] + 1
    again.terminate()
    assert ended(again).code == 0


@pytest.mark.usefixtures("here")
def test_the_same_in_this_process_with_metrics(home: Home) -> None:
    port = _ports(1)[0][0]
    scraped: list[bytes] = []

    def scrape() -> bool:
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            scraped.append(answer.read(1 << 20))
        return b"meshkit_members 1.0" in scraped[-1]

    def ask_then_stop() -> None:
        until(lambda: runs(home))
        until(scrape)  # the page is a second behind the node
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_then_stop)
    asking.start()
    with pytest.raises(SystemExit) as end:
        node.main(["--home", str(home.path), "--metrics", f"127.0.0.1:{port}"])
    asking.join()
    assert end.value.code == 0
    assert b"meshkit_journal_entries_total" in scraped[-1]
    with JournalReader.open(home.journal_path) as journal:
        assert journal.head.index > 0


def test_a_process_is_tuned_for_one_long_loop() -> None:
    program = (
        "import gc, resource; from meshkit_services import node; node.tune_process();"
        "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "print(gc.get_threshold()[0], gc.get_freeze_count() > 0, soft == hard)"
    )
    said = ended(started([sys.executable, "-c", program]))
    assert said == (0, f"{node.GC_YOUNG_MAX} True True\n", "")


@pytest.mark.usefixtures("here")
def test_a_limit_that_is_at_its_highest_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    changed: list[object] = []

    def note(*counts: object) -> None:
        changed.append(counts)

    def limits(which: int) -> tuple[int, int]:
        return 9, 9

    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", note)
    monkeypatch.setattr(resource, "getrlimit", limits)
    monkeypatch.setattr(resource, "setrlimit", note)
    node.tune_process()
    assert changed == [(node.GC_YOUNG_MAX, 20, 50)]


# -- why it cannot run -----------------------------------------------------------------------------


def complaint(home: Path, capsys: pytest.CaptureFixture[str]) -> Ended:
    code = node.run(home)
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def spoil(name: str, text: str) -> Spoil:
    def write(home: Home) -> None:
        (home.path / name).write_text(text)

    return write


def without(name: str) -> Spoil:
    def unlink(home: Home) -> None:
        (home.path / name).unlink()

    return unlink


def gone(home: Home) -> None:
    shutil.rmtree(home.path)


def open_to_others(home: Home) -> None:
    home.path.chmod(0o755)


def other_key(home: Home) -> None:
    (home.path / "identity.key").unlink()
    Identity.create().save(home.path / "identity.key")


def genesis_of_others(home: Home) -> None:
    other = a_home(home.path.parent / "other", [1, 2, 3, 4])
    write_document(home.path / "genesis.json", a_genesis(other))


def genesis_with_another_transport_key(home: Home) -> None:
    other = a_home(home.path.parent / "other", [1, 2, 3, 4], "other")
    card = home.card
    stolen = type(card)(
        card.id, card.name, card.roles, 1, other.card.transport, card.events, card.direct,
        card.blobs, card.join, card.anchor,
    )  # fmt: skip
    genesis = a_genesis(home)
    forged = type(genesis)(genesis.name, 0, (stolen,), genesis.operators, genesis.policy)
    write_document(home.path / "genesis.json", forged)


def journal_of_another_mesh(home: Home) -> None:
    with node.open_host(Home.open(home.path)):
        pass
    write_document(home.path / "genesis.json", a_genesis(home, name="another"))


def journal_of_another_node(home: Home) -> None:
    other = a_home(home.path.parent / "other", _ports(1)[0], "other")
    other.found(a_genesis(home, other))
    with node.open_host(other):
        pass
    (home.path / "genesis.json").unlink()
    Home.open(home.path).found(a_genesis(home, other))
    shutil.copy(other.journal_path, home.journal_path)


def without_the_journal_it_had(home: Home) -> None:
    with BlobStore.open(home.blobs_path) as blobs:
        blobs.put(b"a model of a round that it took part in")
        blobs.commit()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("spoiled", "code", "words"),
    [
        (open_to_others, 1, "open to others; close it with: chmod 700"),
        (gone, 1, "there is no node; make one with: meshkit init"),
        (without("genesis.json"), 1, "belongs to no mesh yet"),
        (without("card.json"), 1, "card.json: cannot be read"),
        (spoil("card.json", "{"), 1, "card.json: Expecting property name"),
        (spoil("genesis.json", '{"name": 3}'), 1, "genesis.json: Genesis: 'created_ns' is missing"),
        (spoil("shard.json", '{"index": "x"}'), 1, "shard.json: Expected `int`, got `str`"),
        (spoil("contacts.json", "[]"), 1, "contacts.json: Contacts: an object is needed"),
        (spoil("journal.sqlite", "a letter to a friend"), 1, "not a database"),
        (spoil("transport.key", "no key"), 1, "transport.key: is no transport key of meshkit"),
        (without_the_journal_it_had, 1, "is empty, though this node has been at work"),
        (other_key, 6, "the keys are not those of card.json: wrong key files?"),
        (genesis_of_others, 6, "the genesis does not name this node, and it brought no ticket"),
        (genesis_with_another_transport_key, 6, "the genesis names other keys for this node"),
        (journal_of_another_mesh, 6, "start it with its own key and genesis"),
        (journal_of_another_node, 6, "start it with its own key and genesis"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_home_is_said_in_one_line(
    home: Home, capsys: pytest.CaptureFixture[str], spoiled: Spoil, code: int, words: str
) -> None:
    spoiled(home)
    said = complaint(home.path, capsys)
    assert said.code == code
    assert said.line.startswith("meshkit-node: ")
    assert words in said.line


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("which", ["events", "direct", "blobs", "join"])
def test_a_port_that_is_taken_is_said(
    home: Home, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    endpoint = getattr(home.card, which)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(endpoint.rpartition(":")[2])))
        holder.listen()
        said = complaint(home.path, capsys)
    assert said.code == 1
    assert f"{endpoint} is taken: stop what uses it, or choose another port" in said.line
    # And whatever was opened before is closed again: nothing keeps the node from starting now.
    with node.open_host(home):
        pass


@pytest.mark.usefixtures("here")
def test_a_second_node_on_a_home_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(HomeLock(home.path)):
        said = complaint(home.path, capsys)
    assert said.code == 1
    assert f"a node (process {os.getpid()}) runs on {home.path} already" in said.line


@pytest.mark.usefixtures("here")
def test_metrics_that_cannot_be_served_are_said(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        node.main(["--home", str(home.path), "--metrics", "nowhere"])
    assert end.value.code == 2
    assert "'nowhere' is no address for metrics" in capsys.readouterr().err
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(SystemExit) as end:
            node.main(["--home", str(home.path), "--metrics", address])
    assert end.value.code == 1
    assert f"metrics at {address}" in capsys.readouterr().err


# -- what the system refuses -----------------------------------------------------------------------


def test_a_folder_that_only_can_be_read_is_said(home: Home) -> None:
    given_to_nobody(home.path)
    home.path.chmod(0o500)
    said = ended(unprivileged(home.path))
    home.path.chmod(0o700)
    assert said.code == 1
    assert said.line == f"meshkit-node: {home.path / 'node.lock'}: permission denied"


def test_a_home_of_another_user_is_said(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a home to somebody else")
    said = ended(unprivileged(home.path))
    assert said.code == 1
    assert said.line.startswith(f"meshkit-node: {home.path}")
    assert said.line.endswith("cannot be read: Permission denied")


def test_a_disk_that_is_full_from_the_start_is_said(home: Home) -> None:
    given_to_nobody(home.path)
    said = ended(unprivileged(home.path, 4_096))
    assert said.code == 1
    assert str(home.path) in said.line


def test_a_disk_that_fills_up_stops_the_node_with_a_line(home: Home) -> None:
    given_to_nobody(home.path)
    process = unprivileged(home.path, 200_000)
    until(lambda: runs(home) or process.poll() is not None)
    while process.poll() is None:
        with suppress(WireError, Undecided), Client(home.path) as client:
            client.note(b"x" * 1_000, wait_s=1)
    said = ended(process)
    assert said.code == 1
    assert "journal.sqlite" in said.line
