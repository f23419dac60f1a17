"""What became of items and rounds, read off the journal as it goes by."""

from typing import Any

import pytest

from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.core.value import Value
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import CancelTask, ItemRefused, Note, RoundCommitted
from meshkit.pool.messages import ItemPooled, ItemsSettled, OfferRefused
from meshkit.rounds.messages import Update, UpdateNoted
from meshkit.runtime import outcomes
from meshkit.runtime.outcomes import Outcomes
from tests.runtime.world import ME, OPERATOR, World

TASK = b"t" * 32
ID, OTHER_ID = b"i" * 32, b"j" * 32
NOTE = Note(ME.key, 1, b"")


def heard(kept: Outcomes, *events: Value) -> Outcomes:
    kept.observe(Entry(Moment(5, 1), At("", Wake()), tuple(At("", event) for event in events)))
    return kept


def pooled(id_: bytes) -> ItemPooled:
    return ItemPooled(NOTE, id_, True, 1, 1, True)


def noted(submitter: bytes, samples: int, accuracy: int, loss: int, number: int = 0) -> UpdateNoted:
    return UpdateNoted(Update(submitter, TASK, number, ID, 1, samples, accuracy, loss), 1)


def test_of_what_was_never_seen_nothing_is_known() -> None:
    assert Outcomes().item(ID) == {"state": "unknown"}


def test_an_item_waits_until_it_is_decided() -> None:
    kept = heard(Outcomes(), pooled(ID))
    assert kept.item(ID) == {"state": "pending"}


def test_an_item_that_the_pool_does_not_take_is_refused_with_the_reason() -> None:
    kept = heard(Outcomes(), OfferRefused(ID, "full: no room"))
    assert kept.item(ID) == {"state": "refused", "reason": "full: no room"}


def test_what_was_said_of_an_item_is_not_unsaid_by_late_gossip() -> None:
    kept = heard(Outcomes(), OfferRefused(ID, "full: no room"), pooled(ID))
    assert kept.item(ID)["state"] == "refused"


def test_an_item_that_leaves_the_pool_unapplied_is_void() -> None:
    kept = heard(
        Outcomes(),
        pooled(ID),
        OfferRefused(OTHER_ID, "full: no room"),
        ItemsSettled((ID, OTHER_ID)),
    )
    assert kept.item(ID)["reason"].startswith("void: ")
    assert kept.item(OTHER_ID)["reason"] == "full: no room"
    assert heard(Outcomes(), ItemsSettled((ID,))).item(ID) == {"state": "unknown"}


def test_an_item_of_a_block_is_applied_unless_the_ledger_refuses_it() -> None:
    with World() as world:
        note = world.sign(Note(ME.key, 1, b"hello"), ME)
        void = world.sign(CancelTask(OPERATOR.key, 1, TASK))
        world.offer(note)
        world.until(lambda: world.outcomes.item(item_id(note))["state"] == "applied")
        assert world.outcomes.item(item_id(note)) == {"state": "applied", "height": 1}
        kept = heard(world.outcomes, ItemRefused(item_id(void), "unknown-task: no such task"))
        assert kept.item(item_id(void))["reason"] == "unknown-task: no such task"


def test_a_rounds_figures_are_medians_weighted_by_samples() -> None:
    kept = heard(
        Outcomes(),
        noted(b"a" * 32, 30, 900_000, 100_000),
        noted(b"b" * 32, 10, 500_000, 300_000),
        noted(b"c" * 32, 10, -1, -1),  # has no test of its own
        noted(b"d" * 32, 0, 100_000, 900_000),
    )
    assert kept.round(TASK, 0) == {
        "round": 0,
        "updates_heard": 4,
        "accuracy": 0.9,
        "loss": 0.1,
        "committed_ns": None,
    }
    assert heard(kept, RoundCommitted(TASK, 0, ID, ())).round(TASK, 0)["committed_ns"] == 5


def test_what_less_than_half_says_moves_no_figure_beyond_the_others() -> None:
    kept = heard(
        Outcomes(),
        noted(b"a" * 32, 30, 900_000, 100_000),
        noted(b"b" * 32, 30, 500_000, 300_000),
        noted(b"c" * 32, 59, 1_000_000, 2**53),
    )
    assert (kept.round(TASK, 0)["accuracy"], kept.round(TASK, 0)["loss"]) == (0.9, 0.3)


def test_a_round_without_figures_has_none() -> None:
    empty: dict[str, Any] = {
        "round": 3,
        "updates_heard": 0,
        "accuracy": None,
        "loss": None,
        "committed_ns": None,
    }
    assert Outcomes().round(TASK, 3) == empty


def test_only_the_last_items_and_rounds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "ITEMS_KEPT", 1)
    monkeypatch.setattr(outcomes, "ROUNDS_KEPT", 1)
    kept = heard(
        Outcomes(),
        pooled(ID),
        pooled(OTHER_ID),
        noted(b"a" * 32, 1, 1, 1),
        noted(b"a" * 32, 1, 1, 1, number=1),
        RoundCommitted(TASK, 0, ID, ()),
        RoundCommitted(TASK, 1, ID, ()),
    )
    assert kept.item(ID)["state"] == "unknown"
    assert kept.item(OTHER_ID)["state"] == "pending"
    assert [kept.round(TASK, number)["updates_heard"] for number in (0, 1)] == [0, 1]
    assert [kept.round(TASK, number)["committed_ns"] for number in (0, 1)] == [None, 5]
