"""What seeds draw: always the same, always bearable, and of every kind."""

from functools import partial

import pytest

from meshkit.sim.engines import KITS
from meshkit.sim.engines.setting import (
    BRIEF,
    COMMANDS,
    LEASED_RATE_PPM,
    ROTS,
    SCENARIOS,
    brief,
    calm,
    drawn,
    is_sound,
    liars,
    orders,
    quarrels,
    weight_of,
)
from meshkit.sim.setting import CLOCKS, FAULTS
from tests.sim.engines.grounds import KIT

RAFT = KITS["raft"]
SEEDS = range(200)


def test_a_seed_draws_the_same_again_and_another_draws_otherwise() -> None:
    assert drawn(KIT, 3) == drawn(KIT, 3) != drawn(KIT, 4)


def test_what_is_drawn_is_borne_by_every_seating() -> None:
    for seed in SEEDS:
        ground = drawn(KIT, seed)
        bad = (*(number for number, _ in ground.liars), *ground.twins)
        for seated in (ground.seated, *(seated for _, seated in ground.seatings)):
            assert is_sound(KIT.engine, ground.weights, seated, bad), seed


def test_everything_is_drawn_by_some_seed() -> None:
    grounds = [drawn(KIT, seed) for seed in SEEDS]
    assert {fault for ground in grounds for fault in ground.faults} == {*FAULTS, ROTS}
    assert {name for one in grounds for _, names in one.liars for name in names} == set(KIT.lies)
    assert any(ground.twins for ground in grounds)
    assert any(ground.seatings for ground in grounds)
    assert {ground.timeouts for ground in grounds} == set(KIT.timeouts)
    assert all(ground.commands == COMMANDS for ground in grounds)


def test_orders_and_leases_are_drawn_for_who_has_them_and_leases_only_for_sound_clocks() -> None:
    grounds = [drawn(RAFT, seed) for seed in SEEDS]
    assert {name for ground in grounds for name in ground.orders} == set(RAFT.orders)
    assert any(not ground.orders for ground in grounds)
    leased = [ground for ground in grounds if ground.leased]
    assert len(leased) > 5
    for ground in leased:
        assert ground.reads
        assert ground.rate_ppm <= LEASED_RATE_PPM
        assert CLOCKS not in ground.faults
    assert not any(ground.orders or ground.leased for ground in map(partial(drawn, KIT), SEEDS))
    assert not calm(RAFT, 5).orders
    assert orders(RAFT, 5).leased
    assert not orders(KIT, 5).leased


def test_nobody_lies_where_there_are_no_lies_and_all_weigh_one_where_votes_are_counted() -> None:
    plain = KIT._replace(lies={}, engine=KIT.engine._replace(attests=False))
    for seed in SEEDS:
        ground = drawn(plain, seed)
        assert not ground.liars
        assert not ground.twins
        assert set(ground.weights) == {1}
    assert not liars(plain, 0).liars


def test_soundness() -> None:
    engine = KIT.engine
    assert is_sound(engine, (1, 1, 1, 1), 0b1111, (3,))
    assert not is_sound(engine, (1, 1, 1, 1), 0b1111, (2, 3))
    assert not is_sound(engine, (1, 1, 1, 1), 0b0111, (2,))
    assert not is_sound(engine, (1, 1, 1, 1), 0b0011, ())
    assert not is_sound(engine, (1, 1), 0, ())
    crash = engine._replace(attests=False)
    assert is_sound(crash, (1, 1, 1), 0b111, (0,))
    assert not is_sound(crash, (1, 1, 1, 1), 0b1111, (0, 1))
    assert weight_of((3, 4, 5), 0b101) == 8


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_each_scenario_draws_a_ground(name: str) -> None:
    ground = SCENARIOS[name](KIT, 1)
    assert ground.nodes == len(ground.weights)


def test_brief_is_the_campaign_s_soon_over_and_calm_is_calm() -> None:
    assert brief(KIT, 5).commands == BRIEF
    assert not calm(KIT, 5).faults
    assert quarrels(KIT, 5).timeouts.propose_ms == 100
    assert any(liars(KIT, seed).liars for seed in range(8))
