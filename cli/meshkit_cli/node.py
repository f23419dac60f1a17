"""`meshkit node`: run a node, and ask one what it thinks, of itself and of its peers."""

import time
from pathlib import Path

import click

from meshkit.client import Client
from meshkit.core.document import to_document
from meshkit.ledger.messages import ROLES
from meshkit.runtime.home import read_document, write_document
from meshkit_cli.options import PLACE, home_option, metrics_option, operator_option, wait_option
from meshkit_cli.output import Document, complaints, emit, facts, listing, out, output_option


@click.group()
def command() -> None:
    """Run a node, or ask one what it thinks."""


@command.command()
@home_option
@metrics_option
@click.pass_context
def run(ctx: click.Context, home: Path, metrics: str | None) -> None:
    """Run the node in HOME until it is told to stop (SIGTERM or Ctrl-C)."""
    from meshkit_services import node

    ctx.exit(node.run(home, metrics))


@command.command()
@home_option
@output_option
def status(home: Path, output: str) -> None:
    """What the node thinks: where it stands, and since when no quorum can be reached, if so."""
    with complaints(), Client(home) as client:
        document = client.status()
    table = facts({name: document[name] for name in _STATUS})
    emit(output, document, table=table)
    if output == "table" and not document["quorum"]["reachable"]:
        since = time.strftime(
            "%Y-%m-%d %H:%M:%S", time.localtime(document["quorum"]["unreachable_since_ns"] / 1e9)
        )
        out.print(
            f"no quorum can be reached since {since}: heard {document['quorum']['weight_heard']} "
            f"of a total weight of {document['quorum']['weight_total']}",
            soft_wrap=True,
        )


_STATUS = (
    "name", "node", "mesh_name", "mesh", "member", "roles", "height", "proposer", "tasks_running",
    "starts", "release", "rules", "head", "workers", "refused", "accused",
)  # fmt: skip


@command.command()
@home_option
@output_option
def peers(home: Path, output: str) -> None:
    """The members of the mesh, as this node's ledger has them."""
    with complaints(), Client(home) as client:
        members = client.members()
    columns = {
        "name": "name", "id": "id", "roles": "roles", "weight": "weight",
        "reachable": "reachable", "accused": "accused", "direct": "address",
    }  # fmt: skip
    document: Document = {"schema": "meshkit.node.peers/v1", "peers": members}
    emit(output, document, "peers", listing(members, columns))


@command.command()
@home_option
@operator_option
@click.argument("card", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="Default: the card's."
)
@click.option("--weight", type=click.IntRange(1), help="In the quorum. Default: the card's.")
@click.option("--to", "target", type=PLACE, help="Write the ticket there.")
def admit(
    home: Path,
    operator: Path,
    card: Path,
    roles: tuple[str, ...],
    weight: int | None,
    target: Path | None,
) -> None:
    """Sign a join ticket for the holder of CARD (the card.json of a home made by meshkit init)."""
    from meshkit.ledger.messages import Member
    from meshkit.runtime.join import Invitation

    with complaints(), Client(home, operator) as client:
        member = read_document(card, Member)
        chosen = tuple(sorted(roles)) or member.roles
        ticket = client.ticket(member, chosen, weight or member.weight)
        invitation = Invitation(ticket, client.home.mesh, client.home.card)
        # A stranger chose the name: it is no way out of this folder.
        path = target or Path(f"{member.name.replace('/', '_')}.ticket")
        write_document(path, invitation)
    click.echo(f"{path}: {member.name} may join with: meshkit join {path}", err=True)


@command.command()
@home_option
@operator_option
@wait_option
@click.argument("member")
def remove(home: Path, operator: Path, wait: float, member: str) -> None:
    """Remove MEMBER (its name, or the beginning of its id) from the mesh."""
    with complaints(), Client(home, operator) as client:
        client.remove(member, wait)
    click.echo(f"{member} is no member any more", err=True)


@command.command()
@home_option
@output_option
def card(home: Path, output: str) -> None:
    """How others reach this node: what a genesis or a ticket is made from."""
    from meshkit.runtime.home import Home

    with complaints():
        document = to_document(Home.open(home).card)
    emit(output, {"schema": "meshkit.node.card/v1", **document})
