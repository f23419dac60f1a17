"""Sites as most tests want them, and the weather that a seed draws for them."""

from collections.abc import Callable
from random import Random

from meshkit.consensus.messages import Open
from meshkit.consensus.raft import Timing
from tests.consensus.raft.network import SECOND, App, Net, Weather, equals

T = Timing().election_ns
ENDLESS = 10**6  # heights: more than any test has time for
SLOW = (10_000, 10_000)  # microseconds: a site in which few heights pass in a second


def site(
    count: int,
    heights: int,
    weather: Weather | None = None,
    seed: int = 0,
    timing: Timing | None = None,
) -> Net:
    """Voters of weight one, begun and not opened."""
    app = App(heights=heights, validators=lambda _: equals(count))
    net = Net(app, weather or Weather(), seed, timing or Timing())
    net.join(range(count))
    return net


def storm(seed: int) -> Weather:
    """Each seed has its own weather."""
    random = Random(seed)
    return Weather(
        loss=random.choice([0.0, 0.02, 0.1, 0.3]),
        repeat=random.choice([0.0, 0.1, 0.3]),
        delay_us=(100, random.choice([200, 5_000, 60_000, 150_000])),
        sync_us=(0, random.choice([0, 1_000, 20_000, 100_000])),
        crash=random.choice([0.0, 0.001, 0.01, 0.03]),
        calm_ns=4 * SECOND,
    )


def open_all(net: Net) -> None:
    """Whoever lost its opening in a crash is told again that something is ready."""
    for node in net.nodes.values():
        if not node.raft.opened:
            node.take(Open())


def cut_off(net: Net, shape: Callable[[int, int], bool], until_ns: int) -> None:
    """From now on a message from a to b is lost where `shape` says so."""
    net.weather.cut = lambda sender, to: shape(sender[0], to[0])
    net.weather.calm_ns = until_ns
