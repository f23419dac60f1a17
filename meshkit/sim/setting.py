"""What a seed draws: the mesh, its liars, its work, and what the world does to it.

Swarm testing (Groce et al. 2012): a run with every fault at once shows less than many runs with a
few each, for faults hide each other. So each seed draws which kinds of faults it has at all, and
how often. Chances are in parts per million, times in nanoseconds unless their names say otherwise.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from meshkit.core.value import Value
from meshkit.ledger.messages import Policy
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.dice import Dice
from meshkit.sim.liars import LIES
from meshkit.sim.network import Weather
from meshkit.sim.process import Pace

MODULE = "meshkit.sim.task:Modelled"
NODES_USUAL = (4, 4, 4, 5, 5, 6, 7)
NODES_RARE = (1, 2, 3, 8, 10)
RARE_PPM = 80_000  # of seeds with an unusual number of nodes

CRASHES = "crashes"
PAUSES = "pauses"
DISKS = "disks"
CLOCKS = "clocks"
CUTS = "cuts"
CLOGS = "clogs"
STORMS = "storms"
SLOWNESS = "slowness"
LOSSES = "losses"  # of all effects of a tick
HUSHES = "hushes"  # of whoever decides first, before anybody can hear of it
FAULTS = (CRASHES, PAUSES, DISKS, CLOCKS, CUTS, CLOGS, STORMS, SLOWNESS, LOSSES, HUSHES)


class Work(Value):
    """A task that an operator submits, and when."""

    at_ns: int
    rounds: int
    quorum: int
    deadline_ms: int
    patience_ms: int
    cancelled_ns: int = 0  # after it was submitted; 0: never


class Setting(Value):
    """Everything about a run but the seed's own chance."""

    weights: tuple[int, ...] = (1, 1, 1, 1)  # one founder each
    roles: tuple[tuple[str, ...], ...] = ()  # empty: both roles for everybody
    policy: Policy = Policy(allowed_tasks=(MODULE,))
    liars: tuple[tuple[int, tuple[str, ...]], ...] = ()  # founder, and how it lies
    twins: tuple[int, ...] = ()  # founders that are there twice
    work: tuple[Work, ...] = (Work(100 * MS, 2, 0, 1_000, 100),)
    joins: tuple[tuple[int, int], ...] = ()  # when, and the newcomer's weight
    removals: tuple[tuple[int, int], ...] = ()  # when, and which founder
    notes_ns: int = 0  # about how long between two notes of a member; 0: none
    weather: Weather = Weather()
    pace: Pace = Pace()
    faults: tuple[str, ...] = ()
    fault_ns: int = SECOND  # about how long between two faults
    safety_ns: int = 8 * SECOND
    rate_ppm: int = 0  # by which clocks run fast or slow, at most
    off_ns: int = 0  # by which they are wrong, at most
    real: bool = False  # real envelopes, signatures, entries and grids

    @property
    def nodes(self) -> int:
        return len(self.weights)


def drawn(seed: int, real: bool | None = None) -> Setting:
    """The setting of the campaign's seed; one in a hundred goes through real bytes."""
    dice = Dice(seed, "setting")
    count = dice.pick(NODES_RARE if dice.chance(RARE_PPM) else NODES_USUAL)
    weights, roles = _weights(dice, count), _roles(dice, count)
    votes = [weight * ("validator" in has) for weight, has in zip(weights, roles, strict=True)]
    liars, twins = _liars(dice, votes)
    removals = _removals(dice, votes, (*(number for number, _ in liars), *twins))
    setting = Setting(
        weights=weights,
        roles=roles,
        policy=_policy(dice),
        liars=liars,
        twins=twins,
        work=_work(dice, count),
        joins=tuple(
            (dice.between(1, 8) * SECOND, dice.between(1, max(weights)))
            for _ in range(dice.pick((0, 0, 0, 1, 2)))
        ),
        removals=removals,
        notes_ns=dice.pick((0, 0, 500 * MS, 2 * SECOND)),
        weather=_weather(dice),
        pace=_pace(dice),
        faults=tuple(fault for fault in FAULTS if dice.chance(350_000)),
        fault_ns=dice.pick((200 * MS, 600 * MS, 2 * SECOND)),
        safety_ns=dice.between(4, 12) * SECOND,
        rate_ppm=dice.pick((0, 200, 20_000)),
        off_ns=dice.pick((0, 50 * MS, 3_600 * SECOND)),
    )
    return replace(setting, real=seed % 100 == 99 if real is None else real)


