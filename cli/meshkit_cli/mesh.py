"""`meshkit mesh`: a development mesh of processes under one folder."""

from pathlib import Path

import click
from meshkit_services.devmesh import DevMesh

from meshkit.ledger.forms import ENGINES
from meshkit_cli.demo import TASKS
from meshkit_cli.options import PLACE, split_option
from meshkit_cli.output import complaints, emit, listing, orderly, output_option

folder = click.argument("folder", type=PLACE, default=Path("mesh"))


@click.group()
def command() -> None:
    """A development mesh of processes under one folder (default: ./mesh)."""


@command.command()
@folder
@click.option("--nodes", type=click.IntRange(1, 64), default=5, show_default=True)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="MODULE:ATTRIBUTE",
    help="A task the mesh allows; several may be named. Default: the built-in ones.",
)
@split_option
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
def up(folder: Path, nodes: int, tasks: tuple[str, ...], split: str, engine: str) -> None:
    """Start the mesh in FOLDER, making it first if there is none."""
    with complaints(), orderly():
        mesh = DevMesh(folder)
        if not mesh.is_made:
            allowed = tasks or tuple(TASKS.values())
            mesh = DevMesh.create(folder, nodes, allowed, split=split, engine=engine)
        mesh.up()
    click.echo(
        f"{len(mesh.homes)} nodes run; ask one with: meshkit node status --home {mesh.homes[0]}\n"
        f"submit with: meshkit task submit {TASKS['digits']} "
        f"--home {mesh.homes[0]} --operator {mesh.operator_key}",
        err=True,
    )


@command.command()
@folder
def down(folder: Path) -> None:
    """Stop every node of the mesh in FOLDER. Its journals stay."""
    with complaints():
        DevMesh(folder).down()
    click.echo(f"{folder}: no node runs", err=True)


@command.command()
@folder
@output_option
def status(folder: Path, output: str) -> None:
    """What each node of the mesh in FOLDER says of itself."""
    with complaints():
        statuses = list(DevMesh(folder).statuses())
    columns = {
        "name": "name", "running": "runs", "height": "height", "tasks_running": "tasks running",
        "proposer": "proposer", "starts": "starts", "reason": "",
    }  # fmt: skip
    document = {"schema": "meshkit.mesh.status/v1", "nodes": statuses}
    emit(output, document, "nodes", listing(statuses, columns))
