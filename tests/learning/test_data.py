"""Shards: every row is somebody's, nobody's twice, and the same in every process."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.learning.data import (
    HELD_OUT,
    ROWS_MIN,
    SEED_MAX,
    SHARDS_MAX,
    Data,
    Examples,
    Shard,
    parse_split,
)
from meshkit.learning.grid import Refused
from meshkit.runtime.worker_messages import LENGTH, Begin, frame, incoming

LABELS = np.arange(500) % 10
ALL = Examples(np.arange(500.0)[:, None], LABELS)


@given(
    st.integers(1, 40),
    st.sampled_from(["iid", "dirichlet:0.1", "dirichlet:0.5", "dirichlet:100", "dirichlet:0.001"]),
    st.integers(0, 5),
)
def test_the_shards_are_a_partition(count: int, split: str, seed: int) -> None:
    shards = [Shard(index, count, split, seed).rows(LABELS) for index in range(count)]
    assert sorted(np.concatenate(shards).tolist()) == list(range(len(LABELS)))
    fewest = min(ROWS_MIN, len(LABELS) // (2 * count))
    assert all(len(rows) >= fewest for rows in shards)
    assert all(np.all(np.diff(rows) > 0) for rows in shards)


def test_iid_shards_are_of_one_size() -> None:
    sizes = {len(Shard(index, 7).rows(LABELS)) for index in range(7)}
    assert sizes == {71, 72}


def test_a_small_alpha_gives_each_node_its_own_labels() -> None:
    def most(split: str) -> float:
        shares = []
        for index in range(5):
            counts = np.bincount(LABELS[Shard(index, 5, split).rows(LABELS)], minlength=10)
            shares.append(counts.max() / counts.sum())
        return float(np.mean(shares))

    assert most("dirichlet:0.05") > most("dirichlet:0.5") > most("dirichlet:1000") + 0.1


def test_another_seed_is_another_deal() -> None:
    assert Shard(0, 5).rows(LABELS).tolist() != Shard(0, 5, seed=1).rows(LABELS).tolist()
    assert Shard(0, 5).rows(LABELS).tolist() == Shard(0, 5).rows(LABELS).tolist()


def test_who_is_alone_has_everything() -> None:
    assert Shard().rows(LABELS).tolist() == list(range(500))


@pytest.mark.parametrize(
    "shard",
    [
        Shard(5, 5),
        Shard(-1, 5),
        Shard(0, 0),
        Shard(split="dirichlet"),
        Shard(0, SHARDS_MAX + 1),
        Shard(seed=-1),
        Shard(seed=SEED_MAX + 1),
        Shard(folder="\udcff"),
    ],
)
def test_there_is_no_such_shard(shard: Shard) -> None:
    with pytest.raises(Refused) as refusal:
        shard.rows(LABELS)
    assert refusal.value.reason == "shard"


def test_a_worker_can_be_told_the_largest_shard() -> None:
    shard = Shard(SHARDS_MAX - 1, SHARDS_MAX, seed=SEED_MAX, folder="ü")
    assert shard.check() is None
    assert incoming(frame(Begin((), shard))[LENGTH.size :]) == Begin((), shard)


@pytest.mark.parametrize(
    "split",
    [
        "",
        "IID",
        "iid:1",
        "dirichlet:",
        "dirichlet:x",
        "dirichlet:nan",
        "dirichlet:0",
        "dirichlet:-1",
        "dirichlet:inf",
        "pareto:0.5",
    ],
)
def test_there_is_no_such_split(split: str) -> None:
    with pytest.raises(Refused):
        parse_split(split)


def test_splits_as_a_person_types_them() -> None:
    assert parse_split("iid") is None
    assert parse_split("dirichlet:0.5") == 0.5


def test_what_is_held_back_is_not_trained_on() -> None:
    data = Shard(1, 4).data(ALL, test=ALL)
    assert isinstance(data, Data)
    trained, held = set(data.train.features[:, 0]), set(data.held_out.features[:, 0])
    assert not trained & held
    assert trained | held == set(map(float, Shard(1, 4).rows(LABELS)))
    assert len(data.held_out) == round(125 * HELD_OUT)
    assert data.test is ALL


def test_nothing_need_be_held_back() -> None:
    data = Shard(0, 4).data(ALL, held_out=0.0)
    assert data.held_out is None
    assert data.test is None
    assert len(data.train) == 125


def test_examples_are_rows_of_both() -> None:
    assert len(ALL) == 500
    features, label = ALL[13]
    assert features.tolist() == [13.0]
    assert label == 3
    some = ALL.take(np.array([2, 4]))
    assert some.labels.tolist() == [2, 4]
    assert some.features.tolist() == [[2.0], [4.0]]
