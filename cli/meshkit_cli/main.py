"""`meshkit`, the command line: `meshkit NOUN VERB`.

A setting comes from its flag, else from `MESHKIT_*` in the environment, else from `meshkit.toml` in
this folder, else from the same file in the user's configuration folder.

    home = "node"            # of every command that talks to a node: as MESHKIT_HOME
    operator = "me.key"      # likewise: as MESHKIT_OPERATOR

    [task.submit]
    rounds = 20              # of one command: as MESHKIT_TASK_SUBMIT_ROUNDS
"""

import errno
import os
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from meshkit import __version__
from meshkit_cli.output import USAGE, fail

CONFIG_BYTES_MAX = 2**20  # a guess: a thousand times what anybody sets
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Settings = dict[str, Any]

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

    def make_context(self, *words: Any, **more: Any) -> click.Context:
        with usage():
            return super().make_context(*words, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with usage():
            return super().invoke(ctx)


@contextmanager
def usage() -> Generator[None]:
    """A command line that says nothing meaningful is refused in one line, as all else is; so is one
    whose output has nowhere to go."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # whoever says nothing is shown what can be said
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx is not None else "meshkit"
        fail(f"{error.format_message().rstrip('.')}; see: {asked} --help", USAGE)
    except OSError as error:
        # Files that we open ourselves have names; what has none is the output, sent to a full disk.
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        fail(f"the output cannot be written: {error.strerror}")


def configuration() -> Settings:
    """The settings of both `meshkit.toml`s; the nearer one's go first."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return over(read_toml(Path("meshkit.toml")), read_toml(folder / "meshkit" / "meshkit.toml"))


def over(near: Settings, far: Settings) -> Settings:
    """Both, table by table; where both have a setting, the nearer one's."""
    merged = {**far, **near}
    for name in near.keys() & far.keys():
        if isinstance(near[name], dict) and isinstance(far[name], dict):
            merged[name] = over(near[name], far[name])
    return merged


def defaults(command: click.Command, settings: Settings, shared: Settings) -> Settings:
    """What `command` takes from the configuration, and its subcommands from theirs.

    `shared` are the settings outside of tables. They go to options that have one variable in the
    environment for all commands: those mean the same thing everywhere.
    """
    if isinstance(command, click.Group):
        return {
            name: defaults(one, table(settings, name), shared)
            for name, one in command.commands.items()
        }
    common = [option.name for option in command.params if option.envvar]
    return {**{name: shared[name] for name in common if name in shared}, **settings}


def table(settings: Settings, name: str) -> Settings:
    found = settings.get(name, {})
    if not isinstance(found, dict):
        fail(f"meshkit.toml: {name} is a command: its settings are a table, as in [{name}]", USAGE)
    return cast(Settings, found)


def read_toml(path: Path) -> Settings:
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES_MAX).decode()
        return tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}  # under sudo, HOME may be another user's: what we may not read is not ours
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}", USAGE)


@click.group(
    name="meshkit",
    cls=Nouns,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MESHKIT"},
)
@click.version_option(__version__, prog_name="meshkit")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Learning together without a server, and work handed out without a manager."""
    settings, noun = configuration(), ctx.invoked_subcommand or ""
    command = main.get_command(ctx, noun)
    if command is not None:
        ctx.default_map = {noun: defaults(command, table(settings, noun), settings)}


if __name__ == "__main__":
    main()
