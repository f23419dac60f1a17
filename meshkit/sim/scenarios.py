"""Scenarios: what a seed is run through, by name.

`campaign` draws everything. The others draw from one part of what can happen, where a failure is
easier to read: the same mesh without its faults, or with one family of them only.
"""

from collections.abc import Callable

from msgspec.structs import replace

from meshkit.ledger.messages import Policy
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.dice import Dice
from meshkit.sim.liars import LIES
from meshkit.sim.network import Weather
from meshkit.sim.process import Pace
from meshkit.sim.setting import (
    CLOCKS,
    CLOGS,
    CRASHES,
    CUTS,
    DISKS,
    HUSHES,
    LOSSES,
    MODULE,
    PAUSES,
    SLOWNESS,
    STORMS,
    Setting,
    Work,
    drawn,
    tolerable,
)

Scenario = Callable[[int], Setting]

ROUGH = Weather(delay_ns=MS, jitter_ns=20 * MS, loss_ppm=50_000, slow_ppm=50_000, slow_ns=800 * MS)
STEADY_WORK = (Work(100 * MS, 3, 0, 2_000, 100), Work(2 * SECOND, 2, 2, 1_000, 100))


def calm(seed: int) -> Setting:
    """Some mesh, and nothing goes wrong."""
    usual = drawn(seed, real=False)
    return replace(
        usual, liars=(), twins=(), faults=(), weather=Weather(), pace=Pace(), rate_ppm=0, off_ns=0
    )


def liars(seed: int) -> Setting:
    """As many liars as a mesh of four to seven bears, each lying in up to three ways."""
    dice = Dice(seed, "liars")
    weights = (1,) * dice.pick((4, 4, 5, 6, 7))
    chosen: list[tuple[int, tuple[str, ...]]] = []
    for number in dice.shuffled(range(len(weights))):
        if tolerable(weights, [*(liar for liar, _ in chosen), number]):
            chosen.append((number, tuple(dice.sample(sorted(LIES), dice.between(1, 3)))))
    return Setting(weights=weights, liars=tuple(chosen), work=STEADY_WORK, notes_ns=SECOND)


def twins(seed: int) -> Setting:
    """One member is there twice, and each of the two is honest by itself."""
    dice = Dice(seed, "twins")
    weights = (1,) * dice.pick((4, 5, 6))
    weather = Weather(jitter_ns=20 * MS, loss_ppm=20_000)
    pair = (dice.below(len(weights)),)
    return Setting(weights=weights, twins=pair, work=STEADY_WORK, weather=weather, notes_ns=SECOND)


def crashes(seed: int) -> Setting:
    """Processes die, pause and stall, and disks fail; the network is sound, and nobody lies."""
    faults = (CRASHES, PAUSES, DISKS, SLOWNESS, CLOCKS, LOSSES)
    pace = Pace(death_ppm=3_000, snapshot_entries=50)
    return replace(calm(seed), faults=faults, fault_ns=300 * MS, pace=pace, off_ns=SECOND)


def partitions(seed: int) -> Setting:
    """The network is cut, clogged and lossy in every shape; processes are sound."""
    weather = Weather(jitter_ns=20 * MS, loss_ppm=20_000, repeat_ppm=20_000)
    faults = (CUTS, CUTS, CLOGS, STORMS)
    return replace(calm(seed), faults=faults, fault_ns=300 * MS, weather=weather)


def quarrels(seed: int) -> Setting:
    """Whoever decides first is kept from saying so, and one member forgets and proposes anew.

    Nobody waits long, so rounds fail with some members locked and others not: it is here that only
    locks keep a second block from being decided.
    """
    dice = Dice(seed, "quarrels")
    patience = Policy(allowed_tasks=(MODULE,), propose_ms=100, vote_ms=50, step_ms=50)
    weights = (1,) * dice.pick((4, 4, 5))
    return Setting(
        weights=weights,
        policy=patience,
        liars=((dice.below(len(weights)), ("forgetful",)),),
        work=(),
        notes_ns=100 * MS,
        weather=ROUGH,
        faults=(HUSHES,),
        fault_ns=100 * MS,
        safety_ns=15 * SECOND,
    )


def membership(seed: int) -> Setting:
    """Members come and go amid rounds, while some crash."""
    dice = Dice(seed, "membership")
    weights = (1,) * dice.between(4, 6)
    gone = dice.sample(range(len(weights)), dice.between(1, 2))
    return Setting(
        weights=weights,
        work=STEADY_WORK,
        joins=tuple((dice.between(1, 6) * SECOND, 1) for _ in range(dice.between(1, 3))),
        removals=tuple((dice.between(1, 6) * SECOND, number) for number in gone),
        notes_ns=SECOND,
        faults=(CRASHES, STORMS),
        fault_ns=SECOND,
    )


def floods(seed: int) -> Setting:
    """One member says all that it can, again and again."""
    dice = Dice(seed, "floods")
    weights = (1,) * dice.pick((4, 5))
    loud = dice.below(len(weights))
    return Setting(weights=weights, liars=((loud, ("flood", "replayer")),), work=STEADY_WORK)


def real(seed: int) -> Setting:
    """What the campaign draws, through real envelopes, signatures, entries and grids."""
    return drawn(seed, real=True)


EXODUS_PPM = 200_000  # of the seeds of `site`: a fifth, so that any thirty have some (a choice)
EXODUS_MAX = 4  # who are to be removed: more than half of any mesh that is drawn often


def site(seed: int) -> Setting:
    """What the campaign draws, agreed on by Raft: nobody lies, and every vote weighs one.

    Now and then all but one are to be removed, together or one soon after another: how many may go,
    and when, is for the ledger and the leader to say.
    """
    dice, usual = Dice(seed, "site"), drawn(seed, real=seed % 10 == 9)
    beat_ms = dice.pick((50, 100, 300))
    policy = replace(
        usual.policy, engine="raft", propose_ms=3 * beat_ms, vote_ms=beat_ms, step_ms=beat_ms
    )
    weights = (1,) * usual.nodes
    joins = tuple((when_ns, 1) for when_ns, _ in usual.joins)
    setting = replace(usual, weights=weights, policy=policy, liars=(), twins=(), joins=joins)
    if dice.chance(EXODUS_PPM):
        first_ns, apart_ns = dice.between(1, 6) * SECOND, dice.pick((0, 0, 100 * MS, SECOND))
        gone = dice.sample(range(usual.nodes), min(usual.nodes - 1, EXODUS_MAX))
        removals = [(first_ns + place * apart_ns, one) for place, one in enumerate(gone)]
        setting = replace(setting, removals=tuple(removals))
    return setting


SCENARIOS: dict[str, Scenario] = {
    "campaign": drawn,
    "calm": calm,
    "liars": liars,
    "twins": twins,
    "crashes": crashes,
    "partitions": partitions,
    "quarrels": quarrels,
    "membership": membership,
    "floods": floods,
    "real": real,
    "site": site,
}
