"""What a validator takes, what it refuses by name, and what it keeps as evidence."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.core.value import Statement, digest
from meshkit.rounds.messages import (
    MALFORMED,
    MODEL,
    OVER_CAP,
    OVER_QUOTA,
    OVERSIZED,
    AttestationConflict,
    AttestationTaken,
    EarlyKept,
    Fetched,
    HeldConflict,
    HeldRefused,
    HeldTaken,
    TrainingFailed,
    Update,
    UpdateConflict,
    UpdateNoted,
    UpdateRefused,
)
from meshkit.rounds.state import UPDATE_BYTES
from tests.rounds.playbook import (
    BASE,
    TASK,
    A,
    B,
    C,
    D,
    E,
    Playbook,
    attested,
    held,
    opening,
    signed,
    spec,
    update,
)


def listening(**changes: Any) -> Playbook:
    """A validator that trains nothing, so that all that goes out is about others."""
    play = Playbook(A) >> opening(**changes) >> Fetched(TASK, MODEL, BASE, 8_192, "")
    return (play >> TrainingFailed(TASK, 1, "another story")).skip()


# -- updates ---------------------------------------------------------------------------------------


def test_an_update_is_noted_once_whoever_brings_it() -> None:
    play = listening() >> update(B)
    assert play.events() == (UpdateNoted(update(B), play.now_ns),)
    play.refused(update(B))
    play.refused(signed(update(B), nonce=1))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"samples": 1_001}, OVER_CAP),
        ({"size": 217}, OVERSIZED),
        ({"size": 215}, MALFORMED),
        ({"samples": 0}, MALFORMED),
    ],
)
def test_an_update_is_refused_by_name_once(changes: dict[str, int], reason: str) -> None:
    bad = update(B, **changes)
    play = listening() >> bad
    assert play.events() == (UpdateRefused(bad, reason),)
    play.quiet()
    play.refused(bad)


def test_two_updates_of_one_submitter_are_evidence_and_neither_counts() -> None:
    first, second, third = (update(B, samples=samples) for samples in (1, 2, 3))
    play = listening() >> first >> second
    assert play.events() == (UpdateConflict(first, second),)
    play.refused(second)
    play.refused(third)
    assert not play.round.held
    play >> Fetched(TASK, "update", first.blob, 216, "")
    assert not play.round.held


def test_an_update_that_was_held_is_let_go_when_a_second_comes() -> None:
    play = listening() >> update(B) >> Fetched(TASK, "update", update(B).blob, 216, "")
    assert sorted(play.round.held) == [B]
    play >> update(B, samples=1)
    assert not play.round.held


def test_a_refused_update_and_a_second_are_a_contradiction_all_the_same() -> None:
    bad, good = update(B, samples=1_001), update(B)
    play = listening() >> bad >> good
    assert play.events() == (UpdateConflict(bad, good),)


@pytest.mark.parametrize(
    "strange", [update(E), update(B, round=0), update(B, round=3), update(B, task=BASE)]
)
def test_an_update_of_no_concern_is_dropped(strange: Update) -> None:
    listening().refused(strange)


def test_one_member_makes_others_store_no_more_than_its_quota() -> None:
    cost = UPDATE_BYTES + 216
    play = listening(spec=spec(round_bytes_max=cost)) >> update(B)
    assert play.happened() == ("UpdateNoted",)
    play = listening(spec=spec(round_bytes_max=cost - 1)) >> update(C)
    assert play.events() == (UpdateRefused(update(C), OVER_QUOTA),)
    assert all(kept <= 1_000 for _, kept in sorted(play.round.kept_bytes.items()))


# -- lists -----------------------------------------------------------------------------------------


def test_a_list_is_taken_and_what_it_names_is_noted() -> None:
    listed = held(C, update(B), update(C))
    play = listening() >> update(B) >> listed
    assert play.events() == (
        HeldTaken(listed, play.now_ns),
        UpdateNoted(update(C), play.now_ns),
    )
    play.refused(listed)


def test_lists_that_name_different_updates_show_a_contradiction() -> None:
    other = update(B, samples=1)
    play = listening() >> held(C, update(B)) >> held(D, other)
    assert play.events()[1:] == (UpdateConflict(update(B), other),)


def test_one_list_that_names_both_updates_shows_a_contradiction() -> None:
    pair = (update(B, samples=1), update(B, samples=2))
    play = listening() >> held(C, *pair)
    assert play.events()[1:] == (
        UpdateNoted(pair[0], play.now_ns),
        UpdateConflict(*pair),
    )


def test_a_second_list_is_evidence_once_and_the_first_still_counts() -> None:
    play = listening() >> held(C, update(B))
    second, third = held(C), held(C, update(C))
    play >> second
    assert play.events() == (HeldConflict(held(C, update(B)), second),)
    play.refused(second)
    play.refused(third)
    assert play.round.lists[C] == held(C, update(B))


def test_a_list_that_nobody_honest_signs_is_evidence_once_and_a_good_one_still_counts() -> None:
    bad = held(C, update(C), update(B))
    play = listening() >> bad
    assert play.events() == (HeldRefused(bad, "is not in order"),)
    play.refused(bad)
    play >> held(C)
    assert play.happened() == ("HeldTaken",)


def test_a_list_of_no_validator_is_dropped() -> None:
    listening().refused(held(E))


def test_a_list_over_the_quota_is_dropped() -> None:
    play = listening(spec=spec(round_bytes_max=3 * UPDATE_BYTES))
    play.refused(held(C, update(A), update(B), update(C)))
    play >> held(C, update(B), update(C))
    assert "HeldTaken" in play.happened()


# -- attestations ----------------------------------------------------------------------------------


def test_a_member_attests_once_and_to_two_models_never() -> None:
    lists, other = digest("lists"), digest("other lists")
    first = attested(C, lists, BASE)
    play = listening() >> first
    assert play.events() == (AttestationTaken(first),)
    play.refused(first)
    play.refused(attested(C, other, TASK))  # other lists may well give another model
    second = attested(C, lists, TASK)
    play >> second
    assert play.events() == (AttestationConflict(first, second),)
    play.refused(second)
    play.refused(attested(C, lists, digest("third")))


def test_an_attestation_of_no_validator_or_that_we_never_made_is_dropped() -> None:
    listening().refused(attested(E, BASE, BASE))
    listening().refused(attested(A, BASE, BASE))


# -- a block ahead of us ---------------------------------------------------------------------------


@pytest.mark.parametrize("early", [update(B, round=2), held(B, update(C, round=2), round_=2)])
def test_one_statement_of_each_kind_is_kept_for_the_next_round(early: Any) -> None:
    play = listening() >> early
    assert play.events() == (EarlyKept(early),)
    play.refused(early)
    play.quiet()


@pytest.mark.parametrize(
    "early",
    [
        update(E, round=2),
        update(B, round=2, samples=1_001),
        held(E, round_=2),
        held(B, update(C), round_=2),
        held(B, *(update(who, round=2) for who in (A, B, C, D)), round_=2),
    ],
)
def test_what_could_not_be_kept_is_dropped(early: Statement) -> None:
    listening(spec=spec(round_bytes_max=4 * UPDATE_BYTES)).refused(early)


def test_two_statements_from_before_the_opening_may_contradict_each_other() -> None:
    other = update(B, round=2, samples=1)
    play = listening() >> update(B, round=2) >> held(C, other, round_=2)
    play >> replace(opening(), round=2)
    assert play.happened() == ("RoundOpened", "HeldTaken", "UpdateNoted", "UpdateConflict")
