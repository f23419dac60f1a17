"""What the README has people type is there: each command, each flag, each setting."""

import re
import shlex
import tomllib
from typing import Any

import click
import pytest
from meshkit_cli.main import defaults, main

from tests.tidy import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# A line of a block, to be typed as it is (a comment behind it is the shell's); or a mention.
TYPED = re.findall(r"^ {4}(?:\.venv/bin/)?meshkit ([^#\n]+)", README, re.MULTILINE)
MENTIONED = re.findall(r"`meshkit ([^`]+)`", README)
SETTINGS = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def named(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words name, and those behind its name."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no {words[0]}"
        command, words = found, words[1:]
    return command, words


def parsed(typed: str) -> list[tuple[click.Parameter, Any]]:
    """What a command line gives to each parameter of its command; there is nothing it has not."""
    command, words = named(shlex.split(typed))
    context = click.Context(command)
    values, extra, _ = command.make_parser(context).parse_args(words)
    assert not extra
    # Click has more than one way to say that nothing was said.
    said = {name: value for name, value in values.items() if isinstance(value, str | list | tuple)}
    found = [(one, said.get(one.name or "")) for one in command.get_params(context)]
    for one, value in found:
        if value and isinstance(one.type, click.Choice | click.IntRange):
            one.type_cast_value(context, value)
    return found


@pytest.mark.parametrize("typed", sorted({*TYPED, *MENTIONED}))
def test_a_command_is_there_with_its_flags(typed: str) -> None:
    parsed(typed)


@pytest.mark.parametrize("typed", sorted({line for line in TYPED if "--help" not in line}))
def test_a_command_to_be_typed_lacks_nothing(typed: str) -> None:
    assert [one.name for one, value in parsed(typed) if one.required and not value] == []


def test_nothing_is_left_out_here() -> None:
    assert len(TYPED) == README.count("\n    meshkit ") + README.count("\n    .venv/bin/meshkit ")
    assert len(TYPED) >= 20
    assert len(SETTINGS) == 1


def test_each_setting_is_one_that_its_command_takes() -> None:
    settings = tomllib.loads(SETTINGS[0])
    command, _ = named(["task", "submit"])
    taken = defaults(command, settings["task"]["submit"], settings)
    assert taken == {"home": "ada", "operator": "ada/operator.key", "rounds": 20}
    assert taken.keys() <= {option.name for option in command.params}
