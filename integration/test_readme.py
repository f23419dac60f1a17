"""A mesh as the README founds it: the lines as they stand there, in their order."""

import re
import shlex
import subprocess
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from integration.test_membership import four_ports
from integration.world import MESHKIT, PATIENCE_S, Mesh, until
from meshkit.client import Client

README = Path(__file__).parents[1] / "README.md"
SECTION = re.compile(r"^## A mesh of your own\n(.*?)^## ", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^ {4}meshkit (.*?)(?: +#.*)?$", re.MULTILINE)


def lines() -> list[str]:
    [section] = SECTION.findall(README.read_text(encoding="utf-8"))
    text = section.replace("Digits", "Softmax").replace("digits", "softmax")  # it learns faster
    for port in set(re.findall(r"--port (\d+)", text)):
        text = text.replace(port, str(four_ports()))
    return LINE.findall(text)


class Homes(Mesh):
    """Whatever homes the README makes, in the order in which their nodes are started."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.names: list[str] = []

    @property
    def homes(self) -> list[Path]:
        return [self.root / name for name in self.names]

    def type(self, line: str) -> str:
        """What one line says; a node runs on in a terminal of its own, and answers soon."""
        words = shlex.split(line)
        if words[:2] == ["node", "run"]:
            self.names.append(words[-1])
            number = len(self.names) - 1
            self.spawn(number, [str(MESHKIT), *words[:-1], str(self.homes[number])])
            self.ready(number)
            return ""
        done = subprocess.run(
            [str(MESHKIT), *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def homes(folder: Path) -> Generator[Homes]:
    with closing(Homes(folder)) as made:
        yield made


def test_a_mesh_is_founded_learns_and_grows_as_the_readme_says(homes: Homes) -> None:
    said = [homes.type(line) for line in lines()]
    assert any("softmax finished 10/10" in words for words in said)

    def all_are_members() -> bool:
        members = homes.ask(2, Client.members) or []
        return {one["name"] for one in members} == {"ada", "ben", "eve"}

    until(all_are_members, "who came later is a member like the others")
    homes.stop(*range(3))
    assert [homes.log(number) for number in range(3)] == [""] * 3
