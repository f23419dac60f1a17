"""What keeps a node from running, as its operator sees it: one clear line, and an exit code.

The commands are what people type, each in a process of its own, on homes that were made and used
before something went wrong with them. What needs a user without rights is done by one: who runs
the tests may be root, to whom the system refuses nothing.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from integration.conftest import Founding
from integration.world import MESHKIT, Mesh, meshkit, run
from meshkit.runtime.home import Home, write_document
from meshkit.wire.keys import HashChain, Identity, Transport
from tests.live import SOFTMAX
from tests.services.processes import NOBODY, given_to_nobody, short_folder

OK, FAILURE, USAGE, REFUSED = 0, 1, 2, 6  # as the documents have them
NODE = MESHKIT.with_name("meshkit-node")
ROOT = os.geteuid() == 0

# The command line for another user (0: the same), whose files may not grow beyond a limit (0: there
# is none). What is imported late is imported before: not everybody may read our interpreter's own
# files.
CONFINED = """
import difflib, os, resource, sys
from importlib import import_module
from meshkit_cli.main import COMMANDS, main
for name in COMMANDS:
    import_module("meshkit_cli." + name)
import meshkit.journal.log, meshkit.journal.reading, meshkit.journal.measure
import meshkit.learning.tasks.softmax, meshkit_services.node
user, limit = int(sys.argv[1]), int(sys.argv[2])
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main(sys.argv[3:], prog_name="meshkit")
"""

Spoil = Callable[[Path], None]


# -- homes that were used --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def used() -> Generator[Path]:
    """Two meshes of one node each that have run, and stopped as they were asked to."""
    with short_folder() as folder:
        meshes = [Mesh.create(folder / name, 1, [SOFTMAX]) for name in ("m0", "m1")]
        for mesh in meshes:
            mesh.start(0)
        for mesh in meshes:
            mesh.ready(0)
            mesh.stop(0)
        yield folder


@pytest.fixture
def homes(used: Path) -> Generator[tuple[Path, Path]]:
    """The homes of those nodes, for one test alone: its own, and that of another mesh."""
    with short_folder() as folder:
        for name in ("m0", "m1"):
            shutil.copytree(used / name, folder / name)
            (folder / name).chmod(0o755)
        yield folder / "m0" / "node-0", folder / "m1" / "node-0"


def line(code: int, *command: object) -> str:
    """The one line with which a command is refused, without the program's name."""
    said = run([str(word) for word in command])
    assert (said.code, said.out) == (code, ""), said
    assert said.err.count("\n") == 1, said.err
    name, colon, words = said.err.rstrip("\n").partition(": ")
    assert (name, colon) in {("meshkit", ": "), ("meshkit-node", ": ")}, said.err
    return words


def confined(code: int, *words: object, user: int = 0, limit: int = 0) -> str:
    """The same of a user with fewer rights, or less room."""
    return line(code, sys.executable, "-c", CONFINED, user if ROOT else 0, limit, *words)


def runs(home: Path) -> None:
    """That a node runs on a home after all: what was refused has left nothing behind."""
    mesh = Mesh(home.parent)
    with closing(mesh):
        mesh.up()
        mesh.stop(0)


# -- keys, genesis, journal ------------------------------------------------------------------------


def other_key(kind: type[Identity | Transport | HashChain], name: str) -> Spoil:
    def spoil(home: Path) -> None:
        (home / name).unlink()
        kind.create().save(home / name)

    return spoil


def genesis_of_others(home: Path) -> None:
    shutil.copy(home.parents[1] / "m1" / "node-0" / "genesis.json", home)


def genesis_of_another_mesh_of_ours(home: Path) -> None:
    write_document(home / "genesis.json", replace(Home.open(home).genesis, name="another"))


