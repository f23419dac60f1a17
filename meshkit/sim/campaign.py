"""A seed, played to its end: run, run again and compared, and told of in a report.

Whatever goes wrong, a broken promise or an exception in a node, is in the report, beside the one
line that plays the same seed again.
"""

from pathlib import Path
from traceback import extract_tb

from msgspec.structs import replace

from meshkit.sim.check import Broken, Checker
from meshkit.sim.run import Report, Run
from meshkit.sim.scenarios import SCENARIOS

ANOTHER_STORY = "the same seed told another story: something in it is not a function of the seed"


def play(scenario: str, seed: int, twice: bool = True) -> Report:
    """One seed of a scenario; with `twice` it must come to the same a second time.

    The second time nothing is rechecked: its digest says that nothing was otherwise.
    """
    first = _run(scenario, seed, Checker())
    if first.failure or not twice:
        return first
    second = _run(scenario, seed, Checker(rechecks=False))
    return first if second == first else replace(first, failure=ANOTHER_STORY)


def _run(scenario: str, seed: int, checker: Checker) -> Report:
    return told(Run(seed, SCENARIOS[scenario](seed), checker), scenario)


def told(run: Run, scenario: str) -> Report:
    """A run, gone through to its end, whatever that is."""
    try:
        run.go()
    except Broken as broken:
        return run.report(scenario, _line(broken))
    except Exception as error:  # what a node raises is what is looked for here
        where = extract_tb(error.__traceback__)[-1]
        at = f"{Path(where.filename).name}:{where.lineno}"
        return run.report(scenario, f"{type(error).__name__} at {at}: {_line(error)}")
    return run.report(scenario)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
