"""A node whose machine fails it: the others go on, and it comes back when it can."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from integration.conftest import Founding
from integration.journals import agree, events, recompute
from integration.world import Mesh, meshkit, until, verified
from meshkit.rounds.messages import TrainingLost

POOR = 3  # of four nodes, the one that has it hard
DIGITS = "meshkit.learning.tasks.digits:Digits"
INSTALL = f'{DIGITS} needs torch, which is not installed: pip install "meshkit[torch]"'

# A node whose disk is full from the signal on. That makes itself heard in two ways: the system
# refuses to write (here since no file may grow, its log's few lines aside), or SQLite finds no page
# for what it is to store (as it says of a device without space).
NO_WRITING = """
import resource, signal, sys
from pathlib import Path
from meshkit_services import node
def full(number, frame):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
signal.signal(signal.SIGUSR1, full)
sys.exit(node.run(Path(sys.argv[1])))
"""
NO_PAGES = """
import signal, sys
from pathlib import Path
from meshkit.journal import store
from meshkit_services import node
connect, opened = store.connect, []
def remembered(*words):
    opened.append(connect(*words))
    return opened[-1]
def full(number, frame):
    for one in opened:
        one.execute("PRAGMA max_page_count=1")
store.connect = remembered
signal.signal(signal.SIGUSR1, full)
sys.exit(node.run(Path(sys.argv[1])))
"""

# Python asks finders for modules; this one, which looks along the path, is blind to some.
WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder
class Blind(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in ("torch", "sklearn", "mlxtend")
        return None if hidden else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Blind
"""


def stopped(mesh: Mesh) -> bool:
    return mesh.children[POOR].poll() is not None


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (NO_WRITING, "then start the node again"),
        (NO_PAGES, "journal.sqlite cannot grow: free space or raise the quota, then start"),
    ],
    ids=["writing", "pages"],
)
def test_a_disk_that_fills_up_in_the_middle_of_a_task(
    found: Founding, program: str, words: str
) -> None:
    rounds = 40
    mesh = found(propose_ms=300, vote_ms=200, step_ms=100)
    for number in range(POOR):
        mesh.start(number)
    mesh.spawn(POOR, [sys.executable, "-c", program, str(mesh.homes[POOR])])
    mesh.ready()
    task = mesh.submit(rounds)
    mesh.reach(task, 3, POOR)
    mesh.children[POOR].send_signal(signal.SIGUSR1)
    until(partial(stopped, mesh), "the disk is full")
    assert mesh.children[POOR].returncode == 1
    [line] = mesh.log(POOR).splitlines()
    assert line.startswith(f"meshkit-node: {mesh.homes[POOR]}")
    assert words in line
    mesh.reach(task, mesh.done(task) + 2)  # the others go on
    # There is room again: it goes on from what was durable, catches up, and takes part.
    mesh.start(POOR)
    mesh.ready(POOR)
    assert mesh.finish(task)["outcomes"][-1]["updates"] == 4
    mesh.stop(*range(4))
    agree(mesh.homes)
    assert recompute(mesh.homes) == rounds
    assert verified(mesh.homes)["evidence"] == []


# -- torch is not installed ------------------------------------------------------------------------


@pytest.fixture
def path(folder: Path) -> str:
    """A PYTHONPATH along which no torch is found."""
    (folder / "sitecustomize.py").write_text(WITHOUT_TORCH)
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_a_demo_where_torch_is_not_installed(folder: Path, path: str) -> None:
    home = folder / "mesh"
    said = meshkit("demo", "--home", home, PYTHONPATH=path)
    assert said.complains(1) == INSTALL
    assert not home.exists()  # so that the same command is right once it is installed


def test_a_node_where_torch_is_not_installed(path: str, found: Founding) -> None:
    """It cannot train, and says why; the rounds do without its update, and it judges them."""
    mesh = found(2, allowed=(DIGITS,))
    mesh.start(0)
    command = [sys.executable, "-m", "meshkit_services.node", "--home", str(mesh.homes[1])]
    mesh.spawn(1, ["env", f"PYTHONPATH={path}", *command])
    mesh.ready()
    asked = ("--home", mesh.homes[1], "--operator", mesh.operator_key)
    assert meshkit("task", "submit", DIGITS, *asked, PYTHONPATH=path).complains(1) == INSTALL
    task = mesh.submit(3, module=DIGITS, quorum=1, deadline_ms=60_000, patience_ms=1_000)
    outcomes = mesh.finish(task)["outcomes"]
    assert [outcome["updates"] for outcome in outcomes] == [1, 1, 1]
    mesh.stop(0, 1)
    lost = [event for event in events(mesh.homes[1]) if isinstance(event, TrainingLost)]
    assert [one.round for one in lost] == [0, 1, 2]
    assert {one.reason for one in lost} == {f"not-installed: {INSTALL}"}
    agree(mesh.homes)
    story = meshkit("audit", "why", "-o", "json", task, *mesh.homes).document
    told = [step for step in story["steps"] if step["kind"] == "lost"]
    assert {step["node"] for step in told} == {"node-1"}
    assert verified(mesh.homes)["aggregates_recomputed"] == 3
