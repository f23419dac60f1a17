"""Whatever goes out is owed until it is answered, and asked for again as it was."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from msgspec.structs import replace

from meshkit.core.machine import Broadcast
from meshkit.core.value import digest
from meshkit.rounds.duties import owed, react
from meshkit.rounds.fold import evolve
from meshkit.rounds.inclusion import credits_of, key_of
from meshkit.rounds.messages import (
    MODEL,
    UPDATE,
    Aggregate,
    Aggregated,
    Close,
    Fetch,
    Fetched,
    Judge,
    ModelHeld,
    Proof,
    Result,
    Train,
    TrainingFailed,
)
from meshkit.rounds.state import State
from tests.laws import check_owed
from tests.rounds.playbook import (
    BASE,
    SEED,
    START_NS,
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
TRAIN = Train(TASK, 1, spec(), BASE, SEED)


def fetch(of: bytes, *sources: bytes) -> Fetch:
    return Fetch(TASK, UPDATE, update(of).blob, 216, sources, spec())


def all_owed(play: Playbook) -> list[object]:
    return list(owed(A, play.round))


def result_of(*names: bytes, holders: tuple[bytes, ...] = (B, C, D)) -> Result:
    updates = tuple(update(who) for who in names)
    lists = tuple(held(holder, *updates) for holder in holders)
    proof = Proof(lists, (attested(B, grounds(lists), NEXT),))
    return Result(B, TASK, 1, BASE, NEXT, credits_of(updates), proof)


def test_the_model_first_then_training() -> None:
    play = Playbook(A) >> opening()
    assert all_owed(play) == [Fetch(TASK, MODEL, BASE, 8_192, (B, C, D), spec())]
    play >> Fetched(TASK, MODEL, BASE, 8_192, "")
    assert all_owed(play) == [TRAIN]
    play >> TrainingFailed(TASK, 1, "no data")
    assert all_owed(play) == []


def test_a_blob_is_owed_until_it_is_here_and_its_sources_grow() -> None:
    play = Playbook(A) >> opening() >> update(B) >> held(C, update(B), update(C))
    assert fetch(B, B) in play.out
    assert all_owed(play)[1:] == [fetch(B, B, C), fetch(C, C)]
    play >> Fetched(TASK, UPDATE, update(B).blob, 216, "")
    assert all_owed(play)[1:] == [fetch(C, C)]


def test_a_blob_wanted_for_two_reasons_is_asked_for_once_of_all_who_may_have_it() -> None:
    play = Playbook(A) >> opening() >> held(C, update(B))
    play >> Judge(b"1", result_of(B), True)
    assert all_owed(play)[1:] == [fetch(B, B, C, D)]


def test_a_list_that_names_another_update_of_its_submitter_is_no_source() -> None:
    play = Playbook(A) >> opening() >> held(C, update(B, samples=1)) >> update(B)
    play >> Judge(b"1", result_of(B, holders=(A, B, D)), True)
    assert all_owed(play)[1:] == [fetch(B, B, D)]


def test_one_aggregate_for_all_who_ask() -> None:
    play = Playbook(A) >> opening() >> TrainingFailed(TASK, 1, "")
    play >> Judge(b"1", result_of(B), True) >> Judge(b"2", result_of(B), False)
    play.skip() >> Fetched(TASK, UPDATE, update(B).blob, 216, "")
    play.quiet()  # the base is not here yet
    play >> Fetched(TASK, MODEL, BASE, 8_192, "")
    wanted = Aggregate(TASK, 1, spec(), BASE, key_of((update(B),)), credits_of((update(B),)))
    play << wanted
    play.quiet()
    assert all_owed(play) == [wanted]
    play >> Aggregated(TASK, 1, BASE, wanted.key, NEXT, "")
    assert wanted not in all_owed(play)


def test_what_is_said_is_owed_as_long_as_the_round_is_open() -> None:
    play = Playbook(A) >> opening(trainers=(B,)) >> Fetched(TASK, MODEL, BASE, 8_192, "")
    play >> update(B) >> Fetched(TASK, UPDATE, update(B).blob, 216, "")
    own = play.round.own_list
    assert own is not None
    assert all_owed(play) == [Broadcast(own)]
    play.skip().later(60_000)
    assert len(play.out) == 12
    assert set(map(digest, play.out)) == {digest(Broadcast(own))}


def test_an_event_of_no_open_task_asks_nothing() -> None:
    assert react(State(A), ModelHeld(TASK, BASE)) == ()
    play = Playbook(A) >> opening() >> Close(TASK, "cancelled")
    assert play.skip().state == evolve(play.state, ModelHeld(TASK, BASE))


def test_the_law_of_what_is_owed() -> None:
    """The house's own law, at each place of a story: restart and wakes alone ask again."""
    commands = (
        opening(),
        Fetched(TASK, MODEL, BASE, 8_192, ""),
        Judge(b"1", result_of(B), True),
        Fetched(TASK, UPDATE, update(B).blob, 216, ""),
        replace(opening(), round=2),
    )
    play = Playbook(A)
    for number, command in enumerate(commands):
        play.skip() >> command
        story = [(each, START_NS + place) for place, each in enumerate(commands[: number + 1])]
        check_owed(play.machine, story, play.out)
