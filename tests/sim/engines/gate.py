"""The mutation gate in its long form: how many seeds each planted bug needs, from seed 0 on.

    python -m tests.sim.engines.gate [seeds]

A table for people; the exit code is 1 if a bug survived them all.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from time import process_time

from tests.sim.engines import pbft_bugs, raft_bugs, tendermint_bugs
from tests.sim.engines.planting import Bug, Killed, hunt

BUGS: tuple[Bug, ...] = (*raft_bugs.BUGS, *pbft_bugs.BUGS, *tendermint_bugs.BUGS)

MANY = 500  # seeds, by default: the rarest of them needs a tenth of that

HEAD = (
    "| row | planted | it inverts | found by | seeds | CPU s | as |",
    "|---|---|---|---|---:|---:|---|",
)
WORDS_MAX = 70  # of a failure, in the table


def timed(bug: Bug, seeds: int) -> tuple[Killed, float]:
    """What became of it from seed 0 on, and what that took."""
    began = process_time()
    killed = hunt(bug, 0, seeds)
    return killed, process_time() - began


def line(bug: Bug, killed: Killed, took_s: float) -> str:
    words = killed.failure.replace("|", "/")[:WORDS_MAX] if killed.failure else "**it survived**"
    cells = (bug.row, bug.name, bug.says, bug.scenario, killed.seeds, f"{took_s:.1f}", words)
    return "| " + " | ".join(map(str, cells)) + " |"


def main(arguments: list[str]) -> int:
    seeds, survivors = int(arguments[0]) if arguments else MANY, 0
    print(*HEAD, sep="\n")
    with ProcessPoolExecutor() as pool:
        for bug, (killed, took_s) in zip(
            BUGS, pool.map(timed, BUGS, [seeds] * len(BUGS)), strict=True
        ):
            survivors += not killed.failure
            print(line(bug, killed, took_s), flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
