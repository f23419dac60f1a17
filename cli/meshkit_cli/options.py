"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from meshkit.client import WAIT_S, WAIT_S_MAX
from meshkit.learning.data import parse_split
from meshkit.runtime.home import HomeError
from meshkit.runtime.metrics import parse_address

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def checked(check: Callable[[str], object]) -> Callable[..., str | None]:
    """A callback that lets a text pass as it is, if `check` has nothing against it."""

    def callback(ctx: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
        try:
            if text is not None:
                check(text)
        except (HomeError, ValueError) as error:
            raise click.BadParameter(str(error)) from None
        return text

    return callback


def a_number(ctx: click.Context, parameter: click.Parameter, number: float) -> float:
    """A callback against the one float that no range refuses."""
    if math.isnan(number):
        raise click.BadParameter("nan is no number.")
    return number


# Whether a place will do is said by whoever opens it: in its own words, with its own exit code.
PLACE = click.Path(path_type=Path, readable=False)

home_option: Decorator = click.option(
    "--home",
    type=PLACE,
    default=Path("node"),
    show_default=True,
    envvar="MESHKIT_HOME",
    help="The node's folder.",
)
operator_option: Decorator = click.option(
    "--operator",
    type=PLACE,
    default=Path("operator.key"),
    show_default=True,
    envvar="MESHKIT_OPERATOR",
    help="The file of an operator's key.",
)
wait_option: Decorator = click.option(
    "--wait",
    type=click.FloatRange(0, WAIT_S_MAX),
    default=WAIT_S,
    show_default=True,
    callback=a_number,
    help="Seconds to wait for the mesh to decide.",
)
split_option: Decorator = click.option(
    "--split",
    default="iid",
    show_default=True,
    callback=checked(parse_split),
    help="iid, or dirichlet:ALPHA.",
)
metrics_option: Decorator = click.option(
    "--metrics",
    metavar="HOST:PORT",
    callback=checked(parse_address),
    help="Serve Prometheus metrics there.",
)
