"""Rounds as one member sees them, told line by line; and what a machine refuses to be told."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.core.machine import Broadcast, Heard, Restarted, Wake
from meshkit.core.value import Value, digest
from meshkit.rounds.inclusion import ELSEWHERE, credits_of, key_of
from meshkit.rounds.messages import (
    MALFORMED,
    MISSING,
    MODEL,
    OUT_OF_GRID,
    UPDATE,
    Aggregate,
    Aggregated,
    Attestation,
    Close,
    Fetch,
    Fetched,
    Held,
    Judge,
    Judged,
    Open,
    Proof,
    Result,
    ResultFormed,
    Train,
    Trained,
    TrainingFailed,
    Update,
    UpdateRefused,
)
from meshkit.rounds.state import FINAL_REPEATS_MAX, State, verdict
from tests.rounds.playbook import (
    BASE,
    SEED,
    TASK,
    A,
    B,
    C,
    D,
    E,
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
OURS = Trained(TASK, 1, digest("ours"), 216, 100, 900_000, 300_000)
TRAIN = Train(TASK, 1, spec(), BASE, SEED)
EVERY = (update(A), update(B), update(C), update(D))


def fetch(of: bytes, *sources: bytes) -> Fetch:
    return Fetch(TASK, UPDATE, update(of).blob, 216, sources, spec())


def fetched(of: bytes, problem: str = "") -> Fetched:
    return Fetched(TASK, UPDATE, update(of).blob, 216, problem)


def base_held(problem: str = "") -> Fetched:
    return Fetched(TASK, MODEL, BASE, 8_192, problem)


def opened(me: bytes = A, **changes: Any) -> Playbook:
    """A round is open, and its base is here; what our training asks for is another story."""
    return (Playbook(me) >> opening(**changes) >> base_held()).skip()


def aggregate(*names: Update) -> Aggregate:
    return Aggregate(TASK, 1, spec(), BASE, key_of(names), credits_of(names))


def aggregated(*names: Update, model: bytes = NEXT) -> Aggregated:
    return Aggregated(TASK, 1, BASE, key_of(names), model, "")


def result_of(
    *names: Update,
    by: bytes = B,
    model: bytes = NEXT,
    holders: str = "ABC",
    opened: Open | None = None,
) -> Result:
    lists = tuple(held(bytes([letter]) * 32, *names) for letter in holders.encode())
    proof = Proof(lists, (attested(by, grounds(lists, opened), model),))
    return Result(by, TASK, 1, BASE, model, credits_of(names), proof)


def judge(result: Result, pooled: bool = True) -> Judge:
    return Judge(digest(result), result, pooled)


# -- stories ---------------------------------------------------------------------------------------


def test_a_round_as_its_collector_sees_it() -> None:
    play = Playbook(A)

    # The ledger opens the round: the model to start from is fetched, and then trained from.
    play >> opening()
    play << Fetch(TASK, MODEL, BASE, 8_192, (B, C, D), spec())
    play >> base_held()
    play << TRAIN
    play >> OURS
    ours = Update(A, TASK, 1, OURS.blob, 216, 100, 900_000, 300_000)
    play << Broadcast(ours)

    # Our own update comes back signed; its blob is here already.
    play >> signed(ours)
    play.quiet()

    # The others' come from their submitters; once all are settled we sign what we hold.
    names = (signed(ours), *EVERY[1:])
    for member in (B, C, D):
        play >> update(member) << fetch(member, member)
        play >> fetched(member)
    ours_held = Held(A, TASK, 1, names)
    play << Broadcast(ours_held)

    # With lists of more than two thirds of the weight it is our turn at once: we rank first.
    play >> signed(ours_held) >> held(B, *names)
    play.quiet()
    play >> held(C, *names) << aggregate(*names)
    lists = (signed(ours_held), held(B, *names), held(C, *names))
    play >> aggregated(*names)
    ours_attested = Attestation(A, TASK, 1, grounds(lists), NEXT)
    play << Broadcast(ours_attested)
    play >> signed(ours_attested)
    made = Result(A, TASK, 1, BASE, NEXT, credits_of(names), Proof(lists, (signed(ours_attested),)))
    assert play.events()[-1] == ResultFormed(made)
    assert verdict(play.state, digest(made)) is None

    # The result comes back from our own pool and is right; the ledger commits it.
    play >> judge(made)
    assert play.events() == (Judged(digest(made), TASK, 1, A, True, True, ""),)
    assert verdict(play.state, digest(made)) is True
    play >> opening(round=2, base=NEXT, seed=NEXT)
    play << Train(TASK, 2, spec(), NEXT, NEXT)  # the model is here: we computed it ourselves
    play.quiet()


def test_who_only_trains_hears_nobody() -> None:
    play = opened(E, trainers=(A, B, E)) >> OURS
    ours = Update(E, TASK, 1, OURS.blob, 216, 100, 900_000, 300_000)
    play << Broadcast(ours)
    for statement in (signed(ours), update(A), held(A, update(A)), attested(A, BASE, BASE)):
        play.refused(Heard(A, statement))
    play.refused(judge(result_of(update(A))))
    play.later(400)
    play << Broadcast(ours)  # it is said again while the round is open, for some were away
    play >> opening(trainers=(A, B))  # but not by who has been removed
    play.skip().later(60_000)
    play.quiet()


def test_who_only_validates_has_no_update_of_its_own() -> None:
    play = opened(D, trainers=(A, B))
    play.refused(OURS)
    play >> update(A) >> update(B) >> fetched(A) >> fetched(B)
    play.skip().later(0)
    assert play.round.own_list == Held(D, TASK, 1, (update(A), update(B)))


def test_who_does_neither_only_keeps_the_models() -> None:
    play = Playbook(E) >> opening()
    play << Fetch(TASK, MODEL, BASE, 8_192, (A, B, C, D), spec())
    play.later(400)
    play << Fetch(TASK, MODEL, BASE, 8_192, (A, B, C, D), spec())
    play >> base_held()
    assert play.machine.deadline(play.state) is None
    play >> Restarted()
    play.quiet()


def test_a_member_comes_back_in_the_middle_of_a_round() -> None:
    """Whatever was under way is asked for again; what was signed is said again, the same."""
    play = opened() >> update(B)
    play.skip() >> Restarted()
    play << TRAIN << fetch(B, B)
    play.quiet()
    play >> OURS >> fetched(B)
    (said,) = play.out
    play.skip() >> Restarted()
    play << said  # nobody trains twice, for two updates would count for nothing
    play.quiet()


def test_what_is_said_of_the_next_round_is_heard_when_it_opens() -> None:
    """The others have seen the block a moment before us."""
    early = update(B, round=2)
    both = held(C, update(B, round=2), update(C, round=2), round_=2)
    play = opened() >> early >> both
    play.quiet()
    play.refused(Heard(B, update(B, round=2, samples=9)))
    play.refused(Heard(B, attested(B, BASE, BASE, round=2)))
    play.refused(Heard(B, update(B, round=3)))
    play >> opening(round=2, base=NEXT)
    assert play.happened() == ("RoundOpened", "HeldTaken", "UpdateNoted", "UpdateNoted")
    assert [type(effect).__name__ for effect in play.out] == ["Fetch"] * 3
    assert not play.round.early


def test_a_task_ends_and_its_model_is_fetched() -> None:
    play = opened() >> Close(TASK, "finished", NEXT)
    play << Fetch(TASK, MODEL, NEXT, 8_192, (B, C, D), spec())
    play.refused(Close(TASK, "finished", NEXT))
    play.refused(opening(round=2))
    play.refused(Heard(B, update(B, round=2)))
    play.later(400)
    play << Fetch(TASK, MODEL, NEXT, 8_192, (B, C, D), spec())
    play >> Fetched(TASK, MODEL, NEXT, 8_192, "")
    assert play.state == State(A)
    play.refused(Close(TASK, "finished", NEXT))


def test_a_final_model_that_nobody_has_is_forgotten() -> None:
    play = opened() >> Close(TASK, "finished", NEXT)
    play.later(10**6)
    assert len(play.out) == 1 + FINAL_REPEATS_MAX
    assert play.state == State(A)


@pytest.mark.parametrize("close", [Close(TASK, "cancelled"), Close(TASK, "finished", BASE)])
def test_a_task_ends_and_nothing_is_wanted(close: Close) -> None:
    play = opened() >> close
    play.quiet()
    assert play.state == State(A)


def test_two_tasks_at_once() -> None:
    other = digest("another task")
    play = opened() >> opening(task=other, spec=spec(size=5))
    play.skip() >> Fetched(other, MODEL, BASE, 8_192, "")
    play << Train(other, 1, spec(size=5), BASE, SEED)
    play.later(400)
    assert [effect.task for effect in play.out] == sorted([TASK, other])
    play >> Close(other, "cancelled")
    assert list(play.state.rounds) == [TASK]


# -- who takes part may change ---------------------------------------------------------------------


def test_a_round_goes_on_when_a_member_is_removed() -> None:
    """Half of the lists are from who is gone: those of the others are waited for anew."""
    play = opened()
    for member in (B, C, D):
        play >> held(member, update(B), update(C))
    play >> fetched(B) >> fetched(C)
    assert play.happened() == ("BlobChecked",)
    assert play.collects()
    play.skip() >> opening((A, B, C))
    assert play.happened() == ("RoundReopened",)
    assert not play.collects()
    assert sorted(play.round.lists) == [B, C]
    assert play.round.lists_weight == 2
    play.refused(opening((A, B, C)))
    play.skip() >> held(A, update(B), update(C))  # our own, signed
    assert play.happened() == ("HeldTaken", "CandidateChosen")


def test_a_collector_concludes_anew_when_who_takes_part_changes() -> None:
    """It may well attest twice: each time to what other lists give."""
    play = opened() >> TrainingFailed(TASK, 1, "")
    for member in (B, C, D):
        play >> held(member, update(B))
    play >> fetched(B) >> aggregated(update(B))
    before = play.round.own_attestation
    assert before is not None
    play >> signed(before)
    assert play.happened() == ("AttestationTaken", "ResultFormed")
    play >> opening((A, B, C)) >> held(A, update(B))
    assert play.happened() == ("HeldTaken", "CandidateChosen", "AttestationFormed")
    play.refused(Heard(A, signed(before)))
    own = play.round.own_attestation
    assert own is not None
    play >> signed(own)
    assert play.happened() == ("AttestationTaken", "ResultFormed")


def test_what_was_judged_is_judged_anew_when_who_takes_part_changes() -> None:
    made = result_of(update(B))
    play = opened() >> TrainingFailed(TASK, 1, "") >> update(B) >> fetched(B)
    play >> judge(made) >> aggregated(update(B))
    assert verdict(play.state, digest(made)) is True
    play >> opening((A, B, C, D, E))
    assert verdict(play.state, digest(made)) is None
    play.refused(judge(made))  # nobody is blamed for what was right before
    play >> judge(made, pooled=False)
    assert play.events()[-1].reason == ELSEWHERE
    assert play.happened() == ("Judged",)


def test_what_was_made_before_somebody_left_leaves_room_for_what_is_made_after() -> None:
    """A collector offers a second result, since its first has become wrong."""
    before = result_of(update(B))
    play = opened() >> TrainingFailed(TASK, 1, "") >> update(B) >> fetched(B)
    play >> judge(before) >> aggregated(update(B))
    left = opening((A, B, D))
    (play >> left).refused(judge(before))
    after = result_of(update(B), holders="ABD", opened=left)
    play >> judge(after)
    assert verdict(play.state, digest(after)) is True


def test_who_joins_makes_the_total_larger() -> None:
    play = opened()
    for member in (B, C, D):
        play >> held(member, update(B))
    play >> fetched(B)
    assert play.collects()
    members = (A, B, C, D, E)
    play.skip() >> opening(members)
    assert play.happened() == ("RoundReopened",)  # three of five are no quorum
    play >> held(E, update(B))
    assert play.happened() == ("HeldTaken", "CandidateChosen")


def test_a_list_may_name_who_was_a_trainer_when_it_was_signed() -> None:
    play = opened() >> opening(trainers=(A, B, C))
    play >> held(D, update(C), update(D))
    assert "HeldTaken" in play.happened()


def test_a_list_that_names_a_trainer_unknown_to_us_is_no_lie() -> None:
    """Its holder may have learnt a block before us; once we have, we take it."""
    theirs = held(B, update(B), update(E))
    play = opened()
    play.refused(theirs)
    assert "HeldTaken" in (play >> opening((A, B, C, D, E)) >> theirs).happened()


def test_a_round_that_stays_alike_is_not_reopened() -> None:
    play = opened()
    play.refused(opening())
    play.refused(opening(round=0))


# -- the world's answers ---------------------------------------------------------------------------


def test_what_was_not_asked_for_is_refused() -> None:
    play = opened()
    for command in (
        fetched(B),
        base_held(),
        aggregated(update(B)),
        replace(OURS, round=2),
        TrainingFailed(TASK, 2, "late"),
        replace(OURS, task=NEXT),
        Close(NEXT, "cancelled"),
        judge(replace(result_of(update(A)), task=NEXT)),
        Heard(B, update(B, task=NEXT)),
        Heard(B, Value()),
        Wake(),
    ):
        play.refused(command)


def test_a_model_that_cannot_be_had_is_asked_for_again() -> None:
    play = Playbook(A) >> opening()
    play.skip().refused(base_held(MISSING))
    play.refused(base_held(MALFORMED))
    play.refused(Fetched(TASK, MODEL, NEXT, 8_192, ""))
    play.later(400)
    play << Fetch(TASK, MODEL, BASE, 8_192, (B, C, D), spec())


def test_a_training_that_fails_is_not_tried_again_in_this_round() -> None:
    play = opened() >> TrainingFailed(TASK, 1, "no data")
    assert play.happened() == ("TrainingLost",)
    play.refused(TrainingFailed(TASK, 1, "no data"))
    play.refused(OURS)
    play.later(9_000)
    play.quiet()


def test_more_samples_than_the_cap_weigh_as_much_as_the_cap() -> None:
    play = opened() >> replace(OURS, samples=5_000)
    assert play.out[0].message.samples == 1_000


def test_our_own_work_is_held_to_the_rules() -> None:
    play = opened() >> replace(OURS, samples=0)
    assert [event.reason for event in play.events()] == [MALFORMED]
    play.quiet()


def test_a_bad_blob_is_refused_by_name_whoever_submits_it() -> None:
    copied = update(C, blob=update(B).blob)
    again = update(D, blob=update(B).blob)
    play = opened() >> update(B) >> copied >> fetched(B, OUT_OF_GRID)
    assert play.events()[1:] == (
        UpdateRefused(update(B), OUT_OF_GRID),
        UpdateRefused(copied, OUT_OF_GRID),
    )
    play.refused(fetched(B))
    play >> again
    assert play.events()[1:] == (UpdateRefused(again, OUT_OF_GRID),)


def test_who_has_trained_alike_makes_one_blob() -> None:
    """Ours is made while the other's is still on its way: what lies here is what was asked for."""
    alike = update(B, blob=OURS.blob)
    play = opened() >> alike
    play << Fetch(TASK, UPDATE, OURS.blob, 216, (B,), spec())
    play >> OURS >> signed(Update(A, TASK, 1, OURS.blob, 216, 100, 900_000, 300_000))
    assert sorted(play.round.held) == [A, B]
    play.refused(Fetched(TASK, UPDATE, OURS.blob, 216, ""))


