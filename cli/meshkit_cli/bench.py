"""`meshkit bench`: the project's own benchmarks. Each prints one JSON document."""

import json
from pathlib import Path
from typing import Any

import click

from meshkit.ledger.forms import ENGINES
from meshkit_cli.options import a_number
from meshkit_cli.output import complaints, fail, orderly

PLACES = ("lan", "regions")
BARE = ("tendermint", "pbft", "raft")  # engines that run in the simulator without a mesh
DOCUMENT_BYTES_MAX = 2**24  # of what is drawn: a row has 500
FAULTS = ("none", "crashed", "liars")


@click.group()
def command() -> None:
    """The project's own benchmarks, JSON out."""


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))


@command.command()
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
@click.option("--nodes", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--outstanding", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--commands", type=click.IntRange(10), default=500, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="On which disk.")
@click.option(
    "--failover",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="How often to kill -9 whoever is to propose, and wait for the next commit.",
)
def consensus(
    engine: str, nodes: int, outstanding: int, commands: int, folder: Path | None, failover: int
) -> None:
    """How long a command of 100 bytes takes through a mesh of real processes, fsync on."""
    from meshkit_services import bench

    least = 3 if engine == "raft" else 4  # of which the others still decide when one is killed
    if failover and nodes < least:
        raise click.UsageError(
            f"--failover needs --nodes {least}: fewer decide nothing while one is down"
        )
    with complaints(), orderly():
        _print(bench.consensus(engine, nodes, outstanding, commands, folder, failover))


@command.command()
@click.option("--updates", type=click.IntRange(1), default=1_000, show_default=True)
@click.option("--parameters", type=click.IntRange(1), default=4_810, show_default=True)
def aggregate(updates: int, parameters: int) -> None:
    """What aggregation costs, beside numpy's mean of the same updates."""
    from meshkit.learning.bench import aggregate_floor

    with complaints():
        rows = aggregate_floor(updates, parameters)
        _print({"schema": "meshkit.bench.aggregate/v1", "rows": rows})


@command.command()
@click.option(
    "--rounds", type=click.IntRange(1), default=20, show_default=True, help="Of 100 updates."
)
@click.option("--parameters", type=click.IntRange(1), default=4_810, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="On which disk.")
def updates(rounds: int, parameters: int, folder: Path | None) -> None:
    """How many signed updates a second one node verifies, journals durably and aggregates."""
    from meshkit_services import bench_updates

    with complaints(), orderly():
        _print(bench_updates.updates(rounds, parameters, folder))


@command.command()
@click.option("--nodes", type=click.IntRange(1, 64), default=7, show_default=True)
@click.option("--commands", type=click.IntRange(1), default=100_000, show_default=True)
def sim(nodes: int, commands: int) -> None:
    """How many commands a second whole nodes take in virtual time, on one core."""
    from meshkit.sim.bench import bench

    _print({"schema": "meshkit.bench.sim/v1", **bench(nodes, commands)})


@command.command()
@click.option("--engine", type=click.Choice(BARE), default=BARE[0], show_default=True)
@click.option("--nodes", type=click.IntRange(1, 200), multiple=True, default=(4, 10, 16, 31))
@click.option("--place", type=click.Choice(PLACES), multiple=True, default=PLACES)
@click.option("--faults", type=click.Choice(FAULTS), multiple=True, default=FAULTS)
@click.option("--calls", type=click.IntRange(2), default=200, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def latency(
    engine: str,
    nodes: tuple[int, ...],
    place: tuple[str, ...],
    faults: tuple[str, ...],
    calls: int,
    seed: int,
) -> None:
    """How long a decision takes in virtual time: on a LAN, across five regions, a third gone."""
    from meshkit.sim.engines import KITS
    from meshkit.sim.engines.latency import is_borne, latency

    rows = [
        latency(KITS[engine], count, where, what, calls, seed)
        for count in nodes
        for where in place
        for what in faults
        if is_borne(KITS[engine], count, what)
    ]
    _print({"schema": "meshkit.bench.latency/v1", "calls": calls, "seed": seed, "rows": rows})


@command.command()
@click.option("--engine", type=click.Choice(BARE), multiple=True, default=BARE)
@click.option(
    "--days",
    type=click.FloatRange(0, 30, min_open=True),
    callback=a_number,
    default=3.0,
    show_default=True,
    help="Of virtual time: two to ten minutes of ours a day.",
)
@click.option(
    "--nodes", type=click.IntRange(1, 64), help="Default: as few as can lose one, 3 or 4."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def availability(engine: tuple[str, ...], days: float, nodes: int | None, seed: int) -> None:
    """How much of the time a commit is possible while replicas crash, links lose and part."""
    from meshkit.sim.engines import KITS
    from meshkit.sim.engines.availability import availability

    rows = [availability(KITS[name], days, nodes or 0, seed) for name in engine]
    _print({"schema": "meshkit.bench.availability/v1", "seed": seed, "rows": rows})


@command.command()
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def plot(document: Path, out: Path) -> None:
    """Draw what `bench latency` printed, as an SVG or PNG."""
    from meshkit_cli.plot import Unplottable, draw

    with complaints():
        try:
            with document.open("rb") as file:
                text = file.read(DOCUMENT_BYTES_MAX)
            rows = json.loads(text)
        except ValueError:
            fail(f"{document}: no JSON: keep there what `meshkit bench latency` prints")
        try:
            draw(rows, out)
        except Unplottable as error:
            fail(str(error))
