"""How long decisions take: three delays and what is computed, also with a third gone."""

import pytest

from meshkit.sim.agenda import MS
from meshkit.sim.engines.kit import Kit
from meshkit.sim.engines.latency import (
    CHECK_NS,
    FIELDS,
    ONE_WAY_MS,
    REGIONS,
    is_borne,
    latency,
    most_gone,
    summary,
)
from meshkit.sim.engines.pbft import KIT as PBFT
from meshkit.sim.engines.tendermint import KIT

CASES = [(place, faults) for place in FIELDS for faults in ("none", "crashed", "liars")]


@pytest.mark.parametrize(("place", "faults"), CASES)
def test_all_calls_are_decided_and_alike_in_two_runs(place: str, faults: str) -> None:
    document = latency(KIT, 4, place, faults, 12)
    assert document["decided"] == 16
    assert document["gone"] == (0 if faults == "none" else 1)
    assert document == latency(KIT, 4, place, faults, 12)


@pytest.mark.parametrize("faults", ["none", "crashed", "liars"])
def test_under_pbft_a_dead_primary_costs_one_timeout(faults: str) -> None:
    document = latency(PBFT, 7, "lan", faults, 20)
    assert document["decided"] == 27
    assert document["settled"]["p50_ms"] < 20


def test_another_seed_is_another_story() -> None:
    first, second = (latency(KIT, 4, "regions", "none", 12, seed)["settled"] for seed in (0, 1))
    assert first != second


def test_without_faults_it_takes_three_delays_and_the_work() -> None:
    for place, delays_ms in (("lan", 3 * 0.25), ("regions", 150.0)):
        figures = latency(KIT, 4, place, "none", 12)["settled"]
        assert figures["p50_ms"] > delays_ms
        assert figures["max_ms"] < 1_000, "no timeout ran out"


def test_who_is_dead_costs_a_timeout_when_its_turn_first_comes_and_none_soon_after() -> None:
    field = FIELDS["lan"]
    document = latency(KIT, 4, "lan", "crashed", 10)
    assert document["gone"] == 1
    assert document["first"]["max_ms"] * MS > field.timeouts.propose_ms * MS
    assert document["settled"]["max_ms"] < field.timeouts.propose_ms


def test_signatures_take_time(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = latency(KIT, 7, "lan", "none", 5)["settled"]["p50_ms"]
    monkeypatch.setattr("meshkit.sim.engines.latency.CHECK_NS", 10 * CHECK_NS)
    assert latency(KIT, 7, "lan", "none", 5)["settled"]["p50_ms"] > usual + 2


def test_how_many_may_be_gone() -> None:
    trusting: Kit = KIT._replace(engine=KIT.engine._replace(attests=False), lies={})
    assert [most_gone(KIT, count) for count in (1, 3, 4, 100)] == [0, 0, 1, 33]
    assert [most_gone(trusting, count) for count in (1, 3, 4, 5)] == [0, 1, 1, 2]
    assert is_borne(KIT, 1, "none")
    assert not is_borne(KIT, 3, "crashed")
    assert is_borne(trusting, 3, "crashed")
    assert not is_borne(trusting, 3, "liars")


def test_the_way_there_is_as_long_as_the_way_back() -> None:
    assert len(ONE_WAY_MS) == len(REGIONS)
    for here, row in enumerate(ONE_WAY_MS):
        assert [row[there] for there in range(5)] == [ONE_WAY_MS[there][here] for there in range(5)]


def test_of_a_single_call_there_is_no_percentile() -> None:
    assert summary([MS]) == {}
    assert summary([MS, 3 * MS]) == {"calls": 2, "p50_ms": 2.0, "p99_ms": 3.0, "max_ms": 3.0}