def journal_of_others(home: Path) -> None:
    shutil.copy(home.parents[1] / "m1" / "node-0" / "journal.sqlite", home)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (other_key(Identity, "identity.key"), "the keys are not those of card.json"),
        (other_key(Transport, "transport.key"), "the keys are not those of card.json"),
        (other_key(HashChain, "chain.key"), "the keys are not those of card.json"),
        (genesis_of_others, "the genesis does not name this node, and it brought no ticket"),
        (genesis_of_another_mesh_of_ours, "start it with its own key and genesis"),
        (journal_of_others, "start it with its own key and genesis"),
    ],
)
def test_what_is_another_node_s_or_mesh_s_is_refused(
    homes: tuple[Path, Path], spoil: Spoil, words: str
) -> None:
    home, _ = homes
    spoil(home)
    said = line(REFUSED, NODE, "--home", home)
    assert said.startswith(str(home))
    assert words in said


def test_who_belongs_to_one_mesh_does_not_go_to_another(homes: tuple[Path, Path]) -> None:
    home, other = homes
    foreign = line(REFUSED, MESHKIT, "init", "--home", home, "--genesis", other / "genesis.json")
    assert foreign.startswith(f"{home}: the genesis does not name this node")
    found = ("init", "--home", home, "--founder", home / "card.json", "--mesh-name", "mine")
    assert line(REFUSED, MESHKIT, *found) == f"{home}: this node belongs to another mesh already"
    mesh, ticket = Mesh(other.parent), home.parent / "ticket"
    with closing(mesh):
        mesh.up()
        asked = ("--home", other, "--operator", mesh.operator_key, "--to", ticket)
        assert meshkit("node", "admit", home / "card.json", *asked).code == OK
    belongs = line(REFUSED, MESHKIT, "join", ticket, "--home", home)
    assert belongs == f"{home}: this node belongs to another mesh than the ticket names"
    for_another = line(REFUSED, MESHKIT, "join", ticket, "--home", other)
    assert for_another == f"{other}: the ticket is for another node"


def test_what_only_the_operators_may_do_takes_their_key(found: Founding, folder: Path) -> None:
    mesh = found(1)
    mesh.up()
    home, stranger = mesh.homes[0], folder / "stranger.key"
    Identity.create().save(stranger)
    asked = ("--home", home, "--operator", stranger)
    task = mesh.submit(1, quorum=1)
    for words in (
        ("task", "submit", SOFTMAX),
        ("task", "cancel", task),
        ("node", "remove", "node-0"),
        ("node", "admit", home / "card.json", "--to", folder / "ticket"),
    ):
        said = line(REFUSED, MESHKIT, *words, *asked)
        assert "operator" in said, said
    stranger.chmod(0o644)
    assert "others may read it" in line(FAILURE, MESHKIT, "task", "cancel", task, *asked)
    stranger.write_text("no key")
    stranger.chmod(0o600)
    assert "is no identity key" in line(FAILURE, MESHKIT, "task", "cancel", task, *asked)
    stranger.unlink()
    assert "No such file" in line(FAILURE, MESHKIT, "task", "cancel", task, *asked)


# -- ports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["events", "direct", "blobs", "join"])
def test_a_port_that_is_taken_is_named(homes: tuple[Path, Path], which: str) -> None:
    home, _ = homes
    endpoint: str = getattr(Home.open(home).card, which)
    taken = f"{which}: {endpoint} is taken: stop what uses it, or choose another port"
    with socket.create_server(("127.0.0.1", int(endpoint.rpartition(":")[2]))):
        assert line(FAILURE, MESHKIT, "node", "run", "--home", home) == taken
        if which == "events":
            said = line(FAILURE, MESHKIT, "mesh", "up", home.parent)
            assert said == f"node-0 does not run: meshkit-node: {taken}"
    if which == "join":  # the last that is opened: the others are closed again
        runs(home)


def test_a_port_for_metrics_that_is_taken_is_named(homes: tuple[Path, Path]) -> None:
    home, _ = homes
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        said = line(FAILURE, MESHKIT, "node", "run", "--home", home, "--metrics", address)
    assert said.startswith(f"metrics at {address}: ")


# -- files, folders and their modes ----------------------------------------------------------------


def key_for_all(home: Path) -> None:
    (home / "identity.key").chmod(0o644)


def home_for_all(home: Path) -> None:
    home.chmod(0o755)


def folder_to_read(home: Path) -> None:
    home.chmod(0o500)


