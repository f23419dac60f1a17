"""`meshkit join TICKET`: bring an operator's ticket to the mesh, and become a member."""

from pathlib import Path

import click

from meshkit.runtime.home import Home, read_document
from meshkit.runtime.join import Invitation, join
from meshkit_cli.options import home_option, wait_option
from meshkit_cli.output import complaints


@click.command()
@click.argument("ticket", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
@wait_option
def command(ticket: Path, home: Path, wait: float) -> None:
    """Join the mesh that TICKET is for, with the node in HOME (made by meshkit init).

    Ask an operator for a ticket: meshkit node admit CARD, with the card.json of your home.
    """
    with complaints():
        join(Home.open(home), read_document(ticket, Invitation), wait)
    click.echo(f"joined; start the node with: meshkit node run --home {home}", err=True)
