"""The command line where the system refuses, or something is not installed: a line, and no trace.

What needs another user or another interpreter happens in a child process, many commands in one:
to start an interpreter is what takes the time.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from meshkit_cli.output import FAILURE, USAGE

from meshkit.runtime.home import Home
from tests.live import SOFTMAX, Said, meshkit
from tests.services.processes import NOBODY, short_folder

pytestmark = pytest.mark.real

# Runs commands as a user without rights, in a process whose files may not grow beyond a limit. All
# that is imported late is imported before: that user may not even read our interpreter's own files.
UNPRIVILEGED = f"""
import difflib, json, os, resource, sys
from importlib import import_module
from click.testing import CliRunner
from meshkit_cli.main import COMMANDS, main
for name in COMMANDS:
    import_module("meshkit_cli." + name)
import meshkit.journal.log, meshkit.journal.reading, meshkit.journal.measure, meshkit.runtime.join
import meshkit.learning.tasks.softmax
import meshkit_services.bench, meshkit_services.bench_updates, meshkit_services.node
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
limit, *commands = json.loads(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
said = []
for words in commands:
    done = CliRunner().invoke(main, words)
    bug = done.exception
    text = "" if bug is None or isinstance(bug, SystemExit) else repr(bug)
    said.append([done.exit_code, done.stdout, done.stderr + text])
print(json.dumps(said))
"""

# Python finds modules by asking finders; this one knows which are not to be found.
WITHOUT = """
import sys
hidden = sys.argv[1].split(",")
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from meshkit_cli.main import main
main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that everybody can enter, with a home, a mesh and a closed folder of ours in it."""
    with short_folder() as made:
        assert meshkit("init", "--home", made / "ours").code == 0
        (made / "mesh").mkdir(0o700)
        (made / "mesh" / "operator.key").touch()
        (made / "closed").mkdir(0o700)
        (made / "free").mkdir()
        (made / "free").chmod(0o777)
        yield made


def unprivileged(*commands: list[object], limit: int = 0) -> list[Said]:
    """What a user without rights hears."""
    said = [[str(word) for word in words] for words in commands]
    done = child(UNPRIVILEGED, json.dumps([limit, *said]))
    return [Said(*one) for one in json.loads(done.out)]


def child(program: str, *words: object) -> Said:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_belongs_to_another_user_is_said_in_one_line(folder: Path) -> None:
    ours, mesh, closed = folder / "ours", folder / "mesh", folder / "closed"
    commands: list[list[object]] = [
        ["node", "status", "--home", ours],
        ["node", "card", "--home", ours],
        ["node", "peers", "--home", closed / "deeper"],
        ["task", "list", "--home", ours],
        ["task", "submit", SOFTMAX, "--home", ours],
        ["init", "--home", ours],
        ["init", "--home", folder / "new"],
        ["init", "--home", closed / "new"],
        ["mesh", "up", mesh],
        ["mesh", "up", folder / "new"],
        ["mesh", "status", mesh],
        ["mesh", "down", mesh],
        ["demo", "--task", "softmax", "--home", mesh],
        ["demo", "--task", "softmax", "--home", folder / "new"],
        ["bench", "updates", "--folder", folder],
        ["bench", "consensus", "--folder", folder],
        ["audit", "verify", ours],
        ["replay", "check", ours],
    ]
    for words, said in zip(commands, unprivileged(*commands), strict=True):
        line = said.complains(FAILURE)
        assert line.startswith(str(folder)), words
        assert line.endswith(("Permission denied", "permission denied")), words


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_doctor_says_what_it_may_not_see(folder: Path) -> None:
    [said] = unprivileged(["doctor", "--home", folder / "ours", "-o", "json"])
    assert said.code == FAILURE
    checks = {one["check"]: (one["verdict"], one["what"]) for one in said.document["checks"]}
    for check in ("node", "ports", "journal"):
        assert checks[check][0] == "failure"
        assert checks[check][1].endswith("cannot be read: Permission denied")


def test_a_disk_that_is_full_is_said_in_one_line(folder: Path) -> None:
    free = folder / "free"
    for said in unprivileged(
        ["init", "--home", free / "node"],
        ["mesh", "up", free / "mesh"],
        ["demo", "--task", "softmax", "--home", free / "demo"],
        limit=10,
    ):
        assert said.complains(FAILURE).endswith("cannot be written: File too large")
    assert list((free / "node").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [("--help",), ("node", "card", "-o", "json"), ("node", "card", "-o", "jsonl"), ("init",)],
)
def test_output_that_goes_to_a_full_disk_is_said_in_one_line(
    folder: Path, words: tuple[str, ...]
) -> None:
    place = () if words == ("--help",) else ("--home", str(folder / "ours"))
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "meshkit_cli.main", *words, *place],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    said = Said(done.returncode, "", done.stderr)
    assert said.complains(FAILURE) == "the output cannot be written: No space left on device"


def test_a_task_that_needs_what_is_not_installed_says_what_to_install(folder: Path) -> None:
    digits = "meshkit.learning.tasks.digits:Digits"
    home = folder / "founder"
    if not home.exists():
        alone = ["--founder", folder / "ours" / "card.json", "--mesh-name", "m"]
        assert meshkit("init", "--home", home, "--port", 7500, *alone).code == 0
    words = ["task", "submit", digits, "--home", home, "--operator", home / "operator.key"]
    line = child(WITHOUT, "torch,sklearn", *words).complains(FAILURE)
    assert line.startswith(f"{digits} needs ")
    assert line.endswith('which is not installed: pip install "meshkit[torch]"')
    assert Home.open(home).has_genesis


def test_help_and_mistakes_of_use_need_nothing_heavy() -> None:
    heavy = "zmq,numpy,torch,nacl,eventsourcing,google"
    assert child(WITHOUT, heavy, "--help").code == 0
    assert child(WITHOUT, heavy, "dance").complains(USAGE).startswith("No such command 'dance'")
