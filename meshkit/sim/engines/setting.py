"""What a seed draws of the world of bare engines, and the scenarios by name.

As in the world of whole nodes (`meshkit.sim.setting`), each seed draws which faults it has at all,
and how often. A run's safety phase is as long as so many commands take, for a mesh that is cut
apart does nothing for long; but it ends in time, too.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from meshkit.consensus.engines import Engine, Timeouts
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.dice import Dice
from meshkit.sim.engines.client import Habits
from meshkit.sim.engines.kit import Kit, is_borne
from meshkit.sim.network import Weather
from meshkit.sim.process import Pace
from meshkit.sim.setting import (
    CLOCKS,
    CLOGS,
    CRASHES,
    CUTS,
    DISKS,
    FAULTS,
    HUSHES,
    LOSSES,
    PAUSES,
    SLOWNESS,
    STORMS,
    Setting,
)

ROTS = "rots"  # of a journal, which then never opens again
EXILES = "exiles"  # of whoever leads, from the other members: clients still reach it
COMMANDS = 20_000  # of a campaign's seed, about
BRIEF = 1_500  # of a seed where many are wanted soon
LEASED_RATE_PPM = 200  # of clocks that leases may rest on: each off by so much, as quartz is
MOVES = 60  # of members, one after another: a quarter of a minute of them (a guess)
SAFETY_NS = 120 * SECOND  # in which so much is done, or is not


class Ground(Setting):
    """Everything about a run but the seed's own chance."""

    timeouts: Timeouts = Timeouts(1_000, 500, 500)
    seated: int = 0b1111  # bits of those who are validators at first
    seatings: tuple[tuple[int, int], ...] = ()  # when others shall be, and who
    clients: int = 4
    habits: Habits = Habits()
    commands: int = COMMANDS
    reads: bool = False  # whether who only looks is answered without an entry, if the engine can
    leased: bool = False  # whether such reads rest on leases
    orders: tuple[str, ...] = ()  # what operators order of the engine
    order_ns: int = SECOND  # about how long between two orders


def weight_of(weights: Sequence[int], seated: int) -> int:
    """What the seated weigh together."""
    return sum(weight for number, weight in enumerate(weights) if seated >> number & 1)


def is_sound(engine: Engine, weights: Sequence[int], seated: int, bad: Sequence[int]) -> bool:
    """Whether these may be seated: the bad are borne, and clients learn from those who are left.

    A client believes more than a third of all members, whoever is seated.
    """
    total = weight_of(weights, seated)
    lost = weight_of(weights, seated & sum(1 << number for number in bad))
    everybody = sum(weights)
    liars = sum(weights[number] for number in bad)
    heard = not engine.attests or (2 * total > everybody and 3 * liars < everybody)
    return total > 0 and heard and is_borne(engine, lost, total)


def drawn(kit: Kit, seed: int, commands: int = COMMANDS) -> Ground:
    """The setting of the campaign's seed."""
    dice = Dice(seed, "ground", kit.engine.name)
    count, spares = dice.pick(kit.sizes), dice.pick((0, 0, 0, 1, 2))
    weights, seated = _weights(dice, kit.engine, count + spares), (1 << count) - 1
    if not is_sound(kit.engine, weights, seated, ()):  # too few are seated for clients to believe
        spares, weights = 0, weights[:count]
    liars, twins = _liars(dice, kit, weights, seated)
    bad = (*(number for number, _ in liars), *twins)
    ground = Ground(
        weights=weights,
        liars=liars,
        twins=twins,
        timeouts=dice.pick(kit.timeouts),
        seated=seated,
        seatings=_seatings(dice, kit.engine, weights, seated, bad) if spares else (),
        clients=dice.pick((1, 3, 8, 16)),
        habits=_habits(dice),
        commands=commands,
        reads=kit.volatile is not None and dice.chance(500_000),
        weather=_weather(dice),
        pace=_pace(dice),
        faults=tuple(fault for fault in (*FAULTS, ROTS) if dice.chance(350_000)),
        fault_ns=dice.pick((200 * MS, SECOND, 3 * SECOND)),
        safety_ns=SAFETY_NS,
        rate_ppm=dice.pick((0, 200, 20_000)),
        off_ns=dice.pick((0, 50 * MS, 3_600 * SECOND)),
    )
    return ordered(kit, seed, ground)


