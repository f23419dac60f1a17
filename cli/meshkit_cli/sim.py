"""`meshkit sim`: whole meshes, or bare engines, in virtual time; a seed tells its story again."""

import os
import signal
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from multiprocessing import get_context

import click

from meshkit.sim import campaign, engines
from meshkit.sim.engines.cases import CASES
from meshkit.sim.run import Report
from meshkit.sim.scenarios import SCENARIOS
from meshkit.sim.search import WORLDS_MAX, Found, Search
from meshkit_cli.options import checked
from meshkit_cli.output import (
    DIVERGENCE,
    Document,
    complaints,
    emit,
    err,
    facts,
    orderly,
    output_option,
    unbroken,
    watching,
)

ALL = "all"  # scenarios of whole nodes
ENGINES = "engines"  # the campaign of each
LINES = 20  # of progress, where there is no terminal to draw a bar on
LARGEST = "largest "  # how counts begin that are no sums

Job = tuple[str, int]  # a scenario and a seed


KINDS = tuple(dict.fromkeys(name.partition("/")[2] for name in engines.SCENARIOS))
NAMES = (
    f"{', '.join([*SCENARIOS, ALL, ENGINES])}; or of one engine, as raft/calm: "
    f"{', '.join(engines.KITS)} with {', '.join(KINDS)}"
)


def known(scenario: str) -> None:
    """Raise ValueError unless there is one. They are too many for click's own list of choices."""
    if scenario not in (*SCENARIOS, ALL, *engines.SCENARIOS, ENGINES):
        raise ValueError(f"there is no {scenario!r}, but {NAMES}")


@click.group()
def command() -> None:
    """The simulator: whole meshes in virtual time, under faults and liars."""


@command.command(epilog=f"SCENARIO is one of {NAMES}.")
@click.argument("scenario", callback=checked(known))
@click.option("--seed", type=click.IntRange(0), help="Tell this seed's story, and no other.")
@click.option("--seeds", type=click.IntRange(1), help="How many seeds. Default: one.")
@click.option("--first", type=click.IntRange(0), help="The first of them. Default: 0.")
@click.option("--jobs", type=click.IntRange(1, 1_024), help="Processes. Default: one a core.")
@output_option
@click.pass_context
def run(
    ctx: click.Context, scenario: str, seed: int | None, seeds: int | None, first: int | None,
    jobs: int | None, output: str,
) -> None:  # fmt: skip
    """Run SCENARIO: a mesh under faults, then healed, and checked after every entry; then the same
    again, and compared.

    The campaign draws each mesh, its liars, its work and its faults from the seed. A scenario that
    names an engine runs that engine alone, under a service of registers whose clients must be
    explained; `all` are those of whole meshes, `engines` the campaign of each engine.
    """
    if seed is not None and (seeds is not None or first is not None):
        raise click.UsageError("--seed names one; --seeds and --first name many: choose")
    begin = first or 0 if seed is None else seed
    many = {ALL: list(SCENARIOS), ENGINES: [f"{name}/campaign" for name in engines.KITS]}
    names = many.get(scenario, [scenario])
    todo = [(name, number) for number in range(begin, begin + (seeds or 1)) for name in names]
    workers = min(jobs or len(os.sched_getaffinity(0)), len(todo))
    with complaints(), orderly():  # cut off, it would leave its processes waiting for ever
        document = summary(scenario, seeds or 1, follow(reports(todo, workers), len(todo)))
    inner = ("failures", "reached")
    emit(output, document, table=facts({k: v for k, v in document.items() if k not in inner}))
    if not document["ok"]:
        ctx.exit(DIVERGENCE)


@command.command()
@click.argument("engine", type=click.Choice([*CASES, ALL]))
@click.option("--depth", type=click.IntRange(1, 1_000), default=5, help="Moves. Default: 5.")
@click.option("--worlds", type=click.IntRange(1), default=WORLDS_MAX, help="At most; of each case.")
@output_option
@click.pass_context
def search(ctx: click.Context, engine: str, depth: int, worlds: int, output: str) -> None:
    """Try every order in which messages, losses, timeouts and crashes can come to four nodes of
    ENGINE of whom one lies, or three that may crash, in a few situations, to a depth of so many
    moves.
    """
    cases = [case for name in CASES for case in CASES[name] if engine in (ALL, name)]
    found: list[Found] = []
    for case in cases:
        found.append(Search(case).run(depth, worlds))
        click.echo(_line(found[-1]), err=True)
    document = {
        "schema": "meshkit.search/v1",
        "ok": not any(one.broken for one in found),
        "worlds": sum(one.worlds for one in found),
        "cases": [one._asdict() for one in found],
    }
    emit(output, document, table=facts({"ok": document["ok"], "worlds": document["worlds"]}))
    if not document["ok"]:
        ctx.exit(DIVERGENCE)


def _line(found: Found) -> str:
    """One case, and how a promise was broken in it, if one was."""
    reached = "all there are" if found.complete else f"to depth {found.depth}"
    said = f"{found.case}: {found.worlds} worlds, {reached}"
    return "\n".join([f"{said}; {found.broken}", *found.trace]) if found.broken else said


def play(job: Job) -> Report:
    """One seed from beginning to end, twice; whatever goes wrong on the way is in the report."""
    scenario, seed = job
    if "/" in scenario:
        return engines.play(scenario, seed)
    return campaign.play(scenario, seed)


def reports(todo: Sequence[Job], workers: int) -> Generator[Report]:
    """The reports of all, as they come; from this process alone if one worker is enough."""
    if workers == 1:
        yield from map(play, todo)
        return
    # Fresh interpreters: what a fork inherits of threads and sockets is nobody's business there.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _be_still)
    try:
        # Who is told to end between the start of a child and the words to it leaves it with half
        # a sentence, of which it complains.
        with unbroken():
            given = [pool.submit(play, job) for job in todo]
        for done in as_completed(given):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _be_still() -> None:
    """Ctrl-C is for the process that the user talks to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def follow(found: Generator[Report], count: int) -> Iterator[Report]:
    """Tell of each failure as soon as it is known, and how far the work has come."""
    failures = 0
    with closing(found), watching() as watch:
        for done, report in enumerate(found, start=1):
            if report.failure:
                failures += 1
                click.echo(f"seed {report.seed}: {report.failure}", err=True)
                click.echo(f"again with: {report.line}", err=True)
            watch("seeds", done, count)
            if not err.is_terminal and done * LINES // count > (done - 1) * LINES // count:
                click.echo(f"{done} of {count} runs, {failures} failed", err=True)
            yield report


def summary(scenario: str, seeds: int, found: Iterator[Report]) -> Document:
    """One document of all the reports, the same in whatever order they came."""
    reached: Counter[str] = Counter()
    failures: list[Report] = []
    commands = 0
    for report in found:
        commands += report.commands
        for name, count in report.counts:
            top = name.startswith(LARGEST)
            reached[name] = max(reached[name], count) if top else reached[name] + count
        if report.failure:
            failures.append(report)
    failures.sort(key=lambda report: (report.scenario, report.seed))
    return {
        "schema": "meshkit.sim/v1",
        "ok": not failures,
        "scenario": scenario,
        "seeds": seeds,
        "commands": commands,
        "failures": [
            {"seed": one.seed, "what": one.failure, "replay": one.line} for one in failures
        ],
        "reached": dict(sorted(reached.items())),
    }
