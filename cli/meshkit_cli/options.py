"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from meshkit.client import WAIT_S

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

home_option: Decorator = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path("node"),
    show_default=True,
    envvar="MESHKIT_HOME",
    help="The node's folder.",
)
operator_option: Decorator = click.option(
    "--operator",
    type=click.Path(path_type=Path),
    default=Path("operator.key"),
    show_default=True,
    envvar="MESHKIT_OPERATOR",
    help="The file of an operator's key.",
)
wait_option: Decorator = click.option(
    "--wait",
    type=click.FloatRange(0),
    default=WAIT_S,
    show_default=True,
    help="Seconds to wait for the mesh to decide.",
)
