"""`meshkit`, the command line: `meshkit NOUN VERB`.

A setting comes from its flag, else from `MESHKIT_*` in the environment, else from `meshkit.toml` in
this folder, else from the same file in the user's configuration folder.
"""

import os
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from meshkit import __version__
from meshkit_cli.output import USAGE, fail

CONFIG_BYTES_MAX = 2**20  # a guess: a thousand times what anybody sets

# A command's module is imported when it is asked for: `--help` needs neither sockets nor numpy.
COMMANDS = {
    "audit": "verify and explain what journals hold",
    "bench": "the project's own benchmarks, JSON out",
    "demo": "a real mesh on this machine trains a real task, from start to end",
    "doctor": "can this machine run a node well?",
    "init": "a new node: its keys, and a mesh if it is to found one",
    "join": "bring a ticket to a mesh and become a member",
    "mesh": "a development mesh of processes under one folder",
    "node": "run a node, or ask one what it thinks",
    "replay": "fold a journal again, decide it again, compare two",
    "sim": "the simulator: whole meshes in virtual time",
    "task": "submit, watch and cancel tasks",
}


class Nouns(click.Group):
    """The commands of COMMANDS, each from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        # scan: code-by-name: only the names that COMMANDS lists, and only of our own package
        found = getattr(import_module(f"meshkit_cli.{cmd_name}"), "command")  # noqa: B009  # a module's attribute by a name not known here
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def configuration() -> dict[str, Any]:
    """The settings of both `meshkit.toml`s, the nearer one first."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    merged: dict[str, Any] = {}
    for path in (home / "meshkit" / "meshkit.toml", Path("meshkit.toml")):
        for noun, settings in read_toml(path).items():
            if not isinstance(settings, dict):
                fail(f"{path}: settings stand under a command's name, as in [task]", USAGE)
            merged[noun] = {**merged.get(noun, {}), **settings}
    return merged


def read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES_MAX).decode()
        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}", USAGE)


@click.group(
    cls=Nouns,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MESHKIT"},
)
@click.version_option(__version__, prog_name="meshkit")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Learning together without a server, and work handed out without a manager."""
    ctx.default_map = configuration()


if __name__ == "__main__":
    main()
