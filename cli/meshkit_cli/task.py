"""`meshkit task`: submit learning tasks, watch them, cancel them."""

import json
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import click
from rich.live import Live
from rich.table import Table

from meshkit.client import Client
from meshkit.ledger.forms import SEED_MAX
from meshkit_cli.options import home_option, operator_option, wait_option
from meshkit_cli.output import (
    USAGE,
    Document,
    complaints,
    emit,
    err,
    facts,
    fail,
    listing,
    out,
    output_option,
)

COLUMNS = {
    "id": "id",
    "name": "name",
    "status": "status",
    "rounds_done": "done",
    "rounds": "of",
    "accuracy": "accuracy",
    "loss": "loss",
    "module": "task",
}


@click.group()
def command() -> None:
    """Submit, watch and cancel tasks."""


@command.command()
@home_option
@operator_option
@wait_option
@output_option
@click.argument("module")
@click.option("--name", help="Default: the attribute's name, in small letters.")
@click.option("--rounds", type=click.IntRange(1), default=10, show_default=True)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=JSON", help="A setting of the task."
)
@click.option("--quorum", type=click.IntRange(0), help="Updates that suffice; 0: of all trainers.")
@click.option("--deadline-ms", type=click.IntRange(1), help="After which a round closes anyway.")
@click.option("--patience-ms", type=click.IntRange(0), help="For stragglers behind the quorum.")
@click.option("--bits", type=click.IntRange(2, 32), help="Of an update's entry.")
@click.option("--scale-bits", type=click.IntRange(0, 30), help="An entry x stands for x / 2^this.")
@click.option("--strategy", help="Default: fedavg.")
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="Of the first model.")
def submit(
    home: Path,
    operator: Path,
    wait: float,
    output: str,
    module: str,
    name: str | None,
    rounds: int,
    settings: tuple[str, ...],
    **task: Any,
) -> None:
    """Submit the learning task MODULE ("package.module:attribute") to the mesh."""
    parameters = dict(_setting(text) for text in settings)
    title = name or module.rpartition(":")[2].lower() or module
    with complaints(), Client(home, operator) as client:
        id_ = client.submit(title, module, rounds, parameters, wait, **task)
    emit(output, {"schema": "meshkit.task.submitted/v1", "id": id_, "name": title})


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"--set {text}: say NAME=VALUE, the value in JSON", USAGE)
    try:
        # scan: unbounded-decode: a word of the user's own command line
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value  # a bare word is text


@command.command(name="list")
@home_option
@output_option
def list_(home: Path, output: str) -> None:
    """The tasks of the mesh."""
    with complaints(), Client(home) as client:
        tasks = client.tasks()
    emit(
        output, {"schema": "meshkit.task.list/v1", "tasks": tasks}, "tasks", listing(tasks, COLUMNS)
    )


@command.command()
@home_option
@output_option
@click.argument("task")
def show(home: Path, output: str, task: str) -> None:
    """TASK in full: its settings, and the outcome of every round."""
    with complaints(), Client(home) as client:
        document = {"schema": "meshkit.task/v1", **client.task(task)}
    inner = ("schema", "figures", "outcomes")
    emit(output, document, table=facts({k: v for k, v in document.items() if k not in inner}))
    if output == "table":
        out.print(rounds_table(document))


@command.command()
@home_option
@output_option
@click.argument("task")
def watch(home: Path, output: str, task: str) -> None:
    """Follow TASK until it ends: live on a terminal, else a line each time it moves on."""
    with complaints(), Client(home) as client:
        if output == "table" and err.is_terminal:
            with Live(console=err, refresh_per_second=8) as live:
                for document in client.watch(task):
                    live.update(rounds_table(document))
            return
        nothing: Document = {"outcomes": [], "figures": []}
        last = nothing
        for before, last in pairwise(chain([nothing], client.watch(task))):
            if output == "jsonl":
                emit(output, {"schema": "meshkit.task/v1", **last, **_news(before, last)})
            else:
                err.print(_line(last), highlight=False)
        if output == "json":
            emit(output, {"schema": "meshkit.task/v1", **last})


@command.command()
@home_option
@operator_option
@wait_option
@click.argument("task")
def cancel(home: Path, operator: Path, wait: float, task: str) -> None:
    """End TASK where it stands."""
    with complaints(), Client(home, operator) as client:
        client.cancel(task, wait)
    click.echo(f"{task} is cancelled", err=True)


def _news(before: Document, task: Document) -> Document:
    """Of rounds, what the line before did not say: a long task would else be told over and over."""
    return {
        name: [one for one in task[name] if one not in before[name]]
        for name in ("outcomes", "figures")
    }


def _line(task: Document) -> str:
    accuracy = "-" if task["accuracy"] is None else f"{task['accuracy']:.4f}"
    done = f"{task['rounds_done']}/{task['rounds']}"
    return f"{task['name']} {task['status']} {done} accuracy {accuracy}"


def rounds_table(task: Document) -> Table:
    """A row a round: what it started from, how that did, and what it ended with."""
    outcomes = {outcome["round"]: outcome for outcome in task["outcomes"]}
    rows = [{**figures, **outcomes.get(figures["round"], {})} for figures in task["figures"]]
    columns = {
        "round": "round",
        "accuracy": "accuracy before it",
        "loss": "loss before it",
        "updates": "updates",
        "samples": "samples",
        "model": "model",
    }
    return listing(rows, columns)