def ordered(kit: Kit, seed: int, ground: Ground) -> Ground:
    """With what operators order besides, and leases where no clock is worse than they allow for."""
    dice = Dice(seed, "orders", kit.engine.name)
    orders = tuple(name for name in kit.orders if dice.chance(400_000))
    sound = ground.rate_ppm <= LEASED_RATE_PPM and CLOCKS not in ground.faults
    leased = kit.leased is not None and ground.reads and sound and dice.chance(500_000)
    pause_ns = dice.pick((20 * MS, 200 * MS, SECOND))
    return replace(ground, orders=orders, order_ns=pause_ns, leased=leased)


def _weights(dice: Dice, engine: Engine, count: int) -> tuple[int, ...]:
    if not engine.attests or dice.chance(600_000):
        return (1,) * count
    return tuple(dice.between(1, dice.pick((3, 100))) for _ in range(count))


def _liars(
    dice: Dice, kit: Kit, weights: Sequence[int], seated: int
) -> tuple[tuple[tuple[int, tuple[str, ...]], ...], tuple[int, ...]]:
    liars: list[tuple[int, tuple[str, ...]]] = []
    twins: list[int] = []
    if not kit.lies or not dice.chance(600_000):
        return (), ()
    for number in dice.shuffled(range(len(weights)))[: dice.between(1, 2)]:
        bad = [*(liar for liar, _ in liars), *twins, number]
        if not is_sound(kit.engine, weights, seated, bad):
            continue
        if dice.chance(150_000):
            twins.append(number)
        else:
            names = dice.sample(sorted(kit.lies), dice.pick((1, 1, 2, 3)))
            liars.append((number, tuple(names)))
    return tuple(liars), tuple(twins)


def _seatings(
    dice: Dice, engine: Engine, weights: Sequence[int], seated: int, bad: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """One or two members sit down or stand up at a time, as long as the mesh stays sound."""
    seatings: list[tuple[int, int]] = []
    for _ in range(dice.between(1, 4)):
        changed = seated
        for _ in range(dice.pick((1, 1, 2))):
            changed ^= 1 << dice.below(len(weights))
        if changed != seated and is_sound(engine, weights, changed, bad):
            seated = changed
            seatings.append((dice.between(100, 3_000) * MS, seated))
    return tuple(seatings)


def _habits(dice: Dice) -> Habits:
    return Habits(
        registers=dice.pick((1, 3, 6)),
        think_ns=dice.pick((MS, 10 * MS, 100 * MS)),
        patience_ns=dice.pick((100 * MS, 400 * MS, 2 * SECOND)),
        attempts=dice.pick((4, 8, 16)),
    )


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
        snapshot_entries=dice.pick((50, 200, 1_000)),
        death_ppm=dice.pick((0, 0, 2_000, 10_000)),
    )


# -- scenarios -------------------------------------------------------------------------------------

Scenario = Callable[[Kit, int], Ground]

ROUGH = Weather(delay_ns=MS, jitter_ns=20 * MS, loss_ppm=50_000, slow_ppm=50_000, slow_ns=800 * MS)


def brief(kit: Kit, seed: int) -> Ground:
    """What the campaign draws, soon over."""
    return drawn(kit, seed, BRIEF)


def calm(kit: Kit, seed: int) -> Ground:
    """Nothing goes wrong."""
    return replace(
        brief(kit, seed), liars=(), twins=(), faults=(), weather=Weather(), pace=Pace(), rate_ppm=0,
        off_ns=0, orders=(), leased=False,
    )  # fmt: skip


def crashes(kit: Kit, seed: int) -> Ground:
    """Processes die, pause and stall, and disks fail; the network is sound, and nobody lies."""
    faults = (CRASHES, PAUSES, DISKS, SLOWNESS, CLOCKS, LOSSES, ROTS)
    pace = Pace(death_ppm=3_000, snapshot_entries=100)
    return replace(calm(kit, seed), faults=faults, fault_ns=200 * MS, pace=pace, off_ns=SECOND)


def partitions(kit: Kit, seed: int) -> Ground:
    """The network is cut, clogged and lossy in every shape; processes are sound."""
    weather = Weather(jitter_ns=20 * MS, loss_ppm=20_000, repeat_ppm=20_000)
    faults = (CUTS, CUTS, CLOGS, STORMS)
    return replace(calm(kit, seed), faults=faults, fault_ns=200 * MS, weather=weather)


