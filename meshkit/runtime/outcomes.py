"""What became of items and rounds, for those who ask: read off the journal as it goes by."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from meshkit.consensus.messages import Decided
from meshkit.core.machine import Entry
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import Block, ItemRefused, RoundCommitted
from meshkit.pool.messages import ItemPooled, ItemsSettled, OfferRefused
from meshkit.rounds.messages import UpdateNoted

ITEMS_KEPT = 4_096  # answers to questions that were not asked within so many items are lost
ROUNDS_KEPT = 1_024  # a guess: more rounds than a terminal has lines

PENDING, APPLIED, REFUSED, UNKNOWN = "pending", "applied", "refused", "unknown"
VOID = "void: it does not fit what was decided meanwhile; ask again"


class Outcomes:
    """An observer of entries: items by id, and the trainers' own figures of each round."""

    def __init__(self) -> None:
        self._items: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._rounds: OrderedDict[tuple[bytes, int], dict[bytes, tuple[int, int, int]]] = (
            OrderedDict()
        )
        self._committed: OrderedDict[tuple[bytes, int], int] = OrderedDict()
        self.settled = 0  # how often an item was applied or refused

    def observe(self, entry: Entry) -> None:
        for event in entry.events:
            match event.body:
                case ItemPooled() as pooled if pooled.id not in self._items:
                    self._note(pooled.id, PENDING)
                case OfferRefused(refused, reason):
                    self._note(refused, REFUSED, reason=reason)
                case Decided(certificate, Block() as block):
                    for item in block.items:
                        self._note(item_id(item), APPLIED, height=certificate.height)
                case ItemRefused(refused, reason):
                    self._note(refused, REFUSED, reason=reason)
                case ItemsSettled(ids):
                    self._void(ids)
                case UpdateNoted(update):
                    figures = self._rounds.setdefault((update.task, update.round), {})
                    figures[update.submitter] = (
                        update.samples,
                        update.accuracy_ppm,
                        update.loss_micro,
                    )
                    _bound(self._rounds, ROUNDS_KEPT)
                case RoundCommitted(task, number):
                    self._committed[(task, number)] = entry.moment.now_ns
                    _bound(self._committed, ROUNDS_KEPT)
                case _:
                    pass

    def item(self, id_: bytes) -> dict[str, Any]:
        """What became of an item: its state, and a height or a reason."""
        return self._items.get(id_, {"state": UNKNOWN})

    def round(self, task: bytes, number: int) -> dict[str, Any]:
        """The trainers' figures for the model that this round started from.

        They are what each says of itself, so they are put together by their median, weighted by
        samples: whatever less than half of the weight says cannot move it beyond the others'.
        """
        figures = self._rounds.get((task, number), {})
        measured = [one for one in figures.values() if one[1] >= 0 and one[0] > 0]
        return {
            "round": number,
            "updates_heard": len(figures),
            "accuracy": _median((one[1], one[0]) for one in measured),
            "loss": _median((one[2], one[0]) for one in measured),
            "committed_ns": self._committed.get((task, number)),
        }

    def _void(self, ids: Iterable[bytes]) -> None:
        """What leaves the pool and was neither applied nor refused by name can never be applied."""
        for id_ in ids:
            if self._items.get(id_, {}).get("state") == PENDING:
                self._note(id_, REFUSED, reason=VOID)

    def _note(self, id_: bytes, state: str, **facts: Any) -> None:
        self._items[id_] = {"state": state, **facts}
        self.settled += state != PENDING
        _bound(self._items, ITEMS_KEPT)


def _median(weighed: Iterable[tuple[int, int]]) -> float | None:
    """The lower weighted median of (value in millionths, weight); None of nothing."""
    row = sorted(weighed)
    half, below = sum(weight for _, weight in row) / 2, 0
    for value, weight in row:
        below += weight
        if below >= half:
            return value / 1e6
    return None


def _bound(kept: OrderedDict[Any, Any], count_max: int) -> None:
    while len(kept) > count_max:
        kept.popitem(last=False)
