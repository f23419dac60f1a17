"""Heavy work goes to the workers and comes back as commands, with whatever went wrong in words."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zmq
from blake3 import blake3
from msgspec.structs import replace

from meshkit.codec import decode_entry, encode_entry
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment
from meshkit.journal.memory import MemoryBlobs, MemoryDisk
from meshkit.learning import Grid, Refused, decode_model, encode_model, encode_update
from meshkit.node import address
from meshkit.rounds.messages import (
    Aggregate,
    Aggregated,
    BlobsLost,
    Counted,
    Spec,
    Train,
    Trained,
)
from meshkit.rounds.messages import TrainingFailed as Lost
from meshkit.runtime import labour, worker_messages
from meshkit.runtime.labour import Labour
from tests.runtime.world import MODEL, MODULE, SIZE, STEPS, PretendedWorker, Reply, trained

TASK, OTHER_TASK, ME, KEY = b"t" * 32, b"u" * 32, b"m" * 32, b"k" * 32
SPEC = Spec(MODULE, "{}", 0, 1_000, 100, SIZE, 16, 12, "fedavg", 0, 100, 2**20, 2**20, 2**20)
UPDATE = encode_update(STEPS, 16)


class Shop:
    """Labour with both its workers at hand."""

    def __init__(self) -> None:
        self.blobs = MemoryBlobs(MemoryDisk())
        self.base = self.blobs.put(MODEL)
        self.trainer, self.summer = PretendedWorker(), PretendedWorker()
        self.labour = Labour(self.trainer, self.summer, self.blobs)  # type: ignore[arg-type]  # no process

    def training(self, number: int = 0, task: bytes = TASK) -> Train:
        return Train(task, number, SPEC, self.base, bytes(range(32)))

    def sum(self, *updates: bytes, spec: Spec = SPEC) -> Aggregate:
        credits_ = tuple(Counted(bytes([n]) * 32, blob, 10) for n, blob in enumerate(updates))
        return Aggregate(TASK, 0, spec, self.base, KEY, credits_)


def always(reply: worker_messages.Reply) -> Reply:
    def answer(request: Any) -> worker_messages.Reply:
        return reply

    return answer


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.labour.close()


# -- training --------------------------------------------------------------------------------------


def test_a_training_becomes_a_blob_and_what_it_weighs(shop: Shop) -> None:
    shop.labour.ask(shop.training())
    assert shop.labour.figures == {"waiting": 1, "deaths": 0}
    [request] = shop.trainer.requests.values()
    assert request == worker_messages.Train(
        MODULE, "{}", MODEL, Grid(SIZE), 0, int.from_bytes(bytes(range(8)), "big") >> 1
    )
    name = blake3(UPDATE).digest()
    assert shop.labour.collect() == [Trained(TASK, 0, name, len(UPDATE), 10, 900_000, 250_000)]
    assert shop.blobs.get(name) == UPDATE
    assert shop.labour.figures["waiting"] == 0


def test_no_update_claims_more_samples_than_the_policy_lets_it(shop: Shop) -> None:
    greedy = replace(shop.training(), spec=replace(SPEC, samples_max=3))
    shop.labour.ask(greedy)
    [answer] = shop.labour.collect()
    assert isinstance(answer, Trained)
    assert answer.samples == 3


def test_what_is_under_way_is_not_begun_again(shop: Shop) -> None:
    for _ in range(2):
        shop.labour.ask(shop.training())
    assert len(shop.trainer.requests) == 1


def test_a_newer_round_of_the_task_makes_an_older_training_pointless(shop: Shop) -> None:
    shop.labour.ask(shop.training(0))
    shop.labour.ask(shop.training(0, OTHER_TASK))
    shop.labour.ask(shop.training(1))
    assert shop.trainer.dropped == [1]
    answers: list[Any] = shop.labour.collect()
    assert [(one.task, one.round) for one in answers] == [(OTHER_TASK, 0), (TASK, 1)]


def test_without_the_model_to_start_from_there_is_no_training(shop: Shop) -> None:
    shop.labour.ask(replace(shop.training(), base=b"x" * 32))
    assert shop.labour.timeout_ms() == 0
    assert shop.labour.collect() == [Lost(TASK, 0, "missing: the model to start from is not here")]


def test_a_worker_that_refuses_is_quoted_up_to_a_bound(shop: Shop) -> None:
    shop.trainer.refusal = Refused("worker-busy", "no " * 200)
    shop.labour.ask(shop.training())
    [answer] = shop.labour.collect()
    assert isinstance(answer, Lost)
    assert answer.reason.startswith("worker-busy: no no")
    assert len(answer.reason) == labour.REASON_CHARS_MAX


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (worker_messages.Failed("task-failed", "no such luck"), "task-failed: no such luck"),
        (worker_messages.Warmed(3), "unexpected: the worker answered with Warmed"),
    ],
)
def test_a_training_that_fails_says_why(
    shop: Shop, reply: worker_messages.Reply, reason: str
) -> None:
    shop.trainer.reply = always(reply)
    shop.labour.ask(shop.training())
    assert shop.labour.collect() == [Lost(TASK, 0, reason)]


# -- warming ---------------------------------------------------------------------------------------


def test_warming_is_awaited_and_has_no_answer(shop: Shop) -> None:
    shop.labour.warm(MODULE, "{}")
    assert shop.labour.figures["waiting"] == 1
    assert shop.labour.collect() == []
    assert shop.labour.figures["waiting"] == 0


def test_what_may_not_be_warmed_is_left_for_training_to_say(shop: Shop) -> None:
    shop.trainer.refusal = Refused("task-not-allowed", "no")
    shop.labour.warm(MODULE, "{}")
    assert shop.labour.figures["waiting"] == 0


# -- aggregation -----------------------------------------------------------------------------------


def test_a_small_aggregate_is_computed_on_the_spot(shop: Shop) -> None:
    opposite = shop.blobs.put(encode_update(-STEPS, 16))
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE), shop.blobs.put(UPDATE), opposite))
    assert not shop.summer.requests
    [answer] = shop.labour.collect()
    assert isinstance(answer, Aggregated)
    assert (answer.key, answer.base, answer.problem) == (KEY, shop.base, "")
    model = shop.blobs.get(answer.model or b"")
    assert model is not None
    assert decode_model(model) == pytest.approx(np.array([1, -1, 0]) / 3, abs=2**-12)


def test_a_blob_that_is_gone_is_a_problem_to_be_told(shop: Shop) -> None:
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE), b"x" * 32))
    shop.labour.ask(replace(shop.sum(shop.blobs.put(UPDATE)), base=b"x" * 32))
    answers = aggregated(shop)
    assert [one.problem for one in answers] == ["missing", "missing"]
    for answer in answers:  # it may lead to an entry, so it must be one that can be written
        entry = Entry(Moment(1, 1), At("rounds", answer), (At("rounds", BlobsLost(TASK, KEY)),))
        assert decode_entry(encode_entry(entry, 1), address, 1) == entry


def test_what_cannot_be_added_up_is_a_problem_to_be_told(shop: Shop) -> None:
    unknown = replace(SPEC, strategy="magic")
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE), spec=unknown))
    assert [one.problem for one in aggregated(shop)] == ["unknown-strategy"]


def aggregated(shop: Shop) -> list[Aggregated]:
    return [one for one in shop.labour.collect() if isinstance(one, Aggregated)]


def test_a_large_aggregate_goes_to_a_worker_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labour, "ON_THE_SPOT_MAX", 0)
    model = encode_model(np.ones(SIZE, np.float32))
    shop.summer.reply = always(worker_messages.Model(model))
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE)))
    assert shop.summer.requests == {1: worker_messages.Aggregate("fedavg", MODEL, Grid(SIZE), 1)}
    assert shop.summer.parts == {1: [(UPDATE, 10)]}
    [answer] = aggregated(shop)
    assert shop.blobs.get(answer.model or b"") == model

    shop.summer.reply = trained
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE)))
    assert [one.problem for one in aggregated(shop)] == ["unknown: no Aggregate here"]

    shop.summer.refusal = Refused("worker-busy", "no")
    shop.labour.ask(shop.sum(shop.blobs.put(UPDATE)))
    assert [one.problem for one in aggregated(shop)] == ["worker-busy"]


# -- the loop --------------------------------------------------------------------------------------


def test_the_loop_sleeps_no_longer_than_a_worker_needs(shop: Shop) -> None:
    poller = zmq.Poller()
    shop.labour.watch(poller)
    assert [file for file, _ in poller.sockets] == [shop.trainer.fileno(), shop.summer.fileno()]
    assert shop.labour.timeout_ms() == labour.WAIT_MS_MAX
    shop.labour.ask(shop.training())
    assert shop.labour.timeout_ms() == 0


def test_an_answer_that_nobody_waits_for_any_more_is_forgotten(shop: Shop) -> None:
    shop.trainer.submit(worker_messages.Warm(MODULE, "{}"))
    assert shop.labour.collect() == []
