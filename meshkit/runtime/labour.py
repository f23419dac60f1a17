"""Heavy work: training and aggregation, out of the node's loop, and back in as commands.

Training has a worker process of its own, since it may take minutes; aggregation has another, so
that no round waits for the training of the next. A small aggregate is computed on the spot: a few
milliseconds, less than a process is asked in.
"""

from contextlib import suppress

import zmq

from meshkit.journal import BlobPort
from meshkit.learning import Grid, Refused, aggregate
from meshkit.learning.training import Trained as Work
from meshkit.rounds.messages import (
    MISSING,
    Aggregate,
    Aggregated,
    Spec,
    Train,
    Trained,
    TrainingFailed,
)
from meshkit.runtime import worker_messages as worker
from meshkit.runtime.workers import Worker

ON_THE_SPOT_MAX = 2_000_000  # entries of all updates together: about 10 ms (measured)
WAIT_MS_MAX = 1_000
SEED_BITS = 63  # what a training's seed is cut to: any framework's seed takes as many
REASON_CHARS_MAX = 200  # of a failure, in the journal

Answer = Trained | TrainingFailed | Aggregated


class Labour:
    """What one node has computed for it. Ask for an effect; `collect` brings the answers."""

    def __init__(self, trainer: Worker, summer: Worker, blobs: BlobPort) -> None:
        self._trainer = trainer
        self._summer = summer
        self._blobs = blobs
        self._under_way: dict[tuple[str, int], Train | Aggregate] = {}
        self._warming: set[int] = set()  # tickets of the trainer
        self._answers: list[Answer] = []

    def watch(self, poller: zmq.Poller) -> None:
        for one in (self._trainer, self._summer):
            poller.register(one.fileno(), zmq.POLLIN)

    def timeout_ms(self) -> int:
        if self._answers:
            return 0
        waits = [one.wait_ms() for one in (self._trainer, self._summer)]
        return min([wait for wait in waits if wait is not None], default=WAIT_MS_MAX)

    def warm(self, task: str, parameters: str) -> None:
        """Have the worker import a task and read its data before a round waits for it."""
        with suppress(Refused):  # training will say why
            self._warming.add(self._trainer.submit(worker.Warm(task, parameters)))

    @property
    def figures(self) -> dict[str, int]:
        """How much is being computed or waits for it, and how often a worker died."""
        return {
            "waiting": len(self._under_way) + len(self._warming),
            "deaths": self._trainer.deaths + self._summer.deaths,
        }

    def ask(self, effect: Train | Aggregate) -> None:
        """Begin; what is under way already is not begun again."""
        if effect in self._under_way.values():
            return
        match effect:
            case Train():
                self._train(effect)
            case Aggregate():
                self._aggregate(effect)

    def collect(self) -> list[Answer]:
        """The answers that have come since."""
        for kind, one in (("trainer", self._trainer), ("summer", self._summer)):
            for ticket, reply in one.collect():
                if kind == "trainer":
                    self._warming.discard(ticket)
                effect = self._under_way.pop((kind, ticket), None)
                if effect is not None:
                    self._answers.append(self._answer(effect, reply))
        answers, self._answers = self._answers, []
        return answers

    # -- training ---------------------------------------------------------------------------------

    def _train(self, effect: Train) -> None:
        for key, other in list(self._under_way.items()):
            if isinstance(other, Train) and other.task == effect.task:
                self._trainer.drop(key[1])  # an older round of the task: nobody waits for it
                del self._under_way[key]
        base = self._blobs.get(effect.base)
        if base is None:
            self._fail(effect, "missing: the model to start from is not here")
            return
        spec = effect.spec
        seed = int.from_bytes(effect.seed[:8], "big") >> (64 - SEED_BITS)
        request = worker.Train(spec.module, spec.parameters, base, _grid(spec), effect.round, seed)
        try:
            ticket = self._trainer.submit(request)
        except Refused as refused:
            self._fail(effect, f"{refused.reason}: {refused}")
            return
        self._under_way[("trainer", ticket)] = effect

    def _fail(self, effect: Train, reason: str) -> None:
        failed = TrainingFailed(effect.task, effect.round, reason[:REASON_CHARS_MAX])
        self._answers.append(failed)

    def _answer(self, effect: Train | Aggregate, reply: worker.Reply) -> Answer:
        match effect, reply:
            case Train(task, number), Work() as work:
                samples = min(work.samples, effect.spec.samples_max)
                return Trained(
                    task,
                    number,
                    self._blobs.put(work.update),
                    len(work.update),
                    samples,
                    work.accuracy_ppm,
                    work.loss_micro,
                )
            case Aggregate(), worker.Model(model):
                return _aggregated(effect, self._blobs.put(model), "")
            case Train(task, number), _:
                return TrainingFailed(task, number, _reason(reply))
            case Aggregate(), _:
                return _aggregated(effect, None, _reason(reply))

    # -- aggregation ------------------------------------------------------------------------------

    def _aggregate(self, effect: Aggregate) -> None:
        base = self._blobs.get(effect.base)
        parts = [(self._blobs.get(credit.update), credit.samples) for credit in effect.credits]
        found = [(blob, samples) for blob, samples in parts if blob is not None]
        if base is None or len(found) < len(parts):
            self._answers.append(_aggregated(effect, None, MISSING))
            return
        grid = _grid(effect.spec)
        if len(found) * grid.size <= ON_THE_SPOT_MAX:
            self._answers.append(self._sum(effect, base, found, grid))
            return
        try:
            request = worker.Aggregate(effect.spec.strategy, base, grid, len(found))
            ticket = self._summer.submit(request, found)
        except Refused as refused:
            self._answers.append(_aggregated(effect, None, refused.reason))
            return
        self._under_way[("summer", ticket)] = effect

    def _sum(
        self, effect: Aggregate, base: bytes, parts: list[tuple[bytes, int]], grid: Grid
    ) -> Aggregated:
        try:
            model = aggregate(effect.spec.strategy, base, parts, grid)
        except Refused as refused:
            return _aggregated(effect, None, refused.reason)
        return _aggregated(effect, self._blobs.put(model), "")

    def close(self) -> None:
        self._trainer.close()
        self._summer.close()


def _grid(spec: Spec) -> Grid:
    return Grid(spec.size, spec.bits, spec.scale_bits)


def _aggregated(effect: Aggregate, model: bytes | None, problem: str) -> Aggregated:
    return Aggregated(effect.task, effect.round, effect.base, effect.key, model, problem)


def _reason(reply: worker.Reply) -> str:
    if isinstance(reply, worker.Failed):
        return f"{reply.reason}: {reply.line}"[:REASON_CHARS_MAX]
    return f"unexpected: the worker answered with {type(reply).__name__}"