def test_a_misstated_size_harms_only_who_states_it() -> None:
    """An update of this task has this many bytes: who has the blob of one that says otherwise would
    hold it, and who has not could never fetch it, nor judge a result that includes it."""
    liar = update(C, blob=update(B).blob, size=9)
    play = opened() >> liar
    assert play.events() == (UpdateRefused(liar, MALFORMED),)
    play >> update(B) >> fetched(B)
    assert sorted(play.round.held) == [B]


def test_a_blob_that_nobody_has_is_asked_for_again_of_all_who_hold_it_by_then() -> None:
    play = opened() >> TrainingFailed(TASK, 1, "") >> update(B)
    play.skip().refused(fetched(B, MISSING))
    play >> held(C, update(B))
    play.quiet()
    play.later(400)
    play << fetch(B, B, C)


def test_an_aggregate_that_fails_is_still_owed() -> None:
    play = opened() >> TrainingFailed(TASK, 1, "") >> held(B, update(B)) >> fetched(B)
    play >> judge(result_of(update(B)))
    play.refused(replace(aggregated(update(B)), model=None, problem="no space left"))
    play.refused(replace(aggregated(update(B)), model=b"", problem="no space left"))
    play.refused(replace(aggregated(update(B)), model=None))
    play.refused(replace(aggregated(update(B)), base=NEXT))
    play.refused(aggregated(update(C)))
    play.skip().later(400)
    play << aggregate(update(B))
    play >> aggregated(update(B))
    assert play.happened() == ("AggregateKnown", "Judged", "AttestationFormed")
    play.refused(aggregated(update(B)))


def test_blobs_that_are_lost_are_fetched_again_at_the_next_repeat() -> None:
    """Not at once, lest a broken store should drive us in a circle."""
    play = opened() >> TrainingFailed(TASK, 1, "") >> held(B, update(B)) >> fetched(B)
    play >> judge(result_of(update(B)))
    lost = replace(aggregated(update(B)), model=None, problem=MISSING)
    play.skip() >> lost
    assert play.happened() == ("BlobsLost",)
    play.quiet()
    play.refused(lost)
    play.later(400)
    play << Fetch(TASK, MODEL, BASE, 8_192, (B, C, D), spec()) << fetch(B, B, C)
    play >> base_held() >> fetched(B) << aggregate(update(B))
    assert sorted(play.round.held) == [B]