def _weights(dice: Dice, count: int) -> tuple[int, ...]:
    kind = dice.below(4)
    if kind == 0:
        return tuple(dice.between(1, 3) for _ in range(count))
    if kind == 1:
        return tuple(dice.between(1, 100) for _ in range(count))
    return (1,) * count


def _roles(dice: Dice, count: int) -> tuple[tuple[str, ...], ...]:
    """Mostly everybody is both; sometimes one only trains, or only validates."""
    both = ("trainer", "validator")
    if count < 5 or not dice.chance(250_000):
        return (both,) * count
    odd = dice.below(count - 1) + 1
    one = (dice.pick(both),)
    return tuple(one if number == odd else both for number in range(count))


def _policy(dice: Dice) -> Policy:
    return Policy(
        allowed_tasks=(MODULE,),
        samples_max=dice.pick((60, 1_000, 100_000)),
        committee=dice.between(1, 4),
        standby_ms=dice.pick((100, 500)),
        propose_ms=dice.pick((150, 500, 1_000)),
        vote_ms=dice.pick((100, 500)),
        step_ms=dice.pick((100, 500)),
        pool_items_max=dice.pick((8, 64)),
        block_items_max=dice.pick((2, 16, 256)),
    )


def tolerable(weights: Sequence[int], faulty: Sequence[int], gone: Sequence[int] = ()) -> bool:
    """Whether the faulty stay below a third of the weight, even once these have left."""
    staying = [number for number in range(len(weights)) if number not in gone]
    total = sum(weights[number] for number in staying)
    return 3 * sum(weights[number] for number in faulty) < total


def _liars(
    dice: Dice, weights: Sequence[int]
) -> tuple[tuple[tuple[int, tuple[str, ...]], ...], tuple[int, ...]]:
    if not dice.chance(600_000):
        return (), ()
    liars: list[tuple[int, tuple[str, ...]]] = []
    twins: list[int] = []
    for number in dice.shuffled(range(len(weights)))[: dice.between(1, 2)]:
        faulty = [*(liar for liar, _ in liars), *twins, number]
        if not tolerable(weights, faulty):
            continue
        if dice.chance(200_000):
            twins.append(number)
        else:
            names = dice.sample(sorted(LIES), dice.pick((1, 1, 1, 2, 3)))
            liars.append((number, tuple(names)))
    return tuple(liars), tuple(twins)


def _removals(
    dice: Dice, weights: Sequence[int], faulty: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    gone: list[int] = []
    for number in dice.sample(range(len(weights)), dice.pick((0, 0, 0, 1, 2))):
        # A liar may be removed early or late, so it counts among those who stay.
        honest_gone = [one for one in (*gone, number) if one not in faulty]
        if tolerable(weights, faulty, honest_gone) and len(weights) - len(gone) > 2:
            gone.append(number)
    return tuple((dice.between(1, 8) * SECOND, number) for number in gone)


def _work(dice: Dice, count: int) -> tuple[Work, ...]:
    def one() -> Work:
        deadline_ms = dice.pick((300, 1_000, 3_000))
        return Work(
            at_ns=dice.between(50, 5_000) * MS,
            rounds=dice.between(1, 4),
            quorum=dice.pick((0, 1, max(1, count - 2))),
            deadline_ms=deadline_ms,
            patience_ms=dice.pick((0, 100, deadline_ms)),
            cancelled_ns=dice.pick((0, 0, 0, 500 * MS, 3 * SECOND)),
        )

    return tuple(one() for _ in range(dice.pick((1, 1, 2, 3))))


def _weather(dice: Dice) -> Weather:
    return Weather(
        delay_ns=dice.pick((MS // 5, MS, 10 * MS)),
        jitter_ns=dice.pick((MS // 5, 5 * MS, 40 * MS)),
        loss_ppm=dice.pick((0, 0, 10_000, 100_000)),
        repeat_ppm=dice.pick((0, 10_000, 100_000)),
        slow_ppm=dice.pick((0, 20_000, 100_000)),
        slow_ns=dice.pick((100 * MS, SECOND, 5 * SECOND)),
    )


def _pace(dice: Dice) -> Pace:
    return Pace(
        fsync_ns=dice.pick((MS // 5, MS, 8 * MS)),
        train_ns=dice.pick((5 * MS, 50 * MS, 400 * MS)),
        train_jitter_ns=dice.pick((MS, 50 * MS, SECOND)),
        train_fails_ppm=dice.pick((0, 0, 50_000)),
        aggregate_ns=dice.pick((MS, 30 * MS)),
        snapshot_entries=dice.pick((25, 100, 1_000)),
        death_ppm=dice.pick((0, 0, 2_000, 10_000)),
    )
