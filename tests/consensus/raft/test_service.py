"""What clients of a service on Raft may rely on: each request once, and no read of what is old."""

from random import Random

import pytest

from meshkit.consensus.raft import Timing
from meshkit.consensus.raft.beat import Turn
from meshkit.consensus.raft.machine import SITE
from tests.consensus.raft.counters import Service
from tests.consensus.raft.network import MS, SECOND, Weather

CALM = 4 * SECOND
LEASE = Timing(lease=True)


def served(seed: int, timing: Timing = SITE, rates_ppm: tuple[int, ...] = ()) -> Service:
    """Four clients and three seconds of trouble, then calm."""
    random = Random(seed)
    weather = Weather(
        loss=random.choice([0.0, 0.02, 0.1]),
        repeat=random.choice([0.0, 0.2]),
        delay_us=(100, random.choice([500, 5_000, 20_000])),
        sync_us=(0, random.choice([0, 2_000, 20_000])),
        crash=random.choice([0.0, 0.0005]),
        calm_ns=CALM,
    )
    service = Service(seed, weather, timing)
    for node, rate in zip(service.nodes, rates_ppm, strict=False):
        node.rate_ppm = rate
    service.net.at(SECOND, lambda: service.trouble(CALM))
    service.net.run(CALM + 2 * SECOND)
    return service


@pytest.mark.parametrize("seed", range(16))
def test_R14_R20_history_is_linearizable_and_each_addition_happens_once(seed: int) -> None:
    service = served(seed)
    counter, ops = service.counter, service.ops
    assert service.stale() == []
    added = [op for op in ops if op.adds and op.place is not None]
    asked = len(set(service.pool))
    assert len({op.place for op in added}) == len(added), "no two additions made one count"
    count, _ = counter.after[-1]
    assert len(added) <= count == counter.executed <= asked, "unknown ones may have happened"
    assert counter.repeated > 0, "requests were decided again, and changed nothing"
    reads = [op for op in ops if not op.adds and op.place is not None]
    assert len(added) > 20
    assert len(reads) > 20


def test_R20_outcomes_stay_unknown_where_nobody_answered() -> None:
    unknown = [op for seed in range(8) for op in served(seed).ops if op.adds and op.place is None]
    assert unknown


def test_R14_a_read_that_asks_nobody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: a leader that believes itself serves what is old when it is cut off."""

    def trusting(turn: Turn) -> int:
        return turn.beat.sequence + 1

    monkeypatch.setattr(Turn, "confirmed", trusting)
    assert any(served(seed).stale() for seed in range(12))


@pytest.mark.parametrize("seed", range(6))
def test_R15_leases_hold_with_clocks_that_drift_within_the_bound(seed: int) -> None:
    random = Random(seed)
    rates = tuple(random.choice([-4_000, 0, 4_000]) for _ in range(3))
    assert served(seed, LEASE, rates).stale() == []


def test_R15_with_clocks_beyond_the_bound_old_reads_are_found() -> None:
    """A leader whose clock runs at a third believes in its lease when another leads."""
    found = [served(seed, LEASE, (-650_000, 0, 0)).stale() for seed in range(26, 38)]
    assert any(found)


@pytest.mark.parametrize("seed", range(4))
def test_R15_leases_hold_with_clocks_that_jump(seed: int) -> None:
    """All clocks run true, but now and then one is found to be far ahead of where it was."""
    random = Random(seed)
    weather = Weather(delay_us=(100, 2_000), calm_ns=CALM)
    service = Service(seed, weather, LEASE)

    def jump() -> None:
        node = random.choice(service.nodes)
        node.ahead_ns += random.randint(1, 400) * MS
        service.net.at(service.net.now_ns + random.randint(20, 300) * MS, jump)

    service.net.at(SECOND, jump)
    service.net.at(SECOND, lambda: service.trouble(CALM))
    service.net.run(CALM + SECOND)
    assert service.stale() == []
    assert len([op for op in service.ops if op.place is not None]) > 40
