"""How a validator judges results: by computing them, within bounds, and of the open round only."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from typing import Any

from msgspec.structs import replace

from meshkit.core.value import digest
from meshkit.rounds.inclusion import credits_of, key_of
from meshkit.rounds.messages import (
    MODEL,
    NON_FINITE,
    UPDATE,
    Aggregate,
    Aggregated,
    Fetch,
    Fetched,
    Holder,
    Judge,
    Judged,
    Proof,
    Result,
    ResultRefused,
    Train,
    Trained,
    Update,
)
from meshkit.rounds.state import VERDICTS_MAX, verdict
from tests.rounds.playbook import (
    BASE,
    SEED,
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


def result_of(*names: Update, by: bytes = B, model: bytes = NEXT, holders: str = "ABC") -> Result:
    lists = tuple(held(bytes([letter]) * 32, *names) for letter in holders.encode())
    among = grounds(lists, opening(trainers=(A, B, C)))
    proof = Proof(lists, (attested(by, among, model),))
    return Result(by, TASK, 1, BASE, model, credits_of(names), proof)


def judge(result: Result, pooled: bool = True) -> Judge:
    return Judge(digest(result), result, pooled)


# -- judging ---------------------------------------------------------------------------------------


def judging() -> Playbook:
    """A validator of low rank, to whom others' results come."""
    return opened(D, trainers=(A, B, C))


def test_a_result_is_judged_by_computing_it() -> None:
    """The blobs that are missing are fetched: whoever lists them has them."""
    made = result_of(update(B), update(C))
    play = judging() >> update(B) >> fetched(B)
    play.skip() >> judge(made)
    play << fetch(C, C, A, B)
    assert verdict(play.state, digest(made)) is None
    play.refused(judge(made))
    play >> fetched(C) << aggregate(update(B), update(C))
    play >> aggregated(update(B), update(C))
    assert play.events()[1:] == (Judged(digest(made), TASK, 1, B, True, True, ""),)
    play.quiet()
    play.refused(judge(made))
    play.refused(judge(made, pooled=False))


def test_what_is_known_is_judged_at_once() -> None:
    right, wrong = result_of(update(B)), result_of(update(B), by=C, model=BASE)
    play = judging() >> judge(right) >> fetched(B) >> aggregated(update(B))
    play >> judge(wrong)
    reason = "makes another model of its credits"
    assert play.events() == (
        Judged(digest(wrong), TASK, 1, C, True, False, reason),
        ResultRefused(wrong, reason),
    )
    assert verdict(play.state, digest(wrong)) is False
    play.skip() >> judge(result_of(update(B), by=A, holders="ABD"), pooled=False)
    assert play.happened() == ("Judged",)


def test_a_result_that_does_not_follow_from_its_lists_is_refused_unseen() -> None:
    wrong = replace(result_of(update(B)), credits=credits_of((update(C),)))
    play = judging() >> judge(wrong)
    assert play.happened() == ("Judged", "ResultRefused")
    play.quiet()


def test_a_result_in_which_nothing_counts_is_right_if_it_changes_nothing() -> None:
    play = judging() >> judge(result_of(model=BASE))
    assert [event.valid for event in play.events()] == [True]


def test_a_result_with_a_bad_update_is_refused() -> None:
    """More than a third of the weight has lied; a lie it is all the same."""
    made = result_of(update(B))
    play = judging() >> judge(made) >> fetched(B, NON_FINITE)
    assert play.happened() == ("BlobChecked", "Judged", "ResultRefused")
    assert play.events()[1].reason == "includes an update that is non-finite"


def test_a_result_of_another_round_is_met_with_silence() -> None:
    play = judging()
    for number in (0, 2):
        play.refused(judge(replace(result_of(update(B)), round=number)))


def test_of_one_collector_one_pooled_result_is_judged_and_every_proposed_one() -> None:
    """Else a liar could have everybody compute an aggregate for each choice of lists."""
    first, second = result_of(update(B)), result_of(update(B), holders="ABD")
    play = judging() >> judge(first)
    play.refused(judge(second))
    play >> judge(second, pooled=False)
    assert play.happened() == ("CaseOpened",)
    play >> fetched(B) >> aggregated(update(B))
    assert [event.valid for event in play.events()[1:]] == [True, True]


def test_a_proposed_result_that_comes_to_our_pool_counts_as_known() -> None:
    """Only then need nobody else collect, for only what is pooled can be proposed again."""
    made = result_of(update(B))
    waiting = judging() >> judge(made, pooled=False) >> judge(made)
    assert waiting.happened() == ("CaseOpened",)
    waiting >> fetched(B) >> aggregated(update(B))
    assert waiting.round.known

    judged = judging() >> judge(made, pooled=False) >> fetched(B) >> aggregated(update(B))
    before = judged.round
    judged >> judge(made)
    assert judged.happened() == ("Judged",)
    assert (before.known, judged.round.known) == (False, True)
    assert judged.round.verdicts == before.verdicts
    judged.refused(judge(made))


def test_what_judging_makes_us_fetch_counts_against_the_quota() -> None:
    small = spec(round_bytes_max=3_000, update_bytes=1_500)
    made = result_of(update(B, size=1_500))
    play = opened(D, trainers=(A, B, C), spec=small) >> update(B, size=1_500, samples=1)
    play.skip().refused(judge(made))
    play.quiet()
    play >> judge(made, pooled=False)  # but who proposes has a turn to lose, so that one is judged
    assert play.happened() == ("CaseOpened",)
    assert play.round.kept_bytes[B] > 3_000


def test_verdicts_are_remembered_within_bounds() -> None:
    play = judging()
    for number in range(VERDICTS_MAX + 9):
        play >> judge(replace(result_of(), base=digest(number)), pooled=False)
    assert len(play.round.verdicts) == VERDICTS_MAX


def test_the_weight_of_a_list_is_its_holders() -> None:
    """One heavy validator may be more than two thirds of all."""
    heavy = (Holder(A, 1), Holder(B, 9), Holder(C, 1), Holder(D, 1))
    play = opened(A, validators=heavy) >> held(B, update(B))
    assert play.happened() == ("HeldTaken", "UpdateNoted", "CandidateChosen")
