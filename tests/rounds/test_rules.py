"""When a list is signed, who collects and when, and what becomes of a round with nothing in it."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from itertools import permutations
from typing import Any

import pytest

from meshkit.core.machine import Heard
from meshkit.core.value import digest
from meshkit.rounds.inclusion import credits_of, key_of
from meshkit.rounds.messages import (
    MODEL,
    NON_FINITE,
    UPDATE,
    Aggregated,
    Attestation,
    Fetched,
    Held,
    Judge,
    Proof,
    Result,
    TrainingFailed,
    Update,
)
from tests.rounds.playbook import (
    BASE,
    TASK,
    A,
    B,
    C,
    D,
    Playbook,
    attested,
    grounds,
    held,
    opening,
    signed,
    spec,
    update,
)

NEXT = digest("next model")


def validating(me: bytes = A, **changes: Any) -> Playbook:
    play = Playbook(me) >> opening(**changes) >> Fetched(TASK, MODEL, BASE, 8_192, "")
    return (play >> TrainingFailed(TASK, 1, "another story")).skip()


def fetched(of: Update, problem: str = "") -> Fetched:
    return Fetched(TASK, UPDATE, of.blob, of.size, problem)


def holding(play: Playbook, *members: bytes) -> Playbook:
    for member in members:
        play >> update(member) >> fetched(update(member))
    return play


def named(play: Playbook) -> list[bytes] | None:
    """Whose updates our list names, if it is signed."""
    own = play.round.own_list
    return None if own is None else [each.submitter for each in own.updates]


# -- when a list is signed -------------------------------------------------------------------------


def test_at_once_when_everybody_is_heard() -> None:
    play = holding(validating(), B, C)
    assert named(play) is None
    holding(play, A, D)
    assert named(play) == [A, B, C, D]


def test_what_is_refused_need_not_be_waited_for() -> None:
    play = holding(validating(trainers=(B, C, D)), B)
    play >> update(C) >> fetched(update(C), NON_FINITE) >> update(D, samples=1_001)
    assert named(play) == [B]


def test_stragglers_are_waited_for_when_a_quorum_is_there() -> None:
    play = holding(validating(spec=spec(quorum=2)), B, C).later(499)
    assert named(play) is None
    play.later(1)
    assert named(play) == [B, C]


def test_who_comes_while_stragglers_are_waited_for_is_named() -> None:
    play = holding(validating(spec=spec(quorum=2)), B, C).later(300)
    holding(play, D).later(200)
    assert named(play) == [B, C, D]


def test_patience_ends_with_the_round() -> None:
    play = validating(spec=spec(quorum=2, patience_ms=60_000))
    holding(play, B, C).later(10_000)
    assert named(play) == [B, C]


def test_a_quorum_that_falls_apart_is_waited_for_again() -> None:
    play = holding(validating(spec=spec(quorum=2)), B, C)
    play >> update(C, samples=1)
    play.later(5_000)
    assert named(play) is None
    holding(play, D).later(0)
    assert named(play) == [B, C, C, D]  # patience was over long ago


def test_a_quorum_is_never_more_than_there_are_trainers() -> None:
    play = holding(validating(trainers=(B, C), spec=spec(quorum=9)), B, C)
    assert named(play) == [B, C]


def test_at_the_deadline_with_what_is_there() -> None:
    play = holding(validating(), B).later(9_000)
    assert named(play) is None
    play.later(1_000)
    assert named(play) == [B]


def test_without_the_model_that_an_update_adds_to_no_list_names_it() -> None:
    """Else an update could count that nobody left can apply, and its task would stand still."""
    play = holding(Playbook(A) >> opening(), B, C, D).later(9_000)
    assert named(play) is None
    assert named(play.later(1_000)) == []


def test_the_list_is_signed_when_that_model_is_here() -> None:
    play = holding(Playbook(A) >> opening(trainers=(B, C, D)), B, C, D)
    assert named(play) is None
    assert named(play >> Fetched(TASK, MODEL, BASE, 8_192, "")) == [B, C, D]


def test_if_nobody_says_anything_an_empty_list_is_signed_at_the_deadline() -> None:
    """A dead trainer stops no round, not even the only one."""
    play = validating().later(9_000)
    assert named(play) is None
    play.later(1_000)
    assert named(play) == []


def test_if_all_are_refused_an_empty_list_is_signed_but_only_at_the_deadline() -> None:
    play = validating(trainers=(B,)) >> update(B, samples=1_001)
    play.later(9_000)
    assert named(play) is None
    play.later(1_000)
    assert named(play) == []


def test_a_round_without_trainers_waits_for_one_to_join() -> None:
    play = validating(trainers=()).later(60_000)
    assert named(play) is None
    play >> opening(trainers=(B,))
    holding(play, B)
    assert named(play) == [B]


def test_of_a_two_faced_submitter_both_updates_are_named() -> None:
    """So everybody who has such a list knows, and the proof of the result shows it."""
    play = holding(validating(trainers=(B, C)), B) >> update(C, samples=2) >> update(C, samples=1)
    assert play.round.own_list == Held(
        A, TASK, 1, (update(B), update(C, samples=1), update(C, samples=2))
    )


def test_an_update_that_could_never_count_is_named_in_no_list() -> None:
    play = holding(validating(trainers=(B, C)), B) >> update(C, samples=1_001) >> update(C)
    assert named(play) == [B]


def test_a_list_is_signed_once() -> None:
    play = holding(validating(spec=spec(quorum=1, patience_ms=0)), B).later(0)
    own = play.round.own_list
    holding(play, C, D).later(60_000)
    assert play.round.own_list == own


# -- who collects ----------------------------------------------------------------------------------

LISTS = tuple(held(member, update(B), update(C)) for member in (B, C, D))
GROUNDS = grounds(LISTS)


def collecting(me: bytes = A, **changes: Any) -> Playbook:
    play = holding(validating(me, **changes), B, C)
    for one in LISTS:
        play >> one
    return play.skip()


def test_the_first_rank_collects_at_once() -> None:
    play = collecting()
    assert play.happened() == ("HeldTaken", "CandidateChosen")
    candidate = play.round.candidate
    assert candidate is not None
    assert candidate.lists == LISTS
    assert candidate.updates == (update(B), update(C))


def test_lists_of_two_thirds_are_not_enough() -> None:
    play = validating()
    for one in LISTS[:2]:
        play >> one
    assert not play.later(60_000).collects()


@pytest.mark.parametrize(("me", "rank"), [(B, 1), (D, 3)])
def test_each_rank_stands_by_a_while_longer(me: bytes, rank: int) -> None:
    play = collecting(me)
    play.later(500 * rank - 1)
    assert not play.collects()
    play.later(1)
    assert play.collects()


def test_nobody_steps_in_where_a_result_is_known() -> None:
    play = collecting(B) >> Judge(b"his", made_by(A), True)
    play >> aggregated()
    assert play.round.known
    assert not play.later(60_000).collects()


def test_a_result_that_nobody_can_propose_again_is_not_enough() -> None:
    """It stood in a proposal only: if its proposer hides it, it would never be committed."""
    play = collecting(B) >> Judge(b"his", made_by(A), False)
    play >> aggregated()
    assert not play.round.known
    assert play.later(500).collects()


def test_who_is_not_in_the_ranking_never_collects() -> None:
    play = collecting(D, ranking=(A, B, C))
    assert not play.later(60_000).collects()


def aggregated() -> Aggregated:
    return Aggregated(TASK, 1, BASE, key_of((update(B), update(C))), NEXT, "")


def made_by(collector: bytes, *attestations: Attestation) -> Result:
    own = attested(collector, GROUNDS, NEXT)
    proof = Proof(LISTS, (*attestations, own))
    return Result(collector, TASK, 1, BASE, NEXT, credits_of((update(B), update(C))), proof)


# -- attesting -------------------------------------------------------------------------------------


def test_a_member_of_the_committee_attests_to_what_it_found_right() -> None:
    play = collecting(B) >> aggregated()
    play.refused(aggregated())
    play >> Judge(b"his", made_by(A), True)
    play.skip() >> aggregated()
    assert play.happened() == ("AggregateKnown", "Judged", "AttestationFormed")
    assert play.round.own_attestation == Attestation(B, TASK, 1, GROUNDS, NEXT)


def test_others_do_not_attest() -> None:
    play = collecting(C) >> Judge(b"his", made_by(A), True) >> aggregated()
    assert play.happened() == ("AggregateKnown", "Judged")


def test_nobody_attests_twice() -> None:
    play = collecting(B) >> Judge(b"his", made_by(A), True) >> aggregated()
    play >> Judge(b"hers", made_by(D), True)
    assert play.happened() == ("Judged",)


def test_who_attests_again_once_a_member_has_left_says_nothing_that_contradicts() -> None:
    """The same lists make another model of fewer trainers: that is no lie, nor may it look so."""
    play = collecting() >> aggregated()
    first = play.round.own_attestation
    play >> opening(trainers=(A, B, D))
    others = Aggregated(TASK, 1, BASE, key_of((update(B),)), TASK, "")
    play.skip() >> others
    second = play.round.own_attestation
    assert first is not None
    assert second is not None
    assert first.model != second.model
    assert first.lists == GROUNDS
    assert second.lists == grounds(LISTS, opening(trainers=(A, B, D)))


def test_the_collector_takes_in_the_attestations_that_agree() -> None:
    """None is waited for: those that are there by then are evidence of who else has looked."""
    play = collecting()
    agreeing, not_so = (
        attested(D, GROUNDS, NEXT),
        attested(C, GROUNDS, BASE),
    )
    play >> agreeing >> not_so >> aggregated()
    own = signed(Attestation(A, TASK, 1, GROUNDS, NEXT))
    play >> own
    assert play.events()[-1].result.proof.attestations == (own, agreeing)


def test_a_collector_that_learns_of_a_result_leaves_its_own() -> None:
    play = collecting() >> Judge(b"hers", made_by(B), True)
    play >> aggregated()
    assert "Judged" in play.happened()
    own = signed(Attestation(A, TASK, 1, GROUNDS, NEXT))
    play >> own
    assert "ResultFormed" not in play.happened()


# -- nothing counts --------------------------------------------------------------------------------


def test_lists_without_a_common_update_end_the_round_as_it_began() -> None:
    """Others are waited for as long again as the round may take, then its model is its base."""
    play = validating()
    for one in (held(B, update(B)), held(C, update(C)), held(D, update(D))):
        play >> one
    assert play.happened()[-1] == "CollectingPutOff"
    play.later(9_999)
    assert not play.collects()
    play.skip().later(1)
    assert play.round.own_attestation is not None
    assert play.round.own_attestation.model == BASE
    play >> signed(play.round.own_attestation)
    assert play.events()[-1].result.credits == ()
    assert play.events()[-1].result.model == BASE


def test_a_list_that_comes_late_may_still_make_something_count() -> None:
    play = validating(D, ranking=(D, A, B, C))
    for one in (held(A, update(A)), held(B, update(B)), held(C, update(C))):
        play >> one
    play >> signed(Held(D, TASK, 1, (update(B),)))
    assert play.happened() == ("HeldTaken", "CandidateChosen")
    candidate = play.round.candidate
    assert candidate is not None
    assert candidate.updates == (update(B),)


def test_when_all_have_spoken_nobody_is_waited_for() -> None:
    play = validating()
    for member in (A, B, C, D):
        play >> held(member, update(member))
    assert "CandidateChosen" in play.happened()


# -- in any order ----------------------------------------------------------------------------------


def test_the_order_in_which_things_come_in_makes_no_difference() -> None:
    story = (update(B), fetched(update(B)), *LISTS, Judge(b"his", made_by(B), True))
    ends = set[Any]()
    for order in permutations(story):
        play = validating(spec=spec(quorum=1, patience_ms=0))
        for command in order:
            play >> command
        if fetched(update(B)) in order[: order.index(update(B))]:
            play >> fetched(update(B))  # it came before it was asked for
        play >> fetched(update(C)) >> aggregated()
        play.later(10)
        r = play.round
        ends.add((r.verdicts, r.lists_weight, tuple(sorted(r.held)), r.own_attestation is None))
    assert len(ends) == 1


def test_heard_from_others_or_from_the_signer_is_all_the_same() -> None:
    first, second = validating(), validating()
    first >> update(B)
    second >> Heard(D, update(B))
    assert first.events() == second.events()
    assert first.state == second.state
