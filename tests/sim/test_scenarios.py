"""Each scenario draws what its name says, and from nothing but the seed."""

import pytest

from meshkit.sim.scenarios import SCENARIOS
from meshkit.sim.setting import HUSHES, drawn, tolerable

SEEDS = range(30)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scenario_is_a_function_of_the_seed(name: str) -> None:
    made = [SCENARIOS[name](seed) for seed in SEEDS]
    assert made == [SCENARIOS[name](seed) for seed in SEEDS]
    assert len(set(made)) > 1


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_no_scenario_has_more_liars_than_a_mesh_bears(name: str) -> None:
    for seed in SEEDS:
        made = SCENARIOS[name](seed)
        faulty = [*(number for number, _ in made.liars), *made.twins]
        honest_gone = [number for _, number in made.removals if number not in faulty]
        assert tolerable(made.weights, faulty, honest_gone)


def test_the_campaign_draws_everything_and_one_in_a_hundred_goes_through_real_bytes() -> None:
    assert SCENARIOS["campaign"] is drawn
    assert [drawn(seed).real for seed in (0, 99, 100, 199)] == [False, True, False, True]
    assert all(SCENARIOS["real"](seed).real for seed in SEEDS)


def test_where_nothing_goes_wrong_nobody_lies_and_nothing_breaks() -> None:
    for seed in SEEDS:
        made = SCENARIOS["calm"](seed)
        assert (made.liars, made.twins, made.faults) == ((), (), ())
        assert (made.weather.loss_ppm, made.pace.death_ppm, made.rate_ppm) == (0, 0, 0)


def test_each_family_of_faults_comes_alone() -> None:
    for seed in SEEDS:
        assert not SCENARIOS["crashes"](seed).weather.loss_ppm
        assert not SCENARIOS["partitions"](seed).pace.death_ppm
        for name in ("crashes", "partitions", "membership"):
            assert not SCENARIOS[name](seed).liars
        for name in ("liars", "twins", "floods"):
            assert not SCENARIOS[name](seed).faults


def test_in_quarrels_one_forgets_and_whoever_decides_first_is_hushed() -> None:
    for seed in SEEDS:
        made = SCENARIOS["quarrels"](seed)
        assert made.faults == (HUSHES,)
        ((_, lies),) = made.liars
        assert lies == ("forgetful",)


def test_liars_are_as_many_as_can_be() -> None:
    for seed in SEEDS:
        made = SCENARIOS["liars"](seed)
        assert len(made.liars) == (made.nodes - 1) // 3
        assert len(SCENARIOS["twins"](seed).twins) == 1