def quarrels(kit: Kit, seed: int) -> Ground:
    """Whoever decides first is kept from saying so, again and again, and nobody waits for long."""
    return replace(
        calm(kit, seed), weights=(1,) * 4, seated=0b1111, seatings=(), weather=ROUGH,
        timeouts=min(kit.timeouts, key=lambda timeouts: timeouts.propose_ms),
        faults=(HUSHES,), fault_ns=100 * MS,
    )  # fmt: skip


def liars(kit: Kit, seed: int) -> Ground:
    """As many liars as are borne, each lying in up to three ways; nothing else goes wrong."""
    usual = calm(kit, seed)
    dice = Dice(seed, "liars", kit.engine.name)
    chosen: list[tuple[int, tuple[str, ...]]] = []
    for number in dice.shuffled(range(len(usual.weights))) if kit.lies else ():
        if is_sound(kit.engine, usual.weights, usual.seated, [*(n for n, _ in chosen), number]):
            chosen.append((number, tuple(dice.sample(sorted(kit.lies), dice.between(1, 3)))))
    return replace(usual, liars=tuple(chosen), seatings=())


def twins(kit: Kit, seed: int) -> Ground:
    """One member is there twice, and each of the two is honest by itself."""
    dice = Dice(seed, "twins", kit.engine.name)
    count = dice.pick((4, 5, 6))
    pair = (dice.below(count),) if kit.lies else ()
    return replace(
        calm(kit, seed), weights=(1,) * count, seated=(1 << count) - 1, seatings=(), twins=pair,
        weather=Weather(jitter_ns=20 * MS, loss_ppm=20_000), faults=(CUTS,), fault_ns=500 * MS,
        clients=8, habits=Habits(think_ns=MS),
    )  # fmt: skip


def orders(kit: Kit, seed: int) -> Ground:
    """Operators order whatever there is all the time, and reads rest on leases, amid partitions."""
    can = kit.leased is not None
    return replace(
        partitions(kit, seed), orders=tuple(kit.orders), order_ns=50 * MS, reads=can, leased=can,
        rate_ppm=LEASED_RATE_PPM,
    )  # fmt: skip


def coups(kit: Kit, seed: int) -> Ground:
    """As many liars as are borne, while those who lead are cut off, or die."""
    timeouts = min(kit.timeouts, key=lambda timeouts: timeouts.propose_ms)
    return replace(
        liars(kit, seed), faults=(CUTS, CRASHES, HUSHES), fault_ns=200 * MS, timeouts=timeouts
    )


def exiles(kit: Kit, seed: int) -> Ground:
    """Whoever leads is cut off from the other members, and clients go on asking it."""
    return replace(
        calm(kit, seed), faults=(EXILES,), fault_ns=200 * MS, reads=kit.volatile is not None,
        clients=16, habits=Habits(registers=1, think_ns=MS, patience_ns=100 * MS, attempts=8),
        commands=2 * BRIEF, leased=False, orders=(),
    )  # fmt: skip


def moves(kit: Kit, seed: int) -> Ground:
    """Members sit down and stand up all the time, any number at once; messages come late, twice."""
    dice = Dice(seed, "moves", kit.engine.name)
    count, spares = dice.pick((3, 4, 5)), dice.pick((1, 2, 3))
    weights, seated, wait_ns = (1,) * (count + spares), (1 << count) - 1, 0
    seatings: list[tuple[int, int]] = []
    for _ in range(MOVES):
        changed = sum(1 << number for number in dice.sample(range(len(weights)), count))
        wait_ns += dice.between(20, 400) * MS
        if is_sound(kit.engine, weights, changed, ()):
            seatings.append((wait_ns, changed))
    weather = Weather(
        jitter_ns=20 * MS, loss_ppm=20_000, repeat_ppm=200_000, slow_ppm=100_000, slow_ns=300 * MS
    )
    return replace(
        calm(kit, seed), weights=weights, seated=seated, seatings=tuple(seatings), weather=weather,
        faults=(CUTS, CRASHES, EXILES), fault_ns=200 * MS, commands=2 * BRIEF, orders=(),
    )  # fmt: skip


SCENARIOS: Mapping[str, Scenario] = {
    "campaign": drawn,
    "brief": brief,
    "calm": calm,
    "crashes": crashes,
    "partitions": partitions,
    "quarrels": quarrels,
    "orders": orders,
    "liars": liars,
    "twins": twins,
    "coups": coups,
    "exiles": exiles,
    "moves": moves,
}
