"""What seeds draw: always a mesh whose promises can be kept, and over many seeds every kind."""

from meshkit.sim.liars import LIES
from meshkit.sim.setting import FAULTS, Setting, drawn, tolerable

DRAWN = [drawn(seed) for seed in range(1_000)]


def votes(setting: Setting) -> list[int]:
    pairs = zip(setting.weights, setting.roles, strict=True)
    return [weight * ("validator" in has) for weight, has in pairs]


def test_a_seed_draws_the_same_setting_twice() -> None:
    assert [drawn(seed) for seed in range(50)] == DRAWN[:50]


def test_liars_and_twins_stay_below_a_third_even_once_others_have_left() -> None:
    for setting in DRAWN:
        faulty = [*(number for number, _ in setting.liars), *setting.twins]
        gone = [number for _, number in setting.removals if number not in faulty]
        assert tolerable(votes(setting), faulty, gone)
        assert len(set(faulty)) == len(faulty)
        assert len(setting.weights) - len(gone) >= 2 or not gone


def test_a_third_is_too_much() -> None:
    assert tolerable((1, 1, 1, 1), (0,))
    assert not tolerable((1, 1, 1), (0,))
    assert not tolerable((1, 1, 1, 1), (0,), gone=(1,))
    assert tolerable((1, 1, 1, 1), (0,), gone=())
    assert not tolerable((5, 1, 1, 1), (0,))


def test_somebody_always_validates_and_the_first_founder_does_both() -> None:
    for setting in DRAWN:
        assert sum(votes(setting)) > 0
        assert setting.roles[0] == ("trainer", "validator")


def test_swarms_differ_and_every_kind_of_trouble_is_drawn() -> None:
    assert {fault for setting in DRAWN for fault in setting.faults} == set(FAULTS)
    assert len({setting.faults for setting in DRAWN}) > 100
    told = {name for setting in DRAWN for _, names in setting.liars for name in names}
    assert told == set(LIES)
    assert {setting.nodes for setting in DRAWN} == {1, 2, 3, 4, 5, 6, 7, 8, 10}
    for kind in ("twins", "joins", "removals", "notes_ns", "off_ns", "rate_ppm"):
        assert {bool(getattr(setting, kind)) for setting in DRAWN} == {True, False}, kind


def test_one_seed_in_a_hundred_is_real_unless_told_otherwise() -> None:
    assert sum(setting.real for setting in DRAWN) == 10
    assert drawn(3, real=True).real
    assert not drawn(99, real=False).real
    assert drawn(3, real=True).weather == DRAWN[3].weather