def new_folder_to_read(home: Path) -> None:
    """One on which no node has run: not even its lock can be made."""
    for name in ("journal.sqlite", "journal.sqlite.lock", "node.lock"):
        (home / name).unlink(missing_ok=True)
    home.chmod(0o500)


def key_for_nobody(home: Path) -> None:
    (home / "chain.key").chmod(0)


def journal_to_read(home: Path) -> None:
    (home / "journal.sqlite").chmod(0o400)


def journal_for_nobody(home: Path) -> None:
    (home / "journal.sqlite").chmod(0)


def blobs_to_read(home: Path) -> None:
    for path in (home / "blobs").iterdir():
        path.chmod(0o400)
    (home / "blobs").chmod(0o500)


@pytest.mark.parametrize(
    ("spoil", "where", "words"),
    [
        (key_for_all, "identity.key", "others may read it; if nobody did, chmod 600 "),
        (home_for_all, "", "open to others; close it with: chmod 700 "),
        (folder_to_read, "journal.sqlite", "may not read and write"),
        (new_folder_to_read, "node.lock", "permission denied"),
        (key_for_nobody, "chain.key", "cannot be read: Permission denied"),
        (journal_to_read, "journal.sqlite", "may not read and write"),
        (journal_for_nobody, "journal.sqlite", "may not read and write"),
        (blobs_to_read, "blobs", "may not read and write"),
    ],
)
def test_what_may_not_be_read_or_written_or_may_by_others_is_named(
    homes: tuple[Path, Path], spoil: Spoil, where: str, words: str
) -> None:
    home, _ = homes
    given_to_nobody(home)
    spoil(home)
    said = confined(FAILURE, "node", "run", "--home", home, user=NOBODY)
    assert str(home / where) in said
    assert words in said


@pytest.mark.skipif(not ROOT, reason="only root can give a home to somebody else")
def test_a_home_of_another_user_is_refused(homes: tuple[Path, Path]) -> None:
    home, _ = homes
    said = confined(FAILURE, "node", "run", "--home", home, user=NOBODY)
    assert said == f"{home / 'identity.key'}: cannot be read: Permission denied"
    # Root could read all of it, and would leave files that their owner cannot write.
    given_to_nobody(home)
    said = line(FAILURE, MESHKIT, "node", "run", "--home", home)
    assert said.endswith("belongs to another user, who could read it")


def test_a_folder_in_which_nothing_can_be_made_is_named(homes: tuple[Path, Path]) -> None:
    home, _ = homes
    given_to_nobody(home)
    home.chmod(0o500)
    for words in (("init",), ("demo", "--task", "softmax")):
        said = confined(FAILURE, *words, "--home", home / "new", user=NOBODY)
        assert said == f"{home / 'new'}: cannot be made: Permission denied"


# -- no room from the start (`test_hardship.py`: in the middle of the work) ------------------------


def test_a_disk_without_room_is_named(homes: tuple[Path, Path]) -> None:
    home, _ = homes
    said = confined(FAILURE, "node", "run", "--home", home, limit=4_096)
    assert str(home) in said
    fresh = home.parent / "new"
    for words in (("init",), ("demo", "--task", "softmax")):
        said = confined(FAILURE, *words, "--home", fresh, limit=10)
        assert said.startswith(str(fresh))
        assert said.endswith("cannot be written: File too large")
    export = home.parent / "export.jsonl"
    said = confined(FAILURE, "audit", "export", home, "--to", export, limit=10)
    assert said == f"{export}: cannot be written: File too large"
    assert not export.exists()  # half of it would pass for the whole
    runs(home)


def test_a_demo_whose_nodes_have_no_room_says_what_they_say(folder: Path) -> None:
    words = ("demo", "--task", "softmax", "--nodes", "2", "--home", folder / "m")
    command = [sys.executable, "-c", CONFINED, 0, 20_000, *words]
    said = run([str(word) for word in command])
    assert (said.code, said.out) == (FAILURE, "")
    progress, complaint = said.err.splitlines()
    assert progress == f"2 node processes under {folder / 'm'}"
    assert complaint.startswith("meshkit: node-0 does not run: meshkit-node: ")
    assert str(folder / "m" / "node-0") in complaint
