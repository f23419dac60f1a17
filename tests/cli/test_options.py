"""Options that several commands share: their defaults, and what they refuse."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from meshkit_cli.options import (
    checked,
    home_option,
    metrics_option,
    operator_option,
    split_option,
    wait_option,
)

from meshkit.client import WAIT_S
from meshkit.runtime.home import HomeError


def taken(*words: str, **environment: str) -> tuple[Result, dict[str, Any]]:
    """What a command of all these options gets to see."""
    seen: dict[str, Any] = {}

    @click.command()
    @home_option
    @operator_option
    @wait_option
    @split_option
    @metrics_option
    def command(**options: Any) -> None:
        seen.update(options)

    return CliRunner().invoke(command, words, env=environment), seen


def test_defaults() -> None:
    result, seen = taken(MESHKIT_HOME="", MESHKIT_OPERATOR="")
    assert result.exit_code == 0
    assert seen == {
        "home": Path("node"),
        "operator": Path("operator.key"),
        "wait": WAIT_S,
        "split": "iid",
        "metrics": None,
    }


def test_what_is_in_form_passes_as_it_is() -> None:
    _, seen = taken(
        *("--wait", "0", "--split", "dirichlet:0.5", "--metrics", ":9100"),
        MESHKIT_HOME="h",
        MESHKIT_OPERATOR="o.key",
    )
    assert (seen["home"], seen["operator"]) == (Path("h"), Path("o.key"))
    assert (seen["wait"], seen["split"], seen["metrics"]) == (0.0, "dirichlet:0.5", ":9100")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--wait", "-1"), "-1.0 is not in the range"),
        (("--wait", "inf"), "inf is not in the range"),
        (("--wait", "nan"), "nan is no number"),
        (("--split", "halves"), "a split is iid or dirichlet"),
        (("--split", "dirichlet:0"), "a split is iid or dirichlet"),
        (("--metrics", "9100"), "'9100' is no address for metrics: say HOST:PORT"),
        (("--metrics", "host:99999"), "is no address for metrics"),
    ],
)
def test_what_is_out_of_form_is_a_mistake_of_use(words: tuple[str, ...], line: str) -> None:
    result, seen = taken(*words)
    assert (result.exit_code, seen) == (2, {})
    assert line in result.stderr


def test_only_what_a_check_says_is_caught() -> None:
    def check(text: str) -> None:
        raise {"home": HomeError, "bug": KeyError}[text](text)

    context, option = click.Context(click.Command("x")), click.Option(["--x"])
    callback = checked(check)
    assert callback(context, option, None) is None
    with pytest.raises(click.BadParameter, match="home"):
        callback(context, option, "home")
    with pytest.raises(KeyError):
        callback(context, option, "bug")
