"""`meshkit init`: a new node with its own keys; and the mesh, for those who found one."""

import time
from pathlib import Path

import click
from click.core import ParameterSource

from meshkit.core.value import digest
from meshkit.ledger.forms import ENGINES, check_name
from meshkit.ledger.messages import MAY, ROLES, Genesis, Member, Operator
from meshkit.node import usual_policy
from meshkit.runtime.home import ForeignHome, Home, HomeError, read_document
from meshkit.wire.keys import Identity
from meshkit_cli.demo import TASKS
from meshkit_cli.options import PLACE, home_option
from meshkit_cli.output import USAGE, complaints, emit, fail, output_option

PORT = 7400  # the first of four: events, direct, blobs, join
FOUNDING = (
    "mesh_name",
    "operator",
    "tasks",
    "engine",
)  # parameters that only a genesis is made from


@click.command()
@home_option
@click.option("--name", help="Default: the home folder's name.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where others reach this node."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_532),
    default=PORT,
    show_default=True,
    help="The first of four ports.",
)
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Default: all.")
@click.option(
    "--weight", type=click.IntRange(1), default=1, show_default=True, help="In the quorum."
)
@click.option(
    "--founder",
    "cards",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A founder's card.json; with it, a genesis is made of these and our own.",
)
@click.option(
    "--genesis",
    type=click.Path(exists=True, path_type=Path),
    help="A genesis that names this node.",
)
@click.option("--mesh-name", default="mesh", show_default=True)
@click.option(
    "--operator",
    type=PLACE,
    help="Where the operator's key is, or is to be made.",
)
@click.option(
    "--allow",
    "tasks",
    multiple=True,
    metavar="MODULE:ATTRIBUTE",
    help="A task the mesh allows. Default: the built-in ones.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="How the validators of the mesh agree.",
)
@output_option
@click.pass_context
def command(
    ctx: click.Context, home: Path, name: str | None, host: str, port: int,
    roles: tuple[str, ...], weight: int, cards: tuple[Path, ...], genesis: Path | None,
    mesh_name: str, operator: Path | None, tasks: tuple[str, ...], engine: str, output: str,
) -> None:  # fmt: skip
    """Make a node in HOME. With --founder, found a mesh; with --genesis, belong to one.

    Founding takes three steps: every founder runs `meshkit init` and sends its card.json to one of
    them, who runs `meshkit init --founder CARD ...` and sends genesis.json back, which the others
    take with `meshkit init --genesis FILE`.
    """
    if cards and genesis:
        fail("--founder makes a genesis and --genesis takes one: choose", USAGE)
    for option in ctx.command.params:
        given = ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name in FOUNDING and not cards:
            fail(f"{option.opts[0]} is for founding a mesh: say --founder CARD, too", USAGE)
    with complaints():
        if Home(home).is_made:
            node = Home.open(home)
            _check_as_said(ctx, node)
        else:
            node = _make(home, name or _own_name(home), host, port, roles, weight)
        if cards:
            node.found(_genesis(node, cards, mesh_name, operator, tasks, engine))
        elif genesis is not None:
            node.found(_naming(node, read_document(genesis, Genesis)))
        document = {
            "schema": "meshkit.init/v1",
            "home": str(home),
            "node": node.card.id.hex(),
            "name": node.card.name,
            "card": str(home / "card.json"),
            "mesh": digest(node.genesis).hex() if node.has_genesis else None,
        }
    emit(output, document)


def _own_name(home: Path) -> str:
    """The folder's name, for a node that was not given one."""
    name = home.resolve().name
    if refusal := check_name(name, "member"):
        raise HomeError(f"{home}: {refusal}, which the folder's name is not: say --name")
    return name


def _make(home: Path, name: str, host: str, port: int, roles: tuple[str, ...], weight: int) -> Home:
    events, direct, blobs, join = [f"tcp://{host}:{port + number}" for number in range(4)]
    return Home.create(
        home,
        name=name,
        roles=tuple(sorted(roles or ROLES)),
        weight=weight,
        events=events,
        direct=direct,
        blobs=blobs,
        join=join,
    )


def _check_as_said(ctx: click.Context, node: Home) -> None:
    """A node is made once: what is said of it later must be so. Others may have its card."""
    card = node.card
    host, _, port = card.events.removeprefix("tcp://").rpartition(":")
    is_so: dict[str, str] = {
        "name": card.name,
        "host": host,
        "port": port,
        "roles": " ".join(sorted(card.roles)),
        "weight": str(card.weight),
    }
    flags = {option.name: option.opts[0] for option in ctx.command.params}
    for name, have in is_so.items():
        said = sorted(ctx.params[name]) if name == "roles" else [ctx.params[name]]
        wanted = " ".join(map(str, said))
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT and wanted != have:
            raise HomeError(
                f"{node.path}: there is a node already, with {flags[name]} {have}: "
                f"leave {flags[name]} out, or choose another --home"
            )


def _naming(node: Home, genesis: Genesis) -> Genesis:
    """The genesis, if this node is one of its founders: everybody else needs a ticket."""
    if all(founder.id != node.identity.key for founder in genesis.founders):
        raise ForeignHome(
            f"{node.path}: the genesis does not name this node; "
            "ask an operator for a ticket, and say: meshkit join TICKET"
        )
    return genesis


def _genesis(
    node: Home,
    cards: tuple[Path, ...],
    name: str,
    operator: Path | None,
    tasks: tuple[str, ...],
    engine: str,
) -> Genesis:
    members = {node.card.id: node.card}
    for path in cards:
        card = read_document(path, Member)
        members[card.id] = card
    key_path = operator or node.path / "operator.key"
    if not key_path.exists():
        Identity.create().save(key_path)
    key = Identity.load(key_path).key
    if len({member.name for member in members.values()}) < len(members):
        raise HomeError(
            "two founders share one name: make one of them anew, with meshkit init --name"
        )
    return Genesis(
        name,
        time.time_ns(),
        tuple(members[id_] for id_ in sorted(members)),
        (Operator(key, "operator", tuple(sorted(MAY))),),
        usual_policy(engine, allowed_tasks=tuple(sorted(tasks or TASKS.values()))),
    )
